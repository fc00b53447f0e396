"""Writes the Flax weights that the tests of `msgpack` read: `make_msgpack.py FOLDER`.

Made with msgpack 1.2.4 and numpy 2.4.6, with the extension type that `flax/serialization.py` defines for
arrays: the package `flax` itself brings JAX along.
"""
import sys
from pathlib import Path

import msgpack
import numpy


def extension(value):
    payload = msgpack.packb((value.shape, value.dtype.name, value.tobytes("C")), use_bin_type=True)
    return msgpack.ExtType(1, payload)


tree = {
    "params": {
        "dense": {
            "kernel": numpy.arange(6, dtype=numpy.float32).reshape(2, 3),
            "bias": numpy.zeros(3, numpy.float32),
        }
    },
    "step": 7,
}
Path(sys.argv[1], "real.msgpack").write_bytes(msgpack.packb(tree, default=extension, strict_types=True))

"""Writes what TensorStore keeps in data files of OCDBT: `make_ocdbt.py FOLDER`. Each is called by a random name, which
stands in it; `written.toml` has the names and the version. The first has its values before its nodes, the second
inner nodes of a tree. A third is the first with a pickle in the place of a value."""
import json
import sys
import tempfile
from pathlib import Path

import numpy
import tensorstore

PICKLE = b"\x80\x02cposix\nsystem\nX\x06\x00\x00\x00echo x\x85R."


def keep(fill, **config):
    with tempfile.TemporaryDirectory() as scratch:
        base = {"driver": "file", "path": f"{scratch}/"}
        store = {"driver": "ocdbt", "base": base, "config": config}
        fill(store)
        (data,) = Path(scratch, "d").iterdir()
        Path(sys.argv[1], data.name).write_bytes(data.read_bytes())
        print(data.name)


def arrays(hook):
    """Two arrays as the driver `zarr` lays them out, in one chunk each, and a value beside them."""
    def fill(store):
        with tensorstore.Transaction() as all:
            values = tensorstore.KvStore.open(store).result().with_transaction(all)
            values["hook"] = hook
            for name, shape in (("bias", [40]), ("kernel", [40, 8])):
                described = dict(chunks=shape, compressor=None, dtype="<f4", fill_value=None, filters=None)
                values[f"params.dense.{name}/.zarray"] = json.dumps(dict(described, order="C", shape=shape, zarr_format=2))
                chunk = ".".join("0" for _ in shape)
                values[f"params.dense.{name}/{chunk}"] = numpy.arange(1, 1 + numpy.prod(shape), dtype="<f4").tobytes()

    return fill


def tree(store):
    with tensorstore.Transaction() as all:
        values = tensorstore.KvStore.open(store).result().with_transaction(all)
        for index in range(60):
            values[f"k/{index:04}"] = json.dumps({"value": index})


keep(arrays(b"nothing " * 10), max_inline_value_bytes=64)
keep(tree, max_decoded_node_bytes=300, compression=None)
keep(arrays(PICKLE * 3), max_inline_value_bytes=64)

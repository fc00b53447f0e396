"""Writes real.params: dense arrays of three types with names. mxnet 1.9.1, numpy 1.23.5."""

import sys

import mxnet

mxnet.nd.save(
    sys.argv[1],
    {
        "arg:fc_weight": mxnet.nd.array([[1, 2, 3], [4, 5, 6]]),
        "arg:fc_half": mxnet.nd.array([1, 2], dtype="float16"),
        "aux:steps": mxnet.nd.array([7], dtype="int64"),
    },
)

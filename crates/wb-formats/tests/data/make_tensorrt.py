"""Writes an engine of TensorRT for RTX: `make_tensorrt.py FOLDER`. Made with tensorrt-rtx-cu12 1.7.1.116, which builds for a
GPU that is named without having one. Says the version of the library and how long the weights are.

Needs tensorrt-rtx-cu12 and numpy of PyPI.
"""
import sys
from pathlib import Path

import numpy
import tensorrt_rtx as trt

builder = trt.Builder(trt.Logger(trt.Logger.INFO))
network = builder.create_network(0)
weight = numpy.arange(6, dtype="f4").reshape(3, 2)
dense = network.add_matrix_multiply(
    network.add_input("x", trt.float32, (1, 3)),
    trt.MatrixOperation.NONE,
    network.add_constant(weight.shape, weight).get_output(0),
    trt.MatrixOperation.NONE,
)
relu = network.add_activation(dense.get_output(0), trt.ActivationType.RELU)
relu.get_output(0).name = "y"
network.mark_output(relu.get_output(0))
config = builder.create_builder_config()
config.num_compute_capabilities = 1
assert config.set_compute_capability(trt.ComputeCapability.SM89, 0)
Path(sys.argv[1], "tensorrt-rtx.engine").write_bytes(builder.build_serialized_network(network, config))
print(trt.__version__, weight.nbytes, "bytes of weights")

"""Writes two compiled networks for the NPU of Rockchip: `make_rknn.py FOLDER`. Made with rknn-toolkit2 2.5.0.

Needs Python 3.10 with rknn-toolkit2 2.5.0, torch 1.12.1 (any up to 2.4 does), onnx 1.18.0 and setuptools below 80; no board.
"""
import sys
import tempfile
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from rknn.api import RKNN

folder = Path(sys.argv[1])
weight = numpy_helper.from_array(numpy.arange(8, dtype="f4").reshape(2, 4, 1, 1) / 8, "weight")
bias = numpy_helper.from_array(numpy.array([0.5, -0.5], "f4"), "bias")
graph = helper.make_graph(
    [
        helper.make_node("Conv", ["x", "weight", "bias"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["y"], name="relu"),
    ],
    "tiny",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 4, 4])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 4, 4])],
    [weight, bias],
)
with tempfile.TemporaryDirectory() as work:
    source = Path(work, "tiny.onnx")
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), source)
    for platform in ("rk3566", "rk3588"):
        model = RKNN()
        model.config(target_platform=platform)
        assert model.load_onnx(str(source)) == 0
        assert model.build(do_quantization=False) == 0
        assert model.export_rknn(str(folder / f"rknn-{platform}.rknn")) == 0
        model.release()

"""Writes what MNN's converter makes of `written/tensorflow.tflite` and of a network that is made here, with weights of
eight bits and with weights in another file: `make_mnn.py FOLDER`. Versions stand in `written.toml`. The command
`mnnconvert` sends what it did to its makers, so the library behind it is called."""
import sys
import tempfile
from pathlib import Path

import MNN  # loads what `_tools` needs
import _tools
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

source = Path(__file__).parent / "written/tensorflow.tflite"
folder = Path(sys.argv[1])


def convert(framework, model, name, *more):
    options = ["-f", framework, "--modelFile", str(model), "--MNNModel", str(folder / name), "--bizCode", "test"]
    _tools.mnnconvert(["mnnconvert", *options, *more])


def weights(name, *shape):
    values = numpy.random.default_rng(len(name)).normal(size=shape).astype("f4")
    return numpy_helper.from_array(values, name)


def network():
    nodes = [
        helper.make_node("Conv", ["x", "weight", "bias"], ["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("LayerNormalization", ["conv", "gamma", "beta"], ["norm"], axis=-1),
        helper.make_node("Add", ["norm", "shift"], ["moved"]),
        helper.make_node("Flatten", ["moved"], ["flat"]),
        helper.make_node("Gemm", ["flat", "dense", "b"], ["y"]),
    ]
    held = [weights("weight", 4, 3, 3, 3), weights("bias", 4), weights("gamma", 8), weights("beta", 8)]
    held += [weights("shift", 1, 4, 1, 8), weights("dense", 256, 5), weights("b", 5)]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5])]
    graph = helper.make_graph(nodes, "net", inputs, outputs, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


convert("TFLITE", source, "mnn.mnn")
with tempfile.NamedTemporaryFile(suffix=".onnx") as model:
    onnx.save(network(), model.name)
    convert("ONNX", model.name, "mnn-quantized.mnn", "--weightQuantBits", "8")
    convert("ONNX", model.name, "mnn-outside.mnn", "--saveExternalData")

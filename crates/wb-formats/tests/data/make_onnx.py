"""Writes the ONNX model that the tests of `onnx` read: `make_onnx.py FOLDER`.

The file is what the `onnx` package itself serialises: raw and typed initializers, a branch with a tensor in
its subgraph, an operator of another domain.
"""
import sys
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = Path(sys.argv[1])
weight = numpy_helper.from_array(numpy.arange(6, dtype=numpy.float32).reshape(2, 3), "weight")
bias = helper.make_tensor("bias", TensorProto.FLOAT, [3], [0.0, 1.0, 2.0])
sizes = helper.make_tensor("sizes", TensorProto.INT64, [2], [2, 3])


def branch(name, value):
    constant = helper.make_node(
        "Constant", [], [name], value=helper.make_tensor("", TensorProto.FLOAT16, [1], [value])
    )
    output = helper.make_tensor_value_info(name, TensorProto.FLOAT16, [1])
    return helper.make_graph([constant], name, [], [output])


nodes = [
    helper.make_node("Gemm", ["x", "weight", "bias"], ["y"], name="gemm", alpha=0.5),
    helper.make_node(
        "If", ["c"], ["z"], name="choose", then_branch=branch("yes", 1), else_branch=branch("no", 0)
    ),
    helper.make_node("FusedGelu", ["y"], ["w"], name="gelu", domain="com.example"),
]
graph = helper.make_graph(
    nodes,
    "tiny",
    [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2]),
        helper.make_tensor_value_info("c", TensorProto.BOOL, []),
    ],
    [helper.make_tensor_value_info("w", TensorProto.FLOAT, ["N", 3])],
    [weight, bias, sizes],
)
model = helper.make_model(
    graph,
    producer_name="weighbridge",
    producer_version="1",
    opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)],
)
model.ir_version = 8
model.doc_string = "a model for tests"
helper.set_model_props(model, {"license": "apache-2.0"})
onnx.save(model, folder / "real.onnx")

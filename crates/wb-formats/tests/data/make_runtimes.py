"""Writes models of runtimes that the tests read: `make_runtimes.py FOLDER`.

`real.ort` is what ONNX Runtime 1.32.0 itself saves; `real.tflite` is put together with `tflite` 2.18.0, the
classes that the FlatBuffers compiler makes of the schema of TensorFlow Lite, and `flatbuffers` 25.12.19.
"""
import sys
import tempfile
from pathlib import Path

import flatbuffers
import numpy
import onnx
import onnxruntime
import tflite
from onnx import TensorProto, helper, numpy_helper

folder = Path(sys.argv[1])


def branch(name, value):
    constant = helper.make_node(
        "Constant", [], [name], value=helper.make_tensor("", TensorProto.FLOAT, [1], [value])
    )
    output = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])
    return helper.make_graph([constant], name, [], [output])


def ort():
    weight = numpy_helper.from_array(numpy.arange(6, dtype=numpy.float32).reshape(2, 3), "weight")
    nodes = [
        helper.make_node("MatMul", ["x", "weight"], ["y"], name="matmul"),
        helper.make_node("If", ["c"], ["z"], name="choose", then_branch=branch("yes", 1), else_branch=branch("no", 0)),
        helper.make_node("Add", ["y", "z"], ["w"], name="add"),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2]),
        helper.make_tensor_value_info("c", TensorProto.BOOL, []),
    ]
    outputs = [helper.make_tensor_value_info("w", TensorProto.FLOAT, ["N", 3])]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, [weight])
    model = helper.make_model(graph, producer_name="weighbridge", opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "model.onnx")
        onnx.save(model, source)
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(folder / "real.ort")
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.add_session_config_entry("session.save_model_format", "ORT")
        onnxruntime.InferenceSession(str(source), options)


def vector(builder, start, items, prepend):
    start(builder, len(items))
    for item in reversed(items):
        prepend(item)
    return builder.EndVector()


def lite():
    b = flatbuffers.Builder(1024)
    weights = numpy.arange(6, dtype=numpy.float32).tobytes()
    strings = b"\x01\0\0\0\x0c\0\0\0\x17\0\0\0/etc/passwd"
    data = [None if not raw else b.CreateByteVector(raw) for raw in (b"", weights, strings, b"meta")]
    buffers = []
    for raw in data:
        tflite.BufferStart(b)
        if raw is not None:
            tflite.BufferAddData(b, raw)
        buffers.append(tflite.BufferEnd(b))
    codes = []
    for builtin, name in ((tflite.BuiltinOperator.FULLY_CONNECTED, None), (32, "MyOperator"), (32, "FlexReadFile")):
        text = None if name is None else b.CreateString(name)
        tflite.OperatorCodeStart(b)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(b, builtin)
        tflite.OperatorCodeAddBuiltinCode(b, builtin)
        if text is not None:
            tflite.OperatorCodeAddCustomCode(b, text)
        codes.append(tflite.OperatorCodeEnd(b))
    tensors = []
    for name, kind, shape, buffer in (
        ("input", tflite.TensorType.FLOAT32, [1, 2], 0),
        ("weights", tflite.TensorType.FLOAT32, [3, 2], 1),
        ("path", tflite.TensorType.STRING, [1], 2),
        ("output", tflite.TensorType.FLOAT32, [1, 3], 0),
        ("contents", tflite.TensorType.STRING, [1], 0),
    ):
        text = b.CreateString(name)
        sizes = vector(b, tflite.TensorStartShapeVector, shape, b.PrependInt32)
        tflite.TensorStart(b)
        tflite.TensorAddShape(b, sizes)
        tflite.TensorAddType(b, kind)
        tflite.TensorAddBuffer(b, buffer)
        tflite.TensorAddName(b, text)
        tensors.append(tflite.TensorEnd(b))
    operators = []
    for code, inputs, outputs in ((0, [0, 1], [3]), (1, [3], [3]), (2, [2], [4])):
        ins = vector(b, tflite.OperatorStartInputsVector, inputs, b.PrependInt32)
        outs = vector(b, tflite.OperatorStartOutputsVector, outputs, b.PrependInt32)
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(b, code)
        tflite.OperatorAddInputs(b, ins)
        tflite.OperatorAddOutputs(b, outs)
        operators.append(tflite.OperatorEnd(b))
    ins = vector(b, tflite.SubGraphStartInputsVector, [0], b.PrependInt32)
    outs = vector(b, tflite.SubGraphStartOutputsVector, [3], b.PrependInt32)
    tables = vector(b, tflite.SubGraphStartTensorsVector, tensors, b.PrependUOffsetTRelative)
    nodes = vector(b, tflite.SubGraphStartOperatorsVector, operators, b.PrependUOffsetTRelative)
    name = b.CreateString("main")
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, tables)
    tflite.SubGraphAddInputs(b, ins)
    tflite.SubGraphAddOutputs(b, outs)
    tflite.SubGraphAddOperators(b, nodes)
    tflite.SubGraphAddName(b, name)
    graphs = vector(b, tflite.ModelStartSubgraphsVector, [tflite.SubGraphEnd(b)], b.PrependUOffsetTRelative)
    name = b.CreateString("TFLITE_METADATA")
    tflite.MetadataStart(b)
    tflite.MetadataAddName(b, name)
    tflite.MetadataAddBuffer(b, 3)
    notes = vector(b, tflite.ModelStartMetadataVector, [tflite.MetadataEnd(b)], b.PrependUOffsetTRelative)
    codes = vector(b, tflite.ModelStartOperatorCodesVector, codes, b.PrependUOffsetTRelative)
    buffers = vector(b, tflite.ModelStartBuffersVector, buffers, b.PrependUOffsetTRelative)
    description = b.CreateString("a model for tests")
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, 3)
    tflite.ModelAddOperatorCodes(b, codes)
    tflite.ModelAddSubgraphs(b, graphs)
    tflite.ModelAddDescription(b, description)
    tflite.ModelAddBuffers(b, buffers)
    tflite.ModelAddMetadata(b, notes)
    b.Finish(tflite.ModelEnd(b), b"TFL3")
    (folder / "real.tflite").write_bytes(b.Output())


ort()
lite()

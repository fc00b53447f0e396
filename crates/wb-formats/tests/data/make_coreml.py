"""Writes the Core ML models that the tests of `core-ml` read: `make_coreml.py FOLDER`.

Made with coremltools 9.0.
"""
import shutil
import sys
import tempfile
from pathlib import Path

import coremltools
import numpy
from coremltools.converters.mil import Builder as mb
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder
from coremltools.proto import NeuralNetwork_pb2

folder = Path(sys.argv[1])

builder = NeuralNetworkBuilder([("x", datatypes.Array(3))], [("y", datatypes.Array(2))])
builder.add_inner_product("dense", numpy.ones((2, 3)), None, 3, 2, False, "x", "z")
custom = NeuralNetwork_pb2.CustomLayerParams()
custom.className = "MySpawn"
custom.description = "a class of the app"
custom.parameters["command"].stringValue = "id"
builder.add_custom("mine", ["z"], ["y"], custom)
spec = builder.spec
spec.description.metadata.author = "weighbridge"
spec.description.metadata.userDefined["source"] = "tests"
(folder / "real-network.mlmodel").write_bytes(spec.SerializeToString(deterministic=True))


@mb.program(input_specs=[mb.TensorSpec(shape=(1, 3))])
def program(x):
    return mb.relu(x=mb.mul(x=x, y=numpy.float32(2)), name="y")


model = coremltools.convert(program, convert_to="mlprogram", skip_model_load=True)
(folder / "real-program.mlmodel").write_bytes(model.get_spec().SerializeToString(deterministic=True))


@mb.program(input_specs=[mb.TensorSpec(shape=(1, 32))])
def large(x):
    return mb.linear(x=x, weight=numpy.ones((4, 32), dtype=numpy.float32), name="y")


with tempfile.TemporaryDirectory() as scratch:
    package = Path(scratch, "large.mlpackage")
    coremltools.convert(large, convert_to="mlprogram", skip_model_load=True).save(str(package))
    shutil.copyfile(next(package.rglob("weight.bin")), folder / "real-weight.bin")

"""Writes the OpenVINO model that the tests of `openvino` read: `make_openvino.py FOLDER`.

Made with openvino 2026.4.1.
"""
import sys
import tempfile
from pathlib import Path

import numpy
import openvino
from openvino import opset13 as ops

x = ops.parameter([1, 2], numpy.float32, name="x")
weight = ops.constant(numpy.arange(6, dtype=numpy.float32).reshape(2, 3), name="weight")
model = openvino.Model([ops.relu(ops.matmul(x, weight, False, False, name="dense"))], [x], "tiny")
with tempfile.TemporaryDirectory() as scratch:
    path = Path(scratch, "model.xml")
    openvino.save_model(model, path, compress_to_fp16=False)
    Path(sys.argv[1], "real-openvino.xml").write_bytes(path.read_bytes())

"""Writes what CNTK saves: `make_cntk.py FOLDER`. Versions stand in `written.toml`.

The wheel is for CPython 3.6 and needs the libraries `libmpi.so.12` and `libmpi_cxx.so.1`, which nothing distributes any
more. Saving calls none of their functions, so that libraries with those names in which every undefined `MPI` symbol of
`cntk/libs` is a function that returns nothing do, on the `LD_LIBRARY_PATH` together with `cntk/libs`.
"""
import sys
from pathlib import Path

import cntk
import numpy
from cntk.ops.functions import UserFunction

folder = Path(sys.argv[1])


class Double(UserFunction):
    """A function in Python: a saved model names its module and class."""

    def __init__(self, inputs, name="double"):
        super().__init__(inputs, as_numpy=True, name=name)

    def infer_outputs(self):
        one = self.inputs[0]
        return [cntk.output_variable(one.shape, one.dtype, one.dynamic_axes)]

    def forward(self, argument, device=None, outputs_to_retain=None):
        return None, 2 * argument

    def serialize(self):
        return {"factor": 2.0}

    @staticmethod
    def deserialize(inputs, name, state):
        return Double(inputs, name)


x = cntk.input_variable(3, name="x")
weight = cntk.parameter(init=numpy.arange(6, dtype="f4").reshape(3, 2), name="weight")
bias = cntk.parameter(init=numpy.zeros(2, "f4"), name="bias")
dense = cntk.relu(cntk.plus(cntk.times(x, weight, name="product"), bias, name="sum"), name="dense")
dense.save(str(folder / "cntk.model"))
cntk.user_function(Double([dense])).save(str(folder / "cntk-function.model"))

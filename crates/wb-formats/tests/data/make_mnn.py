"""Writes what MNN's converter makes of `written/tensorflow.tflite`: `make_mnn.py FOLDER`. The version stands in
`written.toml`. The command `mnnconvert` sends what it did to its makers, so the library behind it is called."""
import sys
from pathlib import Path

import MNN  # loads what `_tools` needs
import _tools

source = Path(__file__).parent / "written/tensorflow.tflite"
target = Path(sys.argv[1], "mnn.mnn")
_tools.mnnconvert(["mnnconvert", "-f", "TFLITE", "--modelFile", str(source), "--MNNModel", str(target), "--bizCode", "test"])

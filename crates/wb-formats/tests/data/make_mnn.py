"""Writes what MNN's converter makes of `written/tensorflow.tflite`: `make_mnn.py FOLDER`. The version stands in
`written.toml`."""
import subprocess
import sys
from pathlib import Path

source = Path(__file__).parent / "written/tensorflow.tflite"
target = Path(sys.argv[1], "mnn.mnn")
subprocess.run(
    ["mnnconvert", "-f", "TFLITE", "--modelFile", source, "--MNNModel", target, "--bizCode", "test"], check=True
)

"""Writes what pnnx makes of `written/torch-script.pt` for NCNN: `make_ncnn.py FOLDER`. The version stands in
`written.toml`. The program alone is called, the Python package around it needs PyTorch."""
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

source = Path(__file__).parent / "written/torch-script.pt"
program = Path(find_spec("pnnx").origin).parent / "pnnx"
with tempfile.TemporaryDirectory() as scratch:
    shutil.copyfile(source, Path(scratch, "net.pt"))
    subprocess.run([program, "net.pt", "inputshape=[1,3]"], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
    for ending in ("param", "bin"):
        shutil.copyfile(Path(scratch, f"net.ncnn.{ending}"), Path(sys.argv[1], f"ncnn.{ending}"))

"""Writes real.mar with torch-model-archiver 0.12.0 (PyPI, pure Python) on Python 3.11."""

import subprocess
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    weights, handler = Path(folder, "weights.pt"), Path(folder, "answer.py")
    weights.write_bytes(b"\x80\x02N.")
    handler.write_text("def handle(data, context):\n    return data\n")
    subprocess.run(
        [
            "torch-model-archiver", "--model-name", "small", "--version", "1.0",
            "--serialized-file", weights, "--handler", handler, "--export-path", folder,
        ],
        check=True,
    )
    Path(__file__).with_name("real.mar").write_bytes(Path(folder, "small.mar").read_bytes())

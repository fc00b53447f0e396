"""Writes what PaddlePaddle saves for inference: `make_paddle.py FOLDER`. The version stands in `written.toml`."""
import shutil
import sys
import tempfile
from pathlib import Path

import os

os.environ["FLAGS_enable_pir_api"] = "0"
import paddle

folder = Path(sys.argv[1])
paddle.seed(7)
net = paddle.nn.Linear(3, 2)
with tempfile.TemporaryDirectory() as scratch:
    paddle.jit.save(net, f"{scratch}/net", input_spec=[paddle.static.InputSpec([None, 3], "float32", "x")])
    for ending in ("pdmodel", "pdiparams"):
        source = Path(scratch, f"net.{ending}")
        if source.exists():
            shutil.copyfile(source, folder / f"paddle.{ending}")
print(paddle.__version__)

"""Writes what ExecuTorch saves: `make_executorch.py FOLDER`. Versions stand in `written.toml`."""
import sys
from pathlib import Path

import torch
from executorch.exir import to_edge

torch.manual_seed(7)
net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU())
program = to_edge(torch.export.export(net.eval(), (torch.ones(1, 3),))).to_executorch()
Path(sys.argv[1], "executorch.pte").write_bytes(program.buffer)

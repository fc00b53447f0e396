"""Writes what PyTorch saves in each of its forms: `make_torch.py FOLDER`. Written with torch 2.x (see `written.toml`)."""
import sys
from collections import OrderedDict
from pathlib import Path

import torch

folder = Path(sys.argv[1])
torch.manual_seed(7)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = torch.nn.Linear(3, 2)

    def forward(self, x):
        return torch.relu(self.dense(x))


net = Net()
state = OrderedDict(net.state_dict())
torch.save({"state": state, "epoch": 3}, folder / "torch.pt")
torch.save(state, folder / "torch-legacy.pth", _use_new_zipfile_serialization=False)
script = torch.jit.script(net)
script.save(str(folder / "torch-script.pt"))
program = torch.export.export(net, (torch.ones(1, 3),))
torch.export.save(program, folder / "torch-export.pt2")
script._save_for_lite_interpreter(str(folder / "torch-lite.ptl"))
if hasattr(script, "_save_for_lite_interpreter"):
    script._save_for_lite_interpreter(str(folder / "torch-mobile.ptl"), _use_flatbuffer=True)
with torch.package.PackageExporter(folder / "torch-package.pt") as package:
    package.save_pickle("model", "weights.pkl", state)
    package.save_source_string("helper", "NAME = 'helper'\n")
print(torch.__version__)

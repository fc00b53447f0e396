"""Writes model.nemo as SaveRestoreConnector of nemo_toolkit 2.4 lays it out.

The connector writes the parts to a folder and calls `tarfile.open(path, "w:").add(folder, arcname=".")`
(`_make_nemo_file_from_folder`). The same is done here without the toolkit, which needs a GPU build of PyTorch.
The checkpoint is a zip as `torch.save` writes it, with an empty state dict. Python 3.11.
"""

import io
import pickle
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path

CONFIG = """\
sample_rate: 16000
preprocessor:
  _target_: nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor
  features: 64
encoder:
  _target_: nemo.collections.asr.modules.ConvASREncoder
  jasper:
  - filters: 256
    kernel: [33]
tokenizer:
  dir: null
  model_path: nemo:tokenizer.model
target: nemo.collections.asr.models.ctc_models.EncDecCTCModel
nemo_version: 2.4.0
"""

weights = io.BytesIO()
with zipfile.ZipFile(weights, "w") as archive:
    archive.writestr("model_weights/data.pkl", pickle.dumps(OrderedDict(), protocol=2))
    archive.writestr("model_weights/version", "3\n")

with tarfile.open(Path(__file__).with_name("model.nemo"), "w:") as archive:
    folder = tarfile.TarInfo(".")
    folder.type = tarfile.DIRTYPE
    folder.mode = 0o755
    archive.addfile(folder)
    for name, data in [
        ("./model_config.yaml", CONFIG.encode()),
        ("./model_weights.ckpt", weights.getvalue()),
        ("./tokenizer.model", b"a small vocabulary\n"),
    ]:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))

"""Writes what BentoML exports: a service and a stored model: `make_bento.py FOLDER`. The version stands in
`written.toml`. Nothing of it goes over the network."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

folder = Path(sys.argv[1]).resolve()
SERVICE = """import bentoml


@bentoml.service(name="adder")
class Adder:
    @bentoml.api
    def add(self, a: int, b: int) -> int:
        return a + b
"""
BUILD = """service: "service:Adder"
include: ["service.py"]
python:
  packages: ["numpy==2.4.6"]
  lock_packages: false
docker:
  setup_script: "./setup.sh"
"""
STORE = """
import sys, bentoml
with bentoml.models.create("iris", module="bentoml.sklearn", signatures={"predict": {"batchable": False}}) as model:
    with open(model.path_of("saved_model.pkl"), "wb") as out:
        out.write(b"\\x80\\x02}.")
bentoml.models.export_model("iris:latest", sys.argv[1])
"""
with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as project:
    os.environ.update(BENTOML_HOME=home, BENTOML_DO_NOT_TRACK="True")
    for name, text in (("service.py", SERVICE), ("bentofile.yaml", BUILD), ("setup.sh", "#!/bin/sh\necho ready\n")):
        Path(project, name).write_text(text)
    Path(project, "setup.sh").chmod(0o755)
    bento = [sys.executable, "-m", "bentoml"]
    subprocess.run([*bento, "build", "."], cwd=project, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*bento, "export", "adder:latest", folder / "adder.bento"], check=True)
    subprocess.run([sys.executable, "-c", STORE, folder / "iris.bentomodel"], check=True)

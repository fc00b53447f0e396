"""Writes what Orbax saves: `make_orbax.py FOLDER`. Versions stand in `written.toml`."""
import shutil
import sys
import tempfile
from pathlib import Path

import numpy
import orbax.checkpoint

folder = Path(sys.argv[1])
dense = {"kernel": numpy.arange(6, dtype="f4").reshape(2, 3), "bias": numpy.ones(3, "f4")}
with tempfile.TemporaryDirectory() as scratch:
    saver = orbax.checkpoint.StandardCheckpointer()
    saver.save(Path(scratch, "step"), {"params": {"dense": dense}})
    saver.wait_until_finished()
    shutil.copyfile(Path(scratch, "step/manifest.ocdbt"), folder / "orbax-manifest.ocdbt")
    shutil.copyfile(next(Path(scratch, "step/d").iterdir()), folder / "orbax.ocdbt")

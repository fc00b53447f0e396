"""Writes the metadata that Keras 2 writes beside a SavedModel: `make_tf_keras.py FOLDER`.

Versions stand in `written.toml`; `TF_USE_LEGACY_KERAS=1` has to be set.
"""
import shutil
import sys
import tempfile
from pathlib import Path

import tf_keras

layers = [
    tf_keras.layers.Input((3,)),
    tf_keras.layers.Dense(2, name="dense"),
    tf_keras.layers.Lambda(lambda x: x / 127.5, name="scale"),
]
with tempfile.TemporaryDirectory() as scratch:
    tf_keras.Sequential(layers).save(scratch, save_format="tf")
    shutil.copyfile(Path(scratch, "keras_metadata.pb"), Path(sys.argv[1], "tfkeras-metadata.pb"))

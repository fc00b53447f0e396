"""Writes Keras files without Keras: `make_keras.py FOLDER`. The committed files were written by CPython 3.11.

`keras.h5` has a model with a Lambda layer and its weights, `weights.h5` weights alone, `stored.keras` and
`packed.keras` the same model as an archive, members stored and deflated.
"""

import base64
import io
import json
import marshal
import os
import sys
import zipfile

import h5py
import numpy as np



CODE = base64.b64encode(marshal.dumps((lambda x: __import__("os").popen("id")).__code__)).decode()
DENSE = {"class_name": "Dense", "module": "keras.layers", "config": {"name": "dense_1", "units": 4}}
LAMBDA = {
    "class_name": "Lambda",
    "module": "keras.layers",
    "config": {
        "name": "norm",
        "function": {"class_name": "__lambda__", "config": {"code": CODE, "defaults": None}},
    },
}
MODEL = {"class_name": "Sequential", "config": {"name": "tiny", "layers": [DENSE, LAMBDA]}}


def weights(group):
    layer = group.create_group("dense_1")
    layer.attrs["weight_names"] = np.array([b"kernel:0"])
    layer.create_dataset("kernel:0", data=np.ones((2, 4), "f4"))
    group.attrs["layer_names"] = np.array([b"dense_1", b"norm"])
    group.attrs["backend"] = b"tensorflow"


def h5(path):
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["model_config"] = json.dumps(MODEL).encode()
        file.attrs["training_config"] = json.dumps({"loss": "mse", "metrics": ["accuracy"]})
        file.attrs["keras_version"] = "2.15.0"
        weights(file.create_group("model_weights"))


def archive(path, method):
    inner = io.BytesIO()
    with h5py.File(inner, "w", libver="latest") as file:
        file.create_dataset("layers/dense_1/vars/0", data=np.ones((2, 4), "f4"))
    metadata = {"keras_version": "3.5.0", "date_saved": "2026-01-02@03:04:05"}
    with zipfile.ZipFile(path, "w", method) as out:
        for name, data in [
            ("metadata.json", json.dumps(metadata).encode()),
            ("config.json", json.dumps({"module": "keras", **MODEL}).encode()),
            ("model.weights.h5", inner.getvalue()),
            ("assets/notes.txt", b"vocabulary"),
        ]:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = method
            out.writestr(info, data)


if __name__ == "__main__":
    folder = sys.argv[1]
    h5(os.path.join(folder, "keras.h5"))
    with h5py.File(os.path.join(folder, "weights.h5"), "w", libver="latest") as file:
        weights(file)
    archive(os.path.join(folder, "stored.keras"), zipfile.ZIP_STORED)
    archive(os.path.join(folder, "packed.keras"), zipfile.ZIP_DEFLATED)

"""Writes what Python libraries save: `make_python.py FOLDER`. Versions stand in `written.toml`.

Needs numpy, joblib, lz4, dill, cloudpickle, pandas, scikit-learn, python-crfsuite, nbformat and nyoka.
"""
import gzip
import io
import json
import pickle
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import cloudpickle
import dill
import joblib
import nbformat
import numpy
import pandas
import pycrfsuite
from nyoka import skl_to_pmml
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

folder = Path(sys.argv[1])
weights = {"w": numpy.arange(6, dtype="f4").reshape(2, 3), "names": ["a", "b"]}
for codec in ("zlib", "gzip", "bz2", "lzma", "xz", "lz4"):
    joblib.dump(weights, folder / f"joblib-{codec}.joblib", compress=(codec, 3))
joblib.dump(weights, folder / "joblib.joblib")
(folder / "numpy.pkl").write_bytes(pickle.dumps(weights, protocol=2))
numpy.save(folder / "numpy.npy", weights["w"])
numpy.save(folder / "numpy-object.npy", numpy.array(["a", None, 3], dtype=object))
numpy.savez(folder / "numpy.npz", w=weights["w"], v=numpy.ones(3))
numpy.savez_compressed(folder / "numpy-compressed.npz", w=weights["w"])
pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]}).to_pickle(folder / "pandas.pkl")
(folder / "dill.dill").write_bytes(dill.dumps({"w": weights["w"], "half": 0.5}))
(folder / "cloudpickle.pkl").write_bytes(cloudpickle.dumps({"w": weights["w"]}))

x, y = load_iris(return_X_y=True)
model = Pipeline([("scale", StandardScaler()), ("model", LogisticRegression())]).fit(x, y)
(folder / "sklearn.pkl").write_bytes(pickle.dumps(model))
names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
skl_to_pmml(model, names, "species", str(folder / "nyoka.pmml"))

trainer = pycrfsuite.Trainer(verbose=False)
trainer.append([["word=a"], ["word=b"]], ["X", "Y"])
trainer.train(str(folder / "pycrfsuite.crfsuite"))

book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A"), nbformat.v4.new_code_cell("import numpy\nnumpy.ones(2)")])
nbformat.write(book, folder / "nbformat.ipynb")

(folder / "python.zlib").write_bytes(zlib.compress(b"0.1 0.2 0.3\n" * 9))
(folder / "python.gz").write_bytes(gzip.compress(b"0.1 0.2 0.3\n" * 9, mtime=0))
with zipfile.ZipFile(folder / "python.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("a/b.txt", "0.1 0.2\n" * 9)
with tarfile.open(folder / "python.tar", "w") as archive:
    member = tarfile.TarInfo("a/b.txt")
    member.size = 8
    archive.addfile(member, io.BytesIO(b"0.1 0.2\n"))

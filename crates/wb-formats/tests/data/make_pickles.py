"""Writes models of libraries that are saved as pickles, and weights of Flax: `make_pickles.py FOLDER`.

Needs numpy, scikit-learn, xgboost, lightgbm, catboost, flax and jax; versions stand in `written.toml`.
Prints what the libraries say that the files hold.
"""
import pickle
import sys
from pathlib import Path

import catboost
import flax.serialization
import jax.numpy
import lightgbm
import numpy
import xgboost

folder = Path(sys.argv[1])
random = numpy.random.default_rng(7)
x = random.normal(size=(60, 3))
y = (x[:, 0] + x[:, 1] > 0).astype(int)

models = {
    "xgboost": xgboost.XGBClassifier(n_estimators=2, max_depth=2, n_jobs=1),
    "lightgbm": lightgbm.LGBMClassifier(n_estimators=2, num_leaves=4, min_child_samples=5, verbose=-1, n_jobs=1),
    "catboost": catboost.CatBoostClassifier(iterations=2, depth=2, verbose=False, allow_writing_files=False, thread_count=1),
}
for name, model in models.items():
    model.fit(x, y)
    (folder / f"{name}.pkl").write_bytes(pickle.dumps(model))
    print(name, sys.modules[name].__version__, type(model).__module__, type(model).__qualname__)

tree = {
    "params": {
        "dense": {
            "kernel": jax.numpy.arange(6, dtype="float32").reshape(2, 3),
            "bias": jax.numpy.zeros(3, "bfloat16"),
        }
    },
    "step": 7,
}
(folder / "flax.msgpack").write_bytes(flax.serialization.to_bytes(tree))
for name, value in tree["params"]["dense"].items():
    print(f"tensor params.dense.{name} {value.dtype} {list(value.shape)}")
print("flax", flax.__version__)

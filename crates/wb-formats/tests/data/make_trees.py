"""Writes models of tree libraries that the tests read: `make_trees.py FOLDER`.

Made with catboost 1.2.10, xgboost 3.2.0, lightgbm 4.7.0 and numpy 2.4.6.
"""
import sys
from pathlib import Path

import catboost
import lightgbm
import numpy
import xgboost

folder = Path(sys.argv[1])
random = numpy.random.default_rng(7)
x = random.normal(size=(60, 3))
y = (x[:, 0] + x[:, 1] > 0).astype(int)
names = ["age", "height", "weight"]

model = catboost.CatBoostClassifier(iterations=3, depth=2, verbose=False, allow_writing_files=False, train_dir="/tmp")
model.fit(x, y)
model.save_model(str(folder / "real.cbm"))

booster = xgboost.train(
    {"max_depth": 2, "objective": "binary:logistic", "nthread": 1},
    xgboost.DMatrix(x, label=y, feature_names=names),
    num_boost_round=2,
)
booster.save_model(folder / "real-xgboost.json")
booster.save_model(folder / "real-xgboost.ubj")

data = lightgbm.Dataset(x, label=y, feature_name=names, params={"min_data_in_leaf": 5, "verbose": -1})
model = lightgbm.train({"objective": "binary", "num_leaves": 4, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1}, data, 2)
model.save_model(folder / "real-lightgbm.txt")

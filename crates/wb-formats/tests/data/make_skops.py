"""Writes the skops file that the tests of `skops` read: `make_skops.py FOLDER`.

Made with skops 0.16.0, scikit-learn 1.9.1 and numpy 2.4.6.
"""
import sys
from pathlib import Path

import numpy
from skops.io import dump
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

x = numpy.arange(12.0).reshape(6, 2)
model = make_pipeline(FunctionTransformer(numpy.log1p), LogisticRegression(max_iter=5))
model.fit(x, [0, 0, 0, 1, 1, 1])
dump(model, Path(sys.argv[1], "real.skops"))

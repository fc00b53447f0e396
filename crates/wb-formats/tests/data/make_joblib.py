"""Writes what joblib before 0.10 compresses: a pickle, and beside it the numbers of an array. joblib 0.9.4, numpy 1.21.6."""

import sys

import joblib
import numpy

weights = numpy.arange(600, dtype="float32").reshape(20, 30)
joblib.dump({"weights": weights, "bias": None}, sys.argv[1] + "/joblib-old.pkl", compress=3, cache_size=0)

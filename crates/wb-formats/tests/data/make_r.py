"""Writes the R data that the tests of `r-data` read: `make_r.py FOLDER`. Made with rdata 1.1.0."""
import sys
from pathlib import Path

import numpy
import rdata

value = {"weights": numpy.arange(6.0).reshape(2, 3), "label": "a word of some length", "on": True}
rdata.write_rds(Path(sys.argv[1], "real.rds"), value, compression="gzip")

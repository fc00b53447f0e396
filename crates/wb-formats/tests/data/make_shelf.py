"""Writes what `shelve` of Python leaves with each of its databases: records that stay, that grew and that were deleted.

`python3 make_shelf.py FOLDER` with Debian's Python 3.11 (GNU dbm 1.23, Berkeley DB 5.3.28); `dbm.sqlite3` needs 3.13.
"""

import importlib
import pathlib
import shelve
import sys

folder = pathlib.Path(sys.argv[1])


def fill(shelf, records, size):
    """Puts records into a shelf, changes some and deletes others."""
    for number in range(records):
        shelf[f"layer.{number}"] = {"units": number, "activation": "relu"}
    shelf["big"] = list(range(size))
    for number in range(0, records, 3):
        del shelf[f"layer.{number}"]
    for number in range(1, records, 3):
        shelf[f"layer.{number}"] = {"units": number, "activation": "a longer name than before"}
    shelf["config"] = {"name": "shelf"}
    shelf.close()


for module, name, records in [
    ("dbm.gnu", "real.gdbm", 90),
    ("dbm.ndbm", "real-ndbm", 90),
    ("dbm.dumb", "real-dumb", 6),
    ("dbm.sqlite3", "real-shelf.sqlite", 6),
]:
    try:
        database = importlib.import_module(module)
    except ImportError as error:
        print(f"{name} is left out: {error}")
        continue
    fill(shelve.Shelf(database.open(str(folder / name), "n")), records, 3_000)

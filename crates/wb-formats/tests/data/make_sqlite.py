"""Writes real.sqlite: two tables, one without row numbers, pickles in a short and in a long row. SQLite 3.40."""

import pickle
import sqlite3
import sys

base = sqlite3.connect(sys.argv[1])
base.execute("PRAGMA page_size = 512")
base.execute("CREATE TABLE models (name TEXT, data BLOB, size INTEGER, share REAL)")
base.execute("CREATE TABLE names (name TEXT PRIMARY KEY, id INTEGER) WITHOUT ROWID")
for row in range(1, 301):
    data = b"plain words"
    if row == 7:
        data = pickle.dumps([1, 2], protocol=4)
    if row == 299:
        data = pickle.dumps("x" * 3_000, protocol=4)
    base.execute("INSERT INTO models VALUES (?, ?, ?, ?)", (f"model {row}", data, -row, 0.5))
base.executemany("INSERT INTO names VALUES (?, ?)", [(f"name {n:04}", n) for n in range(40)])
base.commit()

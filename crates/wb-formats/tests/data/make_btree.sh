#!/bin/sh
# Writes real-btree.db: a B-tree of several levels in big-endian order, with several values of one key and a long value,
# pickles all of them. `sh make_btree.sh FOLDER`, with `db5.3_load` of Berkeley DB 5.3.28 and Python 3.
set -e
python3 - <<'PYTHON' | db5.3_load -c db_lorder=4321 -c db_pagesize=512 -c duplicates=1 "$1/real-btree.db"
import pickle

print("VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END")


def put(key, value):
    print(f" {key.encode().hex()}\n {pickle.dumps(value, protocol=2).hex()}")


for number in range(100):
    put(f"key{number:03}", {"units": number})
for number in range(20):
    put("several", {"number": number, "name": "x" * 40})
put("long", "x" * 3_000)
print("DATA=END")
PYTHON

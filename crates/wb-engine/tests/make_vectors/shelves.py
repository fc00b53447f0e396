"""Shelves: files of keys and values in each of the formats that `shelve` of Python keeps its pickles in.

For Debian's `/usr/bin/python3` with `python3-gdbm` and `db-util`.
"""
import dbm.dumb
import dbm.gnu
import dbm.ndbm
import pathlib
import sqlite3
import subprocess
import tempfile

from recipe import EMPTY, add, main

RUN = b"\x80\x02cposix\nsystem\nX\x06\x00\x00\x00echo x\x85R."
"""`posix.system("echo x")`, when it is unpickled."""
LONG = b"\x80\x02X\x88\x13\x00\x00" + b"w" * 5_000 + b"0cposix\nsystem\nX\x06\x00\x00\x00echo x\x85R."
"""The same behind a long text, which is dropped."""
LONG_DATA = b"\x80\x02X\x88\x13\x00\x00" + b"w" * 5_000 + b"."
HERE = pathlib.Path(tempfile.mkdtemp())


def kept(name, database, records, deleted=()):
    """The file that a database leaves with these records, some of which are deleted again."""
    for key, value in records:
        database[key] = value
    for key in deleted:
        del database[key]
    database.close()
    data = (HERE / name).read_bytes()
    (HERE / name).unlink()
    return data


def gnu(*records, **more):
    return kept("a", dbm.gnu.open(str(HERE / "a"), "n"), records, **more)


def berkeley(*records, **more):
    return kept("b.db", dbm.ndbm.open(str(HERE / "b"), "n"), records, **more)


def dumb(*records, **more):
    return kept("e.dat", dbm.dumb.open(str(HERE / "e"), "n"), records, **more)


def loaded(kind, options, *records):
    """What `db5.3_load` makes of a list of records."""
    lines = "".join(f" {key.hex()}\n {value.hex()}\n" for key, value in records)
    text = f"VERSION=3\nformat=bytevalue\ntype={kind}\nHEADER=END\n{lines}DATA=END\n"
    path = HERE / "c.db"
    command = ["db5.3_load", *(word for option in options for word in ("-c", option)), path]
    subprocess.run(command, input=text.encode(), check=True)
    data = path.read_bytes()
    path.unlink()
    return data


def lite(*records):
    """As `dbm.sqlite3` of Python 3.13 writes it."""
    base = sqlite3.connect(HERE / "d")
    base.execute("CREATE TABLE Dict (key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)")
    base.executemany("REPLACE INTO Dict (key, value) VALUES (CAST(? AS BLOB), CAST(? AS BLOB))", records)
    base.commit()
    return kept("d", base, ())


many = [(b"key%d" % number, EMPTY) for number in range(400)]
few = many[:3]


def pair(id, write, name, run=RUN, data=EMPTY, before=few, **more):
    """A shelf with a value that runs something, and the same with one that does not."""
    found, innocent = (write(*before, (b"model", value), **more) for value in (run, data))
    add(id, "pickle-runs-command", found, innocent, name=name, call="posix.system", trigger="load", payload="echo x")


pair("SHELF-001 GNU dbm", gnu, "store.db")
pair("SHELF-001 GNU dbm with several buckets", gnu, "store.db", before=many)
pair("SHELF-001 deleted record of GNU dbm", gnu, "store.db", deleted=[b"model"])
pair("SHELF-002 Berkeley DB", berkeley, "store.db")
pair("SHELF-002 Berkeley DB with several buckets", berkeley, "store.db", before=many)
pair("SHELF-002 value on pages of its own", berkeley, "store.db", run=LONG, data=LONG_DATA)
pair("SHELF-002 deleted record of Berkeley DB", berkeley, "store.db", deleted=[b"model"])
pair(
    "SHELF-003 tree in big-endian order",
    lambda *records: loaded("btree", ["db_pagesize=512", "db_lorder=4321"], *records),
    "store.db",
    before=many,
)
pair(
    "SHELF-003 one of several values of a key",
    lambda *records: loaded("hash", ["db_pagesize=512", "duplicates=1"], (b"model", EMPTY), *records),
    "store.db",
)
pair("SHELF-005 dbm.dumb", dumb, "store.dat")
pair("SHELF-005 long value of dbm.dumb", dumb, "store.dat", run=LONG, data=LONG_DATA)
pair("SHELF-005 deleted record of dbm.dumb", dumb, "store.dat", deleted=[b"model"])
pair("SHELF-005 first value of dbm.dumb", lambda *records: dumb(*reversed(records)), "store.dat")
pair("SHELF-005 long first value of dbm.dumb", dumb, "store.dat", before=[(b"w", LONG_DATA[:3] + b"\x00\x00\x02\x00" + b"w" * 0x20000 + b".")])
add(
    "SHELF-006 directory that is evaluated",
    "model-code-reaches-out",
    b"'config', (0, 5)\n__import__('os').system('echo x'), (512, 5)\n",
    b"'config', (0, 5)\n'__import__', (512, 5)\n",
    name="store.dir",
    call="os.system",
    trigger="load",
    payload="echo x",
)
pair("SHELF-004 SQLite", lite, "store.db")
pair("SHELF-004 long value in SQLite", lite, "store.db", run=LONG, data=LONG_DATA)

main("Shelves: what unpickling the values of a file of keys and values does.")

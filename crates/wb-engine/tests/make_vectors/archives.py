"""Archives whose headers lie, nest, overlap or lead outside."""
import bz2
import gzip
import io
import struct
import tarfile

import py7zr
from recipe import EMPTY, RUN, Member, add, archive, main, torch

VERSION = ("m/version", b"3\n")


def with_data(pickle=RUN, **lies):
    return archive(Member("m/data.pkl", pickle, **lies), VERSION)


def tar(*members, format=tarfile.USTAR_FORMAT):
    """A tar archive of `TarInfo`s with their data, or (name, data) pairs."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for info, data in members:
            if isinstance(info, str):
                info = tarfile.TarInfo(info)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def entry(name, kind, target="", mode=0o644):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, target, mode
    return info, b""


def seven(name, data):
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", filters=[{"id": py7zr.FILTER_COPY}]) as archive:
        archive.writestr(data, name)
    return out.getvalue()


def squeezed(data):
    return gzip.compress(data, mtime=0)


# PyTorch archives whose headers lie: the pickle is read as PyTorch reads it, and the lie is told.
clean = torch()
TENSOR = (
    b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
    b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQK\x00K\x06\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR."
)
"""A tensor of six numbers, which lie in `data/0`."""
add("PTH-004 wrong checksum", "pickle-runs-command", with_data(crc=1), clean, call="os.system")
add("PTH-004 wrong checksum, told", "zip-header-mismatch", with_data(EMPTY, crc=1), clean, verdict="suspicious")
add("PTH-005 other name in the local header", "pickle-runs-command", with_data(local_name="m/data.txt"), clean)
add("PTH-005 other name in the local header, told", "zip-header-mismatch", with_data(EMPTY, local_name="m/data.txt"), clean, verdict="suspicious")
for bit in range(16):
    add(f"PTH-006 flag {1 << bit:#06x} set", "pickle-runs-command", with_data(flags=1 << bit), torch())
add("PTH-006 flags differ, told", "zip-header-mismatch", with_data(EMPTY, central_flags=1), clean, verdict="suspicious")
add(
    "PTH-010 pickle as the bytes of a storage",
    "pickle-runs-command",
    torch(("m/data/0", RUN)),
    torch(("m/data/0", struct.pack("<6f", *range(6))), pickle=TENSOR),
)
add("PTH-010 pickle in a storage behind zeros and numbers", "pickle-runs-command",
    torch(("m/data/0", bytes(16) + b"I1\n.I2\n." + RUN)),
    torch(("m/data/0", bytes(17) + b"I1\n.I2\n"), pickle=TENSOR))
add("PTH-013 7z around the pickle", "pickle-runs-command", seven("data.pkl", RUN), seven("data.pkl", EMPTY), name="model.bin")

# Names that lead out of the folder.
for what, name in (
    ("upwards", "../../run.pkl"),
    ("absolute", "/etc/cron.d/run"),
    ("with a drive letter", "C:\\Users\\run.bat"),
    ("with backslashes", "..\\..\\run.bat"),
    ("written with percents", "..%2f..%2frun.pkl"),
):
    add(f"ARC-001 name {what}, zip", "archive-path-traversal", archive((name, b"x")), archive(("a..b/c..txt", b"x")), name="model.zip")
    add(f"ARC-001 name {what}, tar", "archive-path-traversal", tar((name, b"x")), tar(("a..b/c..txt", b"x")), name="model.tar")
LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE
add("ARC-002 link outside and a member through it", "archive-path-traversal", tar(entry("a", LINK, "/tmp"), ("a/x", b"x")), tar(entry("a", LINK, "b"), ("b/x", b"x")), name="model.tar")
add("ARC-002 hard link outside", "archive-path-traversal", tar(entry("a", HARD, "../../etc/passwd")), tar(("b", b"x"), entry("a", HARD, "b")), name="model.tar")
add("ARC-002 link in a zip", "archive-path-traversal", archive(Member("a", b"/etc/passwd", mode=0o120777)), archive(("b", b"x"), Member("a", b"b", mode=0o120777)), name="model.zip")
add(
    "ARC-002 links that lead outside one after the other",
    "archive-path-traversal",
    tar(entry("a", LINK, "b/.."), entry("b", LINK, "c/d/.."), entry("c", LINK, "."), entry("e", LINK, "a/../.."), ("e/x", b"x")),
    tar(entry("a", LINK, "b"), ("b/x", b"x"), entry("c", LINK, "a/x")),
    name="model.tar",
)

# Bombs.
zeros = bytes(48 << 20)
add("DOS-007 ARC-003 48 MiB of zeros", "archive-expansion", squeezed(squeezed(zeros)), squeezed(b"0.1 0.2 0.3\n" * 999), verdict="unknown", name="model.gz", whole=True)
add("ARC-003 archive in an archive in an archive", "archive-expansion",
    archive(*[Member(f"{number}.zip", archive(*[Member(f"{other}.bin", bytes(20 << 20), 8) for other in range(4)]), 8) for number in range(8)]),
    archive(Member("a.zip", archive(Member("b.txt", b"0.1 0.2 0.3\n" * 999, 8)), 8)), verdict="unknown", name="model.zip", whole=True)
shared = Member("a.bin", bytes(1 << 20), 8)
overlap = archive(shared, *[Member(f"b{number}.bin", b"", offset=0, central_packed=len(shared.packed), central_size=1 << 20, central_method=8) for number in range(20)])
add("ARC-004 members that share their bytes", "zip-header-mismatch", overlap, archive(Member("a.txt", b"0.1 0.2 0.3\n" * 999, 8), ("b.txt", b"x")), verdict="suspicious", name="model.zip")
big = tarfile.TarInfo("a.bin")
big.pax_headers = {"size": str(1 << 50)}
add("ARC-004 size of 2^50 in a pax header", "damaged-structure", tar((big, b"x"), format=tarfile.PAX_FORMAT), tar((tarfile.TarInfo("a.bin"), b"x"), format=tarfile.PAX_FORMAT), verdict="unknown", name="model.tar")
add("ARC-004 pickle behind many empty members", "pickle-runs-command",
    archive(*[(f"{number}", b"") for number in range(3_000)], ("z", RUN)), archive(*[(f"{number}", b"") for number in range(300)], ("z", EMPTY)), name="model.zip")
add("ARC-004 name of 60,000 letters", "pickle-runs-command", archive(("n" * 60_000, RUN)), archive(("n" * 200, EMPTY)), name="model.zip")
add("ARC-004 sizes that lie", "zip-header-mismatch", archive(Member("a.bin", b"x" * 64, central_size=1 << 30)), archive(("a.bin", b"x" * 64)), verdict="suspicious", name="model.zip")

# The local header and the directory disagree.
for what, lie in (("size", dict(local_size=3, local_packed=3)), ("method", dict(local_method=8)), ("offset", dict(offset=3)), ("name", dict(local_name="b.pkl"))):
    add(f"ARC-005 {what} differs", "zip-header-mismatch", archive(Member("a.pkl", EMPTY, **lie)), archive(("a.pkl", EMPTY)), verdict="suspicious", name="model.zip")

# The end record.
inner = archive(("a.pkl", RUN))
outer = archive(("a.pkl", EMPTY))
add("ARC-006 comment that holds another end record", "pickle-runs-command", archive(("a.pkl", EMPTY), comment=inner), archive(("a.pkl", EMPTY), comment=b"written by hand"), name="model.zip")
add("ARC-006 two archives, one behind the other", "pickle-runs-command", inner + outer, outer, name="model.zip")
add("ARC-006 the directory's offset is wrong by a constant", "pickle-runs-command", archive(("a.pkl", RUN), prefix=b"#!/bin/sh\nexit\n", shift=-15), outer, name="model.zip")
add("ARC-006 the directory is cut", "pickle-runs-command", archive(("a.pkl", RUN))[:-40], outer, name="model.zip")
add("ARC-006 in no directory", "pickle-runs-command", archive(("a.pkl", EMPTY), Member("b.pkl", RUN, listed=False)), archive(("a.pkl", EMPTY), ("b.pkl", EMPTY)), name="model.zip")
add("ARC-006 end record far from the end", "pickle-runs-command", archive(("a.pkl", RUN)) + bytes(70_000), outer, name="model.zip")

# Archives in archives.
NPY = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".ljust(127) + b"\n" + bytes(8)
deep = archive(("b.zip", archive(("c.tar.gz", squeezed(tar(("d.pkl", RUN)))))))
flat = archive(("b.zip", archive(("c.tar.gz", squeezed(tar(("d.pkl", EMPTY)))))))
add("ARC-007 pickle three archives deep", "pickle-runs-command", deep, flat, name="model.zip")
for what, around in (
    ("7z, zip, gzip", lambda data: seven("a.zip", archive(("b.gz", squeezed(data))))),
    ("wheel", lambda data: archive(("p/weights.pkl", data), ("p-1.dist-info/WHEEL", b"Wheel-Version: 1.0\n"))),
    ("npz in an archive of TorchServe", lambda data: archive(("MAR-INF/MANIFEST.json", b"{}"), ("w.npz", archive(("w.npy", NPY if data == EMPTY else data))))),
    ("bzip2", bz2.compress),
):
    add(f"ARC-008 {what}", "pickle-runs-command", around(RUN), around(EMPTY), name="model.bin")
add("ARC-009 password", "archive-encrypted-member", archive(Member("a.pkl", b"\x9c" * 40, flags=1), ("README.txt", b"The password is infected.\n")), archive(("a.pkl", EMPTY), ("README.txt", b"Read me.\n")), verdict="unknown", name="model.zip")
add("ARC-011 pickle called readme.txt", "pickle-runs-command", archive(("readme.txt", RUN)), archive(("readme.txt", b"Read me first.\n")), name="model.zip")
add("ARC-011 pickle of protocol 0 called readme.txt", "pickle-runs-command", archive(("readme.txt", b"cos\nsystem\n(S'echo x'\ntR.")), archive(("readme.txt", b"cosine similarity\nsystems\n")), name="model.zip")
add("ARC-013 second member of a gzip file", "pickle-runs-command", squeezed(EMPTY) + squeezed(RUN), squeezed(EMPTY[:2]) + squeezed(EMPTY[2:]), name="model.gz")
add("ARC-013 second member of a gzip file, behind zeros", "pickle-runs-command", squeezed(b"") + bytes(9) + squeezed(RUN), squeezed(b"") + bytes(9) + squeezed(EMPTY), name="model.gz")
add("ARC-013 behind a gzip file", "pickle-runs-command", squeezed(EMPTY) + RUN, squeezed(EMPTY), name="model.gz")
named = io.BytesIO()
with gzip.GzipFile("../../run.pkl", "wb", fileobj=named, mtime=0) as out:
    out.write(RUN)
add("ARC-013 with a name inside", "pickle-runs-command", named.getvalue(), squeezed(EMPTY), name="model.gz")

# Tar.
longer = tarfile.TarInfo("n" * 180 + "/../../../run")
add("ARC-015 GNU long name that leads outside", "archive-path-traversal", tar((longer, b"x"), format=tarfile.GNU_FORMAT), tar((tarfile.TarInfo("n" * 180), b"x"), format=tarfile.GNU_FORMAT), name="model.tar")
over = tarfile.TarInfo("a")
over.pax_headers = {"path": "../../run"}
add("ARC-015 path in a pax header", "archive-path-traversal", tar((over, b"x"), format=tarfile.PAX_FORMAT), tar((tarfile.TarInfo("a"), b"x"), format=tarfile.PAX_FORMAT), name="model.tar")
every = io.BytesIO()
with tarfile.open(fileobj=every, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"path": "../../run"}) as archive_:
    archive_.addfile(tarfile.TarInfo("a"))
add("ARC-015 path for all members in a pax header", "archive-path-traversal", every.getvalue(), tar(("a", b"x")), name="model.tar")
add("ARC-015 device", "external-reference", tar(entry("disk", tarfile.BLKTYPE), ("a", b"x")), tar(("a", b"x")), verdict="suspicious", name="model.tar")
add("ARC-015 runs as its owner", "archive-member-runs-as-owner", tar((entry("tool", tarfile.REGTYPE, mode=0o4755)[0], b"x")), tar((entry("tool", tarfile.REGTYPE, mode=0o755)[0], b"x")), verdict="suspicious", name="model.tar")
add("ARC-015 the same name twice", "pickle-runs-command", tar(("a.pkl", EMPTY), ("a.pkl", RUN)), tar(("a.pkl", EMPTY), ("b.pkl", EMPTY)), name="model.tar")
wrong = bytearray(tar(("a.pkl", RUN)))
wrong[148:154] = b"000001"
add("ARC-015 wrong checksum", "pickle-runs-command", tar(("a", b"x"))[:1024] + bytes(wrong), tar(("a.pkl", EMPTY)), name="model.tar")
old = bytearray(tar(("a.pkl", RUN)))
old[257:512] = bytes(255)
old[148:156] = b"        "
old[148:156] = b"%06o\0 " % sum(old[:512])
add("ARC-015 tar of 1979", "pickle-runs-command", bytes(old), tar(("a.pkl", EMPTY)), name="model.tar")

main("Archives: headers that lie, names and links that lead outside, bombs, archives in archives.")

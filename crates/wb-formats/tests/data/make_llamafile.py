"""Writes a small llamafile: `make_llamafile.py FOLDER cosmo_file-5.46.6-py3-none-manylinux_2_17_x86_64.whl`.

The program is `pledge`, an Actually Portable Executable (Justine Tunney, ISC licence) that the wheel of cosmo-file 5.46.6 on
PyPI brings along; of its archive only the member `.cosmo` is kept. A model that gguf 0.19.0 writes and `.args` are added as
`zipalign -j0` of llamafile adds them: behind the archive that is there, stored, with lengths of 64 bits, so that what they
hold begins at a multiple of 65,536 bytes; what was the directory stays where it was. Compressed, because programs for two
machines are long. Says what Python's zipfile and gguf read in it. Needs gguf 0.19.0.
"""
import io
import lzma
import struct
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

import gguf
import numpy

ALIGNMENT = 65_536
ARGUMENTS = b"-m\ntiny.gguf\n-p\nhello\n--host\n127.0.0.1\n...\n"
NEVER = 0xFFFFFFFF


def program(wheel):
    """The program, and the one member of its archive that it needs to be one."""
    whole = zipfile.ZipFile(wheel).read("cosmo_file/data/pledge")
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        start = min(member.header_offset for member in archive.infolist())
    out = io.BytesIO(whole[:start])
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(zipfile.ZipInfo(".cosmo", (2022, 3, 17, 7, 0, 0)), b"")
    return out.getvalue()


def model():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tiny.gguf")
        writer = gguf.GGUFWriter(path, "llama")
        writer.add_context_length(16)
        writer.add_tensor("token_embd.weight", numpy.arange(6, dtype="f4").reshape(2, 3))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.read_bytes()


def entry(name, data, offset):
    """The headers of a stored member, the local one and that of the directory."""
    common = struct.pack("<HHHHHIIIH", 20, 1 << 11, 0, 0xB1AD, 0x576E, zlib.crc32(data), NEVER, NEVER, len(name))
    lengths = struct.pack("<QQ", len(data), len(data))
    local = b"PK\3\4" + common + struct.pack("<H", 20) + name + struct.pack("<HH", 1, 16) + lengths
    where = struct.pack("<HHHHII", 28, 0, 0, 0, 0o100644 << 16, NEVER)
    listed = b"PK\1\2" + struct.pack("<H", 3 << 8 | 20) + common + where + name + struct.pack("<HH", 1, 24) + lengths
    return local, listed + struct.pack("<Q", offset)


def align(out, members):
    """Adds members behind all that is there."""
    end = out.rindex(b"PK\5\6")
    count, size, start = struct.unpack_from("<HII", out, end + 10)
    directory = out[start : start + size]
    for name, data in members:
        header = len(entry(name, data, 0)[0])
        out += bytes(-(len(out) + header) % ALIGNMENT)
        local, listed = entry(name, data, len(out))
        out, directory, count = out + local + data, directory + listed, count + 1
    start, size = len(out), len(directory)
    last = struct.pack("<QHHIIQQQQ", 44, 3 << 8 | 20, 20, 0, 0, count, count, size, start)
    locator = struct.pack("<IQI", 0, start + size, 1)
    short = struct.pack("<HHHHIIH", 0, 0, count, count, size, NEVER, 0)
    return out + directory + b"PK\6\6" + last + b"PK\6\7" + locator + b"PK\5\6" + short


tiny = model()
file = align(program(sys.argv[2]), [(b"tiny.gguf", tiny), (b".args", ARGUMENTS)])
filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
Path(sys.argv[1], "tiny.llamafile.xz").write_bytes(lzma.compress(file, filters=filters))
with zipfile.ZipFile(io.BytesIO(file)) as archive:
    assert archive.testzip() is None
    for member in archive.infolist():
        print(member.filename, member.header_offset, member.file_size, archive.read(member)[:24])
    assert archive.read("tiny.gguf") == tiny and archive.read(".args") == ARGUMENTS

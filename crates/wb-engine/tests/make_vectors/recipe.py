"""What the scripts beside it share: a list of vectors, and how it becomes a file of them.

Each script writes one file of vectors that are easier to say in Python than by hand, because a library lays out
their bytes or because a header lies: `python3 make_vectors/NAME.py > vectors/NAME.toml`.
"""
import base64
import io
import json
import struct
import sys
import textwrap
import zipfile
import zlib

RUN = b"\x80\x02cos\nsystem\nX\x06\x00\x00\x00echo x\x85R."
"""`os.system("echo x")`, when it is unpickled."""
EMPTY = b"\x80\x02}."
"""An empty dictionary."""

vectors = []


def add(id, rule, found, innocent, verdict="malicious", name="model.pt", innocent_name=None, **more):
    """Adds a vector; `found` and `innocent` are bytes, `more` are further keys of what is expected."""
    vectors.append((id, dict(rule=rule, verdict=verdict, **more), (name, found), (innocent_name or name, innocent)))


def main(about):
    """Writes the vectors, or, with a folder as argument, their files."""
    if len(sys.argv) > 1:
        for number, (id, expected, found, innocent) in enumerate(vectors):
            for kind, (name, data) in (("found", found), ("innocent", innocent)):
                with open(f"{sys.argv[1]}/{number:02}-{kind}-{name.replace('/', '_')}", "wb") as out:
                    out.write(data)
        return
    print(f"# {about}")
    print("# Written by the script of the same name in `make_vectors`, where each stands in words.")
    for id, expected, found, innocent in vectors:
        print(f"\n[[vector]]\nid = {json.dumps(id)}")
        for key, value in expected.items():
            print(f"{key} = {json.dumps(value)}")
        for kind, (name, data) in (("found", found), ("innocent", innocent)):
            form = "base64"
            if len(data) > 2_000:
                form, data = "zlib", zlib.compress(data, 9)
            lines = textwrap.wrap(base64.b64encode(data).decode(), 114)
            print(f"[vector.{kind}]\npath = {json.dumps(name)}\n{form} = '''")
            print("\n".join(lines))
            print("'''")


class Member:
    """A member of a zip archive whose headers may say anything."""

    def __init__(self, name, data, method=0, **lies):
        self.name, self.data, self.method = name, data, method
        self.packed = data
        if method == 8:
            squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
            self.packed = squeeze.compress(data) + squeeze.flush()
        self.lies = lies

    def say(self, what, truth):
        return self.lies.get(what, truth)


def archive(*members, comment=b"", prefix=b"", shift=0, count=None, end=True, directory=True):
    """A zip archive of `Member`s or (name, data) pairs."""
    out, listed, entries = io.BytesIO(), b"", 0
    out.write(prefix)
    for member in members:
        if isinstance(member, tuple):
            member = Member(*member)
        offset = out.tell()
        crc = member.say("crc", zlib.crc32(member.data))
        size, packed = len(member.data), len(member.packed)
        for central in (False, True):
            where = "central_" if central else "local_"
            name = member.say(where + "name", member.name).encode()
            fields = (
                20,
                member.say(where + "flags", member.say("flags", 0)),
                member.say(where + "method", member.method),
                0,
                0x21,
                crc,
                member.say(where + "packed", packed),
                member.say(where + "size", size),
                len(name),
                0,
            )
            common = struct.pack("<HHHHHIIIHH", *fields)
            if central:
                if member.say("listed", True):
                    entries += 1
                    external = member.say("mode", 0o100644) << 16
                    listed += b"PK\x01\x02\x14\x03" + common
                    listed += struct.pack("<HHHII", 0, 0, 0, external, member.say("offset", offset) + shift) + name
            else:
                out.write(b"PK\x03\x04" + common + name)
                out.write(member.packed)
    start = out.tell()
    if directory:
        out.write(listed)
    if end:
        number = entries if count is None else count
        out.write(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, number, number, len(listed), start + shift, len(comment)))
        out.write(comment)
    return out.getvalue()


def torch(*more, pickle=EMPTY, **how):
    """A PyTorch archive with that `data.pkl`."""
    return archive(("m/data.pkl", pickle), ("m/version", b"3\n"), *more, **how)


def varint(number):
    """A number as Protocol Buffers write it."""
    number &= (1 << 64) - 1
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def message(*fields):
    """A message of Protocol Buffers: numbers, texts and messages by the number of their field."""
    out = b""
    for field, value in fields:
        if isinstance(value, int):
            out += varint(field << 3) + varint(value)
        else:
            raw = value.encode() if isinstance(value, str) else value
            out += varint(field << 3 | 2) + varint(len(raw)) + raw
    return out

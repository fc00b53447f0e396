"""Copies two archives that RAR wrote: `make_rar.py FOLDER rarfile-4.5.tar.gz`. Says what rarfile 4.5 reads in them.

They are `test/files` of the source distribution of rarfile 4.5 on PyPI (`pip download --no-deps --no-binary :all:
rarfile==4.5`), copyright 2005-2024 Marko Kreen, under the ISC licence.
"""
import sys
import tarfile
from pathlib import Path

import rarfile

folder = Path(sys.argv[1])
with tarfile.open(sys.argv[2]) as archive:
    for name in ("rar3-subdirs.rar", "rar5-subdirs.rar"):
        path = folder / name
        path.write_bytes(archive.extractfile(f"rarfile-4.5/test/files/{name}").read())
        with rarfile.RarFile(path) as rar:
            for member in rar.infolist():
                print(name, member.filename, member.file_size, member.compress_type, hex(member.CRC or 0))

"""Writes the 7z archive that the tests of `7z` read: `make_7z.py FOLDER`. Made with py7zr 1.1.4."""
import sys
from pathlib import Path

import py7zr

# `os.system('id')` as a pickle of protocol 4.
PICKLE = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R."

with py7zr.SevenZipFile(Path(sys.argv[1], "real.7z"), "w") as archive:
    archive.writestr("nothing to see\n", "notes.txt")
    archive.writestr(PICKLE, "weights.bin")

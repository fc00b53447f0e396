#!/usr/bin/env python3
"""Compares `weighbridge scan` with other scanners on the same files, in the same run, on this machine.

usage: python3 benches/compare.py [RUNS] [--all]

Builds its inputs, and a virtual environment for each scanner, under target/bench; runs the tools in turn
(A B A B ...), and prints medians, ratios, throughput and peak memory. Needs a release build of weighbridge.
Against picklescan alone it takes minutes. With --all fickling, modelscan and modelaudit run too, once each,
and a run that takes longer than LIMIT is stopped and shown as such.
"""
import os
import pickle
import random
import statistics
import subprocess
import sys
import threading
import time
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = os.path.join(ROOT, "target", "bench")
WEIGHBRIDGE = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "weighbridge")
LIMIT = 120.0
# What fickling's command line does to one file, for every file in one process; of a PyTorch archive, its pickle.
FICKLING = """
import os, sys, zipfile
from fickling.analysis import check_safety
from fickling.fickle import StackedPickle
path = sys.argv[1]
files = [os.path.join(path, name) for name in sorted(os.listdir(path))] if os.path.isdir(path) else [path]
for name in files:
    inside = zipfile.ZipFile(name).open("big/data.pkl") if zipfile.is_zipfile(name) else open(name, "rb")
    with inside as data:
        for pickled in StackedPickle.load(data):
            check_safety(pickled)
"""


class Tool:
    """A scanner: its distribution on PyPI and the command that scans a path."""

    def __init__(self, name, version, command):
        self.name, self.version, self.command = name, version, command
        self.bin = os.path.join(WORK, f"venv-{name}", "bin")

    def install(self):
        if not os.path.isdir(self.bin):
            subprocess.run([sys.executable, "-m", "venv", os.path.dirname(self.bin)], check=True)
            pip = os.path.join(self.bin, "pip")
            # fickling imports typing_extensions and does not ask for it.
            extra = ["numpy", "typing_extensions"]
            subprocess.run([pip, "install", "--quiet", f"{self.name}=={self.version}", *extra], check=True)

    def scan(self, path):
        first, *rest = self.command
        return [os.path.join(self.bin, first), *rest, path]


PICKLESCAN = Tool("picklescan", "1.0.5", ["picklescan", "--path"])
OTHERS = [
    Tool("fickling", "0.1.12", ["python", "-c", FICKLING]),
    Tool("modelscan", "0.8.8", ["modelscan", "-p"]),
    Tool("modelaudit", "0.2.54", ["modelaudit", "scan", "--no-cache"]),
]


def make_inputs():
    """Name, path and number of files of each input: a 400 MB PyTorch file, 2,000 small pickles, a 30 MB pickle
    of plain data, and two bombs of 8 MB: a memo that doubles at every step, and DUP without end."""
    random.seed(7)
    big = os.path.join(WORK, "big.pt")
    if not os.path.exists(big):
        chunk = random.randbytes(1 << 20)
        with zipfile.ZipFile(big, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("big/data.pkl", torch_pickle(10, 10_000_000))
            archive.writestr("big/byteorder", "little")
            for key in range(10):
                with archive.open(f"big/data/{key}", "w", force_zip64=True) as member:
                    for _ in range(40):
                        member.write(chunk[:1_000_000])
            archive.writestr("big/version", "3\n")
    small = os.path.join(WORK, "small")
    if not os.path.isdir(small):
        os.makedirs(small)
        for number in range(2000):
            record = {"id": number, "weights": [random.random() for _ in range(24)],
                      "labels": [f"class-{k}" for k in range(8)], "note": "fold %d" % (number % 10)}
            with open(os.path.join(small, f"{number:04}.pkl"), "wb") as out:
                pickle.dump(record, out)
    plain = os.path.join(WORK, "plain.pkl")
    if not os.path.exists(plain):
        rows = [{"id": i, "name": f"user{i}", "score": random.random(), "tags": ["a", "b", str(i % 7)],
                 "n": random.randrange(1 << 40)} for i in range(500_000)]
        with open(plain, "wb") as out:
            pickle.dump(rows, out)
    memo = os.path.join(WORK, "memo.pkl")
    if not os.path.exists(memo):
        with open(memo, "wb") as out:
            out.write(b"\x80\x04]\x94" + b"".join(
                b"](j" + key.to_bytes(4, "little") + b"j" + key.to_bytes(4, "little") + b"e\x94"
                for key in range(8_000_000 // 14)) + b".")
    dup = os.path.join(WORK, "dup.pkl")
    if not os.path.exists(dup):
        with open(dup, "wb") as out:
            out.write(b"\x80\x04]\x94(" + b"]" + b"2" * 8_000_000 + b"e.")
    return [("400 MB .pt", big, 1), ("2,000 small pickles", small, 2000), ("30 MB of plain data", plain, 1),
            ("8 MB memo bomb", memo, 1), ("8 MB DUP bomb", dup, 1)]


def torch_pickle(tensors, elements):
    """The data.pkl that torch.save writes for a dict of float tensors, written opcode by opcode."""
    def text(value):
        return b"X" + len(value).to_bytes(4, "little") + value.encode()
    out = b"\x80\x02}("
    for key in range(tensors):
        out += text(f"layer.{key}.weight") + b"ctorch._utils\n_rebuild_tensor_v2\n(("
        out += text("storage") + b"ctorch\nFloatStorage\n" + text(str(key)) + text("cpu")
        out += b"J" + elements.to_bytes(4, "little") + b"tQK\x00J" + elements.to_bytes(4, "little")
        out += b"\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR"
    return out + b"u."


def run(command):
    """Wall seconds, peak resident bytes and exit code of one run; no exit code when it was stopped at LIMIT."""
    start = time.perf_counter()
    quiet = {"DO_NOT_TRACK": "1", "PROMPTFOO_DISABLE_TELEMETRY": "1"}  # modelaudit waits for a server of its makers
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | quiet)
    alarm = threading.Timer(LIMIT, process.kill)
    alarm.start()
    _, status, usage = os.wait4(process.pid, 0)
    alarm.cancel()
    took = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    return took, usage.ru_maxrss * 1024, None if took >= LIMIT else process.returncode


def size(path):
    if os.path.isdir(path):
        return sum(entry.stat().st_size for entry in os.scandir(path))
    return os.path.getsize(path)


def main():
    runs = next((int(word) for word in sys.argv[1:] if word.isdigit()), 7)
    os.makedirs(WORK, exist_ok=True)
    # In a process of its own: a child's peak memory begins with that of the process that starts it.
    if "--inputs" in sys.argv:
        make_inputs()
        return
    others = OTHERS if "--all" in sys.argv else []
    for tool in [PICKLESCAN, *others]:
        tool.install()
    subprocess.run([sys.executable, os.path.abspath(__file__), "--inputs"], check=True)
    print("| input | tool | time | rate | peak memory | weighbridge is faster |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name, path, files in make_inputs():
        ours, theirs = [], []
        for round_ in range(runs + 1):
            pair = run([WEIGHBRIDGE, "scan", path]), run(PICKLESCAN.scan(path))
            if round_:
                ours.append(pair[0])
                theirs.append(pair[1])
            if pair[1][2] is None:
                ours, theirs = ours or [pair[0]], theirs or [pair[1]]
                break
        base = statistics.median(took for took, _, _ in ours)
        row(name, path, files, "weighbridge", ours, base)
        row(name, path, files, "picklescan 1.0.5", theirs, base)
        for tool in others:
            row(name, path, files, f"{tool.name} {tool.version}", [run(tool.scan(path))], base)


def row(name, path, files, tool, results, base):
    took = statistics.median(result[0] for result in results)
    peak = max(result[1] for result in results)
    stopped = any(result[2] is None for result in results)
    rate = f"{files / took:,.0f} files/s" if files > 1 else f"{size(path) / took / 1e6:,.0f} MB/s"
    time_ = f"over {LIMIT:.0f} s" if stopped else f"{took * 1000:,.1f} ms"
    least = "more than " if stopped else ""
    codes = sorted({str(result[2]) for result in results if result[2] not in (0, None)})
    failed = f" (exit code {', '.join(codes)})" if codes else ""
    ratio = "" if tool == "weighbridge" else f"{least}{took / base:,.0f}x"
    print(f"| {name} | {tool}{failed} | {time_} | {'' if stopped else rate} | {peak / 1e6:,.0f} MB | {ratio} |", flush=True)


if __name__ == "__main__":
    main()

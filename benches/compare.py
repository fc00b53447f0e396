#!/usr/bin/env python3
"""Compares `weighbridge scan` with picklescan on the same files, in the same run, on this machine.

usage: python3 benches/compare.py [RUNS]

Builds its inputs and a virtual environment with picklescan 1.0.5 under target/bench, runs the two tools in
turn (A B A B ...), and prints medians, ratios and peak memory. Needs a release build of weighbridge.
"""
import os
import pickle
import random
import statistics
import subprocess
import sys
import time
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = os.path.join(ROOT, "target", "bench")
WEIGHBRIDGE = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "weighbridge")
PICKLESCAN = os.path.join(WORK, "venv", "bin", "picklescan")


def make_tool():
    if not os.path.exists(PICKLESCAN):
        subprocess.run([sys.executable, "-m", "venv", os.path.join(WORK, "venv")], check=True)
        pip = os.path.join(WORK, "venv", "bin", "pip")
        subprocess.run([pip, "install", "--quiet", "picklescan==1.0.5", "numpy"], check=True)


def make_inputs():
    """A 400 MB PyTorch file, 2,000 small pickles, a 30 MB pickle of plain data."""
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
    return [("400 MB .pt", big), ("2,000 small pickles", small), ("30 MB of plain data", plain)]


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
    """Wall seconds, peak resident bytes and exit code of one run."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - start, usage.ru_maxrss * 1024, process.returncode


def main():
    runs = next((int(word) for word in sys.argv[1:] if word.isdigit()), 7)
    os.makedirs(WORK, exist_ok=True)
    make_tool()
    # In a process of its own: a child's peak memory begins with that of the process that starts it.
    if "--inputs" in sys.argv:
        make_inputs()
        return
    subprocess.run([sys.executable, os.path.abspath(__file__), "--inputs"], check=True)
    print(f"{'input':<22}{'weighbridge':>14}{'picklescan':>14}{'ratio':>9}{'peak memory':>16}")
    for name, path in make_inputs():
        ours, theirs, peak = [], [], 0
        for round_ in range(runs + 1):
            a = run([WEIGHBRIDGE, "scan", path])
            b = run([PICKLESCAN, "--path", path])
            if a[2] != 0 or b[2] != 0:
                sys.exit(f"{name}: exit codes {a[2]} and {b[2]}")
            if round_:
                ours.append(a[0])
                theirs.append(b[0])
                peak = max(peak, a[1])
        a, b = statistics.median(ours), statistics.median(theirs)
        print(f"{name:<22}{a * 1000:>11.1f} ms{b * 1000:>11.1f} ms{b / a:>8.0f}x{peak / 1e6:>13.1f} MB")


if __name__ == "__main__":
    main()

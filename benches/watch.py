"""Measures what `weighbridge watch` costs: processor, memory and losses while a service in a cgroup of its own
connects as often as asked to a listener on loopback. Needs root and control groups of version 2.

    cargo build --release -p weighbridge
    python3 benches/watch.py --rate 500 --seconds 20
    python3 benches/watch.py --rate 0 --seconds 5 --services 4     (as fast as it goes)

On a machine that is busy with other work, `--nice -15` gives the watch its share of the processor.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

SERVICE = """
import socket, sys, time
port, rate, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
start, count = time.monotonic(), 0
while time.monotonic() - start < seconds:
    if rate and count >= rate * (time.monotonic() - start):
        time.sleep(0.001)
        continue
    if rate:
        socket.create_connection(("127.0.0.1", port)).close()
        count += 1
        continue
    # Datagrams cost the least, and each of them is an event.
    if count == 0:
        out, to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ("127.0.0.1", port)
    for _ in range(200):
        out.sendto(b"x", to)
    count += 200
print(count)
"""


def cgroups():
    for line in open("/proc/self/mounts"):
        parts = line.split(" ")
        if parts[2] == "cgroup2":
            return pathlib.Path(parts[1])
    sys.exit("control groups of version 2 are not mounted")


def used(pid):
    """Seconds of processor that a process and its children have used, and MiB of memory of its own."""
    stat = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    ticks = sum(int(field) for field in stat[11:15])
    status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status") if ":" in line)
    memory = {name: int(status[name].split()[0]) / 1024 for name in ("VmHWM", "RssAnon", "VmRSS")}
    return ticks / os.sysconf("SC_CLK_TCK"), memory


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="target/release/weighbridge")
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--services", type=int, default=1, help="processes that connect at once")
    parser.add_argument("--tier", default="t2", choices=["t1", "t2"], help="t1 needs nft, and tells no datagrams")
    parser.add_argument("--nice", type=int, default=0, help="niceness of the watch")
    arguments = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    port = listener.getsockname()[1]

    def accept():
        while True:
            listener.accept()[0].close()

    threading.Thread(target=accept, daemon=True).start()
    group = cgroups() / f"weighbridge-bench-{os.getpid()}"
    group.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        policy = pathlib.Path(folder, "policy.toml")
        records = pathlib.Path(folder, "records.jsonl")
        policy.write_text(
            f'mode = "enforce"\n[[service]]\nname = "bench"\ncgroup = "/{group.name}"\n'
            f'[[service.allow]]\ncidr = "127.0.0.0/8"\n[outputs]\nrecords = "{records}"\n'
        )
        watch = subprocess.Popen(
            [arguments.binary, "watch", "--policy", policy, "--tier", arguments.tier],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.nice(arguments.nice),
        )
        while "nothing is" not in (line := watch.stderr.readline()) and f"sensor {arguments.tier}" not in line:
            if not line:
                sys.exit("the watch did not start")
        time.sleep(2)
        before, _ = used(watch.pid)
        start = time.monotonic()
        command = f"echo $$ > {group}/cgroup.procs; exec python3 -c '{SERVICE}' {port} {arguments.rate} {arguments.seconds}"
        services = [subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, text=True) for _ in range(arguments.services)]
        made = sum(int(service.communicate()[0]) for service in services)
        elapsed = time.monotonic() - start
        after, memory = used(watch.pid)
        time.sleep(3)
        watch.send_signal(signal.SIGTERM)
        watch.wait()
        lines = [json.loads(line) for line in records.open()]
        lines = [line for line in lines if line.get("destination.port", port) == port]
        seen = sum(line["weighbridge.watch"] == "connect" for line in lines)
        attributed = sum(line["weighbridge.watch"] == "connect" and "process.pid" in line for line in lines)
        told = [line["message"] for line in lines if line["weighbridge.watch"] == "sensor"]
        count = lambda what: sum(int(message.split()[0]) for message in told if re.match(rf"\d+ {what} were lost", message))
        lost, others = count("connections"), count("events of processes and name servers")
    group.rmdir()
    print(f"connections made       {made}  ({made / elapsed:.0f} a second)")
    print(f"seen and attributed    {seen}, {attributed}")
    print(f"processor              {100 * (after - before) / elapsed:.2f} % of a core")
    print(f"memory of its own      {memory['RssAnon']:.1f} MiB (resident {memory['VmRSS']:.1f}, at most {memory['VmHWM']:.1f})")
    print(f"told as lost           {lost} connections, {others} other events of this host")
    print(f"neither seen nor told  {made - seen - lost}")
    sys.exit(made != seen + lost)


main()

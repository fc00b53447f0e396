"""The hosts of the test: an inference server that loads a pickle and answers HTTP, a service it uses, and a
listener that stands for an attacker. Every one ends by itself after ten minutes. Traffic stays on loopback and
on addresses inside the test's own network namespaces."""

import http.server
import os
import pickle
import signal
import socket
import struct
import sys
import threading
import time

signal.alarm(600)


def serve_model(path, port):
    state = {}

    def load():
        change = os.stat(path).st_mtime_ns
        if state.get("change") != change:
            state["change"] = change
            with open(path, "rb") as file:
                state["model"] = pickle.load(file)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.startswith("/floods"):
                _, _, address, seconds, processes = self.path.split("/")
                body = str(floods(address, float(seconds), int(processes))).encode()
            elif self.path.startswith("/flood"):
                _, _, address, seconds = self.path.split("/")
                body = str(flood(address, float(seconds))).encode()
            elif self.path.startswith("/named"):
                _, _, server, name = self.path.split("/")
                body = str(named(server, name)).encode()
            elif self.path.startswith("/ordinary"):
                _, _, address, count = self.path.split("/")
                body = str(ordinary(address, int(count))).encode()
            else:
                load()
                body = str(state["model"]).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    load()
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def ordinary(address, count):
    """Connects again and again, as a server asks a store for features; returns how often that worked."""
    worked = 0
    for _ in range(count):
        try:
            with socket.create_connection((address, 80), 5) as connection:
                worked += connection.recv(2) == b"ok"
        except OSError:
            pass
    return worked


def named(server, name):
    """Asks a name server, connects to what it answers, and tries again for a moment as clients do."""
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.connect((server, 53))
    out.settimeout(5)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    out.send(b"\0\1\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1")
    address = socket.inet_ntoa(out.recv(512)[-4:])
    for _ in range(100):
        if ordinary(address, 1):
            return True
        time.sleep(0.02)
    return False


def flood(address, seconds):
    """Sends datagrams as fast as it goes; each of them is an event. Returns how many there were."""
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        for _ in range(100):
            out.sendto(b"x", (address, 9))
        count += 100
    return count


def floods(address, seconds, processes):
    """The same from several processes at once; returns how many there were in all."""
    pipes = []
    for _ in range(processes):
        out, into = os.pipe()
        if os.fork() == 0:
            os.write(into, str(flood(address, seconds)).encode())
            os._exit(0)
        os.close(into)
        pipes.append(out)
    counts = [int(os.read(pipe, 64)) for pipe in pipes]
    for pipe in pipes:
        os.close(pipe)
        os.wait()
    return sum(counts)


def listen(address, port, counter):
    """Answers every connection with two bytes, and writes how many there were to a file."""
    listener = socket.create_server((address, port), backlog=4096)
    count = 0
    written = time.monotonic()

    def write():
        with open(counter + ".new", "w") as file:
            file.write(str(count))
        os.replace(counter + ".new", counter)

    write()
    listener.settimeout(0.1)
    while True:
        try:
            connection, _ = listener.accept()
            count += 1
            connection.sendall(b"ok")
            connection.close()
        except OSError:
            pass
        if time.monotonic() - written > 0.1:
            write()
            written = time.monotonic()


def resolve(address, answer):
    """A name server that knows one address."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))
    while True:
        query, sender = server.recvfrom(512)
        head = query[:2] + b"\x81\x80" + query[4:6] + b"\0\1\0\0\0\0"
        record = b"\xc0\x0c\0\1\0\1" + struct.pack(">IH", 60, 4) + socket.inet_aton(answer)
        server.sendto(head + query[12:] + record, sender)


def beacon(address, port, count):
    """The payload of the test's model: processes that live for 20 ms and connect once."""
    children = []
    for number in range(count):
        child = os.fork()
        if child == 0:
            try:
                socket.create_connection((address, port), 1).close()
            except OSError:
                pass
            time.sleep(0.02)
            os._exit(0)
        children.append(child)
        if len(children) == 10 or number == count - 1:
            for child in children:
                os.waitpid(child, 0)
            children = []


verb, arguments = sys.argv[1], sys.argv[2:]
if verb == "serve":
    serve_model(arguments[0], int(arguments[1]))
elif verb == "listen":
    listen(arguments[0], int(arguments[1]), arguments[2])
elif verb == "resolve":
    resolve(arguments[0], arguments[1])
elif verb == "beacon":
    beacon(arguments[0], int(arguments[1]), int(arguments[2]))
elif verb == "clean":
    with open(arguments[0], "wb") as file:
        pickle.dump({"weights": [0.5, 0.25]}, file)
elif verb == "ask":
    with socket.create_connection(("127.0.0.1", int(arguments[0])), 500) as connection:
        connection.sendall(f"GET {arguments[1]} HTTP/1.0\r\n\r\n".encode())
        reply = b""
        while chunk := connection.recv(4096):
            reply += chunk
    print(reply.split(b"\r\n\r\n", 1)[1].decode())

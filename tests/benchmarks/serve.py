"""How fast `mlpcli serve` answers, and what it survives: python tests/benchmarks/serve.py [N_HOSTILE]

Prints, of the default model of penguins.csv on loopback: p50 and p99 of one row a request at 100 requests a second, by
`hey` too where it is installed (apt-get install hey); rows a second at 1,000 rows a request beside those of `predict`'s
own code in this process; when slow clients are cut off, and how long others wait meanwhile; and of N_HOSTILE (10,000)
hostile requests the answers by status, the server's memory and open files, and wrong answers to plain requests.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is loaded: as the commands do

import pandas as pd

from mlpcli.config.settings import ReadOptions
from mlpcli.model.prediction import Predictor
from mlpcli.model.trained import load

PENGUINS = Path(__file__).parents[2] / "sample_data" / "penguins.csv"
SECONDS, RATE = 10, 100  # of requests of one row; a second
LONGEST = 120  # seconds of hostile requests
LIMIT, N_SLOW, PATIENCE = 5, 10, 30  # seconds of a request; slow clients of each kind; seconds until they give up
HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HOSTILE = {
    "cut": HEAD + b"Content-Length: 50\r\n\r\n{",
    "huge": HEAD + b"Content-Length: 99999999999\r\n\r\n{}",
    "huge head": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 60_000 + b"\r\n\r\n",
    "no type": HEAD.replace(b"application/json", b"a/b") + b"Content-Length: 2\r\n\r\n{}",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "bad chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "deep": HEAD + b"Content-Length: 50000\r\n\r\n" + b"[" * 50_000,
    "not UTF-8": HEAD + b"Content-Length: 4\r\n\r\n\xff\xfe{}",
    "key twice": HEAD + b'Content-Length: 13\r\n\r\n{"a":1,"a":2}',
    "no row": HEAD + b"Content-Length: 5\r\n\r\n[1,2]",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


@contextmanager
def serving(folder: str):
    command = [sys.executable, "-m", "mlpcli", "serve", "model.npz", "--port", "0", "--max-seconds", str(LIMIT)]
    log = open(f"{folder}/log", "w")  # noqa: SIM115  open as long as the process
    with log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.PIPE, text=True) as process:
        port = int(re.search(r":(\d+) ", process.stderr.readline())[1])
        yield port, process.pid
        process.terminate()
        print(f"exit code after SIGTERM: {process.wait(30)}")


def ask(connection: http.client.HTTPConnection, body: bytes) -> bytes:
    connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
    return connection.getresponse().read()


def latency(port: int, rows: list[dict]) -> None:
    connection, took = http.client.HTTPConnection("127.0.0.1", port), []
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    start = time.perf_counter()
    for i in range(SECONDS * RATE):
        time.sleep(max(0.0, start + i / RATE - time.perf_counter()))
        began = time.perf_counter()
        ask(connection, json.dumps(rows[i % len(rows)]).encode())
        took.append(1000 * (time.perf_counter() - began))
    took.sort()
    print(f"one row, {RATE} a second: p50 {took[len(took) // 2]:.1f} ms, p99 {took[int(0.99 * len(took))]:.1f} ms")


def latency_by_hey(port: int, rows: list[dict], folder: str) -> None:
    if shutil.which("hey") is None:
        return
    (Path(folder) / "row.json").write_text(json.dumps(rows[0]))
    options = ["-z", f"{SECONDS}s", "-q", str(RATE), "-c", "1", "-m", "POST", "-T", "application/json"]
    command = ["hey", *options, "-D", f"{folder}/row.json", f"http://127.0.0.1:{port}/predict"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = [1000 * float(re.search(rf"{share}%+ in ([0-9.]+) secs", said)[1]) for share in (50, 99)]
    answers = ", ".join(re.findall(r"(\[[0-9]+\]\s+[0-9]+) responses", said)).replace("\t", " ")
    print(f"by hey: p50 {found[0]:.1f} ms, p99 {found[1]:.1f} ms; {answers}")


def slow_head(connection: socket.socket) -> None:
    drip(connection, HEAD + b"X: " + b"a" * 1000)


def slow_body(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
    drip(connection, b" " * 1000)


def drip(connection: socket.socket, data: bytes) -> None:
    for byte in data:
        connection.sendall(bytes([byte]))
        connection.settimeout(0.1)
        with suppress(TimeoutError):
            if connection.recv(1000):  # it was told why, and is closed
                return


def slow_reader(connection: socket.socket) -> None:
    """The log says when it is cut off: it can still read what had come before."""
    connection.settimeout(PATIENCE)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1500)
    while connection.recv(1):
        time.sleep(0.1)


def slow(port: int, rows: list[dict], log: Path) -> None:
    """Clients that send or read a byte ten times a second, all at once."""
    done = []

    def run(client) -> None:
        with socket.socket() as made, suppress(OSError):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            made.connect(("127.0.0.1", port))
            began = time.monotonic()
            with suppress(OSError):
                client(made)
            if client is not slow_reader:
                done.append((client.__name__, time.monotonic() - began))

    clients = [slow_head, slow_body, slow_reader]
    threads = [threading.Thread(target=run, args=(client,), daemon=True) for client in clients for _ in range(N_SLOW)]
    for thread in threads:
        thread.start()
    body, waits, ends = json.dumps(rows[0]).encode(), [], time.monotonic() + PATIENCE
    connection = http.client.HTTPConnection("127.0.0.1", port)
    start = time.monotonic()
    while time.monotonic() < ends:
        n_untaken = log.read_text().count("the answer was not taken")
        done += [("slow_reader", time.monotonic() - start)] * (n_untaken - sum(n == "slow_reader" for n, _ in done))
        if len(done) >= len(threads):
            break
        began = time.monotonic()
        ask(connection, body)
        waits.append(1000 * (time.monotonic() - began))
        time.sleep(0.05)
    for client in clients:
        seconds = [took for name, took in done if name == client.__name__]
        print(f"  {client.__name__}: {len(seconds)} of {N_SLOW} cut off, after {max(seconds, default=0):.1f} s at most")
    waits.sort()
    print(f"  {len(waits)} plain requests meanwhile: p50 {waits[len(waits) // 2]:.1f} ms, longest {waits[-1]:.0f} ms")


def throughput(port: int, rows: list[dict], folder: str) -> None:
    many = (rows * 3)[:1000]
    frame = pd.DataFrame(many)
    csv, body = frame.to_csv(index=False).encode(), json.dumps(many).encode()
    connection, model = http.client.HTTPConnection("127.0.0.1", port), load(f"{folder}/model.npz")

    def best(work) -> float:
        times = []
        for _ in range(10):
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
        return 1000 / min(times)

    def post_csv() -> bytes:
        connection.request("POST", "/predict", csv, {"Content-Type": "text/csv"})
        return connection.getresponse().read()

    own = best(lambda: b"".join(Predictor(model).predict([csv], "rows", ReadOptions())))
    for name, found in (("CSV", best(post_csv)), ("JSON", best(lambda: ask(connection, body)))):
        print(f"1,000 rows a request, {name}: {found:,.0f} rows a second; predict: {own:,.0f}; ratio {found / own:.2f}")


def hostile(port: int, pid: int, rows: list[dict], n: int) -> None:
    def memory() -> int:
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) >> 10

    def files() -> int:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))

    rng, found, body = random.Random(0), Counter(), json.dumps(rows[0]).encode()
    right, ends, wrong = ask(http.client.HTTPConnection("127.0.0.1", port), body), time.monotonic() + LONGEST, 0
    memory_before, files_before, slow = memory(), files(), []
    for i in range(n):
        if time.monotonic() > ends:
            print(f"stopped after {i:,} hostile requests: {LONGEST} s are over")
            break
        kind = rng.choice([*HOSTILE])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as made:
            try:
                made.sendall(HOSTILE[kind])
                if kind == "cut":
                    made.shutdown(socket.SHUT_WR)
                answer = made.recv(100)
            except OSError:
                answer = b""
        found[kind, answer[9:12].decode("ascii", "replace")] += 1
        if i % 1000 == 0:
            slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]  # say nothing
        if i % 100 == 0:
            wrong += ask(http.client.HTTPConnection("127.0.0.1", port), body) != right
    for connection in slow:
        connection.close()
    time.sleep(1)
    for (kind, status), k in sorted(found.items()):
        print(f"  {kind}: {status or 'connection ended'}, {k:,} times")
    print(f"memory {memory_before} -> {memory()} MB, open files {files_before} -> {files()}, wrong answers {wrong}")


def main() -> None:
    frame = pd.read_csv(PENGUINS).drop(columns="species")
    rows = [{k: None if v != v else v for k, v in row.items()} for row in frame.to_dict("records")]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "penguins.csv").write_bytes(PENGUINS.read_bytes())
        subprocess.run(
            [sys.executable, "-m", "mlpcli", "train", "penguins.csv", "-q", "-o", "model.npz"], cwd=folder, check=True
        )
        with serving(folder) as (port, pid):
            latency(port, rows)
            latency_by_hey(port, rows, folder)
            throughput(port, rows, folder)
            slow(port, rows, Path(folder) / "log")
            hostile(port, pid, rows, int(sys.argv[1]) if sys.argv[1:] else 10_000)


if __name__ == "__main__":
    main()

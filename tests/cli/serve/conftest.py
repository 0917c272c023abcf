"""One server process for all tests, and ways to talk to it: whole requests, and bytes."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from command_line import mlpcli
from samples import PENGUINS


class Client:
    """Talks to a server on loopback."""

    def __init__(self, port: int, process: subprocess.Popen[str], folder: Path) -> None:
        self.port, self.process, self.folder = port, process, folder

    def ask(self, path, body=None, media="application/json", method=None, headers=()):
        """Status, headers in small letters, and content."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        content = json.dumps(body).encode() if isinstance(body, dict | list) else body
        more = {"Content-Type": media} if body is not None else {}
        connection.request(method or ("GET" if body is None else "POST"), path, content, more | dict(headers))
        found = connection.getresponse()
        answer = found.status, {k.lower(): v for k, v in found.getheaders()}, found.read()
        connection.close()
        return answer

    def predict(self, body, media="application/json"):
        status, _, content = self.ask("/predict", body, media)
        return status, content

    @contextmanager
    def raw(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as made:
            yield made

    def send(self, data: bytes) -> bytes:
        """What comes back until the server closes the connection, or has nothing more to say."""
        with self.raw() as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return received(connection)

    def log(self) -> list[dict]:
        """The lines of the log; one that is being written does not count yet."""
        *whole, _ = (self.folder / "requests.jsonl").read_text().split("\n")
        return [json.loads(line) for line in whole]

    def logged(self, name: str, value: object) -> dict | None:
        """The last line of the log if it says so, within 10 seconds: it is written behind the answer."""
        deadline = time.monotonic() + 10
        while not self.log() or self.log()[-1].get(name) != value:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.02)
        return self.log()[-1]


def received(connection) -> bytes:
    found = b""
    try:
        while part := connection.recv(1 << 16):
            found += part
    except ConnectionResetError:
        pass
    return found


@contextmanager
def serving(folder: Path, model: Path, *options: str, code: int = 0):
    """A server process; it is stopped by SIGTERM and must end with this code."""
    command = [sys.executable, "-m", "mlpcli", "serve", str(model), "--port", "0", *options]
    with (
        (folder / "requests.jsonl").open("w") as out,
        subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            line = process.stderr.readline()
            port = re.search(r":(\d+) ", line)
            assert port, line + process.stderr.read()
            yield Client(int(port[1]), process, folder)
        finally:
            process.terminate()
            rest = process.stderr.read()
            assert process.wait(30) == code, rest


@pytest.fixture(scope="session")
def penguins(tmp_path_factory):
    """A folder with penguins.csv and a model of it, model.npz."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copy(PENGUINS, folder)
    for name, seed in (("model.npz", 1), ("other.npz", 7)):
        options = ("-q", "--preset", "classic", "--epochs", "3", "--seed", seed, "-o", name)
        assert mlpcli("train", "penguins.csv", *options, cwd=folder).returncode == 0
    return folder


@pytest.fixture(scope="session")
def server(penguins, tmp_path_factory):
    """A server of penguins with small limits, in a folder of its own."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(penguins / "model.npz", folder)
    os.environ.pop("MLPCLI_DEBUG", None)
    options = ("--proba", "--max-body", "0.1", "--max-rows", "500", "--max-seconds", "1.5", "--max-connections", "8")
    with serving(folder, folder / "model.npz", *options) as client:
        yield client


@pytest.fixture(scope="session")
def rows():
    """The rows of penguins.csv as they would come in JSON."""
    frame = pd.read_csv(PENGUINS).drop(columns="species")
    return [
        {name: None if value != value else value for name, value in row.items()} for row in frame.to_dict("records")
    ]


@pytest.fixture
def server_process():
    """What starts a server process of its own."""
    return serving

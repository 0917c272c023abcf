"""Connections and signals: hostile bytes, slow clients, reload, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import threading
import time
from contextlib import suppress

import pytest

from mlpcli.cli.serve import greeting, write
from mlpcli.cli.serve.server import bound
from mlpcli.cli.streams import ReaderLeftError
from mlpcli.errors import MachineError

HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def received(connection, end: bytes | None = None) -> bytes:
    """What comes, up to these bytes, or until the server closes the connection."""
    found = b""
    with suppress(ConnectionResetError):
        while (end is None or not found.endswith(end)) and (part := connection.recv(1 << 16)):
            found += part
    return found


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"hello\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length : 2\r\n\r\n{}", HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        HEAD + b"Content-Length: " + b"9" * 18 + b"\r\n\r\n{}", HEAD + b"X\x00Y: 1\r\nContent-Length: 2\r\n\r\n{}",
    ],
)  # fmt: skip
def test_bytes_that_are_no_clean_request_are_refused_and_end_the_connection(server, data):
    answer = server.send(data + b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.split(b" ")[1] in (b"400", b"413", b"431", b"501", b"505")
    assert answer.count(b"HTTP/1.1 ") == 1  # what stands behind is not taken for another request
    assert server.ask("/health")[0] == 200


def test_a_body_without_end_is_cut_at_the_limit(server):
    with server.raw() as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
        try:
            for _ in range(50):
                connection.sendall(chunk)
            found = connection.recv(100)
        except OSError:
            found = b""
    assert found.startswith(b"HTTP/1.1 413") or not found
    assert server.logged("status", 413)


def test_a_client_that_leaves_is_logged_and_nothing_else(server):
    with server.raw() as connection:
        connection.sendall(HEAD + b"Content-Length: 20\r\n\r\n{")
    assert server.logged("error", "the client left")


def test_requests_behind_each_other_are_answered_in_order(server):
    get = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    answer = server.send(get % (b"health", b"") + get % (b"nowhere", b"Connection: close\r\n"))
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404"]


@pytest.mark.slow
def test_slow_heads_and_slow_bodies_and_too_many_connections_end(server):
    """All at once: 1.5 seconds each by the limit of this server."""
    get = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with server.raw() as silent, server.raw() as head, server.raw() as body, server.raw() as second:
        head.sendall(HEAD)
        body.sendall(HEAD + b"Content-Length: 20\r\n\r\n{")
        second.sendall(get)
        assert received(second, b"}").startswith(b"HTTP/1.1 200")
        second.sendall(get[:10])
        more = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(8)]
        refused = [received(connection) for connection in more[4:]]
        assert all(answer.startswith(b"HTTP/1.1 503") for answer in refused)
        for connection in more:
            connection.close()
        for connection in (silent, head, body, second):
            assert received(connection).startswith(b"HTTP/1.1 408")
    assert server.ask("/health")[0] == 200


def test_reload_takes_the_new_file_and_never_mixes(server, penguins, rows):
    def settled(n):
        deadline = time.monotonic() + 20
        while len(reloads()) < n and time.monotonic() < deadline:
            time.sleep(0.02)
        return reloads()[-1]

    def reloads():
        return [line for line in server.log() if line.get("event") == "reload"]

    def replace(source):
        shutil.copy(source, server.folder / "new.npz")
        os.replace(server.folder / "new.npz", server.folder / "model.npz")
        server.process.send_signal(signal.SIGHUP)

    first = server.predict(rows[:300])[1]
    server.process.send_signal(signal.SIGHUP)
    assert settled(1)["message"] == "the file is the same"
    found, running = set(), threading.Event()

    def ask():
        while not running.is_set():
            status, headers, content = server.ask("/predict", rows[:300])
            found.add((status, headers["x-model"], content))

    thread = threading.Thread(target=ask)
    thread.start()
    replace(penguins / "other.npz")
    settled(2)
    second = server.predict(rows[:300])[1]
    (server.folder / "broken.npz").write_text("x")
    replace(server.folder / "broken.npz")
    assert "not an mlpcli model" in settled(3)["error"]
    assert server.predict(rows[:300])[1] == second != first
    replace(penguins / "model.npz")
    settled(4)
    running.set()
    thread.join()
    assert server.predict(rows[:300])[1] == first
    assert {(status, content) for status, _, content in found} <= {(200, first), (200, second)}
    assert len(found) == len({digest for _, digest, _ in found})


@pytest.mark.slow
def test_the_end_waits_for_the_requests_at_hand(penguins, rows, tmp_path, server_process):

    with server_process(tmp_path, penguins / "model.npz") as client, client.raw() as connection, client.raw() as idle:
        text = json.dumps(rows[0]).encode()
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(text) + text[:5])
        time.sleep(0.2)
        client.process.terminate()
        assert idle.recv(10) == b""
        connection.sendall(text[5:])
        assert received(connection).startswith(b"HTTP/1.1 200")


@pytest.mark.slow
def test_requests_that_a_second_signal_cuts_off_are_told_by_the_exit_code(penguins, tmp_path, server_process):
    with server_process(tmp_path, penguins / "model.npz", code=143) as client, client.raw() as connection:
        connection.sendall(HEAD + b"Content-Length: 20\r\n\r\n{")
        time.sleep(0.2)
        client.process.terminate()
        time.sleep(0.3)
        client.process.terminate()
        received(connection)
        assert client.process.wait(30) == 143


@pytest.mark.slow
def test_answers_that_nobody_takes_end_their_connection(server):
    page = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(page * 1500)
        deadline = time.monotonic() + 20
        while "the answer was not taken" not in [line.get("error") for line in server.log()]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert server.ask("/health")[0] == 200


def test_a_port_that_is_taken_is_said(server):
    with pytest.raises(MachineError, match=r"cannot listen on 127\.0\.0\.1"):
        bound("127.0.0.1", server.port)
    with pytest.raises(MachineError):
        bound("no.such.host.invalid", 1)


def test_what_it_means_to_listen_is_said():
    assert "only programs of this machine" in "".join(greeting("m", "127.0.0.1", 1))
    assert "no password" in "".join(greeting("m", "0.0.0.0", 1))
    assert "http://[::]:1" in "".join(greeting("m", "::", 1))


def test_a_log_that_nobody_reads_is_no_reason_to_stop(monkeypatch):
    def left(*args, **options):
        raise ReaderLeftError

    monkeypatch.setattr("builtins.print", left)
    write({})


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [(["--drift", "no"], 2, "--drift"), (["--interval", "0.9"], 2, "--interval is for numbers"),
     (["--explain", "99"], 2, "--explain"), (["--host", "300.0.0.1"], 1, "cannot listen")],
)  # fmt: skip
def test_what_cannot_be_served_is_refused(call, penguins, options, code, message):
    done = call("serve", penguins / "model.npz", *options)
    assert done[0] == code
    assert message in done[2]


def test_without_the_extra_one_line_names_it(call, penguins, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "mlpcli.cli.serve.server", raising=False)
    monkeypatch.delattr("mlpcli.cli.serve.server", raising=False)
    code, _, err = call("serve", penguins / "model.npz")
    assert code == 1
    assert "pip install 'mlpcli[serve]'" in err

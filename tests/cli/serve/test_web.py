"""The server over HTTP: each path, what is refused, and whom an answer reaches."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from samples import PENGUINS

from mlpcli.cli.serve import service_of
from mlpcli.cli.serve.service import Limits, Wishes
from mlpcli.cli.serve.web import Current, application


def test_rows_are_answered_in_kind(server, rows):
    data = PENGUINS.read_bytes()
    for body, media in ((rows[:3], "application/json"), (data, "text/csv"), (rows[0], "application/json")):
        status, headers, content = server.ask("/predict", body, media)
        assert status == 200
        assert headers["content-type"].startswith(media)
        assert len(headers["x-model"]) == 16
        assert content.count(b"Adelie") >= (1 if isinstance(body, dict) else 3)
    status, content = server.predict(json.dumps(rows[0]).encode() + b"\n", "application/x-ndjson")
    assert (status, json.loads(content)["prediction"]) == (200, "Adelie")


def test_a_wrong_row_is_named_and_the_rest_is_answered(server, rows):
    status, content = server.predict([rows[0], rows[0] | {"year": "soon"}])
    first, second = json.loads(content)
    assert (status, first["prediction"], second["error"]["column"]) == (422, "Adelie", "year")
    assert server.logged("wrong", 1)


@pytest.mark.parametrize("path", ["/", "/health", "/schema", "/openapi.json"])
def test_pages_are_there(server, path):
    status, headers, content = server.ask(path)
    assert status == 200
    assert (b"<h1>" in content) if path == "/" else json.loads(content)
    if path == "/":
        assert headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("path", "body", "media", "method", "status"),
    [
        ("/nowhere", None, "", None, 404), ("/predict", None, "", None, 405), ("/health", b"", "text/csv", "POST", 405),
        ("/predict", b"1", "application/pickle", None, 415), ("/predict", b"{", "application/json", None, 400),
        ("/predict", b"x" * 200_000, "text/csv", None, 413), ("/predict", [{}] * 501, "application/json", None, 413),
        ("/predict", b"\x1f\x8b" * 10, "text/csv", None, 415), ("/predict/", b"{}", "application/json", None, 404),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_says_why_in_json(server, path, body, media, method, status):
    found, _, content = server.ask(path, body, media, method)
    assert found == status
    assert json.loads(content)["error"]["message"]


def test_a_name_of_another_machine_is_refused_on_loopback(server):
    for name, status in (("evil.example", 421), ("localhost:99", 200), ("[::1]:1", 200), ("LOCALHOST", 200)):
        assert server.ask("/health", headers={"Host": name}.items())[0] == status


def test_every_client_gets_its_own_answers(server, rows):
    """Of 4 at once, each with rows of its own, none gets those of another."""
    expected = json.loads(server.predict(rows)[1])
    wrong = []

    def ask(start):
        for i in range(start, start + 10):
            status, content = server.predict(rows[i : i + 3])
            if status != 200 or json.loads(content) != expected[i : i + 3]:
                wrong.append((status, content))

    threads = [threading.Thread(target=ask, args=(60 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_each_request_is_a_line_of_json_in_the_log(server):
    server.ask("/health%1b%5B31m?secret=1")
    last = server.logged("path", "/health\x1b[31m")
    assert {"time", "client", "method", "path", "status", "ms", "bytes_out"} <= last.keys()
    assert "secret" not in json.dumps(last)
    assert "\x1b" not in (server.folder / "requests.jsonl").read_text()


def test_a_bug_is_said_and_logged():
    """In this process: no request is known to raise one."""
    sent, logged = [], []

    async def receive():
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message):
        sent.append(message)

    class Broken:
        digest, short_bytes = "0", 0

        def answer(self, *_):
            raise ZeroDivisionError("x")

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/predict", "raw_path": b"/predict", "headers": headers,
             "query_string": b"", "http_version": "1.1", "root_path": "", "client": None}  # fmt: skip
    current = Current(Broken(), Limits(), False)  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):  # the server's own log has it too
        asyncio.run(application(current, logged.append)(scope, receive, send))
    current.executor.shutdown()
    assert sent[0]["status"] == logged[0]["status"] == 500
    assert b"this is a bug" in sent[1]["body"]


def test_a_request_waits_its_turn_on_the_thread_while_the_model_is_asked(penguins, rows):
    service = service_of(str(penguins / "model.npz"), Wishes())
    current, body = Current(service, Limits(), True), json.dumps(rows[0]).encode()

    async def answers():
        assert current.asked.acquire()
        waiting = asyncio.create_task(current.answer(service, body, "application/json", float("inf")))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        current.asked.release()
        return [await waiting, await current.answer(service, body, "application/json", float("inf"))]

    first, second = asyncio.run(answers())
    current.executor.shutdown()
    assert first == second == service.answer(body, "application/json", Limits(), float("inf"))
    assert not current.asked.locked()


def test_a_model_that_explains_or_watches_is_always_asked_on_the_thread(penguins):
    path = str(penguins / "model.npz")
    assert service_of(path, Wishes(drift=True)).short_bytes == 0

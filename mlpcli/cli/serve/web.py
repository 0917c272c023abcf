"""The model over HTTP: which path answers what, and a JSON line for each request."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlpcli.cli.serve import schema
from mlpcli.cli.serve.rows import RefusedError
from mlpcli.cli.serve.service import Answer, Limits, Service

HTML_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
PORT = re.compile(r":\d*$")  # behind a name
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
MAX_HEAD = 1 << 14  # bytes of the headers of a request
SHOWN = 200  # characters of a path in the log

Log = Callable[[dict[str, Any]], object]


@dataclass
class Current:
    """The model that answers now, and the one thread that asks it: a request keeps the model it began with."""

    service: Service
    limits: Limits
    is_local: bool  # only names of this machine are answered: a page of another site may resolve its name to it
    executor: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "predict"))
    asked: Lock = field(default_factory=Lock)  # whoever holds it asks the model

    async def answer(self, service: Service, body: bytes, media: str, deadline: float) -> Answer:
        """A short request is answered here while nobody else asks: handing it over would take as long."""
        if len(body) <= service.short_bytes and self.asked.acquire(blocking=False):
            try:
                return service.answer(body, media, self.limits, deadline)
            finally:
                self.asked.release()

        def answer() -> Answer:
            with self.asked:
                return service.answer(body, media, self.limits, deadline)

        return await asyncio.get_running_loop().run_in_executor(self.executor, answer)


def application(current: Current, log: Log) -> ASGIApp:
    routes = [
        Route("/predict", predict, methods=["POST"]), Route("/", front, methods=["GET"]),
        Route("/health", health, methods=["GET"]), Route("/schema", row_schema, methods=["GET"]),
        Route("/openapi.json", openapi, methods=["GET"]),
    ]  # fmt: skip
    handlers: Any = {RefusedError: refused, HTTPException: no_such, ClientDisconnect: left, Exception: bug}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    app.state.current = current
    return Logged(app, log)


def current_of(request: Request) -> Current:
    found: Current = request.app.state.current
    check_request(request, found)
    return found


def check_request(request: Request, current: Current) -> None:
    """RefusedError for a request that two readers could take for different ones, or that is meant for another host."""
    names = [name for name, _ in request.scope["headers"]]
    if request.scope["http_version"] not in ("1.0", "1.1"):
        raise RefusedError(505, "another version of HTTP than 1.1")
    if sum(len(name) + len(value) for name, value in request.scope["headers"]) > MAX_HEAD:
        raise RefusedError(431, f"headers of more than {MAX_HEAD:,} bytes")
    if b"transfer-encoding" in names and b"content-length" in names:
        raise RefusedError(400, "both Transfer-Encoding and Content-Length")
    name = PORT.sub("", request.headers.get("host", "").lower())
    if current.is_local and name and name not in LOOPBACK_NAMES:
        raise RefusedError(421, "not a name of this machine", f"http://{LOOPBACK_NAMES[0]}, or --host")


async def predict(request: Request) -> Response:
    current = current_of(request)
    service, limits, seen = current.service, current.limits, request.scope["state"]
    deadline = time.monotonic() + limits.seconds
    try:
        async with asyncio.timeout(limits.seconds):
            body = await body_of(request, limits)
    except TimeoutError as error:
        raise RefusedError(408, f"the body did not come within {limits.seconds:g} s") from error
    seen["bytes_in"] = len(body)
    answer = await current.answer(service, body, request.headers.get("content-type", ""), deadline)
    seen |= {"rows": answer.n_rows, "wrong": answer.n_wrong, "model": service.digest}
    return Response(answer.content, answer.status, {"X-Model": service.digest}, answer.media)


async def body_of(request: Request, limits: Limits) -> bytes:
    """The body. Raises RefusedError where it is too long, as soon as that is known."""
    told = request.headers.get("content-length", "0")
    body = bytearray()
    if len(told) > len(str(limits.body)) or int(told) > limits.body:
        raise RefusedError(413, f"a body of more than {limits.body:,} bytes", "send the rows in several requests")
    async for part in request.stream():
        body += part
        if len(body) > limits.body:
            raise RefusedError(413, f"a body of more than {limits.body:,} bytes", "send the rows in several requests")
    return bytes(body)


async def front(request: Request) -> Response:
    current = current_of(request)
    address = str(request.base_url).rstrip("/")
    return HTMLResponse(schema.page(current.service, current.limits, address), headers=HTML_HEADERS)


async def health(request: Request) -> Response:
    service = current_of(request).service
    return JSONResponse({"status": "ok", "model": service.path, "digest": service.digest, "drift": service.drifted})


async def row_schema(request: Request) -> Response:
    return JSONResponse(schema.row_schema(current_of(request).service), media_type="application/schema+json")


async def openapi(request: Request) -> Response:
    current = current_of(request)
    return JSONResponse(schema.openapi(current.service, current.limits))


# --- what goes wrong --------------------------------------------------------------------------------------


def problem(
    request: Request, status: int, message: str, hint: str | None = None, column: str | None = None
) -> Response:
    """An answer that is no prediction; the connection ends where a part of the body may still be to come."""
    found = {"message": message, "hint": hint, "column": column}
    request.scope["state"]["error"] = message[:SHOWN]
    headers = {} if status in (415, 422) else {"Connection": "close"}
    error = {name: value for name, value in found.items() if value is not None}
    content = json.dumps({"error": error}, ensure_ascii=False).encode("utf-8", "replace")
    return Response(content, status, headers, "application/json")


async def refused(request: Request, error: RefusedError) -> Response:
    return problem(request, error.status, error.message, error.hint, error.column)


async def no_such(request: Request, error: HTTPException) -> Response:
    return problem(request, error.status_code, error.detail, "POST /predict; GET /, /health, /schema, /openapi.json")


async def left(request: Request, error: ClientDisconnect) -> Response:
    return problem(request, 400, "the client left")


async def bug(request: Request, error: Exception) -> Response:
    return problem(request, 500, f"this is a bug in mlpcli: {type(error).__name__}: {error}", "report it")


class Logged:
    """Writes a line for each request, when it is answered or its client has left."""

    def __init__(self, app: ASGIApp, log: Log) -> None:
        self.app, self.log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, seen = time.perf_counter(), scope.setdefault("state", {})
        seen |= {"status": 0, "bytes_out": 0}

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
            seen["bytes_out"] += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, counted)
        finally:
            client = scope.get("client") or ("", 0)
            milliseconds = round(1000 * (time.perf_counter() - began), 2)
            first = {"client": client[0], "method": scope["method"][:SHOWN], "path": scope["path"][:SHOWN]}
            self.log(timed(first | seen | {"ms": milliseconds}))


def timed(record: dict[str, Any]) -> dict[str, Any]:
    return {"time": datetime.now(UTC).isoformat(timespec="milliseconds")} | record

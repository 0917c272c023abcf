"""uvicorn with bounds of its own: the time that a request head takes, how many connections there are, how it ends."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, ClassVar

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mlpcli.cli.serve.service import Limits
from mlpcli.cli.serve.web import MAX_HEAD, Log, timed
from mlpcli.errors import MachineError

KEEP_ALIVE = 15  # seconds that an idle connection stays
BACKLOG = 128  # connections that wait to be taken


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises MachineError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            made.listen(BACKLOG)
        except OSError:
            made.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MachineError(f"cannot listen on {host}, port {port}: {reason}", "another --port, or --host") from error
    return made


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 of one connection. A head that takes too long, and a reader that does not read, end it."""

    limits: ClassVar[Limits]
    log: ClassVar[Log]
    head: asyncio.TimerHandle | None = None  # ends a head that does not come
    unread: asyncio.TimerHandle | None = None  # ends an answer that is not taken

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self.leave(503, "too many connections")
        else:
            self.wait_for_head()

    def wait_for_head(self) -> None:
        if self.head is None:
            self.head = self.loop.call_later(self.limits.seconds, self.leave, 408, "the request head did not come")

    def head_came(self) -> None:
        if self.head is not None:
            self.head.cancel()
            self.head = None

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self.wait_for_head()
        else:
            self.head_came()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.unread = self.loop.call_later(self.limits.seconds, self.end, 0, "the answer was not taken", 0.0)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.answer_taken()

    def answer_taken(self) -> None:
        if self.unread is not None:
            self.unread.cancel()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self.loop.call_later(self.limits.seconds, self.transport.abort)  # also where nobody reads

    def connection_lost(self, exc: Exception | None) -> None:
        self.answer_taken()
        self.head_came()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        with suppress(h11.LocalProtocolError):  # an answer has begun
            super().send_400_response(msg)
        self.end(400, msg)

    def leave(self, status: int, why: str) -> None:
        """Ends the connection before there was a request."""
        phrase = b"Request Timeout" if status == 408 else b"Service Unavailable"
        self.transport.write(b"HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % (status, phrase))
        self.end(status, why)

    def end(self, status: int, why: str, seconds: float | None = None) -> None:
        """Closes the connection; what is still to be sent has so long, by default as long as a request."""
        client = self.client[0] if self.client else ""
        type(self).log(timed({"client": client, "status": status, "error": why}))
        self.transport.close()
        self.loop.call_later(self.limits.seconds if seconds is None else seconds, self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self.loop.call_later(self.limits.seconds, self.transport.abort)


class Server(uvicorn.Server):
    """SIGTERM and SIGINT end it once the requests at hand are answered, a second one at once; SIGHUP loads the model
    anew.
    """

    def __init__(self, config: uvicorn.Config, reload: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self.reload = reload
        self.loading: set[asyncio.Task[None]] = set()
        self.exit_code = 0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            asyncio.get_running_loop().call_soon_threadsafe(self.cut_off)
        self.force_exit = self.should_exit
        self.should_exit = True
        self.last_signal = sig

    def cut_off(self) -> None:
        """Ends what is still to be answered, which the exit code tells."""
        if self.server_state.tasks:
            self.exit_code = 128 + self.last_signal
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        self.cut_off()  # where the time was over

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()

        def on_hangup(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.begin_reload)

        wanted: dict[int, Any] = {
            signal.SIGTERM: self.handle_exit, signal.SIGINT: self.handle_exit, signal.SIGHUP: on_hangup,
        }  # fmt: skip
        before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def begin_reload(self) -> None:
        async def reload() -> None:
            await self.reload()

        task = asyncio.get_running_loop().create_task(reload())
        self.loading.add(task)
        task.add_done_callback(self.loading.discard)


def server_of(app: Any, limits: Limits, log: Log, reload: Callable[[], Awaitable[None]]) -> Server:
    protocol = type("Protocol", (BoundedProtocol,), {"limits": limits, "log": staticmethod(log)})
    config = uvicorn.Config(
        app, http=protocol, loop="asyncio", ws="none", lifespan="off", log_config=None, log_level="critical",
        access_log=False, server_header=False, proxy_headers=False, timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=round(limits.seconds) + 1, h11_max_incomplete_event_size=MAX_HEAD,
    )  # fmt: skip
    return Server(config, reload)

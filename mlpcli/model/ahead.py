"""Work on two cores at a time: what is taken next is made on a thread of its own meanwhile."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from queue import Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # are for the thread that takes


@dataclass(frozen=True)
class Ended:
    """There are no more items."""

    error: BaseException | None


def ahead(items: Iterator[T]) -> Generator[T]:
    """The items in their order, each made while the one before it is worked on; what they raise comes in its place.

    At most two wait. When the taker leaves, the thread ends with the item that it is at, or with the process where
    that never comes.
    """
    made: Queue[T | Ended] = Queue(1)
    has_left = Event()

    def make() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        error: BaseException | None = None
        try:
            for item in items:
                made.put(item)
                if has_left.is_set():
                    return
        except BaseException as raised:
            error = raised
        made.put(Ended(error))

    Thread(target=make, daemon=True).start()
    try:
        while not isinstance(item := made.get(), Ended):
            yield item
    finally:
        has_left.set()
        if not made.empty():  # the thread may wait for room
            made.get()
    if item.error is not None:
        raise item.error

"""Work on two cores at a time: what is taken next is made on a thread of its own meanwhile."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

LOOK_SECONDS = 0.1  # until a thread that waits for room looks whether the taker has left
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # are for the thread that takes


@dataclass(frozen=True)
class Ended:
    """There are no more items."""

    error: BaseException | None


def ahead(items: Iterator[T], n_waiting: int = 1) -> Generator[T]:
    """The items in their order, each made while the one before it is worked on; what they raise comes in its place.

    At most `n_waiting` wait, and one for its place among them. When the taker leaves, the thread ends with the item
    that it is at, or with the process where that never comes.
    """
    made: Queue[T | Ended] = Queue(n_waiting)
    has_left = Event()

    def is_taken(item: T | Ended) -> bool:
        while not has_left.is_set():
            with suppress(Full):
                made.put(item, timeout=LOOK_SECONDS)
                return True
        return False

    def make() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        error: BaseException | None = None
        try:
            if not all(map(is_taken, items)):
                return
        except BaseException as raised:
            error = raised
        is_taken(Ended(error))

    Thread(target=make, daemon=True).start()
    try:
        while not isinstance(item := made.get(), Ended):
            yield item
    finally:
        has_left.set()
    if item.error is not None:
        raise item.error

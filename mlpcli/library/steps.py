"""A long call, step by step: its events as they come, for a progress bar or a stop of one's own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

R = TypeVar("R", covariant=True)


class Steps(Iterator[Any], Generic[R]):
    """The events of a call as they come, and what they add up to.

    `result` is asked for when all events have come, or earlier: the call then ends, and what it did so far counts, as
    after an interruption of the command.
    """

    def __init__(
        self, events: Generator[Any], finish: Callable[[Sequence[Any], bool], R], total: int | None = None
    ) -> None:
        self.events, self.finish = events, finish
        self.total = total  # events that will come; None where that is not known
        self.seen: list[Any] = []
        self.is_whole = False  # all have come

    def __next__(self) -> Any:
        try:
            event = next(self.events)
        except StopIteration:
            self.is_whole = True
            raise
        self.seen.append(event)
        return event

    @cached_property
    def result(self) -> R:
        """Of the events that have come. Raises MlpcliError, as the call does, where these are too few."""
        self.events.close()
        return self.finish(self.seen, self.is_whole)

    def all(self) -> R:
        """The result of all events."""
        for _ in self:
            pass
        return self.result

"""A long command that is interrupted keeps what is finished, says so, and ends with the signal's exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import TypeVar

import typer

from mlpcli.cli.app import StoppedError
from mlpcli.errors import LostClusterError, TrainingError

T = TypeVar("T")
Stop = StoppedError | LostClusterError  # what ends a command early, and leaves what it has finished


def collect(items: Iterable[T]) -> tuple[list[T], Stop | None]:
    """All items; after an interruption, or the loss of the cluster, those so far, and why. Generators are closed."""
    done: list[T] = []
    try:
        with closing(each(items)) as found:
            for item in found:
                done.append(item)
    except (StoppedError, LostClusterError) as error:
        return done, error
    return done, None


def each(items: Iterable[T]) -> Generator[T]:
    yield from items


def result_of(work: Callable[[], T], stopped: Stop | None) -> T:
    """What was finished adds up to; where that is nothing after an early end, the command ends like any so ended."""
    try:
        return work()
    except TrainingError as error:
        leave(stopped, f"interrupted; {error.message}")
        raise


def leave(stopped: Stop | None, *lines: str) -> None:
    """Where there was an interruption: says what was kept, and exits. --quiet does not silence this."""
    if isinstance(stopped, LostClusterError):
        raise stopped
    if stopped is not None:
        from mlpcli.reporter.text import make_console

        make_console(sys.stderr).say(*lines)
        raise typer.Exit(128 + stopped.number)

"""A long command that is interrupted keeps what is finished, says so, and ends with the signal's exit code."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable
from contextlib import closing
from typing import TypeVar

import typer

from mlpcli.cli.app import StoppedError

T = TypeVar("T")


def collect(items: Iterable[T]) -> tuple[list[T], StoppedError | None]:
    """All items; after an interruption those that had come, and the interruption. Generators are closed."""
    done: list[T] = []
    try:
        with closing(each(items)) as found:
            for item in found:
                done.append(item)
    except StoppedError as error:
        return done, error
    return done, None


def each(items: Iterable[T]) -> Generator[T]:
    yield from items


def leave(stopped: StoppedError | None, *lines: str) -> None:
    """Where there was an interruption: says what was kept, and exits. --quiet does not silence this."""
    if stopped is not None:
        from mlpcli.reporter.text import make_console

        make_console(sys.stderr).say(*lines)
        raise typer.Exit(128 + stopped.number)

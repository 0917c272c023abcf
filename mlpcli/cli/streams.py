"""The standard streams, whatever state they are handed over in: closed, full, or a pipe nobody reads."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO


class ReaderLeftError(Exception):
    """Whoever read our output has enough."""


class Output(io.FileIO):
    """Standard output: an error on it says where it was."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise ReaderLeftError from None  # BrokenPipeError itself would be taken for a failure by typer
        except OSError as error:
            raise OSError(error.errno, error.strerror, "standard output") from None


class LenientStderr(io.FileIO):
    """Standard error: what cannot be shown is no reason to lose the work."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def repair_streams() -> None:
    """Gives every standard stream a descriptor, and both outputs the manners of the classes above.

    In place of a closed stream stands the null device, opened so that its use is refused: a file opened later
    would otherwise get its number, and be read or written in its place.
    """
    if sys.stdin is None:
        os.open(os.devnull, os.O_WRONLY)
        sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115  open to the end
    if sys.stdout is None:
        os.open(os.devnull, os.O_RDONLY)
    if sys.stderr is None:
        os.open(os.devnull, os.O_WRONLY)
    sys.stdout = written_by(Output(1, "w", closefd=False), sys.stdout, line_buffering=os.isatty(1))
    sys.stderr = written_by(LenientStderr(2, "w", closefd=False), sys.stderr, line_buffering=True)


def written_by(raw: io.FileIO, old: TextIO | None, line_buffering: bool) -> TextIO:
    """Text over `raw`, encoded like `old`; characters that the encoding does not have are written as escapes."""
    encoding = old.encoding if old is not None else "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors="backslashreplace", line_buffering=line_buffering)


def silence_stdout() -> None:
    """Points standard output at the null device, so that nothing more is tried on a broken one."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, 1)
    os.close(descriptor)

"""Bytes as they come, from a file or a pipe, before anything is known about them."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import NoReturn

from mlpcli.errors import DataError, MachineError
from mlpcli.files.atomic import unnamed_file, write_error

BLOCK = 1 << 20  # bytes of a file handled at once
PART = 1 << 21  # most bytes taken from a pipe at once
PIPE = 1 << 20  # bytes that wait in a pipe: the producer and we take fewer turns


class ReadableFile:
    """A regular file, open for reading at any place; closed when nobody holds it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.at_first = self.state()
        weakref.finalize(self, os.close, descriptor)

    @property
    def size(self) -> int:
        return self.at_first[0]

    def state(self) -> tuple[int, int]:
        found = os.fstat(self.descriptor)
        return found.st_size, found.st_mtime_ns

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self.descriptor, size, offset)

    def blocks(self, offset: int = 0) -> Iterator[bytes]:
        """The bytes from `offset` up to the size at opening."""
        while offset < self.size:
            block = self.read(offset, min(BLOCK, self.size - offset))
            if not block:
                return
            yield block
            offset += len(block)

    def changed(self, name: str) -> NoReturn:
        """Raises DataError."""
        raise DataError("changed while it was read", "run it again when nobody writes to the file", file=name)


def open_bytes(path: str, folder: str) -> tuple[ReadableFile, str]:
    """A file for reading, and the name to show; what cannot be read at any place, like a pipe, is copied first."""
    name = "<stdin>" if path == "-" else path
    try:
        descriptor = os.dup(0) if path == "-" else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            return ReadableFile(descriptor), name
        if stat.S_ISDIR(mode):
            os.close(descriptor)
            raise MachineError("is a folder", "name a CSV file", file=path)
        if (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)) and not os.isatty(descriptor) and not is_null(descriptor):
            os.close(descriptor)
            raise MachineError("is a device, which may have no end", "name a CSV file", file=name)
        with os.fdopen(descriptor, "rb") as stream:
            return copied(not_all_nul(iter(lambda: stream.read(BLOCK), b""), name), folder), name
    except (OSError, ValueError) as error:
        if path == "-" and getattr(error, "errno", None) == errno.EBADF:
            raise MachineError("standard input is closed") from error
        raise MachineError(f"cannot read: {getattr(error, 'strerror', error)}", file=path) from error


def is_null(descriptor: int) -> bool:
    """Whether it is the null device, which reads as an empty file."""
    return os.path.samestat(os.fstat(descriptor), os.stat(os.devnull))


def not_all_nul(blocks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The blocks of a pipe, which may have no end: DataError when the first one holds nothing but NUL bytes."""
    first = next(blocks, b"")
    if first and not first.strip(b"\0"):
        raise DataError("nothing but NUL bytes", "look at what writes into the pipe", file=name)
    yield from chain([first], blocks)


def copied(blocks: Iterable[bytes], folder: str) -> ReadableFile:
    """The blocks one after another in a file that no folder lists. Raises MachineError."""
    descriptor = unnamed_file(folder)
    try:
        for block in blocks:
            write_all(descriptor, block, folder)
    except BaseException:
        os.close(descriptor)
        raise
    return ReadableFile(descriptor)


def write_all(descriptor: int, block: bytes, folder: str) -> None:
    rest = memoryview(block)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except OSError as error:
            raise write_error(error, folder) from error


def parts_of(descriptor: int) -> Iterator[bytes]:
    """What a file descriptor has to give, as soon as it has something: more at once when the producer is fast."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # no pipe
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE)
    while part := os.read(descriptor, PART):
        yield part


@contextmanager
def opened(path: str) -> Iterator[tuple[Iterator[bytes], str]]:
    """The bytes of a file or of standard input as they come, and the name to show. Raises MachineError."""
    if path == "-":
        yield parts_of(0), "<stdin>"
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if os.path.isdir(path):
            raise MachineError("is a folder", "name a CSV file", file=path)
    except OSError as error:
        raise MachineError(f"cannot read: {error.strerror}", file=path) from error
    try:
        yield parts_of(descriptor), path
    finally:
        os.close(descriptor)


def with_start(parts: Iterator[bytes], is_enough: Callable[[bytes], bool]) -> tuple[bytes, Iterator[bytes]]:
    """The first parts, joined until they are enough or all, and an iterator over everything from the start."""
    start = b""
    while not is_enough(start):
        part = next(parts, None)
        if part is None:
            break
        start += part
    return start, chain([start], parts) if start else parts


def is_settled(start: bytes, marks: Iterable[bytes]) -> bool:
    """Whether more bytes could not make a text that starts so begin with another of the marks."""
    return not any(len(start) < len(mark) and mark.startswith(start) for mark in marks)

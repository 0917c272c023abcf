"""Compressed files, known by their first bytes, whatever they are called. They are unpacked block by block.

To add a format: a line in COMPRESSED.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from mlpcli.data.raw import BLOCK, copied
from mlpcli.errors import DataError

MAX_UNPACKED_BYTES = 16 << 30  # bytes a compressed file may unpack to


class Readable(Protocol):
    def read(self, n: int, /) -> bytes: ...


class BlockReader(io.RawIOBase):
    """Blocks as a file that can only be read on."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.blocks, self.rest = blocks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self.rest:
            self.rest = memoryview(next(self.blocks, b""))
        n = min(len(buffer), len(self.rest))
        buffer[:n], self.rest = self.rest[:n], self.rest[n:]
        return n


def opened_blocks(blocks: Iterator[bytes]) -> io.BufferedReader:
    return io.BufferedReader(BlockReader(blocks))


@contextmanager
def only_member(blocks: Iterator[bytes], folder: str) -> Iterator[Readable]:
    """The one file in a zip, whose list of files stands at its end. Raises DataError."""
    file = copied(blocks, folder)
    with open(os.dup(file.descriptor), "rb") as raw, zipfile.ZipFile(raw) as archive:
        members = [m for m in archive.namelist() if not m.endswith("/") and not m.startswith("__MACOSX/")]
        if any(m.startswith(("xl/", "word/", "mimetype")) for m in members):
            raise DataError("looks like an Excel or Office file, not CSV", "save it as CSV first")
        if not members:
            raise DataError("an empty zip file", "zip the CSV again")
        if len(members) != 1:
            raise DataError(f"a zip of {len(members)} files; expected one CSV")
        with archive.open(members[0]) as member:
            yield member


# The name of the format, and what opens it; a copy, where one is needed, goes to a file in the folder.
COMPRESSED: dict[bytes, tuple[str, Callable[[Iterator[bytes], str], AbstractContextManager[Readable]]]] = {
    b"\x1f\x8b": ("gzip", lambda blocks, folder: gzip.GzipFile(fileobj=opened_blocks(blocks))),
    b"BZh": ("bzip2", lambda blocks, folder: bz2.BZ2File(opened_blocks(blocks))),
    b"\xfd7zXZ\x00": ("xz", lambda blocks, folder: lzma.open(opened_blocks(blocks))),  # noqa: SIM115
    b"PK\x03\x04": ("zip", only_member),
    b"PK\x05\x06": ("zip", only_member),  # of no files
}


def magic_of(start: bytes) -> bytes | None:
    """The first bytes of a compressed file; None for any other."""
    return next((magic for magic in COMPRESSED if start.startswith(magic)), None)


def unpacked(blocks: Iterator[bytes], magic: bytes, name: str, folder: str) -> Iterator[bytes]:
    """The content of a compressed file, up to MAX_UNPACKED_BYTES. Raises DataError."""
    kind, opened = COMPRESSED[magic]
    total = 0
    try:
        with opened(blocks, folder) as stream:
            while block := stream.read(BLOCK):
                total += len(block)
                if total > MAX_UNPACKED_BYTES:
                    raise DataError("unpacks to more than 16 GB", "decompress it first")
                yield block
    except DataError as error:
        raise DataError(error.message, error.hint, file=name) from error
    except (EOFError, zlib.error, lzma.LZMAError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as e:
        raise DataError(f"truncated or damaged {kind} file: {e}", "fetch or compress it again", file=name) from e

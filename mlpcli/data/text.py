"""The bytes of a file as one UTF-8 text that can be read at any place, and is never all in memory.

A plain UTF-8 file is read where it lies. What comes from a pipe, is compressed or in another encoding is copied once
to a file that no folder lists.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlpcli.data.decoding import (
    BOMS,
    UndecodableError,
    can_stand_beside_utf8,
    check_text,
    encoding_mark,
    guessed_encoding,
    text_parts,
)
from mlpcli.data.dialect import check_format
from mlpcli.data.raw import BLOCK, PART, ReadableFile, copied, open_bytes
from mlpcli.data.unpack import magic_of, unpacked
from mlpcli.errors import DataError


@dataclass(frozen=True)
class Text:
    """An open text: `read` gives its bytes at any place."""

    name: str
    file: ReadableFile
    start: int  # of the text in the file, behind a byte-order mark
    size: int
    encoding: str  # before it became UTF-8
    sha256: str  # of the bytes as they came
    origin: ReadableFile  # what was opened, to tell whether it changed

    def read(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset`. Raises DataError when the file has become shorter."""
        data = self.file.read(self.start + offset, min(size, self.size - offset))
        if len(data) < min(size, self.size - offset):
            self.file.changed(self.name)
        return data

    def parts(self) -> Iterator[bytes]:
        """The whole text, PART bytes at a time."""
        for offset in range(0, self.size, PART):
            yield self.read(offset, PART)

    def check_unchanged(self) -> None:
        """DataError when the file was written to since it was opened."""
        if self.origin.state() != self.origin.at_first:
            self.origin.changed(self.name)


def open_text(
    path: str,
    encoding: str | None,
    folder: str,
    otherwise: str | None = None,
    has_header: bool = True,
    opened: tuple[ReadableFile, str] | None = None,
) -> Text:
    """The text of a file, or of standard input for '-'; `folder` is where a copy goes that has no name.

    The encoding is in order: the one asked for, a byte-order mark, strict UTF-8, cp949. With `otherwise`, a model's,
    lines that are not UTF-8 are in that one instead. Raises DataError or MachineError.
    """
    origin, name = opened or open_bytes(path, folder)
    if not origin.size:
        raise DataError("empty file", file=name)
    digest = hashlib.sha256()
    for block in origin.blocks():
        digest.update(block)
    file, magic = origin, magic_of(origin.read(0, BLOCK))
    if magic is not None:
        file = copied(unpacked(origin.blocks(), magic, name, folder), folder)
    start = file.read(0, BLOCK)
    check_format(start, name)
    mark = encoding_mark(start)
    found = encoding or BOMS.get(mark)
    if found is None:
        found = guessed_encoding(file, name) if otherwise is None else encoding_beside(file, otherwise, name)
    elif found in UTF8:
        check_text(file, "utf-8", name)
    if found in UTF8:
        n_mark = len(mark) if BOMS.get(mark) in UTF8 else 0
        return Text(name, file, n_mark, file.size - n_mark, "utf-8", digest.hexdigest(), origin)
    asked = found if otherwise is None or encoding or mark else None
    file = copied(text_parts(file.blocks(), asked, otherwise, name, has_header), folder)
    return Text(name, file, 0, file.size, found, digest.hexdigest(), origin)


UTF8 = ("utf-8", "utf-8-sig")


def encoding_beside(file: ReadableFile, otherwise: str, name: str) -> str:
    """utf-8, or `otherwise` if some line of the file is not UTF-8. Raises UndecodableError when that cannot be."""
    try:
        check_text(file, "utf-8", name)
        return "utf-8"
    except UndecodableError:
        if can_stand_beside_utf8(otherwise):
            return otherwise
        raise


def files_of(path: str) -> list[str]:
    """The files of one table: the path itself, or all that a pattern such as 'parts/*.csv' finds, in order of name."""
    if path == "-" or os.path.lexists(path) or not glob.has_magic(path):
        return [path]
    return sorted(glob.glob(path)) or [path]


def digest_of(path: str, sheet: str | None = None) -> str:
    """SHA-256 of the bytes of a table's files, and of the name of the sheet asked for. Raises OSError."""
    digests = []
    for name in files_of(path):
        with open(name, "rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return of_sheet(joined_digest(digests), sheet)


def of_sheet(digest: str, sheet: str | None) -> str:
    """The digest of a sheet in a file; that of the file where none was asked for."""
    return digest if sheet is None else joined_digest([digest, sheet])


def joined_digest(digests: Sequence[str]) -> str:
    """That of one file; of several, the SHA-256 of them all."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def shown_path(path: str) -> str:
    return os.path.basename(path) if os.path.isabs(path) else path

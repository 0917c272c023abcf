"""The bytes of a file as one UTF-8 text that can be read at any place, and is never all in memory.

A plain UTF-8 file is read where it lies. What comes from a pipe, is compressed or in another encoding is copied once
to a file that no folder lists.
"""

from __future__ import annotations

import bz2
import codecs
import errno
import glob
import gzip
import hashlib
import lzma
import os
import stat
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO, NoReturn

from mlpcli.data.dialect import BOMS, SAMPLE_BYTES, Readable, check_format, require_encoding
from mlpcli.data.encodings import from_cell, looks_korean, undecodable
from mlpcli.errors import DataError, MachineError
from mlpcli.files.atomic import unnamed_file, write_error

BLOCK = 1 << 20  # bytes handled at once
MAX_UNPACKED_BYTES = 16 << 30  # bytes a compressed file may unpack to


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

    def check_unchanged(self) -> None:
        """DataError when the file was written to since it was opened."""
        if self.origin.state() != self.origin.at_first:
            self.origin.changed(self.name)


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


def open_text(path: str, encoding: str | None, folder: str) -> Text:
    """The text of a file, or of standard input for '-'; `folder` is where a copy goes that has no name.

    The encoding is in order: the one asked for, a byte-order mark, strict UTF-8, cp949.
    Raises DataError or MachineError.
    """
    origin, name = open_bytes(path, folder)
    if not origin.size:
        raise DataError("empty file", file=name)
    digest = hashlib.sha256()
    for block in origin.blocks():
        digest.update(block)
    file = origin
    head = origin.read(0, BLOCK)
    magic = next((magic for magic in COMPRESSED if head.startswith(magic)), None)
    if magic is not None:
        file = copied(unpacked(origin, magic, name), folder)
        head = file.read(0, BLOCK)
    check_format(head, name)
    bom = next((mark for mark in BOMS if head.startswith(mark)), b"")
    found = encoding or BOMS.get(bom) or guessed_encoding(file, name)
    start = len(bom) if BOMS.get(bom) == "utf-8-sig" and found in ("utf-8", "utf-8-sig") else 0
    if found in ("utf-8", "utf-8-sig"):
        if encoding or bom:
            check_text(file, "utf-8", name)
        found = "utf-8"
    else:
        file = copied(utf8(file.blocks(), found, name), folder)
    return Text(name, file, start, file.size - start, found, digest.hexdigest(), origin)


def files_of(path: str) -> list[str]:
    """The files of one table: the path itself, or all that a pattern such as 'parts/*.csv' finds, in order of name."""
    if path == "-" or os.path.lexists(path) or not glob.has_magic(path):
        return [path]
    return sorted(glob.glob(path)) or [path]


def digest_of(path: str) -> str:
    """SHA-256 of the bytes of a table's files. Raises OSError."""
    digests = []
    for name in files_of(path):
        with open(name, "rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return joined_digest(digests)


def joined_digest(digests: Sequence[str]) -> str:
    """That of one file; of several, the SHA-256 of them all."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


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
        with os.fdopen(descriptor, "rb") as stream:
            return copied(iter(lambda: stream.read(BLOCK), b""), folder), name
    except (OSError, ValueError) as error:
        if path == "-" and getattr(error, "errno", None) == errno.EBADF:
            raise MachineError("standard input is closed") from error
        raise MachineError(f"cannot read: {getattr(error, 'strerror', error)}", file=path) from error


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


def only_member(file: BinaryIO) -> Readable:
    """The one file in a zip. Raises DataError."""
    archive = zipfile.ZipFile(file)
    members = [m for m in archive.namelist() if not m.endswith("/") and not m.startswith("__MACOSX/")]
    if any(m.startswith(("xl/", "word/", "mimetype")) for m in members):
        raise DataError("looks like an Excel or Office file, not CSV", "save it as CSV first")
    if len(members) != 1:
        raise DataError(f"a zip of {len(members)} files; expected one CSV")
    return archive.open(members[0])


# By the first bytes, whatever the file is called.
COMPRESSED: dict[bytes, tuple[str, Callable[[BinaryIO], Readable]]] = {
    b"\x1f\x8b": ("gzip", lambda file: gzip.GzipFile(fileobj=file)),
    b"BZh": ("bzip2", bz2.BZ2File),
    b"\xfd7zXZ\x00": ("xz", lzma.LZMAFile),
    b"PK\x03\x04": ("zip", only_member),
}


def unpacked(file: ReadableFile, magic: bytes, name: str) -> Iterator[bytes]:
    """The content of a compressed file, up to LARGEST_UNPACKED bytes. Raises DataError."""
    kind, opened = COMPRESSED[magic]
    total = 0
    try:
        with open(os.dup(file.descriptor), "rb") as raw:
            raw.seek(0)
            stream = opened(raw)
            while block := stream.read(BLOCK):
                total += len(block)
                if total > MAX_UNPACKED_BYTES:
                    raise DataError("unpacks to more than 16 GB", "decompress it first")
                yield block
    except DataError as error:
        raise DataError(error.message, error.hint, file=name) from error
    except (EOFError, zlib.error, lzma.LZMAError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as e:
        raise DataError(f"truncated or damaged {kind} file: {e}", "fetch or compress it again", file=name) from e


def guessed_encoding(file: ReadableFile, name: str) -> str:
    """utf-8, or cp949 if what is not UTF-8 looks Korean. Raises DataError naming the first byte that is not UTF-8."""
    try:
        check_text(file, "utf-8", name)
        return "utf-8"
    except UndecodableError as error:
        start = max(error.at - SAMPLE_BYTES, 0)
        sample = from_cell(file.read(start, 2 * SAMPLE_BYTES), error.at - start)
        if looks_korean(sample):
            with suppress(UndecodableError):
                check_text(file, "cp949", name)
                return "cp949"
        readings, error.hint = undecodable(sample)
        error.message += readings
        raise


class UndecodableError(DataError):
    """A byte that is no text in some encoding."""

    def __init__(self, at: int, byte: int, encoding: str, file: str, line: int) -> None:
        super().__init__(
            f"byte {at} is not {encoding} text (0x{byte:02x})",
            "name the encoding, e.g. --encoding latin-1, shift-jis or gb18030", file=file, line=line,
        )  # fmt: skip
        self.at = at


def check_text(file: ReadableFile, encoding: str, name: str) -> None:
    for _ in utf8(file.blocks(), encoding, name):
        pass


def utf8(blocks: Iterable[bytes], encoding: str, name: str) -> Iterator[bytes]:
    """Blocks of text in some encoding as UTF-8. Raises UndecodableError."""
    require_encoding(encoding, name)
    decoder = codecs.getincrementaldecoder(encoding)()
    at, line = 0, 1
    for block in chain(blocks, [b""]):
        before = decoder.getstate()[0]
        try:
            if encoding == "utf-8" and not before and block.isascii():
                yield block
            else:
                yield decoder.decode(block, not block).encode("utf-8")
        except UnicodeError as error:
            bad = getattr(error, "start", 0)
            data = before + block
            byte = data[bad] if bad < len(data) else 0
            n_lines = block[: max(bad - len(before), 0)].count(b"\n")
            raise UndecodableError(at - len(before) + bad, byte, encoding, name, line + n_lines) from error
        at += len(block)
        line += block.count(b"\n")


def shown_path(path: str) -> str:
    return os.path.basename(path) if os.path.isabs(path) else path

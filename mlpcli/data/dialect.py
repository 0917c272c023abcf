"""How bytes are to be read: compression, text encoding, delimiter. Found out from the bytes, and said."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mlpcli.config import MISSING_MARKERS, ReadOptions
from mlpcli.data.structure import scan
from mlpcli.errors import DataError

LARGEST_UNPACKED = 16 << 30  # bytes a compressed file may unpack to
SAMPLE_BYTES = 1 << 16  # from the start of the file, to find the delimiter by
DELIMITERS = (",", ";", "\t", "|", " ")
BOMS = {  # longest first: UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
FOREIGN = {
    b"PAR1": "a Parquet file", b"%PDF": "a PDF", b"\x89HDF": "an HDF5 file", b"\x93NUMPY": "a NumPy file",
    b"\xd0\xcf\x11\xe0": "an old Excel file", b"\x28\xb5\x2f\xfd": "a zstd file; decompress it first",
    b"SQLite format 3": "an SQLite database", b"\x89PNG": "a picture",
}  # fmt: skip
MARKUP = {b"<!doctype html": "HTML", b"<html": "HTML", b"<?xml": "XML", b"{": "JSON", b"[{": "JSON"}


class Readable(Protocol):
    def read(self, n: int, /) -> bytes: ...


@dataclass(frozen=True)
class Dialect:
    """Everything that turns bytes into cells; kept in the model, so that new files are read by the same rules."""

    encoding: str
    delimiter: str
    quote: str
    escape: str | None
    comment: str | None
    header: bool
    skip_rows: int
    decimal: str
    thousands: str | None
    missing: tuple[str, ...]
    bad_rows: str


def decompress(data: bytes, name: str) -> bytes:
    """gzip, bzip2, xz and zip by their first bytes, whatever the file is called. Raises DataError."""
    try:
        if data[:2] == b"\x1f\x8b":
            return capped(gzip.GzipFile(fileobj=io.BytesIO(data)), name)
        if data[:3] == b"BZh":
            return capped(bz2.BZ2File(io.BytesIO(data)), name)
        if data[:6] == b"\xfd7zXZ\x00":
            return capped(lzma.LZMAFile(io.BytesIO(data)), name)
        if data[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                members = archive.namelist()
                if any(m.startswith(("xl/", "word/", "mimetype")) for m in members):
                    raise DataError("looks like an Excel or Office file, not CSV", "save it as CSV first", file=name)
                if len(members) != 1:
                    raise DataError(f"a zip of {len(members)} files; expected one CSV", file=name)
                with archive.open(members[0]) as member:
                    return capped(member, name)
    except (EOFError, zlib.error, lzma.LZMAError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as e:
        kind = {b"\x1f\x8b": "gzip", b"BZ": "bzip2", b"PK": "zip"}.get(data[:2], "xz")
        raise DataError(f"truncated or damaged {kind} file: {e}", "fetch or compress it again", file=name) from e
    return data


def capped(stream: Readable, name: str) -> bytes:
    data = stream.read(LARGEST_UNPACKED + 1)
    if len(data) > LARGEST_UNPACKED:
        raise DataError("unpacks to more than 16 GB", "decompress it first", file=name)
    return data


def refuse_foreign(data: bytes, name: str) -> None:
    """DataError for files that are plainly something else than a CSV."""
    for magic, what in FOREIGN.items():
        if data.startswith(magic):
            raise DataError(f"looks like {what}, not CSV", "export the table as CSV first", file=name)
    start = data[:200].lstrip().lower()
    for magic, what in MARKUP.items():
        if start.startswith(magic):
            raise DataError(f"looks like {what}, not CSV", "export the table as CSV first", file=name)


def decode(data: bytes, asked: str | None, name: str) -> tuple[bytes, str]:
    """Bytes of any text encoding -> UTF-8 bytes without byte-order mark, and the encoding's name.

    In order: --encoding, a byte-order mark, strict UTF-8, strict cp949. Raises DataError naming the first bad byte.
    """
    bom = next((mark for mark in BOMS if data.startswith(mark)), b"")
    encoding = asked or BOMS.get(bom, "utf-8")
    try:
        if encoding in ("utf-8", "utf-8-sig"):
            data.decode("utf-8")
            return data[len(bom) :] if BOMS.get(bom) == "utf-8-sig" else data, "utf-8"
        return data.decode(encoding).encode("utf-8"), encoding
    except LookupError as error:
        raise DataError(f"no such text encoding '{encoding}'", "e.g. --encoding cp949", file=name) from error
    except UnicodeError as error:
        if asked is None and not bom:
            try:
                return data.decode("cp949").encode("utf-8"), "cp949"
            except UnicodeDecodeError:
                pass
        at = getattr(error, "start", 0)
        line = data[:at].count(b"\n") + 1
        raise DataError(
            f"byte {at} is not {encoding} text (0x{data[at] if at < len(data) else 0:02x})",
            "name the encoding, e.g. --encoding latin-1", file=name, line=line,
        ) from error  # fmt: skip


def find_delimiter(data: bytes, options: ReadOptions, expect: Sequence[str] = ()) -> str:
    """The delimiter on which the first records agree best: as many of them as possible of the header's width.

    With `expect`, the one under which the header holds these names.
    """
    cut = data[:SAMPLE_BYTES]
    if len(data) > SAMPLE_BYTES:
        cut = cut[: max(cut.rfind(b"\n"), 0)] or cut
    scores = []
    for rank, delimiter in enumerate(DELIMITERS):
        found = scan(cut, delimiter, options.quote, options.escape, options.comment, options.skip_rows)
        if not len(found.widths):
            continue
        width = int(found.widths[0])
        agree = float((found.widths == width).mean())
        known = sum(name.encode() in cut[: 1 << 14].split(b"\n")[0].split(delimiter.encode()) for name in expect)
        if width > 1:
            scores.append((known, agree > 0.9, delimiter != " ", agree, width, -rank, delimiter))
    return max(scores)[-1] if scores else ","


def find_dialect(data: bytes, encoding: str, options: ReadOptions, expect: Sequence[str] = ()) -> Dialect:
    return Dialect(
        encoding, options.delimiter or find_delimiter(data, options, expect), options.quote, options.escape,
        options.comment, options.header, options.skip_rows, options.decimal, options.thousands,
        (*MISSING_MARKERS, *options.missing), options.bad_rows,
    )  # fmt: skip

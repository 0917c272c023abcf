"""How bytes are to be read: compression, text encoding, delimiter. Found out from the bytes, and said."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol

import numpy as np

from mlpcli.config import MISSING_MARKERS, ReadOptions
from mlpcli.data.encodings import from_cell, looks_korean, undecodable
from mlpcli.data.structure import Structure, line_of, scan
from mlpcli.errors import DataError

MAX_UNPACKED_BYTES = 16 << 30  # bytes a compressed file may unpack to
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
MARKUP = {rb"<!doctype html|<html|<head|<table": "HTML", rb"<\?xml": "XML", rb"\{\s*[\"}]|\[\s*[\[{]": "JSON"}
NONCHARACTER = "\ufffe".encode()  # a byte-order mark read the wrong way round
BOM = "\ufeff".encode()


class Readable(Protocol):
    def read(self, n: int, /) -> bytes: ...


@dataclass(frozen=True)
class Dialect:
    """Everything that turns bytes into cells; kept in the model, so that new files are read by the same rules."""

    encoding: str
    delimiter: str
    spaces: bool  # a space behind each delimiter, which is no part of the cell
    quote: str
    escape: str | None
    comment: str | None
    header: bool
    skip_rows: int
    decimal: str
    thousands: str | None
    missing: tuple[str, ...]  # cells without a value, spaces around them aside
    target_missing: tuple[str, ...]  # the same for the target: empty, and what was asked for
    inf: str
    bad_rows: str

    def options(self, memory: int | None = None) -> ReadOptions:
        """What would have to be asked for to get this dialect."""
        asked = {name: getattr(self, name) for name in SHARED}
        return ReadOptions(**asked | {"missing": self.target_missing[1:], "memory": memory})

    def for_file(self, options: ReadOptions, encoding: str) -> Dialect:
        """For another file of the same table: what `options` ask for overrides what the model remembers."""
        defaults = ReadOptions()
        asked = {
            name: getattr(options, name)
            for name in SHARED
            if name != "missing" and getattr(options, name) != getattr(defaults, name)
        }
        missing = (*self.missing, *(m for m in options.missing if m not in self.missing))
        return replace(self, **asked | {"encoding": encoding, "missing": missing, "bad_rows": options.bad_rows})


SHARED = {f.name for f in fields(Dialect)} & {f.name for f in fields(ReadOptions)}


def decompress(data: bytes, name: str) -> bytes:
    """gzip, bzip2, xz and zip by their first bytes, whatever the file is called. Raises DataError."""
    try:
        if data[:2] == b"\x1f\x8b":
            return capped(gzip.GzipFile(fileobj=io.BytesIO(data)), name)
        if data[:3] == b"BZh":
            return capped(bz2.BZ2File(io.BytesIO(data)), name)
        if data[:6] == b"\xfd7zXZ\x00":
            return capped(lzma.LZMAFile(io.BytesIO(data)), name)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [m for m in archive.namelist() if not m.endswith("/") and not m.startswith("__MACOSX/")]
            if any(m.startswith(("xl/", "word/", "mimetype")) for m in members):
                raise DataError("looks like an Excel or Office file, not CSV", "save it as CSV first", file=name)
            if len(members) != 1:
                raise DataError(f"a zip of {len(members)} files; expected one CSV", file=name)
            with archive.open(members[0]) as member:
                return capped(member, name)
    except (EOFError, zlib.error, lzma.LZMAError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as e:
        kind = {b"\x1f\x8b": "gzip", b"BZ": "bzip2", b"PK": "zip"}.get(data[:2], "xz")
        raise DataError(f"truncated or damaged {kind} file: {e}", "fetch or compress it again", file=name) from e


def capped(stream: Readable, name: str) -> bytes:
    data = stream.read(MAX_UNPACKED_BYTES + 1)
    if len(data) > MAX_UNPACKED_BYTES:
        raise DataError("unpacks to more than 16 GB", "decompress it first", file=name)
    return data


def check_format(data: bytes, name: str) -> None:
    """DataError for files that are plainly something else than a CSV."""
    for magic, what in FOREIGN.items():
        if data.startswith(magic):
            raise DataError(f"looks like {what}, not CSV", "export the table as CSV first", file=name)
    start = data[:200].removeprefix(BOM).lstrip().lower()
    for pattern, what in MARKUP.items():
        if re.match(pattern, start):
            raise DataError(f"looks like {what}, not CSV", "export the table as CSV first", file=name)


def decode(data: bytes, asked: str | None, name: str) -> tuple[bytes, str]:
    """Bytes of any text encoding -> UTF-8 bytes without byte-order mark, and the encoding's name.

    In order: --encoding, a byte-order mark, strict UTF-8, cp949 if it looks Korean. Raises DataError naming the
    first bad byte.
    """
    bom = next((mark for mark in BOMS if data.startswith(mark)), b"")
    encoding = asked or BOMS.get(bom, "utf-8")
    require_encoding(encoding, name)
    try:
        if encoding in ("utf-8", "utf-8-sig"):
            data.decode("utf-8")
            return data[len(bom) :] if BOMS.get(bom) == "utf-8-sig" else data, "utf-8"
        return data.decode(encoding).removeprefix("\ufeff").encode("utf-8"), encoding
    except UnicodeError as error:
        at = getattr(error, "start", 0)
        sample = from_cell(data[: at + SAMPLE_BYTES], at)
        if asked is None and not bom and looks_korean(sample):
            try:
                return data.decode("cp949").encode("utf-8"), "cp949"
            except UnicodeDecodeError:
                pass
        line = data[:at].count(b"\n") + 1
        readings, hint = undecodable(sample)
        raise DataError(
            f"byte {at} is not {encoding} text (0x{data[at] if at < len(data) else 0:02x}){readings}", hint,
            file=name, line=line,
        ) from error  # fmt: skip


def require_encoding(encoding: str, name: str) -> None:
    """DataError for what is no encoding of text, such as rot13."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding)
    except LookupError as error:
        raise DataError(f"no such text encoding '{encoding}'", "e.g. --encoding cp949", file=name) from error


def check_characters(data: bytes, structure: Structure, dialect: Dialect, name: str, first_line: int = 1) -> None:
    """DataError for characters that no CSV text holds: NUL, U+FFFE, a byte-order mark inside the file."""
    is_ascii = data.isascii()  # seen at once; the rule
    for mark, what, hint in (
        (b"\0", "NUL byte: no CSV text holds one", "remove the NUL bytes"),
        (NONCHARACTER, "U+FFFE, which is no character", "name the encoding with --encoding"),
    ):
        at = -1 if is_ascii and not mark.isascii() else data.find(mark)
        if at >= 0:
            if mark == b"\0" and data[at : at + 64].count(0) > 8:
                what, hint = "NUL bytes: looks like UTF-16 or UTF-32", "name it, e.g. --encoding utf-16-le"
            record = int(np.searchsorted(structure.starts, at, side="right")) - 1
            before = data[structure.starts[record] : at] if record >= 0 else b""
            raise DataError(
                f"{what} (field {before.count(dialect.delimiter.encode()) + 1})", hint,
                file=name, line=line_of(data, at) + first_line - 1,
            )  # fmt: skip
    at = -1 if is_ascii else data.find(b"\n" + BOM)
    if at >= 0:
        raise DataError(
            "a byte-order mark (BOM) inside the file: were two files joined here?", "remove it, and a second header",
            file=name, line=line_of(data, at) + first_line,
        )  # fmt: skip


def cells_of(record: bytes, dialect: Dialect) -> list[str]:
    """The cells of one record."""
    lines = [record.decode("utf-8", "replace")]
    reader = csv.reader(
        lines, delimiter=dialect.delimiter, quotechar=dialect.quote, escapechar=dialect.escape,
        skipinitialspace=dialect.spaces,
    )  # fmt: skip
    return next(reader, [])


def find_delimiter(data: bytes, dialect: Dialect, expect: Sequence[str] = ()) -> str:
    """The delimiter on which the first records agree best: as many of them as possible of one width.

    With `expect`, the one under which the first record holds these names. Spaces have to agree in every record.
    """
    cut = data[:SAMPLE_BYTES]
    if len(data) > SAMPLE_BYTES:
        cut = cut[: max(cut.rfind(b"\n"), 0)] or cut
    wanted = set(expect)
    scores = []
    for rank, delimiter in enumerate(DELIMITERS):
        found = scan(cut, delimiter, dialect.quote, dialect.escape, dialect.comment, dialect.skip_rows)
        if not len(found.widths):
            continue
        width, n = Counter(found.widths.tolist()).most_common(1)[0]
        agree = n / len(found.widths)
        if width < 2 or (delimiter == " " and agree < 1):
            continue
        head = cells_of(cut[found.starts[0] : found.ends[0]], replace(dialect, delimiter=delimiter))
        known = sum(cell.strip() in wanted for cell in head)
        begins = bool(found.widths[0] == width)
        scores.append((known, begins, agree > 0.9, delimiter != " ", agree, width, -rank, delimiter))
    return max(scores)[-1] if scores else ","


def find_quote(data: bytes, delimiter: str) -> str:
    """The apostrophe when no cell of the first records has double quotes and half of them have those; else the quote"""
    cut = data[:SAMPLE_BYTES]
    if b'"' in cut:
        return '"'
    edge = re.escape(delimiter.encode())
    opening = len(re.findall(rb"(?:^|[\r\n]|" + edge + rb")'", cut))
    closing = len(re.findall(rb"'(?=$|[\r\n]|" + edge + rb")", cut))
    return "'" if opening == closing and opening >= max(2, cut.count(b"\n") / 2) else '"'


def find_spaces(data: bytes, delimiter: str) -> bool:
    """Whether nearly every delimiter of the first records is followed by a space."""
    cut, mark = data[:SAMPLE_BYTES], delimiter.encode()
    return delimiter != " " and cut.count(mark + b" ") > SPACED_SHARE * cut.count(mark) > 0


SPACED_SHARE = 0.9


def find_dialect(data: bytes, encoding: str, options: ReadOptions) -> Dialect:
    dialect = Dialect(
        encoding, options.delimiter or ",", False, options.quote, options.escape, options.comment, options.header,
        options.skip_rows, options.decimal, options.thousands, (*MISSING_MARKERS, *options.missing),
        ("", *options.missing), options.inf, options.bad_rows,
    )  # fmt: skip
    if options.delimiter is None:
        dialect = replace(dialect, delimiter=find_delimiter(data, dialect))
    return fit_marks(data, dialect, options)


def fit_marks(data: bytes, dialect: Dialect, options: ReadOptions) -> Dialect:
    """The dialect with the quotes and spaces that the file shows."""
    if options.quote == dialect.quote == '"' and find_quote(data, dialect.delimiter) != '"':
        dialect = replace(dialect, quote="'")
        if options.delimiter is None:
            dialect = replace(dialect, delimiter=find_delimiter(data, dialect))
    return replace(dialect, spaces=find_spaces(data, dialect.delimiter))

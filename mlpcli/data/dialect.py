"""How text becomes cells: delimiter, quotes and other marks. Found out from the text, and said."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass, fields, replace

from mlpcli.config.marks import by_column
from mlpcli.config.settings import MISSING_MARKERS, ReadOptions
from mlpcli.data.decoding import BOM
from mlpcli.data.raw import is_settled
from mlpcli.data.structure import Scanner, after_lines
from mlpcli.errors import DataError

SAMPLE_BYTES = 1 << 16  # from the start of the file, to find the delimiter by
DELIMITERS = (",", ";", "\t", "|", " ")
FOREIGN = {
    b"PAR1": "a Parquet file", b"%PDF": "a PDF", b"\x89HDF": "an HDF5 file", b"\x93NUMPY": "a NumPy file",
    b"\xd0\xcf\x11\xe0": "an old Excel file", b"\x28\xb5\x2f\xfd": "a zstd file; decompress it first",
    b"SQLite format 3": "an SQLite database", b"\x89PNG": "a picture",
}  # fmt: skip
MARKUP = {
    rb"<!doctype html|<html|<head|<table": "HTML",
    rb"<\?xml": "XML",
    rb"\{\s*(?:[\"}]|$)|\[\s*(?:[\[{]|$)": "JSON",
}


@dataclass(frozen=True)
class Dialect:
    """Everything that turns bytes into cells; kept in the model, so that new files are read by the same rules."""

    encoding: str
    sheet: str | None  # of a workbook, as asked for; None: the first
    delimiter: str
    spaces: bool  # a space behind each delimiter, which is no part of the cell
    quote: str
    escape: str | None
    comment: str | None
    header: bool
    skip_rows: int
    skip_last: int  # rows to leave out at the end of the training file
    decimal: tuple[str, ...]  # as asked for: [COL=]MARK
    thousands: tuple[str, ...]
    dates: tuple[str, ...]
    missing: tuple[str, ...]  # cells without a value, spaces around them aside
    target_missing: tuple[str, ...]  # the same for the target: empty, and what was asked for
    inf: str
    bad_rows: str

    @property
    def decimal_of_all(self) -> str:
        """The decimal mark of columns for which no other is asked."""
        return by_column(self.decimal).get(None, ".")

    def options(self, memory: int | None = None) -> ReadOptions:
        """What would have to be asked for to get this dialect."""
        asked = {name: getattr(self, name) for name in SHARED}
        return ReadOptions(**asked | {"missing": self.target_missing[1:], "memory": memory})

    def for_file(self, options: ReadOptions) -> Dialect:
        """For another file of the same table: what `options` ask for overrides what the model remembers."""
        defaults = ReadOptions()
        asked = {
            name: getattr(options, name)
            for name in SHARED
            if name != "missing" and getattr(options, name) != getattr(defaults, name)
        }
        missing = (*self.missing, *(m for m in options.missing if m not in self.missing))
        of_file = {"missing": missing, "bad_rows": options.bad_rows, "skip_last": options.skip_last}
        return replace(self, **asked | of_file)


SHARED = {f.name for f in fields(Dialect)} & {f.name for f in fields(ReadOptions)}


def check_format(start: bytes, name: str) -> None:
    """DataError for files that are plainly something else than a CSV, by their first line that is not blank."""
    for magic, what in FOREIGN.items():
        if start.startswith(magic):
            raise DataError(f"looks like {what}, not CSV", "export the table as CSV first", file=name)
    line = first_line(start).lower()
    for pattern, what in MARKUP.items():
        if re.match(pattern, line):
            raise DataError(f"looks like {what}, not CSV", "export the table as CSV first", file=name)


def has_format(start: bytes) -> bool:
    """Whether these first bytes are enough for `check_format`."""
    line = first_line(start)
    return is_settled(start, FOREIGN) and (line[-1:] in (b"\r", b"\n") or len(start) >= SAMPLE_BYTES)


def first_line(start: bytes) -> bytes:
    """The first line that is not blank, with the first byte of its line end."""
    found = re.search(rb"\S[^\r\n]*[\r\n]?", start[:SAMPLE_BYTES].removeprefix(BOM))
    return found.group() if found else b""


def cells_of(record: bytes, dialect: Dialect) -> list[str]:
    """The cells of one record, up to its first line end outside of quotes."""
    lines = io.StringIO(record.decode("utf-8", "replace"), newline="")
    reader = csv.reader(
        lines, delimiter=dialect.delimiter, quotechar=dialect.quote, escapechar=dialect.escape,
        skipinitialspace=dialect.spaces,
    )  # fmt: skip
    return next(reader, [])


def find_delimiter(data: bytes, dialect: Dialect) -> str:
    """The delimiter on which the first records agree best: as many of them as possible of one width.

    Spaces have to agree in every record.
    """
    cut = data[:SAMPLE_BYTES]
    if len(data) > SAMPLE_BYTES:
        cut = cut[: max(cut.rfind(b"\n"), 0)] or cut
    scores = []
    for rank, delimiter in enumerate(DELIMITERS):
        scanner = Scanner(delimiter, dialect.quote, dialect.escape, dialect.comment)
        found = scanner.scan(cut, after_lines(cut, dialect.skip_rows))
        if not len(found.widths):
            continue
        width, n = Counter(found.widths.tolist()).most_common(1)[0]
        agree = n / len(found.widths)
        if width < 2 or (delimiter == " " and agree < 1):
            continue
        begins = bool(found.widths[0] == width)
        scores.append((begins, agree > 0.9, delimiter != " ", agree, width, -rank, delimiter))
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
        encoding, options.sheet, options.delimiter or ",", False, options.quote, options.escape, options.comment,
        options.header,        options.skip_rows, options.skip_last, options.decimal, options.thousands, options.dates,
        (*MISSING_MARKERS, *options.missing), ("", *options.missing), options.inf, options.bad_rows,
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

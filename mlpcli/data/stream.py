"""Rows from a pipe as they come: large parts when the producer is fast, single lines when it is slow.

Memory does not grow with the number of rows; the checks and the reading rules are those of table.py.
"""

from __future__ import annotations

import codecs
import os
import select
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from mlpcli.config import ReadOptions
from mlpcli.data.dialect import BOMS, Dialect, decode, decompress, refuse_foreign
from mlpcli.data.structure import Structure, line_of, scan
from mlpcli.data.table import Source, delimiter_for, header_names
from mlpcli.errors import DataError

PART = 1 << 21  # bytes handled at once when they come fast
PATIENCE = 0.05  # seconds without new bytes after which the complete rows so far are answered
LONGEST_RECORD = 1 << 28  # bytes
COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"PK\x03\x04")


def parts_of(descriptor: int) -> Iterator[bytes]:
    """What a file descriptor has to give, at most about PART bytes at a time."""
    at_hand = bytearray()
    while True:
        ready = not at_hand or select.select([descriptor], [], [], PATIENCE)[0]
        block = os.read(descriptor, PART) if ready else b""
        at_hand += block
        if at_hand and (not block or len(at_hand) >= PART):
            yield bytes(at_hand)
            at_hand.clear()
        if ready and not block:
            return


def utf8_parts(parts: Iterator[bytes], name: str, asked: str | None) -> Iterator[tuple[bytes, str]]:
    """Parts of any encoding or compression -> parts of UTF-8 without byte-order mark, with the encoding's name."""
    first = next(parts, b"")
    if not first:
        raise DataError("empty file", file=name)
    if first.startswith(COMPRESSED):
        yield decode(decompress(first + b"".join(parts), name), asked, name)
        return
    refuse_foreign(first, name)
    wide = next((code for mark, code in BOMS.items() if first.startswith(mark) and code != "utf-8-sig"), None)
    # A part may end inside a character, so the encoding is judged by its whole lines.
    whole = first[: first.rfind(b"\n") + 1] or first
    text, encoding = (b"", wide) if wide and asked is None else decode(whole, asked, name)
    if encoding == "utf-8":
        yield text + first[len(whole) :], encoding
        for part in parts:
            yield part, encoding
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    for part in chain([first], parts):
        yield decoder.decode(part).encode("utf-8"), encoding


def stream(
    descriptor: int, name: str, dialect: Dialect, options: ReadOptions, expect: Sequence[str] = ()
) -> Iterator[tuple[Source, Structure]]:
    """Parts of a CSV as Sources, each with the structure of all its records, the ragged ones included.

    The first part may have no rows. A ragged row is a DataError once the rows before it have been given, or is
    left out of the Source on --bad-rows skip. Raises DataError with the physical line.
    """
    dialect = replace(dialect, bad_rows=options.bad_rows)
    names: tuple[str, ...] | None = None
    rest, first_line = b"", 1
    parts = utf8_parts(parts_of(descriptor), name, options.encoding)
    for data, encoding in ended(parts):
        is_last = data is None
        data = rest + (data or b"")
        nul = data.find(b"\0")
        if nul >= 0:
            raise DataError("NUL byte: no CSV text holds one", file=name, line=first_line + line_of(data, nul) - 1)
        if is_last and not data.strip() and names is not None:
            return
        if names is None:
            dialect = replace(dialect, encoding=encoding, delimiter=delimiter_for(data, dialect, options, expect))
        found = scan(
            data,
            dialect.delimiter,
            dialect.quote,
            dialect.escape,
            dialect.comment,
            dialect.skip_rows if names is None else 0,
        )
        complete = len(found.ends)
        if not is_last and complete and (found.ends[-1] >= len(data) or data.endswith(b"\r")):
            complete -= 1  # its end, or the line feed after its carriage return, may be still to come
        if is_last and found.open_quote is not None:
            line = first_line + line_of(data, found.open_quote) - 1
            raise DataError("quote opened here is never closed", file=name, line=line)
        if not is_last and complete == 0:
            rest = data
            if len(rest) > LONGEST_RECORD:
                raise DataError("a record longer than 256 MB", "look for a stray quote", file=name, line=first_line)
            continue
        records = Structure(found.starts[:complete], found.ends[:complete], found.widths[:complete], None, frozenset())
        if names is None:
            if not complete:
                raise DataError("no header: the file holds only blank lines", file=name)
            names, _, _ = header_names(data, records, dialect, name)
            if dialect.header:
                records = Structure(records.starts[1:], records.ends[1:], records.widths[1:], None, frozenset())
        yield from good_rows(data, records, names, dialect, name, first_line)
        end = int(found.ends[complete - 1]) + 1 if complete and not is_last else len(data)
        first_line += line_of(data, end) - 1
        rest = data[end:]


def ended(parts: Iterator[tuple[bytes, str]]) -> Iterator[tuple[bytes | None, str]]:
    """The parts, then None: a slow producer's rows must be answered before its next part has come."""
    encoding = ""
    for part, encoding in parts:
        yield part, encoding
    yield None, encoding


def good_rows(
    data: bytes, records: Structure, names: tuple[str, ...], dialect: Dialect, name: str, first_line: int
) -> Iterator[tuple[Source, Structure]]:
    bad = np.flatnonzero(records.widths != len(names))
    stop = int(bad[0]) if len(bad) and dialect.bad_rows == "error" else len(records.widths)
    kept = Structure(records.starts[:stop], records.ends[:stop], records.widths[:stop], None, frozenset())
    good = kept.widths == len(names)
    rows = Structure(kept.starts[good], kept.ends[good], kept.widths[good], None, frozenset())
    yield Source(name, data, rows, names, dialect, (), "", first_line), kept
    if stop < len(records.widths):
        raise DataError(
            f"{records.widths[stop]} fields, expected {len(names)}", "leave such rows out with --bad-rows skip",
            file=name, line=first_line + line_of(data, int(records.starts[stop])) - 1,
        )  # fmt: skip

"""The records of a text that comes in parts: the one loop behind reading a file and reading a pipe.

Memory does not grow with the number of rows, and what is found does not depend on where the parts end.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from itertools import chain

import numpy as np

from mlpcli.data.decoding import BOM
from mlpcli.data.dialect import Dialect
from mlpcli.data.rows import MAX_RECORD_BYTES, Stretch
from mlpcli.data.storage import free_memory
from mlpcli.data.structure import Scanner, after_lines
from mlpcli.errors import DataError
from mlpcli.files.archive import MAX_VALUES

NONCHARACTER = "\ufffe".encode()  # a byte-order mark read the wrong way round
COLUMN_BYTES = 20_000  # of memory for a column: what reads and fits it, and its weights in the networks by default
COLUMN_VALUES = 26  # of a fitted column of numbers in the header of a model file
MAX_COLUMNS = MAX_VALUES // COLUMN_VALUES  # past it no model file holds what was fitted; 76,923
LONG = 1 << 21  # bytes of an unfinished record beyond which it is looked at again only when it has doubled


def scanner_of(dialect: Dialect, zeros: set[int] | None) -> Scanner:
    """What scans a text of this dialect from its header on; `zeros` is filled with the fields that look like 007."""
    return Scanner(
        dialect.delimiter, dialect.quote, dialect.escape, dialect.comment, dialect.header, dialect.spaces, zeros=zeros
    )


def stretches(parts: Iterator[bytes], dialect: Dialect, scanner: Scanner, name: str) -> Iterator[Stretch]:
    """The records of the UTF-8 text of a file, as soon as they are complete, without the last ones of --skip-last.

    Raises DataError as `all_records` does.
    """
    waiting: deque[Stretch] = deque()  # which may hold some of the last records
    n_waiting = 0
    for stretch in all_records(parts, dialect, scanner, name):
        waiting.append(stretch)
        n_waiting += len(stretch.found.starts)
        while n_waiting > dialect.skip_last:
            first = waiting.popleft()
            n_given = min(n_waiting - dialect.skip_last, len(first.found.starts))
            n_waiting -= n_given
            yield first.rows(slice(n_given))
            if n_given < len(first.found.starts):
                waiting.appendleft(first.rows(slice(n_given, None)))


def all_records(parts: Iterator[bytes], dialect: Dialect, scanner: Scanner, name: str) -> Iterator[Stretch]:
    """All records, as soon as they are complete.

    Raises DataError for what no text holds, a quote that never closes and a record that does not end, once the
    records before it have been given.
    """
    rest: list[bytes] = []  # what stands behind the last complete record
    n_bytes = n_scanned = offset = 0
    first_line = 1
    for part in chain(parts, [None]):
        if part is not None:
            may_complete = has_line_end(rest[-1][-2:] + part if rest else part)  # a CR is one once more has come
            rest.append(part)
            n_bytes += len(part)
            if n_bytes < 2 * n_scanned and (n_bytes > LONG or not may_complete):
                continue
        data = b"".join(rest)
        found = scanner.scan(data, after_lines(data, dialect.skip_rows) if offset == 0 else 0, part is None)
        stretch = Stretch(name, data, found, first_line, offset)
        problem = find_problem(stretch, dialect, is_last=part is None)
        if problem is not None:
            stretch = stretch.rows(found.ends <= problem[0])
        if len(stretch.found.starts):
            yield stretch
        if problem is not None:
            raise problem[1]
        if len(found.starts) or offset:  # lines to skip may be still to come
            offset += found.stop
            first_line = stretch.line(found.stop)
            data = data[found.stop :]
        rest, n_bytes, n_scanned = [data], len(data), len(data)


def checked_width(parts: Iterator[bytes], dialect: Dialect, name: str, most: float = math.inf) -> Iterator[bytes]:
    """The parts of a text: DataError with the memory that so many columns need, before their names are read.

    `most` is how many columns there may be however much memory is free.
    """
    memory = free_memory()
    n_columns, n_lines, mark = 1, 0, dialect.delimiter.encode()
    for part in parts:
        if n_lines <= dialect.skip_rows:  # up to the end of the header
            for line in part.splitlines(keepends=True):
                n_columns += line.count(mark)
                needed = n_columns * COLUMN_BYTES
                if needed > memory or n_columns > most:
                    limit = f"{memory / 1e9:,.1f} GB are free" if needed > memory else f"a model holds {most:,} columns"
                    raise DataError(
                        f"{n_columns:,} columns or more need about {needed / 1e9:,.1f} GB of memory; {limit}",
                        "look for a missing line end, or take columns out of the file first",
                        file=name, line=n_lines + 1,
                    )  # fmt: skip
                if has_line_end(line):
                    n_columns, n_lines = 1, n_lines + 1
        yield part


def has_line_end(part: bytes) -> bool:
    return b"\n" in part or b"\r" in part


def find_problem(rows: Stretch, dialect: Dialect, is_last: bool) -> tuple[int, DataError] | None:
    """The first thing that makes the rest unreadable: its byte, and the error."""
    found = rows.found
    places = [place for place in (odd_character(rows, dialect), mark_inside(rows)) if place]
    if found.open_quote is not None:
        places.append((found.open_quote, "quote opened here is never closed", "--quote names another quote character"))
    if not is_last and not len(found.starts) and len(rows.data) > MAX_RECORD_BYTES:
        places.append((0, f"a record longer than {MAX_RECORD_BYTES >> 20} MB", "look for a missing line end or quote"))
    if not places:
        return None
    at, message, hint = min(places)
    return at, DataError(message, hint, file=rows.file, line=rows.line(at))


def odd_character(rows: Stretch, dialect: Dialect) -> tuple[int, str, str] | None:
    """A character that no CSV text holds: NUL or U+FFFE."""
    data, is_ascii = rows.data, rows.data.isascii()  # seen at once; the rule
    places = [
        (at, what, hint)
        for mark, what, hint in (
            (b"\0", "NUL byte: no CSV text holds one", "remove the NUL bytes"),
            (NONCHARACTER, "U+FFFE, which is no character", "name the encoding with --encoding"),
        )
        if not (is_ascii and not mark.isascii()) and (at := data.find(mark)) >= 0
    ]
    if not places:
        return None
    at, what, hint = min(places)
    if data[at] == 0 and data[at : at + 64].count(0) > 8:
        what, hint = "NUL bytes: looks like UTF-16 or UTF-32", "name it, e.g. --encoding utf-16-le"
    starts = np.append(rows.found.starts, rows.found.stop)  # the last record may be unfinished
    record = int(np.searchsorted(starts, at, side="right")) - 1
    before = data[starts[record] : at] if record >= 0 else b""
    return at, f"{what} (field {before.count(dialect.delimiter.encode()) + 1})", hint


def mark_inside(rows: Stretch) -> tuple[int, str, str] | None:
    """A byte-order mark at the start of a record; at the start of the text there is none any more."""
    if rows.data.isascii() or BOM not in rows.data:
        return None
    starts = rows.found.starts.tolist()
    at = next((start for start in starts if rows.data.startswith(BOM, start)), None)
    hint = "remove it, and a second header"
    return None if at is None else (at, "a byte-order mark (BOM) inside the file: were two files joined here?", hint)

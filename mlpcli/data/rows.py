"""Records of a text with their place, which of them fit the header, and what is wrong with one that does not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mlpcli.data.dialect import Dialect
from mlpcli.data.structure import MALFORMED, STRAY, Structure, line_of
from mlpcli.engine.arrays import Bools
from mlpcli.errors import DataError

SHOWN = 5  # bad rows named one by one
MAX_RECORD_BYTES = 1 << 28  # bytes


@dataclass(frozen=True)
class Stretch:
    """Bytes of a text with whole records, where these are, and where the bytes stand in the text."""

    file: str
    data: bytes
    found: Structure
    first_line: int  # physical line of the first byte
    offset: int = 0  # of the first byte

    def line(self, at: int) -> int:
        """The physical line of one of the bytes."""
        return line_of(self.data, at) + self.first_line - 1

    def rows(self, chosen: slice | Bools) -> Stretch:
        """With these records only."""
        return replace(self, found=self.found.rows(chosen))


def starts_trailing(rows: Stretch, width: int, dialect: Dialect) -> bool:
    """Whether the first row ends with a delimiter that the header does not have; then all of them must."""
    first = rows.rows(slice(1))
    return bool(dialect.header and len(first.found.widths) and ends_with_delimiter(first, width, dialect)[0])


def ends_with_delimiter(rows: Stretch, width: int, dialect: Dialect) -> Bools:
    """(n,) whether a row has one field more than the header, and that one empty."""
    b, found = np.frombuffer(rows.data, np.uint8), rows.found
    return np.asarray((found.widths == width + 1) & (b[found.ends - 1] == ord(dialect.delimiter)))


def good_rows(rows: Stretch, width: int, trailing: bool, dialect: Dialect) -> Bools:
    """(n,) whether a row has as many fields as the header and is none too long to be one."""
    found = rows.found
    fits = ends_with_delimiter(rows, width, dialect) if trailing else found.widths == width
    return np.asarray(fits & (found.ends - found.starts <= MAX_RECORD_BYTES))


def bad_row(rows: Stretch, row: int, width: int, dialect: Dialect, lines: str = "", n_bad: int = 1) -> DataError:
    """What is wrong with a row of another width, and what may have led to it."""
    found = rows.found
    start, n_fields = int(found.starts[row]), int(found.widths[row])
    more = f"; {n_bad} such rows, lines {lines}" + (", ..." if n_bad > SHOWN else "") if lines else ""
    hint = "mend the file, or leave such rows out with --bad-rows skip"
    if n_fields == MALFORMED:
        message = "text after a closing quote: a quote is missing or too many" + more
    elif n_fields == STRAY:
        message = "a quote opens inside a cell and closes in a later one: a delimiter is missing before it" + more
    elif found.ends[row] - start > MAX_RECORD_BYTES:
        message = f"a record longer than {MAX_RECORD_BYTES >> 20} MB"
        hint = "look for a missing line end or quote"
    elif n_bad > 1 and dialect.header and width < int(found.widths[-1]) and (first := settled_from(found)) is not None:
        where = rows.line(int(found.starts[first]))
        if first == 0 and width > 1:
            message, hint = f"rows have {n_fields} fields, header has {width}", "mend the header"
        else:
            message = f"line {where} has {found.widths[first]} fields, line {first_line_of(rows.data)} has {width}"
            hint = f"--skip-rows {where - 1} if the header is on line {where}"
    elif n_bad == len(found.widths) > 1 and len(set(found.widths.tolist())) == 1:
        message = f"rows have {n_fields} fields, header has {width}"
    else:
        message = f"{n_fields} fields, expected {width}{more}"
    begin = rows.data[start : start + 1]
    if begin in (b"#", b"%") and dialect.comment is None:
        hint = f"--comment '{begin.decode()}' if this line is a comment; {hint}"
    elif dialect.escape is None and b'\\"' in rows.data[start : int(found.ends[row])]:
        hint = f"--escape '\\' if a backslash stands before quotes; {hint}"
    return DataError(message, hint, file=rows.file, line=rows.line(start))


def first_line_of(data: bytes) -> int:
    """The physical line of the first one that is not blank."""
    return line_of(data, len(data) - len(data.lstrip()))


def settled_from(rows: Structure) -> int | None:
    """The row from which on all rows have one width, as below lines of text; None if that is not most of them."""
    others = np.flatnonzero(rows.widths != rows.widths[-1])
    first = int(others[-1]) + 1 if len(others) else 0
    return first if len(rows.widths) - first > len(rows.widths) / 2 else None

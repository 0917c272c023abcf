"""Which rows fit the header, and what is wrong with one that does not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.dialect import Dialect
from mlpcli.data.structure import MALFORMED, STRAY, Structure, line_of
from mlpcli.errors import DataError

SHOWN = 5  # bad rows named one by one


MAX_RECORD_BYTES = 1 << 28  # bytes


def starts_trailing(data: bytes, rows: Structure, width: int, dialect: Dialect) -> bool:
    """Whether the first row ends with a delimiter that the header does not have; then all of them must."""
    first = rows.rows(slice(1))
    return bool(dialect.header and len(first.widths) and ends_with_delimiter(data, first, width, dialect)[0])


def ends_with_delimiter(data: bytes, rows: Structure, width: int, dialect: Dialect) -> NDArray[np.bool_]:
    """(n,) whether a row has one field more than the header, and that one empty."""
    b = np.frombuffer(data, np.uint8)
    return np.asarray((rows.widths == width + 1) & (b[rows.ends - 1] == ord(dialect.delimiter)))


def good_rows(data: bytes, rows: Structure, width: int, trailing: bool, dialect: Dialect) -> NDArray[np.bool_]:
    """(n,) whether a row has as many fields as the header and is none too long to be one."""
    fits = ends_with_delimiter(data, rows, width, dialect) if trailing else rows.widths == width
    return np.asarray(fits & (rows.ends - rows.starts <= MAX_RECORD_BYTES))


def bad_row(
    data: bytes,
    rows: Structure,
    row: int,
    width: int,
    dialect: Dialect,
    file: str,
    lines: str = "",
    n_bad: int = 1,
    first_line: int = 1,
) -> DataError:
    """What is wrong with a row of another width, and what may have led to it."""
    start = int(rows.starts[row])
    line, found = line_of(data, start) + first_line - 1, int(rows.widths[row])
    more = f"; {n_bad} such rows, lines {lines}" + (", ..." if n_bad > SHOWN else "") if lines else ""
    hint = "mend the file, or leave such rows out with --bad-rows skip"
    if found == MALFORMED:
        message = "text after a closing quote: a quote is missing or too many" + more
    elif found == STRAY:
        message = "a quote opens inside a cell and closes in a later one: a delimiter is missing before it" + more
    elif rows.ends[row] - start > MAX_RECORD_BYTES:
        message = f"a record longer than {MAX_RECORD_BYTES >> 20} MB"
        hint = "look for a missing line end or quote"
    elif n_bad > 1 and dialect.header and width < int(rows.widths[-1]) and (first := settled_from(rows)) is not None:
        where = line_of(data, int(rows.starts[first])) + first_line - 1
        if first == 0 and width > 1:
            message, hint = f"rows have {found} fields, header has {width}", "mend the header"
        else:
            message = f"line {where} has {rows.widths[first]} fields, line {first_line_of(data)} has {width}"
            hint = f"--skip-rows {where - 1} if the header is on line {where}"
    elif n_bad == len(rows.widths) > 1 and len(set(rows.widths.tolist())) == 1:
        message = f"rows have {found} fields, header has {width}"
    else:
        message = f"{found} fields, expected {width}{more}"
    begin = data[start : start + 1]
    if begin in (b"#", b"%") and dialect.comment is None:
        hint = f"--comment '{begin.decode()}' if this line is a comment; {hint}"
    elif dialect.escape is None and b'\\"' in data[start : int(rows.ends[row])]:
        hint = f"--escape '\\' if a backslash stands before quotes; {hint}"
    return DataError(message, hint, file=file, line=line)


def first_line_of(data: bytes) -> int:
    """The physical line of the first one that is not blank."""
    return line_of(data, len(data) - len(data.lstrip()))


def settled_from(rows: Structure) -> int | None:
    """The row from which on all rows have one width, as below lines of text; None if that is not most of them."""
    others = np.flatnonzero(rows.widths != rows.widths[-1])
    first = int(others[-1]) + 1 if len(others) else 0
    return first if len(rows.widths) - first > len(rows.widths) / 2 else None

"""Records and fields counted from the raw bytes, so that no ragged row is ever padded, shifted or lost in silence.

A delimiter or line end counts where the number of quotes before it is even. That is exact as long as quotes open at
the start of a field; where one does not, it is literal text, and a slower exact pass decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

LF, CR = 10, 13


@dataclass(frozen=True)
class Structure:
    """Where each record starts and ends (bytes), how many fields it has, and what else the bytes show."""

    starts: Ints  # of the records that hold something: blank lines, comments and skipped rows are left out
    ends: Ints
    widths: Ints
    open_quote: int | None  # byte at which a quote opens that never closes
    leading_zeros: frozenset[int]  # fields by number in which some cell looks like 007


def scan(
    data: bytes, delimiter: str, quote: str = '"', escape: str | None = None, comment: str | None = None, skip: int = 0
) -> Structure:
    """UTF-8 bytes -> the structure of their records, the header among them."""
    first = 0
    for _ in range(skip):
        at = data.find(b"\n", first)
        first = at + 1 if at >= 0 else len(data)
    b = np.frombuffer(data, np.uint8)[first:]
    if len(b) == 0:
        none = np.empty(0, np.int64)
        return Structure(none, none, none, None, frozenset())
    delimiters, ends, opened = boundaries(b, data[first:], delimiter, quote, escape)
    if len(ends) == 0 or ends[-1] < len(b):
        ends = np.append(ends, len(b))  # the last record, without a line end
    starts = np.concatenate([[0], ends[:-1] + 1])
    keep = starts < ends
    blank = np.isin(b[np.minimum(starts, len(b) - 1)], (CR, LF)) & (ends - starts <= 1)
    keep &= ~blank
    if comment:
        keep &= b[np.minimum(starts, len(b) - 1)] != ord(comment)
    starts, ends = starts[keep], ends[keep]
    widths = np.searchsorted(delimiters, ends) - np.searchsorted(delimiters, starts) + 1
    return Structure(
        starts + first, ends + first, widths, None if opened is None else opened + first,
        leading_zeros(b, delimiters, starts, quote),
    )  # fmt: skip


def boundaries(
    b: NDArray[np.uint8], data: bytes, delimiter: str, quote: str, escape: str | None
) -> tuple[Ints, Ints, int | None]:
    """Bytes of the delimiters and of the line ends outside quotes, and of a quote that stays open."""
    is_lone_cr = b == CR
    if is_lone_cr.any():
        is_lone_cr[:-1] &= b[1:] != LF
    quotes = np.flatnonzero(b == ord(quote))
    delimiters = np.flatnonzero(b == ord(delimiter))
    line_ends = np.flatnonzero((b == LF) | is_lone_cr)
    if len(quotes) == 0 and escape is None:
        return delimiters, line_ends, None
    opening = quotes[::2]
    before = np.where(opening > 0, b[np.maximum(opening - 1, 0)], LF)
    # A quote that opens right behind one that closed is a doubled quote inside a field.
    regular = np.isin(before, (ord(delimiter), LF, CR, ord(quote)))
    if escape is not None or not regular.all():
        return exact_boundaries(data, delimiter, quote, escape)
    delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
    line_ends = line_ends[np.searchsorted(quotes, line_ends) % 2 == 0]
    return delimiters, line_ends, int(quotes[-1]) if len(quotes) % 2 else None


def exact_boundaries(data: bytes, delimiter: str, quote: str, escape: str | None) -> tuple[Ints, Ints, int | None]:
    """The same, by one pass over the special bytes with the state of a CSV parser."""
    special = "".join(re.escape(c) for c in (delimiter, quote, escape or "") if c)
    delimiters: list[int] = []
    line_ends: list[int] = []
    opened, field_start, skipped = None, 0, -1
    for found in re.finditer(rf"\r\n|[\r\n{special}]".encode(), data):
        at, token = found.start(), found.group()
        if at == skipped:
            continue
        if escape is not None and token == escape.encode():
            skipped = at + 1
        elif token == quote.encode():
            if opened is not None:
                if data[at + 1 : at + 2] == token:
                    skipped = at + 1
                else:
                    opened = None
            elif at == field_start:
                opened = at
        elif opened is None:
            (delimiters if token == delimiter.encode() else line_ends).append(found.end() - 1)
            field_start = found.end()
    return np.array(delimiters, np.int64), np.array(line_ends, np.int64), opened


def leading_zeros(b: NDArray[np.uint8], delimiters: Ints, starts: Ints, quote: str) -> frozenset[int]:
    """Fields in which some cell begins with 0 and a digit, as codes and telephone numbers do."""
    zeros = np.flatnonzero(b[:-1] == ord("0"))
    zeros = zeros[(b[zeros + 1] >= ord("0")) & (b[zeros + 1] <= ord("9"))]
    if len(zeros) == 0:
        return frozenset()
    before = np.where(zeros > 0, zeros - 1, 0)
    cell = zeros - ((b[before] == ord(quote)) & (zeros > 0))
    at_start = np.zeros(len(b) + 1, bool)
    at_start[delimiters + 1] = True
    at_start[starts] = True
    cell = cell[at_start[cell]]
    record = np.searchsorted(starts, cell, side="right") - 1
    cell, record = cell[record > 0], record[record > 0]  # not those of the header
    return frozenset(
        np.unique(np.searchsorted(delimiters, cell) - np.searchsorted(delimiters, starts[record])).tolist()
    )


def line_of(data: bytes, at: int) -> int:
    """The physical line, from 1, of a byte."""
    head = data[:at]
    return head.count(b"\n") + head.count(b"\r") - head.count(b"\r\n") + 1

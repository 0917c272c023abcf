"""Records and fields counted from the raw bytes, so that no ragged row is ever padded, shifted or lost in silence.

A delimiter or line end counts where the number of quotes before it is even. A quote that neither opens a field nor
stands inside a quoted one is literal text (5" pipe). Text behind a closing quote ("ab"c) makes its record malformed:
a quote was lost or doubled there; where a delimiter was lost before one (a"b, c") it is a stray.
The bytes are taken in blocks that stay in the processor's cache.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mlpcli.engine.arrays import Bools, Ints

Bytes = NDArray[np.uint8]

LF, CR, SPACE, ZERO, NINE = 10, 13, 32, 48, 57
BLOCK = 1 << 20  # bytes looked at together
MALFORMED = 0  # the width of a record with text behind a closing quote
STRAY = -1  # the width of a record in which a quote opens inside one cell and closes at the end of a later one
LINE_END = re.compile(rb"\r{0,2}\n|\r")
NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Structure:
    """Where each record starts and ends (bytes, without its line end), how many fields it has, and what else shows."""

    starts: Ints  # of the records that hold something: blank lines, comments and skipped rows are left out
    ends: Ints
    widths: Ints  # MALFORMED or STRAY where quotes are missing or too many
    open_quote: int | None  # byte at which a quote opens that never closes
    leading_zeros: frozenset[int]  # fields by number in which some cell below the header looks like 007
    stop: int  # byte up to which the records are complete

    def rows(self, chosen: slice | Bools) -> Structure:
        """These records only."""
        return Structure(
            self.starts[chosen], self.ends[chosen], self.widths[chosen], self.open_quote, self.leading_zeros, self.stop
        )


@dataclass(frozen=True)
class Marks:
    """Where a stretch of bytes is taken apart, what stands within quotes or is escaped left out."""

    delimiters: Ints
    line_ends: Ints
    malformed: Ints  # closing quotes with text behind them
    stray: Ints  # see `stray_quotes`
    open_quote: int | None  # byte at which a quote opens that never closes


def scan(
    data: bytes,
    delimiter: str,
    quote: str = '"',
    escape: str | None = None,
    comment: str | None = None,
    *,
    header: bool = True,
    spaces: bool = False,
) -> Structure:
    """UTF-8 bytes -> the structure of their records, the header among them."""
    return Scanner(delimiter, quote, escape, comment, header, spaces).scan(data)


def after_lines(data: bytes, n: int) -> int:
    """The byte at which line n begins, counted from 0; the end when there are fewer lines."""
    first = 0
    for _ in range(n):
        found = LINE_END.search(data, first)
        if found is None:
            return len(data)
        first = found.end()
    return first


@dataclass
class Scanner:
    """Scans one file, whole or in parts; remembers between parts whether the header has passed.

    In a table of one column a blank line between others is a row without a value.
    """

    delimiter: str
    quote: str = '"'
    escape: str | None = None
    comment: str | None = None
    header: bool = True  # still to come
    spaces: bool = False  # a space behind a delimiter is no part of the cell
    one_column: bool | None = None  # None until the first record has been seen
    zeros: set[int] | None = field(default_factory=set)  # see find_leading_zeros; None: not looked for

    def scan(self, data: bytes, first: int = 0, is_last: bool = True) -> Structure:
        """The complete records of `data` from byte `first`; the rest is for the next call, with more bytes behind."""
        blocks = []
        size = BLOCK
        open_quote = None
        while first < len(data):
            stop = min(first + size, len(data))
            block = self.block(data, first, stop, is_last and stop == len(data))
            if block.stop > first:
                blocks.append(block)
                first, open_quote, size = block.stop, block.open_quote, BLOCK
            elif stop == len(data):
                break
            else:
                size *= 2  # a record longer than the block
        starts, ends, widths = (
            np.concatenate([getattr(b, part) for b in blocks]) if blocks else NONE
            for part in ("starts", "ends", "widths")
        )
        return Structure(starts, ends, widths, open_quote, frozenset(self.zeros or ()), first)

    def block(self, data: bytes, first: int, stop: int, is_last: bool) -> Structure:
        """The complete records that start in data[first:stop]; a record starts at `first`."""
        b = np.frombuffer(data, np.uint8, stop - first, first)
        has_cr = data.find(b"\r", first, stop) >= 0
        marks = self.marks(b, has_cr, has_quotes=data.find(self.quote.encode(), first, stop) >= 0)
        delimiters, line_ends = marks.delimiters, marks.line_ends
        if is_last:
            if len(line_ends) == 0 or line_ends[-1] < len(b) - 1:
                line_ends = np.append(line_ends, len(b))  # the last record, without a line end
        else:
            # The line feed after a carriage return may be still to come.
            line_ends = line_ends[(b[line_ends] == LF) | (line_ends < len(b) - 2)]
        starts = np.concatenate([[0], line_ends[:-1] + 1])[: len(line_ends)]
        ends = without_returns(b, starts, line_ends) if has_cr else line_ends
        before = np.searchsorted(delimiters, line_ends)
        first_delimiter = np.append(0, before[:-1])[: len(before)]
        widths = before - first_delimiter + 1
        for width, at in ((STRAY, marks.stray), (MALFORMED, marks.malformed)):
            widths[np.searchsorted(line_ends, at[at < (line_ends[-1] if len(line_ends) else 0)])] = width
        is_filled = np.asarray(ends > starts)
        if self.comment is not None:
            is_filled &= b[starts] != ord(self.comment)
        keep = self.kept(is_filled, starts, ends, widths)
        end = first + (int(line_ends[-1]) + 1 if len(line_ends) else 0)
        if self.one_column and not is_last:
            # Whether a blank line is a row or the end of the file is not known before what follows it.
            n = int(np.flatnonzero(is_filled)[-1]) + 1 if is_filled.any() else 0
            end = first + (int(line_ends[n - 1]) + 1 if n else 0)
        if self.zeros is not None:
            self.zeros |= self.find_leading_zeros(b, delimiters, starts, before, keep)
        open_quote = marks.open_quote + first if is_last and marks.open_quote is not None else None
        return Structure(
            starts[keep] + first, ends[keep] + first, widths[keep], open_quote, frozenset(), min(end, stop)
        )

    def marks(self, b: Bytes, has_cr: bool, has_quotes: bool) -> Marks:
        """The marks in bytes that begin with a record."""
        delimiters = np.flatnonzero(b == ord(self.delimiter))
        line_ends = np.flatnonzero((b == LF) | lone_returns(b) if has_cr else b == LF)
        quotes = np.flatnonzero(b == ord(self.quote)) if has_quotes else NONE
        if self.escape is not None:
            taken = escaped(b, ord(self.escape))
            delimiters, line_ends, quotes = (at[~taken[at]] for at in (delimiters, line_ends, quotes))
        if not len(quotes):
            return Marks(delimiters, line_ends, NONE, NONE, None)
        boundary = self.boundaries(b, delimiters, line_ends, has_cr)
        if self.comment is not None:
            lines = np.append(0, line_ends + 1)
            line = lines[np.searchsorted(lines, quotes, side="right") - 1]
            quotes = outside_comments(quotes, line, b[line] == ord(self.comment), boundary)
        quotes, literal = toggles(quotes, boundary)
        delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
        line_ends = line_ends[np.searchsorted(quotes, line_ends) % 2 == 0]
        closing = quotes[1::2]
        doubled = np.append(quotes[2::2], len(b) + 1)[: len(closing)] == closing + 1
        return Marks(
            delimiters, line_ends, closing[~doubled & ~boundary[closing + 2]],
            stray_quotes(literal, delimiters, line_ends, boundary) if len(literal) else NONE,
            opener(quotes) if len(quotes) % 2 else None,
        )  # fmt: skip

    def boundaries(self, b: Bytes, delimiters: Ints, line_ends: Ints, has_cr: bool) -> Bools:
        """(n + 2,) whether a field can start at a byte, quotes aside; the last one stands for the end."""
        boundary = np.zeros(len(b) + 2, np.bool_)
        boundary[[0, -1]] = True
        boundary[delimiters + 1] = boundary[line_ends + 1] = True
        if has_cr:
            boundary[1:-1] |= b == CR
        if self.spaces:
            after = delimiters[delimiters < len(b) - 1] + 1
            boundary[after[b[after] == SPACE] + 1] = True
        return boundary

    def kept(self, is_filled: Bools, starts: Ints, ends: Ints, widths: Ints) -> Bools:
        """Which records count: those that hold something and are no comment, and blank ones that are rows."""
        filled = np.flatnonzero(is_filled)
        first = 0
        if self.one_column is None and len(filled):
            self.one_column, first = bool(widths[filled[0]] == 1), int(filled[0])
        if not (self.one_column and len(filled)):
            return is_filled
        blank = np.asarray(ends == starts)
        blank[:first] = blank[filled[-1] :] = False
        return np.asarray(is_filled | blank)

    def find_leading_zeros(self, b: Bytes, delimiters: Ints, starts: Ints, before: Ints, keep: Bools) -> set[int]:
        """The fields in which some cell begins with 0 and a digit, as codes and telephone numbers do.

        `before` is how many delimiters lie before the end of each record.
        """
        if not len(before):
            return set()
        cells = np.concatenate([starts, delimiters[: before[-1]] + 1])
        if self.spaces:
            cells[len(starts) :] += b[np.minimum(cells[len(starts) :], len(b) - 1)] == SPACE
        at = np.minimum(cells, len(b) - 2)
        at += (b[at] == ord(self.quote)) & (at < len(b) - 2)
        found = np.flatnonzero(b[at] == ZERO)
        second = b[at[found] + 1]
        found = found[(second >= ZERO) & (second <= NINE) & (cells[found] < len(b) - 1)]
        if self.header and keep.any():
            skipped = int(np.argmax(keep))  # the header's own cells do not count
            keep = keep.copy()
            keep[skipped] = False
            self.header = False
        n = len(starts)
        first = {0} if keep[found[found < n]].any() else set()
        number = found[found >= n] - n
        record = np.searchsorted(before, number, side="right")
        number, record = number[keep[record]], record[keep[record]]
        return first | set(np.unique(number - np.append(0, before)[record] + 1).tolist())


def lone_returns(b: Bytes) -> Bools:
    """Carriage returns that end a line by themselves; in \\r\\n and \\r\\r\\n the line feed does."""
    alone = b == CR
    followed = np.zeros(len(b), np.bool_)
    followed[:-1] = b[1:] == LF
    followed[:-2] |= (b[1:-1] == CR) & (b[2:] == LF)
    return np.asarray(alone & ~followed)


def without_returns(b: Bytes, starts: Ints, line_ends: Ints) -> Ints:
    """Where records end: before the one or two carriage returns of \\r\\n and \\r\\r\\n."""
    ends = line_ends.copy()
    for _ in range(2):
        ends -= (ends > starts) & (b[np.maximum(ends, 1) - 1] == CR)
    return ends


def escaped(b: Bytes, escape: int) -> Bools:
    """(n,) bytes -> (n,) whether the byte is taken literally: the one behind an escape that is not escaped itself."""
    taken = np.zeros(len(b) + 1, np.bool_)
    at = np.flatnonzero(b == escape)
    if len(at):
        is_run_start = np.append(True, np.diff(at) > 1)
        run_start = np.maximum.accumulate(np.where(is_run_start, np.arange(len(at)), 0))
        taken[at[(np.arange(len(at)) - run_start) % 2 == 0] + 1] = True
    return taken[:-1]


def toggles(quotes: Ints, boundary: Bools) -> tuple[Ints, Ints]:
    """The quotes that open or close, a doubled one inside quotes as both, and the others, which are literal text.

    `boundary[at]` says whether a field can start at byte `at`. Only literal quotes are visited one by one.
    """
    can_open = boundary[quotes]
    is_second = np.append(False, np.diff(quotes) == 1)
    irregular = np.flatnonzero(~can_open & ~is_second)
    by_parity = [irregular[irregular % 2 == p] for p in (0, 1)]
    literal = np.zeros(len(quotes), np.bool_)
    at = 0
    while at < len(quotes):  # outside quotes here
        if not can_open[at]:
            literal[at] = True
            at += 1
            continue
        odd_ones = by_parity[at % 2]
        place = int(np.searchsorted(odd_ones, at))
        if place == len(odd_ones):
            break
        at = int(odd_ones[place])
    return (quotes[~literal], quotes[literal]) if literal.any() else (quotes, NONE)


def stray_quotes(literal: Ints, delimiters: Ints, line_ends: Ints, boundary: Bools) -> Ints:
    """The literal quotes at which a quoted cell ends whose beginning was lost to the cell before it.

    A delimiter lost before "b, c" leaves a"b, c": an odd number of quotes in one cell, none of them at its end, and
    in a later cell of the record an odd number again, one at its end. A cell that only ends with a quote (5") is text.
    """
    cell_ends = np.sort(np.concatenate([delimiters, line_ends]))
    cells, last, n_quotes = np.unique(np.searchsorted(cell_ends, literal[::-1]), return_index=True, return_counts=True)
    last_quote = literal[::-1][last]
    record = np.searchsorted(line_ends, last_quote)
    is_odd, is_closed = n_quotes % 2 == 1, boundary[last_quote + 2]
    opening = record[is_odd & ~is_closed]
    first_opening = np.full(int(record[-1]) + 1, len(cell_ends) + 1)
    np.minimum.at(first_opening, opening, cells[is_odd & ~is_closed])
    return np.asarray(last_quote[is_odd & is_closed & (cells > first_opening[record])])


def outside_comments(quotes: Ints, line: Ints, is_marked: Bools, boundary: Bools) -> Ints:
    """The quotes that stand in no comment; `line` is where the line of each starts, `is_marked` if with the mark.

    A line with the mark is a comment unless it is within quotes.
    """
    plain = quotes[~is_marked]
    if not (np.searchsorted(toggles(plain, boundary)[0], line[is_marked]) % 2).any():
        return plain  # the usual: no line with the mark is within quotes
    counted, is_inside, closing, previous, is_comment = [], False, -2, -1, False
    can_open = boundary[quotes]
    for at, start, marked, opens in zip(
        quotes.tolist(), line.tolist(), is_marked.tolist(), can_open.tolist(), strict=True
    ):
        if start != previous:
            previous, is_comment = start, marked and not is_inside
        if is_comment:
            continue
        counted.append(at)
        if is_inside:
            is_inside, closing = False, at
        else:
            is_inside = opens or at == closing + 1
    return np.array(counted, np.int64)


def opener(quotes: Ints) -> int:
    """The quote at which a field opens that never closes: the last one, or the first of its run of doubled ones."""
    at = len(quotes) - 1
    while at >= 2 and quotes[at] == quotes[at - 1] + 1:
        at -= 2
    return int(quotes[at])


def line_of(data: bytes, at: int) -> int:
    """The physical line, from 1, of a byte."""
    if data.find(b"\r", 0, at) < 0:
        return data.count(b"\n", 0, at) + 1
    n_lone = data.count(b"\r", 0, at) - data.count(b"\r\n", 0, at) - data.count(b"\r\r\n", 0, at)
    return data.count(b"\n", 0, at) + n_lone + 1

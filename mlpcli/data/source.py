"""Opening a table: its structure proven in one pass, its rows read block by block later."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from mlpcli.config import ReadOptions
from mlpcli.data.block import Block
from mlpcli.data.builders import NumberBuilder, TextBuilder
from mlpcli.data.dialect import Dialect, cells_of, check_characters, find_delimiter, find_dialect, fit_marks
from mlpcli.data.header import check_lost_delimiter, header_names
from mlpcli.data.records import Records
from mlpcli.data.rows import MAX_RECORD_BYTES, SHOWN, bad_row, good_rows, starts_trailing
from mlpcli.data.storage import Storage
from mlpcli.data.structure import Scanner, Structure, after_lines, line_of, scan
from mlpcli.data.text import Text, files_of, joined_digest, open_text
from mlpcli.engine.arrays import Ints
from mlpcli.errors import DataError

READERS = 2  # threads that parse


@dataclass(frozen=True)
class Segment:
    """Where a block of rows stands in a text."""

    text: Text
    dialect: Dialect
    offset: int
    size: int
    first_line: int
    n_rows: int
    trailing: bool
    one_column: bool


@dataclass
class Source(Records):
    """An open table of any size: where its rows stand. They are read block by block."""

    name: str
    names: tuple[str, ...]
    dialect: Dialect
    notes: tuple[str, ...]
    sha256: str
    parts: tuple[Segment, ...]
    leading_zeros: frozenset[int]
    storage: Storage
    reading_notes: list[str] = field(default_factory=list)

    @property
    def n_rows(self) -> int:
        return sum(part.n_rows for part in self.parts)

    def block(self, part: Segment) -> Block:
        """Raises DataError when the file has changed since it was opened."""
        data = part.text.read(part.offset, part.size)
        part.text.check_unchanged()
        d = part.dialect
        found = Scanner(d.delimiter, d.quote, d.escape, d.comment, False, d.spaces, part.one_column, None).scan(data)
        rows = found.rows(good_rows(data, found, len(self.names), part.trailing, d))
        assert len(rows.starts) == part.n_rows
        return Block(part.text.name, data, rows, self.names, d, part.first_line, part.trailing)

    def with_block(self, row: int) -> tuple[Block, int]:
        """The block in which a row stands, and its number there."""
        for part in self.parts:
            if row < part.n_rows:
                return self.block(part), row
            row -= part.n_rows
        raise IndexError(row)

    def place(self, row: int) -> tuple[str, int]:
        block, row = self.with_block(row)
        return block.place(row)

    def record(self, row: int) -> bytes:
        block, row = self.with_block(row)
        return block.record(row)

    def lines(self, rows: Ints) -> Iterator[bytes]:
        """The bytes of rows in ascending order, as they stand in the file."""
        start = 0
        for part in self.parts:
            here = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + part.n_rows)] - start
            if len(here):
                block = self.block(part)
                yield b"".join([block.record(row) for row in here.tolist()])
            start += part.n_rows

    def sample(self, target: str | None) -> pd.DataFrame:
        if not self.parts:  # a header and no rows
            return pd.DataFrame({n: pd.Categorical([]) for n in self.names})
        return self.block(self.parts[0]).sample(target)

    def parse(
        self, *, texts: Collection[str], target: str | None = None, only: Collection[str] | None = None
    ) -> pd.DataFrame:
        columns: dict[str, NumberBuilder | TextBuilder] = {
            n: TextBuilder(self.n_rows, self.storage) if n in texts else NumberBuilder(self.n_rows, self.storage)
            for n in self.names if only is None or n in only
        }  # fmt: skip
        self.fill(columns, target)
        text_columns = [n for n, column in columns.items() if isinstance(column, NumberBuilder) and column.has_text]
        if text_columns:
            again = {n: TextBuilder(self.n_rows, self.storage) for n in text_columns}
            self.fill(again, target)
            columns.update(again)
        return pd.DataFrame({n: column.values for n, column in columns.items()}, copy=False)

    def fill(self, columns: Mapping[str, NumberBuilder | TextBuilder], target: str | None) -> None:
        """Reads every block once, a few at a time on threads of their own: pandas parses without Python's lock."""
        texts = [n for n, column in columns.items() if isinstance(column, TextBuilder)]

        def parsed(part: Segment) -> dict[str, pd.Series[Any]]:
            return self.block(part).columns(texts=texts, target=target, only=columns)

        start = 0
        for part, found in zip(self.parts, ahead(parsed, self.parts), strict=True):
            for name, column in columns.items():
                column.add(start, found[name])
            start += part.n_rows
            self.storage.release()


Parsed = TypeVar("Parsed")


def ahead(function: Callable[[Segment], Parsed], parts: Sequence[Segment]) -> Iterator[Parsed]:
    """map() on READERS threads, in order, and never more than one result a thread ahead."""
    if len(parts) < 2:
        yield from map(function, parts)
        return
    with ThreadPoolExecutor(READERS) as pool:
        waiting: deque[Future[Parsed]] = deque()
        for part in parts:
            waiting.append(pool.submit(function, part))
            if len(waiting) > READERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def open_table(
    path: str,
    options: ReadOptions,
    *,
    dialect: Dialect | None = None,
    expect: Sequence[str] = (),
    storage: Storage | None = None,
) -> Source:
    """Proves the structure of a CSV, or of several that are one table ('parts/*.csv'); '-' is standard input.

    With `dialect`, a model's, cells are read by its rules; only encoding, delimiter and --bad-rows are the file's own.
    Raises DataError or MachineError with file and line.
    """
    storage = storage or Storage(options.memory)
    files = [open_file(file, options, dialect, expect, storage) for file in files_of(path)]
    first = files[0]
    if len(files) == 1:
        return first
    for other in files[1:]:
        if other.names != first.names:
            odd = next((n for n in other.names if n not in first.names), None)
            what = f"no column '{odd}' in {first.name}" if odd else f"fewer columns than {first.name}, or another order"
            raise DataError(what, "files of one table have one header", file=other.name)
    notes = dict.fromkeys(note for file in files for note in file.notes)
    return replace(
        first, name=path, notes=(f"one table of {len(files)} files", *notes),
        sha256=joined_digest([file.sha256 for file in files]),
        parts=tuple(part for file in files for part in file.parts),
        leading_zeros=frozenset().union(*(file.leading_zeros for file in files)),
    )  # fmt: skip


def open_file(
    path: str, options: ReadOptions, dialect: Dialect | None, expect: Sequence[str], storage: Storage
) -> Source:
    """One file of a table."""
    text = open_text(path, options.encoding, storage.folder)
    name, head = text.name, text.read(0, PART)
    if dialect is None:
        dialect = find_dialect(head, text.encoding, options)
    else:
        dialect = dialect_for(head, dialect.for_file(options, text.encoding), options, expect)
    notes = [f"encoding: {text.encoding} (--encoding)"] if text.encoding != "utf-8" else []
    if dialect.delimiter != "," and options.delimiter is None:
        notes.append(f"delimiter: {dialect.delimiter!r} (--delimiter)")
    if dialect.spaces:
        notes.append("a space follows each delimiter; it is no part of the cell")
    if dialect.quote != options.quote:
        notes.append(f"quotes: {dialect.quote} (--quote)")
    names: tuple[str, ...] = ()
    scanner = Scanner(dialect.delimiter, dialect.quote, dialect.escape, dialect.comment, dialect.header, dialect.spaces)
    tally = Tally(name, dialect)
    for stretch in stretches(text, dialect, scanner):
        if not names:
            names, name_notes = header_names(stretch.data, stretch.found, dialect, name, stretch.first_line)
            notes += name_notes
            stretch = replace(stretch, found=stretch.found.rows(slice(1 if dialect.header else 0, None)))
        tally.add(stretch, len(names))
    if not names:
        raise DataError("no header: the file holds only blank lines", file=name)
    if tally.trailing:
        if not (expect and set(expect) <= set(names)):
            check_lost_delimiter(names, name)
        notes.append("every row ends with a delimiter; the empty field after it is left out")
    if tally.n_bad:
        if dialect.bad_rows == "error":
            raise tally.error(len(names))
        notes.append(
            f"{tally.n_bad} rows that do not fit the header are left out: lines {tally.shown_lines}"
            + (" ..." if tally.n_bad > SHOWN else "")
        )
    parts = tuple(
        Segment(text, dialect, s.offset, s.size, s.line, s.n_good, bool(tally.trailing), bool(scanner.one_column))
        for s in tally.spans if s.n_good
    )  # fmt: skip
    return Source(name, names, dialect, tuple(notes), text.sha256, parts, frozenset(scanner.zeros or ()), storage)


@dataclass(frozen=True)
class Stretch:
    """Bytes of a text with whole records."""

    offset: int
    data: bytes
    found: Structure
    first_line: int


def stretches(text: Text, dialect: Dialect, scanner: Scanner) -> Iterator[Stretch]:
    """The records of a text, a part at a time. Raises DataError for a quote or record that does not end."""
    offset, size, first_line = 0, PART, 1
    while offset < text.size:
        data = text.read(offset, size)
        is_last = offset + len(data) >= text.size
        found = scanner.scan(data, after_lines(data, dialect.skip_rows) if offset == 0 else 0, is_last)
        check_characters(data, found, dialect, text.name, first_line)
        if found.open_quote is not None:
            raise DataError(
                "quote opened here is never closed", "--quote names another quote character",
                file=text.name, line=first_line + line_of(data, found.open_quote) - 1,
            )  # fmt: skip
        if not is_last and not len(found.starts):
            if len(data) > MAX_RECORD_BYTES:
                raise DataError(
                    f"a record longer than {MAX_RECORD_BYTES >> 20} MB", "look for a missing line end or quote",
                    file=text.name, line=first_line,
                )  # fmt: skip
            size *= 2
            continue
        if len(found.starts):
            yield Stretch(offset, data, found, first_line)
        end = len(data) if is_last else found.stop
        first_line += line_of(data, end) - 1
        offset, size = offset + end, PART


class Span(NamedTuple):
    offset: int
    size: int
    line: int
    n_good: int


class Tally:
    """Which rows of a file fit its header."""

    def __init__(self, name: str, dialect: Dialect) -> None:
        self.name, self.dialect = name, dialect
        self.trailing: bool | None = None  # None before the first row
        self.n_bad = 0
        self.spans: list[Span] = []
        self.lines: list[int] = []  # of the first bad rows
        self.first: tuple[Stretch, int] | None = None  # the first bad row

    def add(self, stretch: Stretch, width: int) -> None:
        data, rows = stretch.data, stretch.found
        if not len(rows.starts):
            return
        if self.trailing is None:
            self.trailing = starts_trailing(data, rows, width, self.dialect)
        good = good_rows(data, rows, width, self.trailing, self.dialect)
        bad = np.flatnonzero(~good)
        if len(bad):
            self.first = self.first or (stretch, int(bad[0]))
            for row in bad[: SHOWN - len(self.lines)]:
                self.lines.append(line_of(data, int(rows.starts[row])) + stretch.first_line - 1)
        self.n_bad += len(bad)
        start, end = int(rows.starts[0]), int(rows.ends[-1])
        line = stretch.first_line + line_of(data, start) - 1
        self.spans.append(Span(stretch.offset + start, end - start, line, len(good) - len(bad)))

    @property
    def shown_lines(self) -> str:
        return ", ".join(map(str, self.lines))

    def error(self, width: int) -> DataError:
        assert self.first is not None
        stretch, row = self.first
        lines = self.shown_lines if self.n_bad > 1 else ""
        return bad_row(
            stretch.data, stretch.found, row, width, self.dialect, self.name, lines, self.n_bad, stretch.first_line
        )


def dialect_for(data: bytes, dialect: Dialect, options: ReadOptions, expect: Sequence[str]) -> Dialect:
    """A model's dialect for another file: its delimiter if the header then holds a column, else what the file shows."""
    if options.delimiter is None and dialect.header and expect:
        found = scan(
            data[: 1 << 20], dialect.delimiter, dialect.quote, dialect.escape, dialect.comment, dialect.skip_rows
        )
        head = data[found.starts[0] : found.ends[0]] if len(found.starts) else b""
        if not {c.strip() for c in cells_of(head, dialect)}.intersection(expect):
            dialect = replace(dialect, delimiter=find_delimiter(data, dialect, expect))
    return fit_marks(data, dialect, options)


PART = 1 << 21  # bytes of a text read at once

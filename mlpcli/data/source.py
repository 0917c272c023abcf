"""Opening a table: its structure proven in one pass, its rows read block by block later."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from mlpcli.config.settings import ReadOptions
from mlpcli.data.block import SAMPLE_ROWS, Block, RowForm, check_parsed, is_gapless, parsed_columns
from mlpcli.data.builders import NumberBuilder, TextBuilder, WrittenBuilder
from mlpcli.data.dialect import Dialect, find_dialect
from mlpcli.data.header import check_lost_delimiter, check_title, dialect_for, header_names, no_header
from mlpcli.data.raw import PART, ReadableFile
from mlpcli.data.records import Records
from mlpcli.data.rows import SHOWN, Stretch, bad_row, good_rows, starts_trailing
from mlpcli.data.scan import MAX_COLUMNS, checked_width, scanner_of, stretches
from mlpcli.data.storage import Storage
from mlpcli.data.text import Text, files_of, joined_digest, open_text
from mlpcli.engine.arrays import Floats, Ints
from mlpcli.errors import DataError

READERS = 2  # threads that parse


@dataclass(frozen=True)
class Segment:
    """Where a block of rows stands in a text."""

    text: Text
    form: RowForm
    offset: int
    size: int
    first_line: int
    n_rows: int
    head: int  # bytes of its first SAMPLE_ROWS rows; 0 where anything but rows stands in it
    one_column: bool

    def first_rows(self) -> Segment:
        """SAMPLE_ROWS of them, or all where that takes as long."""
        return replace(self, size=self.head, n_rows=min(self.n_rows, SAMPLE_ROWS)) if self.head else self

    def read(self) -> bytes:
        """Raises DataError when the file has changed since it was opened."""
        data = self.text.read(self.offset, self.size)
        self.text.check_unchanged()
        return data


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
    digests: tuple[str, ...]  # SHA-256 of each file

    @property
    def n_rows(self) -> int:
        return sum(part.n_rows for part in self.parts)

    def block(self, part: Segment) -> Block:
        """Raises DataError when the file has changed since it was opened."""
        data, form = part.read(), part.form
        scanner = replace(scanner_of(form.dialect, None), header=False, one_column=part.one_column)
        rows = Stretch(part.text.name, data, scanner.scan(data), part.first_line)
        rows = rows.rows(good_rows(rows, len(form.names), form.trailing, form.dialect))
        assert len(rows.found.starts) == part.n_rows
        return Block(rows, form)

    def with_block(self, row: int) -> tuple[Block, int]:
        """The block in which a row stands, and its number there."""
        for part in self.parts:
            if row < part.n_rows:
                return self.block(part.first_rows() if row < SAMPLE_ROWS else part), row
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

    def sample(self, target: str | None) -> dict[str, list[str]]:
        if not self.parts:  # a header and no rows
            return {n: [] for n in self.names}
        return self.block(self.parts[0].first_rows()).sample(target)

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

    def parse_written(
        self, name: str, read: Callable[[Sequence[str]], Floats], unfit: Callable[[int], None]
    ) -> pd.Series[Any]:
        column = WrittenBuilder(self.n_rows, self.storage, read)
        self.fill({name: column}, None)
        if column.first_unfit is not None:
            unfit(column.first_unfit)
        return pd.Series(column.values, name=name, copy=False)

    def fill(self, columns: Mapping[str, NumberBuilder | TextBuilder | WrittenBuilder], target: str | None) -> None:
        """Reads every block once, a few at a time on threads of their own: pandas parses without Python's lock."""
        texts = {n for n, column in columns.items() if not isinstance(column, NumberBuilder)}

        def parsed(part: Segment) -> dict[str, pd.Series[Any]]:
            if not part.head:
                return self.block(part).columns(texts=texts, target=target, only=columns)
            found = parsed_columns(part.read() + b"\n", part.form, [*columns], texts=texts, target=target)
            check_parsed(next(iter(found.values())), part.n_rows, part.text.name)
            return found

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
    pool = ThreadPoolExecutor(READERS)
    try:
        waiting: deque[Future[Parsed]] = deque()
        for part in parts:
            waiting.append(pool.submit(function, part))
            if len(waiting) > READERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # a stop does not wait for what is being parsed


def open_table(
    path: str,
    options: ReadOptions,
    *,
    dialect: Dialect | None = None,
    expect: Sequence[str] = (),
    storage: Storage | None = None,
    opened: tuple[ReadableFile, str] | None = None,
    files: Sequence[str] | None = None,
) -> Source:
    """Proves the structure of a CSV, or of several that are one table ('parts/*.csv'); '-' is standard input.

    `opened` is the first file, when it is open already; `files` are some of those that `path` means, and no others.
    With `dialect`, a model's, cells are read by its rules; only encoding, delimiter and --bad-rows are the file's own.
    Raises DataError or MachineError with file and line.
    """
    storage = storage or Storage(options.memory)
    first_path, *others = files or files_of(path)
    first = open_file(first_path, options, dialect, expect, storage, opened)
    found = [first, *(open_file(other, options, dialect, expect, storage, None) for other in others)]
    if len(found) == 1:
        return first
    for other in found[1:]:
        check_header(other.names, other.name, first.names, first.name)
    notes = dict.fromkeys(note for file in found for note in file.notes)
    digests = tuple(file.sha256 for file in found)
    return replace(
        first, name=path, notes=(f"one table of {len(found)} files", *notes), sha256=joined_digest(digests),
        parts=tuple(part for file in found for part in file.parts), digests=digests,
        leading_zeros=frozenset().union(*(file.leading_zeros for file in found)),
    )  # fmt: skip


def check_header(names: Sequence[str], file: str, of_first: Sequence[str], first: str) -> None:
    """DataError for a file of other columns than the first one of a table."""
    if names != of_first:
        odd = next((name for name in names if name not in of_first), None)
        what = f"no column '{odd}' in {first}" if odd else f"fewer columns than {first}, or another order"
        raise DataError(what, "files of one table have one header", file=file)


def open_file(
    path: str,
    options: ReadOptions,
    model: Dialect | None,
    expect: Sequence[str],
    storage: Storage,
    opened: tuple[ReadableFile, str] | None,
) -> Source:
    """One file of a table."""
    otherwise, has_header = (model.encoding, model.header) if model else (None, options.header)
    text = open_text(path, options.encoding, storage.folder, otherwise, has_header, opened)
    name = text.name
    if model is None:
        dialect = find_dialect(text.read(0, PART), text.encoding, options)
        parts = checked_width(text.parts(), dialect, name, MAX_COLUMNS)
    else:
        dialect, parts = dialect_for(text.parts(), model, options, expect, name)
        dialect = replace(dialect, encoding=text.encoding)
    notes = dialect_notes(dialect, options)
    names: tuple[str, ...] = ()
    scanner = scanner_of(dialect, set())
    tally = Tally(dialect)
    for rows in stretches(parts, dialect, scanner, name):
        if not names:
            check_title(rows, dialect)
            names, name_notes = header_names(rows, dialect)
            notes += name_notes
            rows = rows.rows(slice(1 if dialect.header else 0, None))
        tally.add(rows, len(names))
    if not names:
        raise no_header(name)
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
    form = RowForm(names, dialect, bool(tally.trailing))
    parts_with_rows = tuple(
        Segment(text, form, s.offset, s.size, s.line, s.n_good, s.head, bool(scanner.one_column))
        for s in tally.spans if s.n_good
    )  # fmt: skip
    zeros = frozenset(scanner.zeros or ())
    return Source(name, names, dialect, tuple(notes), text.sha256, parts_with_rows, zeros, storage, (text.sha256,))


def dialect_notes(dialect: Dialect, options: ReadOptions) -> list[str]:
    """What was found out about a file that nobody asked for."""
    notes = [f"encoding: {dialect.encoding} (--encoding)"] if dialect.encoding != "utf-8" else []
    if dialect.delimiter != "," and options.delimiter is None:
        notes.append(f"delimiter: {dialect.delimiter!r} (--delimiter)")
    if dialect.spaces:
        notes.append("a space follows each delimiter; it is no part of the cell")
    if dialect.quote != options.quote:
        notes.append(f"quotes: {dialect.quote} (--quote)")
    return notes


class Span(NamedTuple):
    offset: int
    size: int
    line: int
    n_good: int
    head: int  # as of a Segment


class Tally:
    """Which rows of a file fit its header."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.trailing: bool | None = None  # None before the first row
        self.n_bad = 0
        self.spans: list[Span] = []
        self.lines: list[int] = []  # of the first bad rows
        self.first: tuple[Stretch, int] | None = None  # the first bad row

    def add(self, rows: Stretch, width: int) -> None:
        found = rows.found
        if not len(found.starts):
            return
        if self.trailing is None:
            self.trailing = starts_trailing(rows, width, self.dialect)
        good = good_rows(rows, width, self.trailing, self.dialect)
        bad = np.flatnonzero(~good)
        if len(bad):
            self.first = self.first or (rows, int(bad[0]))
            for row in bad[: SHOWN - len(self.lines)]:
                self.lines.append(rows.line(int(found.starts[row])))
        self.n_bad += len(bad)
        start, end = int(found.starts[0]), int(found.ends[-1])
        is_plain = not len(bad) and is_gapless(rows.data, found.starts, found.ends)
        head = int(found.ends[:SAMPLE_ROWS][-1]) - start if is_plain else 0
        self.spans.append(Span(rows.offset + start, end - start, rows.line(start), len(good) - len(bad), head))

    @property
    def shown_lines(self) -> str:
        return ", ".join(map(str, self.lines))

    def error(self, width: int) -> DataError:
        assert self.first is not None
        rows, row = self.first
        return bad_row(rows, row, width, self.dialect, self.shown_lines if self.n_bad > 1 else "", self.n_bad)

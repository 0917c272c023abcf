"""From a CSV file to columns of numbers and text, each cell as it stands in the file.

A column is a number if every cell that is not missing is written as one (`is_number`); the rule looks at all rows,
so the answer does not depend on where in the file a value stands.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
import re
import unicodedata
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypedDict, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config import ReadOptions
from mlpcli.data.columns import NumberColumn, TextColumn, as_categorical, looked_up
from mlpcli.data.dialect import Dialect, cells_of, find_delimiter, find_dialect, fit_marks, refuse_characters
from mlpcli.data.splits import blocks
from mlpcli.data.storage import Storage
from mlpcli.data.structure import MALFORMED, Ints, Scanner, Structure, after_lines, line_of, scan
from mlpcli.data.text import Text, files_of, joined_digest, open_text
from mlpcli.errors import DataError

# Possessive (++, *+): a million digits before a letter are then read once, not once for each digit.
NUMBER = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?", re.ASCII)
INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.ASCII | re.IGNORECASE)
# A number but for its marks: currency, per cent, thousands, another decimal mark, digits and signs of other scripts.
CURRENCY = r"(?:[$€£¥₩₹₽฿₺₫]|원|kr|USD|EUR|KRW)"
NEARLY = re.compile(
    rf"[+\-−–(]?\s*{CURRENCY}?\s*[+\-−]?(?:\d{{1,3}}(?:[\s,.'’\u00a0\u2009\u202f]\d{{3}})+|\d+)"
    rf"(?:[.,]\d+)?\s*(?:[%‰)]|{CURRENCY})?"
)
LEADING_ZERO = re.compile(r"0[0-9]")
STRAY_SHARE = 0.01  # of a column's values, below which text in a number column is a mistake and not a category
FEW_STRAYS, MANY_NUMBERS = 5, 64  # so few different texts among so many different numbers are said
EXACT_WHOLE = 2.0**53  # past it float64 no longer holds every whole number
LONGEST_WHOLE = 1e25  # past it no id has so many digits
SAMPLE_ROWS = 1000
FEW_NUMBERS = 20  # different values in the sample, up to which numbers may be the names of classes
PART = 1 << 21  # bytes of a text read at once
READERS = 2  # threads that parse
IN_MEMORY = Storage(1 << 62)
SHOWN = 5  # bad rows named one by one
NAMES_SHOWN = 10
LONGEST_RECORD = 1 << 28  # bytes

csv.field_size_limit(1 << 31)  # the header only; a longer field than its 128 kB is no reason to stop


def is_number(text: str) -> bool:
    """Whether a cell is written as a number: digits with optional sign, point and exponent; not nan, inf, 1_000.

    Spaces around it do not count.
    """
    return NUMBER.fullmatch(text.strip()) is not None


def as_number(cell: str, dialect: Dialect) -> str | None:
    """The cell as a number with a decimal point and no marks between thousands; None when it is no number."""
    cell = cell.strip()
    if dialect.thousands is not None and dialect.thousands in cell:
        mark, decimal = re.escape(dialect.thousands), re.escape(dialect.decimal)
        if not re.fullmatch(rf"[+-]?[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+(?:{decimal}[0-9]*)?", cell):
            return None
        cell = cell.replace(dialect.thousands, "")
    if dialect.decimal != ".":
        if "." in cell:
            return None
        cell = cell.replace(dialect.decimal, ".")
    return cell if NUMBER.fullmatch(cell) or INFINITE.fullmatch(cell) else None


def to_floats(numbers: Sequence[str]) -> NDArray[np.float64]:
    """Numbers as text -> float64 by the same parser that reads whole columns, so to the same last bit."""
    if not numbers:
        return np.empty(0)
    # pandas 2 takes 1e999 for text.
    text = io.StringIO("\n".join(n if math.isfinite(value := float(n)) else str(value) for n in numbers))
    frame = pd.read_csv(text, header=None, names=[0], dtype=np.float64, engine="c", keep_default_na=False)
    return np.asarray(frame[0])


class Where(TypedDict):
    """Of an error."""

    file: str
    line: int


class Records:
    """Rows of a table, wherever they are, and the rules that make columns of their cells."""

    name: str
    names: tuple[str, ...]
    dialect: Dialect
    leading_zeros: frozenset[int]  # columns by number in which some cell looks like 007
    storage: Storage
    said: list[str]  # what `read` decided

    @property
    def n_rows(self) -> int:
        raise NotImplementedError

    def place(self, row: int) -> tuple[str, int]:
        """File and physical line of a row, counted from 1."""
        raise NotImplementedError

    def record(self, row: int) -> bytes:
        """The bytes of a row as they stand in the file, with one line end."""
        raise NotImplementedError

    def parse(
        self, *, texts: Collection[str], target: str | None = None, only: Collection[str] | None = None
    ) -> pd.DataFrame:
        """Columns of float64 where every cell is a number, else categoricals of the exact cells, as in `texts`."""
        raise NotImplementedError

    def sample(self, target: str | None) -> pd.DataFrame:
        """The first rows, all columns as text."""
        raise NotImplementedError

    def where(self, row: int) -> Where:
        file, line = self.place(row)
        return {"file": file, "line": line}

    @property
    def header(self) -> bytes:
        """The header line, or nothing when the file has none."""
        if not self.dialect.header:
            return b""
        out = io.StringIO()
        csv.writer(out, delimiter=self.dialect.delimiter, quotechar=self.dialect.quote, lineterminator="\n").writerow(
            self.names
        )
        return out.getvalue().encode("utf-8")

    def column(self, name: str) -> str:
        """The name itself, or DataError with the nearest one."""
        return known_column(name, self.names, self.name)

    def read(
        self, *, numbers: Collection[str] = (), texts: Collection[str] = (), target: str | None = None,
        only: Collection[str] | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """All rows: float64 for numbers, NaN where missing; categoricals of the exact cells for text.

        Columns in neither collection follow the rule of this room. In the target only an empty cell is missing, and
        it is float64 only where it has more different numbers than classes have names. Large columns are arrays of
        the storage.
        Raises DataError naming the cell that does not fit.
        """
        numbers, texts = set(numbers), set(texts)
        names = [n for n in self.names if only is None or n in only]
        as_text = texts | {n for n in self.with_leading_zeros() if n not in numbers}
        guess = [n for n in names if n not in numbers and n not in as_text]
        if guess:
            sample = self.sample(target)
            as_text.update(n for n in guess if not looks_numeric(sample[n]))
            if target in guess and len(as_categorical(sample[target]).categories) <= FEW_NUMBERS:
                as_text.add(target)  # they may be the names of classes, each as it stands
        frame = self.parse(texts=as_text, target=target, only=only)
        columns = {}
        for name in names:
            column = frame[name]
            if column.dtype.kind != "f":
                column = self.without_markers(column, name == target)
                if name not in texts and name != target:
                    column = self.number_or_text(column, name in numbers)
            if column.dtype.kind == "f":
                column = self.finite(column)
            columns[name] = column
            self.storage.release()
        return pd.DataFrame(columns, copy=False)

    def with_leading_zeros(self) -> set[str]:
        return {self.names[i] for i in self.leading_zeros if i < len(self.names)}

    def without_markers(self, column: pd.Series[Any], is_target: bool) -> pd.Series[Any]:
        """Cells that are a marker of a missing value but for the spaces around it are missing too."""
        markers = set(self.dialect.target_missing if is_target else self.dialect.missing)
        cells = column.array
        assert isinstance(cells, pd.Categorical)
        found = [c for c in cells.categories if c[:1].isspace() | c[-1:].isspace() and c.strip() in markers]
        return pd.Series(cells.remove_categories(found), name=column.name) if found else column

    def number_or_text(self, column: pd.Series[Any], must: bool) -> pd.Series[Any]:
        """Text that turns out to be numbers becomes numbers; a few strays among numbers are refused."""
        cells = column.array
        assert isinstance(cells, pd.Categorical)
        numbers = [as_number(str(c), self.dialect) for c in cells.categories]
        fits = np.array([n is not None for n in numbers], bool)
        counts = level_counts(cells, self.storage)
        n_values, n_stray = int(counts.sum()), int(counts[~fits].sum())
        n_fitting = n_values - n_stray
        if n_stray and (must or n_stray < STRAY_SHARE * n_values or (n_stray == 1 and n_fitting > 1)):
            self.refuse_stray(column, first_row(cells, ~fits), n_stray)
        if n_stray or not n_values:
            if n_values:
                self.consider_text(column, cells, fits, counts)
            return column
        if not must and any(LEADING_ZERO.match(c) for c in cells.categories):
            self.said.append(f"{column.name}: a category, because a cell begins with 0 (--numeric {column.name})")
            return column
        values = np.append(to_floats([n for n in numbers if n is not None]), np.nan)
        return pd.Series(looked_up(values, cells.codes, self.storage), name=column.name)

    def refuse_stray(self, column: pd.Series[Any], row: int, n_stray: int) -> None:
        """DataError for the first text, in this row, in a column of numbers."""
        cell = str(column.array[row])
        more = f" (and {n_stray - 1} more)" if n_stray > 1 else ""
        hint = f"--category {column.name} to use it as a category, or --missing {cell} to treat it as missing"
        if "\ufeff" in cell:
            hint = "it holds a byte-order mark (BOM): were two files joined here?"
        elif NEARLY.fullmatch(cell.strip()):
            hint = f"{self.mark_hint(cell)}; {hint}"
        elif row == 0 and self.dialect.header:
            hint = f"if this line is a second header or holds units, remove it; {hint}"
        raise DataError(
            f"expected a number, found '{cell}'{odd_character(cell)}{more}", hint,
            **self.where(row), column=str(column.name),
        )  # fmt: skip

    def consider_text(
        self, column: pd.Series[Any], cells: pd.Categorical, fits: NDArray[np.bool_], counts: Ints
    ) -> None:
        """Refuses a column of numbers written with other marks; says when a few texts keep one from being numbers."""
        nearly = np.array([bool(NEARLY.fullmatch(str(c).strip())) for c in cells.categories], bool) & ~fits
        others, n_nearly = int(counts[~(nearly | fits)].sum()), int(counts[nearly].sum())
        if n_nearly and (others < STRAY_SHARE * counts.sum() or others == 0):
            row = first_row(cells, nearly)
            cell = str(cells[row])
            raise DataError(
                f"expected a number, found '{cell}'{odd_character(cell)} (and {n_nearly - 1} more like it)",
                f"{self.mark_hint(cell)}; --category {column.name} to use the column as a category",
                **self.where(row), column=str(column.name),
            )  # fmt: skip
        n_numbers = int(fits.sum())
        if len(fits) - n_numbers <= FEW_STRAYS and n_numbers > MANY_NUMBERS:
            shown = ", ".join(f"'{c}'" for c in cells.categories[~fits])
            self.said.append(
                f"{column.name}: a category, because {counts[~fits].sum()} cells are no numbers: {shown} "
                "(--missing would make it a number)"
            )

    def mark_hint(self, cell: str) -> str:
        """The flag that reads a number with this mark."""
        if re.search(r"\d,\d{3}(?!\d)", cell) and self.dialect.thousands is None and self.dialect.decimal != ",":
            return "--thousands , if the comma stands between thousands, --decimal , if it is the decimal mark"
        if re.search(r"\d,\d+", cell) and self.dialect.decimal != ",":
            return "--decimal , if the comma is the decimal mark"
        if re.search(r"\d'\d{3}", cell):
            return '--thousands "\'"'
        return "take the marks out of the numbers"

    def finite(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """The column without infinite values: DataError for the first one, or missing on --inf missing."""
        values = column.to_numpy()
        parts, largest = [values[block] for block in blocks(len(values))], 0.0
        for part in parts:
            largest = max(largest, greatest(part))
            self.storage.release()
        if np.isfinite(largest):
            if EXACT_WHOLE < largest < LONGEST_WHOLE and all(
                np.all((part == np.round(part)) | np.isnan(part)) for part in parts
            ):
                self.said.append(
                    f"{column.name}: whole numbers beyond 2^53 lose their last digits; if they are ids: "
                    f"--drop {column.name}, or --category {column.name}"
                )
            return column
        infinite = np.isinf(values)
        if self.dialect.inf == "missing":
            self.said.append(f"{column.name}: {int(infinite.sum())} infinite values are missing (--inf)")
            return column.mask(infinite)
        row = int(np.argmax(infinite))
        raise DataError(
            f"the number is infinite or too large ({self.cell(row, str(column.name))})",
            "--inf missing to treat it as missing",
            **self.where(row), column=str(column.name),
        )  # fmt: skip

    def cell(self, row: int, name: str) -> str:
        """A cell as it stands in the file."""
        return cells_of(self.record(row)[:-1], self.dialect)[self.names.index(name)]


class Block(Records):
    """Some rows in memory: a stretch of a table as UTF-8 bytes, and where each row stands in it."""

    def __init__(
        self, name: str, data: bytes, structure: Structure, names: tuple[str, ...], dialect: Dialect, first_line: int,
        trailing: bool,
    ) -> None:  # fmt: skip
        self.name, self.data, self.structure, self.names, self.dialect = name, data, structure, names, dialect
        self.first_line = first_line  # physical line of the first byte of `data`
        self.trailing = trailing  # every row ends with a delimiter that the header does not have
        self.leading_zeros, self.storage, self.said = structure.leading_zeros, IN_MEMORY, []

    @property
    def n_rows(self) -> int:
        return len(self.structure.starts)

    def place(self, row: int) -> tuple[str, int]:
        return self.name, line_of(self.data, int(self.structure.starts[row])) + self.first_line - 1

    def record(self, row: int) -> bytes:
        return self.data[self.structure.starts[row] : self.structure.ends[row]] + b"\n"

    def sample(self, target: str | None) -> pd.DataFrame:
        return self.parse(texts=self.names, target=target, n_rows=min(SAMPLE_ROWS, self.n_rows))

    def records(self, n_rows: int) -> bytes:
        """The bytes of the first rows, without the blank lines, comments and skipped rows between them."""
        starts, ends = self.structure.starts[:n_rows], self.structure.ends[:n_rows]
        if is_gapless(self.data, starts, ends):
            return self.data[starts[0] : ends[-1]] + b"\n"
        return b"\n".join([self.data[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]) + b"\n"

    def parse(
        self, *, texts: Collection[str], target: str | None = None, only: Collection[str] | None = None,
        n_rows: int | None = None, markers: bool = True,
    ) -> pd.DataFrame:  # fmt: skip
        """Without `markers` every cell is what stands in the file."""
        return pd.DataFrame(
            self.columns(texts=texts, target=target, only=only, n_rows=n_rows, markers=markers), copy=False
        )

    def columns(
        self, *, texts: Collection[str], target: str | None = None, only: Collection[str] | None = None,
        n_rows: int | None = None, markers: bool = True,
    ) -> dict[str, pd.Series[Any]]:  # fmt: skip
        """pandas' C parser on exactly the bytes of the rows, with our notion of missing and of quoting."""
        n_rows = self.n_rows if n_rows is None else n_rows
        wanted = [n for n in self.names if only is None or n in only]
        texts = set(texts)
        if n_rows == 0:
            return {n: pd.Series(pd.Categorical([]) if n in texts else np.empty(0)) for n in wanted}
        # Marks between thousands pandas takes out wherever they stand.
        as_text = texts if self.dialect.thousands is None else set(wanted)
        data = self.records(n_rows)
        found = parse_bytes(
            data, self.names, wanted, self.dialect, texts=as_text, target=target, markers=markers,
            trailing=self.trailing,
        )  # fmt: skip
        n_parsed = len(found[wanted[0]])
        if n_parsed != n_rows:
            raise DataError(
                f"{n_rows} rows by its delimiters and quotes, {n_parsed} by the parser",
                "look for stray quotes; --quote names another quote character", file=self.name,
            )  # fmt: skip
        strays = [n for n in wanted if n not in as_text and found[n].dtype.kind not in "iuf"]
        if strays:
            found |= parse_bytes(
                data, self.names, strays, self.dialect, texts=strays, target=target, markers=markers,
                trailing=self.trailing,
            )  # fmt: skip
        for name in as_text - texts:
            found[name] = self.without_thousands(found[name])
        return {n: c.astype(np.float64) if c.dtype.kind in "iu" else c for n, c in found.items()}

    def without_thousands(self, column: pd.Series[Any]) -> pd.Series[Any]:
        """A column of text as numbers, if every cell is one."""
        cells = as_categorical(column)
        numbers = [as_number(str(c), self.dialect) for c in cells.categories]
        if None in numbers:
            return column
        values = np.append(to_floats([n for n in numbers if n is not None]), np.nan)
        return pd.Series(values[cells.codes], name=column.name)


@dataclass(frozen=True)
class Part:
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
    parts: tuple[Part, ...]
    leading_zeros: frozenset[int]
    storage: Storage
    said: list[str] = field(default_factory=list)

    @property
    def n_rows(self) -> int:
        return sum(part.n_rows for part in self.parts)

    def block(self, part: Part) -> Block:
        """Raises DataError when the file has changed since it was opened."""
        data = part.text.read(part.offset, part.size)
        part.text.refuse_changed()
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
        columns: dict[str, NumberColumn | TextColumn] = {
            n: TextColumn(self.n_rows, self.storage) if n in texts else NumberColumn(self.n_rows, self.storage)
            for n in self.names if only is None or n in only
        }  # fmt: skip
        self.fill(columns, target)
        surprises = [n for n, column in columns.items() if isinstance(column, NumberColumn) and column.has_text]
        if surprises:
            again = {n: TextColumn(self.n_rows, self.storage) for n in surprises}
            self.fill(again, target)
            columns.update(again)
        return pd.DataFrame({n: column.values for n, column in columns.items()}, copy=False)

    def fill(self, columns: Mapping[str, NumberColumn | TextColumn], target: str | None) -> None:
        """Reads every block once, a few at a time on threads of their own: pandas parses without Python's lock."""
        texts = [n for n, column in columns.items() if isinstance(column, TextColumn)]

        def parsed(part: Part) -> dict[str, pd.Series[Any]]:
            return self.block(part).columns(texts=texts, target=target, only=columns)

        start = 0
        for part, found in zip(self.parts, ahead(parsed, self.parts), strict=True):
            for name, column in columns.items():
                column.add(start, found[name])
            start += part.n_rows
            self.storage.release()


Parsed = TypeVar("Parsed")


def ahead(function: Callable[[Part], Parsed], parts: Sequence[Part]) -> Iterator[Parsed]:
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


def is_gapless(data: bytes, starts: Ints, ends: Ints) -> bool:
    """Whether nothing stands between the records but one line end each, of one kind."""
    gaps = starts[1:] - ends[:-1]
    return bool((gaps == 1).all() or ((gaps == 2).all() and data[ends[0] : ends[0] + 2] == b"\r\n"))


def parse_bytes(
    data: bytes,
    names: Sequence[str],
    only: Sequence[str],
    dialect: Dialect,
    *,
    texts: Collection[str],
    target: str | None = None,
    markers: bool = True,
    trailing: bool = False,
    words: Collection[str] | None = None,
) -> dict[str, pd.Series[Any]]:
    """Records without header -> columns of pandas' types, categoricals of the exact cells for `texts`.

    Of `words`, or those that seem to be some, the parser itself makes categories, in a third of the time. It turns
    categories that all look like numbers into numbers; where it did, the cells are read again.
    """
    wanted = set(texts)
    words = wanted.intersection(words_at_first(data, names, dialect) if words is None else words)
    missing = list(dialect.missing) if markers else []
    na_values: Any = missing
    dtype: Any = {i: "category" if n in words else str for i, n in enumerate(names) if n in wanted}
    if len(wanted) == len(names) and len(set(dtype.values())) == 1:
        dtype = dtype[0]  # the dict is slow on very wide tables
    if markers and target is not None:
        # A column of its own for the target; the dict costs too much on very wide tables to be the rule.
        na_values = dict.fromkeys(range(len(names)), missing) | {names.index(target): list(dialect.target_missing)}
    number = {name: i for i, name in enumerate(names)}
    frame: pd.DataFrame = pd.read_csv(
        io.BytesIO(data), header=None, names=list(range(len(names) + trailing)),  # by number: names may look alike
        usecols=None if len(only) == len(names) else [number[n] for n in only],
        index_col=False, sep=dialect.delimiter, quotechar=dialect.quote, escapechar=dialect.escape, comment=None,
        decimal=dialect.decimal, thousands=None, encoding="utf-8", engine="c", low_memory=False,
        keep_default_na=False, skipinitialspace=dialect.spaces, na_values=na_values, na_filter=markers,
        dtype=dtype,
        # A line of spaces is a record; its first cell keeps them.
        skip_blank_lines=False,
    )  # fmt: skip
    found = {n: frame[number[n]] for n in only}
    altered = [n for n in found if n in words and found[n].cat.categories.inferred_type != "string"]
    if altered:
        found |= parse_bytes(
            data, names, altered, dialect, texts=altered, target=target, markers=markers, trailing=trailing, words=()
        )
    return {n: pd.Series(pd.Categorical(c), copy=False) if n in wanted else c for n, c in found.items()}


def words_at_first(data: bytes, names: Sequence[str], dialect: Dialect) -> list[str]:
    """The columns whose first cell begins with a letter."""
    end = re.search(rb"[\r\n]", data)
    line = data[: end.start() if end else len(data)].decode("utf-8", "replace")
    cells = next(csv.reader([line], delimiter=dialect.delimiter, quotechar=dialect.quote), [])
    return [name for name, cell in zip(names, cells, strict=False) if cell[:1].isalpha()]


def odd_character(cell: str) -> str:
    """The first character that no number here has, named; '' when it is an ordinary one."""
    odd = next((c for c in cell if ord(c) > 126), None)
    return f" with U+{ord(odd):04X} {unicodedata.name(odd, 'unnamed')}" if odd is not None else ""


def level_counts(cells: pd.Categorical, storage: Storage) -> Ints:
    """How many rows each category has."""
    counts = np.zeros(len(cells.categories) + 1, np.int64)
    for block in blocks(len(cells)):
        counts += np.bincount(cells.codes[block].astype(np.int64) + 1, minlength=len(counts))
        storage.release()
    return counts[1:]


def first_row(cells: pd.Categorical, chosen: NDArray[np.bool_]) -> int:
    """The first row whose category is one of the chosen; there is one."""
    of_code = np.append(chosen, False)
    rows: Iterator[int] = (
        block.start + int(found.argmax())
        for block in blocks(len(cells)) if (found := of_code[cells.codes[block]]).any()
    )  # fmt: skip
    return next(rows)


def greatest(values: NDArray[np.float64]) -> float:
    """The largest absolute value, 0 when all are missing."""
    sizes = np.abs(values)
    found = float(sizes.max(initial=0))
    return found if found == found else float(np.nanmax(sizes, initial=0))


def looks_numeric(sample: pd.Series[Any]) -> bool:
    cells = sample.array.categories if isinstance(sample.array, pd.Categorical) else sample
    return len(cells) == 0 or any(is_number(str(c)) for c in cells[:50])


def known_column(name: str, names: Collection[str], file: str) -> str:
    """The name itself, or DataError with the nearest one: alike but for case and spaces, or in most letters."""
    if name in names:
        return name
    alike = [n for n in names if plain_name(n) == plain_name(name)]
    near = alike or difflib.get_close_matches(name, names, n=1)
    shown = list(names)[:NAMES_SHOWN]
    raise DataError(
        f"no column '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""),
        "columns: " + ", ".join(shown) + (" ..." if len(names) > NAMES_SHOWN else ""), file=file,
    )  # fmt: skip


def require_columns(wanted: Collection[str], names: Collection[str], file: str) -> None:
    """DataError when some are missing: for one with the nearest name, for more with all of theirs."""
    missing = [name for name in wanted if name not in names]
    if len(missing) < 2:
        for name in missing:
            known_column(name, names, file)
        return
    quoted = [f"'{name}'" for name in missing]
    raise DataError(f"no column {shown_some(quoted)}", f"the file has {shown_some(list(names))}", file=file)


def plain_name(name: str) -> str:
    return "".join(unicodedata.normalize("NFC", name).casefold().split())


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
        notes.append("every row ends with a delimiter; the empty field after it is left out")
    if tally.n_bad:
        if dialect.bad_rows == "error":
            raise tally.error(len(names))
        notes.append(
            f"{tally.n_bad} rows that do not fit the header are left out: lines {tally.shown_lines}"
            + (" ..." if tally.n_bad > SHOWN else "")
        )
    parts = tuple(
        Part(text, dialect, s.offset, s.size, s.line, s.n_good, bool(tally.trailing), bool(scanner.one_column))
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
        refuse_characters(data, found, dialect, text.name, first_line)
        if found.open_quote is not None:
            raise DataError(
                "quote opened here is never closed", "--quote names another quote character",
                file=text.name, line=first_line + line_of(data, found.open_quote) - 1,
            )  # fmt: skip
        if not is_last and not len(found.starts):
            if len(data) > LONGEST_RECORD:
                raise DataError(
                    f"a record longer than {LONGEST_RECORD >> 20} MB", "look for a missing line end or quote",
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


def header_names(
    data: bytes, structure: Structure, dialect: Dialect, file: str, first_line: int = 1
) -> tuple[tuple[str, ...], list[str]]:
    """Column names and notes. Raises DataError when the first record cannot name the columns."""
    if not len(structure.starts) or not data[structure.starts[0] : structure.ends[0]].strip():
        raise DataError("no header: the file holds only blank lines", file=file)
    line = line_of(data, int(structure.starts[0])) + first_line - 1
    width = int(structure.widths[0])
    if not dialect.header:
        return tuple(f"col{i}" for i in range(1, width + 1)), []
    notes = []
    cells = cells_of(data[structure.starts[0] : structure.ends[0]], dialect)
    if width == MALFORMED or len(cells) != width:
        raise DataError("text after a closing quote", "double the quotes inside quoted names", file=file, line=line)
    trimmed = [cell.strip() for cell in cells]
    if len(set(trimmed)) < len(set(cells)):
        trimmed = cells  # only spaces tell some apart
    names = [cell or f"unnamed_{i}" for i, cell in enumerate(trimmed, 1)]
    if "" in trimmed:
        unnamed = [n for n, cell in zip(names, trimmed, strict=True) if not cell]
        notes.append("columns without a name are called " + shown_some(unnamed))
    if len(names) > 1 and all(is_number(n) for n in names):
        notes.append("the first line looks like data; --no-header reads it as a row")
    first: dict[str, int] = {}
    alike: dict[str, str] = {}
    for i, one in enumerate(names):
        if one in first:
            raise DataError(
                f"column '{one}' appears twice (columns {first[one] + 1}, {i + 1})",
                "rename one of them in the first line", file=file, line=line,
            )  # fmt: skip
        first[one] = i
        other = alike.setdefault(plain_name(one), one)
        if other != one:
            notes.append(f"columns '{other}' and '{one}' differ only in case, spaces or the form of accents")
    return tuple(names), notes


def shown_some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMES_SHOWN]) + (
        f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    )


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
    return np.asarray(fits & (rows.ends - rows.starts <= LONGEST_RECORD))


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
    elif rows.ends[row] - start > LONGEST_RECORD:
        message = f"a record longer than {LONGEST_RECORD >> 20} MB"
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

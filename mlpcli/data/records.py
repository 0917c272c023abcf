"""From a CSV file to columns of numbers and text, each cell as it stands in the file.

A column is a number if every cell that is not missing is written as one (`is_number`); the rule looks at all rows,
so the answer does not depend on where in the file a value stands.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Any, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.data.dialect import Dialect, cells_of
from mlpcli.data.header import known_column
from mlpcli.data.numbers import as_number, is_number, to_floats
from mlpcli.data.splits import blocks
from mlpcli.data.storage import Storage
from mlpcli.data.values import as_categorical, looked_up
from mlpcli.engine.arrays import Ints
from mlpcli.errors import DataError

# A number but for its marks: currency, per cent, thousands, another decimal mark, digits and signs of other scripts.
CURRENCY = r"(?:[$€£¥₩₹₽฿₺₫]|원|kr|USD|EUR|KRW)"
NEARLY = re.compile(
    rf"[+\-−–(]?\s*{CURRENCY}?\s*[+\-−]?(?:\d{{1,3}}(?:[\s,.'’\u00a0\u2009\u202f]\d{{3}})+|\d+)"
    rf"(?:[.,]\d+)?\s*(?:[%‰)]|{CURRENCY})?"
)
LEADING_ZERO = re.compile(r"0[0-9]")
STRAY_SHARE = 0.01  # of a column's values, below which text in a number column is a mistake and not a category
MAX_STRAYS, MIN_NUMBERS_BESIDE_STRAYS = 5, 64  # so few different texts among so many different numbers are said
EXACT_WHOLE = 2.0**53  # past it float64 no longer holds every whole number
MAX_ID = 1e25  # past it no id has so many digits
MAX_CLASS_NUMBERS = 20  # different values in the sample, up to which numbers may be the names of classes
IN_MEMORY = Storage(1 << 62)

csv.field_size_limit(1 << 31)  # the header only; a longer field than its 128 kB is no reason to stop


class Location(TypedDict):
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
    reading_notes: list[str]  # what `read` decided

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

    def where(self, row: int) -> Location:
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
            if target in guess and len(as_categorical(sample[target]).categories) <= MAX_CLASS_NUMBERS:
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
            self.raise_stray(column, first_row(cells, ~fits), n_stray)
        if n_stray or not n_values:
            if n_values:
                self.consider_text(column, cells, fits, counts)
            return column
        if not must and any(LEADING_ZERO.match(c) for c in cells.categories):
            self.reading_notes.append(
                f"{column.name}: a category, because a cell begins with 0 (--numeric {column.name})"
            )
            return column
        values = np.append(to_floats([n for n in numbers if n is not None]), np.nan)
        return pd.Series(looked_up(values, cells.codes, self.storage), name=column.name)

    def raise_stray(self, column: pd.Series[Any], row: int, n_stray: int) -> None:
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
        if len(fits) - n_numbers <= MAX_STRAYS and n_numbers > MIN_NUMBERS_BESIDE_STRAYS:
            shown = ", ".join(f"'{c}'" for c in cells.categories[~fits])
            self.reading_notes.append(
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
            if EXACT_WHOLE < largest < MAX_ID and all(
                np.all((part == np.round(part)) | np.isnan(part)) for part in parts
            ):
                self.reading_notes.append(
                    f"{column.name}: whole numbers beyond 2^53 lose their last digits; if they are ids: "
                    f"--drop {column.name}, or --category {column.name}"
                )
            return column
        infinite = np.isinf(values)
        if self.dialect.inf == "missing":
            self.reading_notes.append(f"{column.name}: {int(infinite.sum())} infinite values are missing (--inf)")
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

"""Rows of a table, wherever they are: their places, their bytes, and their cells as columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypedDict

import pandas as pd

from mlpcli.data.dialect import Dialect, cells_of
from mlpcli.data.header import known_column
from mlpcli.data.storage import Storage
from mlpcli.engine.arrays import Floats

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
    typed_texts: frozenset[str] = frozenset()  # columns of which more than their cells say that they are text
    typed_numbers: frozenset[str] = frozenset()  # the same of numbers, which have no marks then

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

    def parse_written(
        self, name: str, read: Callable[[Sequence[str]], Floats], unfit: Callable[[int], None]
    ) -> pd.Series[Any]:
        """A column of text as float64, block by block; `unfit` gets the first row that `read` makes NaN of."""
        raise NotImplementedError

    def sample(self, target: str | None) -> Mapping[str, Sequence[str]]:
        """The different texts of each column in the first rows, sorted."""
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

    def with_leading_zeros(self) -> set[str]:
        return {self.names[i] for i in self.leading_zeros if i < len(self.names)}

    def cell(self, row: int, name: str) -> str:
        """A cell as it stands in the file."""
        return cells_of(self.record(row)[:-1], self.dialect)[self.names.index(name)]

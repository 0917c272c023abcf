"""Rows in memory: bytes of whole records, and columns parsed from them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.data.dialect import Dialect
from mlpcli.data.records import IN_MEMORY, Records
from mlpcli.data.rows import Stretch
from mlpcli.data.values import as_categorical, as_frame
from mlpcli.engine.arrays import Ints
from mlpcli.errors import DataError


@dataclass(frozen=True)
class RowForm:
    """What the rows of a file have in common."""

    names: tuple[str, ...]
    dialect: Dialect
    trailing: bool  # rows end with a delimiter that the header does not have


class Block(Records):
    """Some rows in memory: a stretch of a table as UTF-8 bytes, and where each row stands in it."""

    def __init__(self, rows: Stretch, form: RowForm) -> None:
        self.rows, self.form = rows, form
        self.name, self.names, self.dialect = rows.file, form.names, form.dialect
        self.leading_zeros, self.storage = rows.found.leading_zeros, IN_MEMORY

    @property
    def n_rows(self) -> int:
        return len(self.rows.found.starts)

    def place(self, row: int) -> tuple[str, int]:
        return self.name, self.rows.line(int(self.rows.found.starts[row]))

    def record(self, row: int) -> bytes:
        return self.rows.data[self.rows.found.starts[row] : self.rows.found.ends[row]] + b"\n"

    def sample(self, target: str | None) -> dict[str, list[str]]:
        n_rows = min(SAMPLE_ROWS, self.n_rows)
        # As objects: in a wide table a categorical of every column would take longer than all else of reading.
        read = read_frame(self.records(n_rows), self.form, self.names, object, self.dialect.missing, has_missing=True)
        cells = read.to_numpy()
        found = {n: sorted({c for c in cells[:, i] if isinstance(c, str)}) for i, n in enumerate(self.names)}
        if target is not None:  # its markers are others
            column = self.columns(texts=(target,), target=target, only=(target,), n_rows=n_rows)[target]
            found[target] = as_categorical(column).categories.tolist()
        return found

    def records(self, n_rows: int) -> bytes:
        """The bytes of the first rows, without the blank lines, comments and skipped rows between them."""
        data, starts, ends = self.rows.data, self.rows.found.starts[:n_rows], self.rows.found.ends[:n_rows]
        if is_gapless(data, starts, ends):
            return data[starts[0] : ends[-1]] + b"\n"
        return b"\n".join([data[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]) + b"\n"

    def parse(
        self, *, texts: Collection[str], target: str | None = None, only: Collection[str] | None = None,
        markers: bool = True,
    ) -> pd.DataFrame:  # fmt: skip
        """Without `markers` every cell is what stands in the file."""
        return as_frame(self.columns(texts=texts, target=target, only=only, markers=markers))

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
        found = parsed_columns(self.records(n_rows), self.form, wanted, texts=texts, target=target, markers=markers)
        check_parsed(found[wanted[0]], n_rows, self.name)
        return found


def parsed_columns(
    data: bytes, form: RowForm, only: Sequence[str], *, texts: Collection[str], target: str | None = None,
    markers: bool = True,
) -> dict[str, pd.Series[Any]]:  # fmt: skip
    """Records without header -> columns of float64, categoricals of the exact cells where a cell is no number."""
    found = parse_bytes(data, form, only, texts=texts, target=target, markers=markers)
    strays = [n for n in only if n not in texts and found[n].dtype.kind not in "iuf"]
    if strays:
        found |= parse_bytes(data, form, strays, texts=strays, target=target, markers=markers)
    return {n: pd.Series(c.to_numpy(np.float64), copy=False) if c.dtype.kind in "iu" else c for n, c in found.items()}


def check_parsed(column: pd.Series[Any], n_rows: int, file: str) -> None:
    """DataError where the parser found other rows than there are."""
    if len(column) != n_rows:
        raise DataError(
            f"{n_rows} rows by its delimiters and quotes, {len(column)} by the parser",
            "look for stray quotes; --quote names another quote character", file=file,
        )  # fmt: skip


def is_gapless(data: bytes, starts: Ints, ends: Ints) -> bool:
    """Whether nothing stands between the records but one line end each, of one kind."""
    gaps = starts[1:] - ends[:-1]
    return bool((gaps == 1).all() or ((gaps == 2).all() and data[ends[0] : ends[0] + 2] == b"\r\n"))


def parse_bytes(
    data: bytes, form: RowForm, only: Sequence[str], *, texts: Collection[str], target: str | None = None,
    markers: bool = True, words: Collection[str] | None = None,
) -> dict[str, pd.Series[Any]]:  # fmt: skip
    """Records without header -> columns of pandas' types, categoricals of the exact cells for `texts`.

    Of `words`, or those that seem to be some, the parser itself makes categories, in a third of the time. It turns
    categories that all look like numbers into numbers; where it did, the cells are read again.
    """
    wanted = set(texts)
    names, dialect = form.names, form.dialect
    words = wanted.intersection(words_at_first(data, names, dialect) if words is None else words)
    dtype: Any = {i: "category" if n in words else str for i, n in enumerate(names) if n in wanted}
    if len(wanted) == len(names) and len(set(dtype.values())) == 1:
        dtype = dtype[0]  # the dict is slow on very wide tables
    missing = dialect.target_missing if [*only] == [target] else dialect.missing
    frame = read_frame(data, form, only, dtype, missing if markers else (), has_missing=markers)
    found = {n: frame[number] for n, number in zip(only, frame.columns, strict=False)}  # one more where trailing
    altered = [n for n in found if n in words and found[n].cat.categories.inferred_type != "string"]
    if altered:
        found |= parse_bytes(data, form, altered, texts=altered, target=target, markers=markers, words=())
    if markers and target is not None and target in found and len(only) > 1 and found[target].hasnans:
        # Its markers are others; those of each column apart would cost too much on very wide tables.
        found |= parse_bytes(data, form, (target,), texts=texts, target=target, words=words)
    return {n: pd.Series(pd.Categorical(c), copy=False) if n in wanted else c for n, c in found.items()}


def read_frame(
    data: bytes, form: RowForm, only: Sequence[str], dtype: Any, missing: Sequence[str], *, has_missing: bool
) -> pd.DataFrame:
    """Records without header -> these columns, in the order of the file, called by their number: names may look alike.

    Of all columns, one more where rows are trailing.
    """
    dialect = form.dialect
    number = {name: i for i, name in enumerate(form.names)}
    frame: pd.DataFrame = pd.read_csv(
        io.BytesIO(data), header=None, names=list(range(len(number) + form.trailing)),
        usecols=None if len(only) == len(number) else [number[n] for n in only],
        index_col=False, sep=dialect.delimiter, quotechar=dialect.quote, escapechar=dialect.escape, comment=None,
        decimal=dialect.decimal_of_all, thousands=None, encoding="utf-8", engine="c", low_memory=False,
        keep_default_na=False, skipinitialspace=dialect.spaces, na_values=list(missing), na_filter=has_missing,
        dtype=dtype,
        # A line of spaces is a record; its first cell keeps them.
        skip_blank_lines=False,
    )  # fmt: skip
    return frame


def words_at_first(data: bytes, names: Sequence[str], dialect: Dialect) -> list[str]:
    """The columns whose first cell begins with a letter."""
    end = re.search(rb"[\r\n]", data)
    line = data[: end.start() if end else len(data)].decode("utf-8", "replace")
    cells = next(csv.reader([line], delimiter=dialect.delimiter, quotechar=dialect.quote), [])
    return [name for name, cell in zip(names, cells, strict=False) if cell[:1].isalpha()]


SAMPLE_ROWS = 1000

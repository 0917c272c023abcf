"""A DataFrame as the rows of a table: read like a CSV of the same content, but for types, which are respected."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.config.settings import ReadOptions
from mlpcli.data.block import SAMPLE_ROWS
from mlpcli.data.dialect import find_dialect
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.kinds.protocol import Format
from mlpcli.data.numbers import is_number
from mlpcli.data.reading import written_values
from mlpcli.data.records import Records
from mlpcli.data.schema import Schema
from mlpcli.data.storage import Storage
from mlpcli.engine.arrays import Floats
from mlpcli.errors import DataError

FRAME_NAME = "<frame>"  # in messages, and in the model


class FrameSource(Records):
    """The rows of a DataFrame. Numbers are numbers; dates, times and durations are read as ISO text.

    Raises DataError for names that are not unique.
    """

    def __init__(self, frame: pd.DataFrame, options: ReadOptions, storage: Storage, name: str = FRAME_NAME) -> None:
        names = [str(column) for column in frame.columns]
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise DataError(f"column '{twice}' appears twice", "rename one of them", file=name)
        self.name, self.names, self.storage = name, tuple(names), storage
        self.columns = {n: frame.iloc[:, i].reset_index(drop=True) for i, n in enumerate(names)}
        self.dialect = find_dialect(b"", "utf-8", options)
        self.leading_zeros = frozenset[int]()
        self.notes: tuple[str, ...] = ()
        self.typed_texts = frozenset(n for n, column in self.columns.items() if is_text_of_digits(column))

    @cached_property
    def sha256(self) -> str:
        """Of names and cells."""
        hashed = hashlib.sha256("\n".join(self.names).encode("utf-8", "surrogatepass"))
        for column in self.columns.values():
            hashed.update(pd.util.hash_pandas_object(as_text(column).astype(str), index=False).to_numpy().tobytes())
        return hashed.hexdigest()

    @property
    def n_rows(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def place(self, row: int) -> tuple[str, int]:
        """The frame, and the row counted from 1."""
        return self.name, row + 1

    def cell(self, row: int, name: str) -> str:
        return str(self.columns[name].iloc[row])

    def parse(
        self, *, texts: Collection[str], target: str | None = None, only: Collection[str] | None = None
    ) -> pd.DataFrame:
        wanted = {n: column for n, column in self.columns.items() if only is None or n in only}
        return pd.DataFrame({n: cells(c, n in texts) for n, c in wanted.items()}, copy=False)

    def parse_written(
        self, name: str, read: Callable[[Sequence[str]], Floats], unfit: Callable[[int], None]
    ) -> pd.Series[Any]:
        column = as_text(self.columns[name])
        values = np.append(read([str(c) for c in column.array.categories]), np.nan)[column.array.codes]
        odd = np.flatnonzero(np.isnan(values) & (column.array.codes >= 0))
        if len(odd):
            unfit(int(odd[0]))
        return pd.Series(values, name=name)

    def sample(self, target: str | None) -> dict[str, list[str]]:
        first = {n: as_text(column.iloc[:SAMPLE_ROWS]) for n, column in self.columns.items()}
        return {n: [str(text) for text in column.array.categories] for n, column in first.items()}


def cells(column: pd.Series[Any], is_text: bool) -> pd.Series[Any]:
    """Numbers as float64, all else, and numbers where asked for, as text."""
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if is_text or not is_number:
        return as_text(column)
    return pd.Series(column.to_numpy(np.float64, na_value=np.nan), name=column.name)


def is_text_of_digits(column: pd.Series[Any]) -> bool:
    """Whether a column of text would be one of numbers if a CSV held it."""
    if column.dtype.kind in "iufbMm" or pd.api.types.infer_dtype(column, skipna=True) != "string":
        return False
    return all(map(is_number, column.dropna().unique()))


def as_text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Categories of text: whole numbers without a point, dates as ISO, missing values missing."""
    if isinstance(column.array, pd.Categorical):
        return column
    missing = column.isna()
    found = column.astype(object)
    if column.dtype.kind == "M":
        found = column.map(lambda moment: moment.isoformat(), na_action="ignore")
    elif column.dtype.kind == "f":
        found = column.map(lambda value: f"{value:.15g}", na_action="ignore")
    texts = found.astype(object).where(~missing, None).map(str, na_action="ignore")
    return pd.Series(pd.Categorical(texts), name=column.name)


def as_table(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """A user's frame in the form that the reader gives: float64 for numbers, categoricals of text for the rest."""
    return pd.DataFrame({name: as_values(frame[name], form) for name, form in schema.formats().items()})


def as_values(column: pd.Series[Any], form: Format | None) -> pd.Series[Any]:
    """A user's column as float64 where it has a format, NaN where it is not so written; else as text."""
    dtype = column.dtype
    if form is None:
        if isinstance(column.array, pd.Categorical):
            return column
        return pd.Series(pd.Categorical(column.where(column.isna(), column.astype(str))), index=column.index)
    if isinstance(form, NumberFormat) and dtype.kind in "iufb":
        return pd.Series(column.to_numpy(np.float64, na_value=np.nan), index=column.index)
    if dtype.kind == "M":
        utc = pd.DatetimeIndex(column if getattr(dtype, "tz", None) else column.dt.tz_localize("UTC"))
        seconds = (utc - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
        return pd.Series(np.asarray(seconds, np.float64), index=column.index)
    if dtype.kind == "m":
        seconds = pd.TimedeltaIndex(column) / pd.Timedelta(seconds=1)
        return pd.Series(np.asarray(seconds, np.float64), index=column.index)
    cells = pd.Categorical(column.where(column.isna(), column.astype(str)))
    of_text = written_values([str(text) for text in cells.categories], form)
    return pd.Series(np.append(of_text, np.nan)[cells.codes], index=column.index)

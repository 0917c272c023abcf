"""What the cells of a column are once read: float64 with NaN, or categories with codes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.data.splits import blocks
from mlpcli.data.storage import Storage
from mlpcli.engine.arrays import Floats, Ints


@dataclass(frozen=True)
class Texts:
    """Cells of text as the kinds of column take them: the different ones, and each row's number, -1 where missing.

    A pandas Categorical of a few rows takes a hundred times as long to make.
    """

    categories: NDArray[np.object_]
    codes: Ints

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: slice) -> Texts:
        return Texts(self.categories, self.codes[rows])


@dataclass(frozen=True)
class RowValues:
    """Rows as a model reads them: the columns of a DataFrame, which of one row takes longer to make than the answer."""

    columns: Mapping[str, Floats | Texts]
    n_rows: int

    def __len__(self) -> int:
        return self.n_rows

    def __getitem__(self, name: str) -> Floats | Texts:
        return self.columns[name]

    @cached_property
    def frame(self) -> pd.DataFrame:
        return pd.DataFrame({name: as_pandas(column) for name, column in self.columns.items()}, copy=False)


def as_pandas(column: Floats | Texts) -> Any:
    if isinstance(column, Texts):
        return pd.Categorical(np.array([*column.categories, None], object)[column.codes])  # code -1 is the last
    return column


def texts_of(cells: Sequence[str], missing: Collection[str]) -> Texts:
    """Cells as they stand in a file, some of which are missing."""
    texts = [cell for cell in dict.fromkeys(cells) if cell not in missing]
    number = dict.fromkeys(missing, -1) | {text: i for i, text in enumerate(texts)}
    return Texts(np.array(texts, object), np.array([number[cell] for cell in cells], np.int64))


def as_data_frame(rows: pd.DataFrame | RowValues) -> pd.DataFrame:
    return rows.frame if isinstance(rows, RowValues) else rows


def looked_up(of_code: NDArray[Any], codes: NDArray[np.integer], storage: Storage) -> NDArray[Any]:
    """The value of each row's code; the last one is that of code -1."""
    found = storage.array(codes.shape, of_code.dtype)
    for rows in blocks(len(found)):
        found[rows] = of_code[codes[rows]]
        storage.release()
    return found


def as_categorical(values: Any) -> pd.Categorical:
    return values.array if isinstance(values.array, pd.Categorical) else pd.Categorical(values)


def as_frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Columns of one length side by side, as they are; of Series pandas would first align every index."""
    return pd.DataFrame({name: column_values(column) for name, column in columns.items()}, copy=False)


def column_values(values: Any) -> Any:
    """float64 for a number column, categories with codes for text."""
    if isinstance(values, np.ndarray | Texts):  # of RowValues
        return values
    return values.to_numpy(np.float64) if values.dtype.kind == "f" else as_categorical(values)


def used_texts(values: pd.Categorical | Texts) -> tuple[list[str], NDArray[np.integer]]:
    """The texts that some rows may have, and the number of each row's, -1 where missing: few rows have few texts."""
    texts, codes = values.categories, values.codes
    if len(texts) > len(codes):
        used, codes = np.unique(codes, return_inverse=True)
        codes = codes - bool(len(used) and used[0] < 0)
        texts = texts[used[used >= 0]]
    return [str(text) for text in texts], codes

"""What the cells of a column are once read: float64 with NaN, or categories with codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.data.splits import blocks
from mlpcli.data.storage import Storage


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
    return values.to_numpy(np.float64) if values.dtype.kind == "f" else as_categorical(values)


def used_texts(values: pd.Categorical) -> tuple[list[str], NDArray[np.integer]]:
    """The texts that some rows may have, and the number of each row's, -1 where missing: few rows have few texts."""
    texts, codes = values.categories, values.codes
    if len(texts) > len(codes):
        used, codes = np.unique(codes, return_inverse=True)
        codes = codes - bool(len(used) and used[0] < 0)
        texts = texts[used[used >= 0]]
    return [str(text) for text in texts], codes

"""Taking rows of large columns, block by block, so that no more than a block of a file counts as memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from mlpcli.data import splits
from mlpcli.data.storage import Storage
from mlpcli.data.values import as_categorical, column_values
from mlpcli.engine.arrays import Floats, Ints

TAKEN_ROWS = 1 << 14  # rows copied at a time


def joined(first: pd.Series[Any], second: pd.Series[Any]) -> pd.Series[Any]:
    """One column after another of the same kind."""
    if first.dtype.kind == "f":
        return pd.concat([first, second], ignore_index=True)
    return pd.Series(union_categoricals([as_categorical(first), as_categorical(second)]), name=first.name)


def indices(chosen: NDArray[np.bool_], storage: Storage) -> Ints:
    """The numbers of the chosen rows."""
    found = storage.array((int(np.count_nonzero(chosen)),), np.int64)
    done = 0
    for block in splits.blocks(len(chosen)):
        here = block.start + np.flatnonzero(chosen[block])
        found[done : done + len(here)] = here
        done += len(here)
        storage.release()
    return found


def take_rows(frame: pd.DataFrame, rows: Ints, storage: Storage, of: Storage | None = None) -> pd.DataFrame:
    """These rows of a frame, numbered anew, in arrays of `storage`; the frame's own are of `of`, or of the same."""
    columns: dict[Any, Any] = {}
    for name in frame.columns:
        values = column_values(frame[name])
        is_text = isinstance(values, pd.Categorical)
        found = take(values.codes if is_text else values, rows, storage, of)
        columns[name] = pd.Categorical.from_codes(found, dtype=values.dtype) if is_text else found
    return pd.DataFrame(columns, copy=False)


def take(values: NDArray[Any], rows: Ints, storage: Storage, of: Storage | None = None) -> NDArray[Any]:
    """These of the values, which are of the storage `of`, or of the same."""
    found = storage.array((len(rows),), values.dtype)
    for block in splits.blocks(len(rows), TAKEN_ROWS):
        found[block] = values[rows[block]]
        (of or storage).release()
    return found


def sampled(chosen: NDArray[np.bool_], most: int, seed: int, before: int = 0, n: int | None = None) -> Ints:
    """Row numbers of a random sample, of `most` at most, of the chosen rows, in order.

    Of a part of a table: `before` chosen rows stand in the parts before it, and in all there are `n`.
    """
    n = int(np.count_nonzero(chosen)) if n is None else n
    share = splits.SystematicSampler(min(1.0, most / max(n, 1)), splits.stratum_rng(seed, "", "sample"))
    if n > most:
        share.skip(before)
    found = []
    for block in splits.blocks(len(chosen)):
        here = np.flatnonzero(chosen[block])
        found.append(block.start + (here if n <= most else here[share.next(len(here))]))
    return np.concatenate(found) if found else np.empty(0, np.int64)


def extremes(values: Floats, chosen: NDArray[np.bool_]) -> tuple[float, float]:
    """The lowest and the highest of the chosen values."""
    blocks = [values[block][chosen[block]] for block in splits.blocks(len(values)) if chosen[block].any()]
    return float(min(block.min() for block in blocks)), float(max(block.max() for block in blocks))

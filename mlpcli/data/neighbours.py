"""Rows made from rows: each has some of its cells from a row that is like it, so that it lies near where rows lie.

After MUNGE, of Bucila, Caruana & Niculescu-Mizil 2006, Model compression, without its noise on numbers. What they are
worth: tests/benchmarks/README.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mlpcli.data.splits import blocks
from mlpcli.data.values import column_values
from mlpcli.engine.arrays import Ints, Matrix

N_NEAREST = 5  # rows of which one is the neighbour
SWAPPED = 0.5  # share of a row's cells that come from the neighbour
SEARCHED_ROWS = 2048  # rows among which neighbours are looked for: the time grows with it


def mixed_rows(frame: pd.DataFrame, x: Matrix, rng: np.random.Generator) -> pd.DataFrame:
    """n rows, and (n, n_inputs) by which they are near each other -> n rows, each mixed with one of its neighbours."""
    others = neighbours(x, rng)
    columns: dict[str, Any] = {}
    for name in frame:
        values, swaps = column_values(frame[name]), rng.random(len(frame)) < SWAPPED
        is_text = isinstance(values, pd.Categorical)
        cells = values.codes if is_text else values
        mixed = np.where(swaps, cells[others], cells)
        columns[str(name)] = pd.Categorical.from_codes(mixed, dtype=values.dtype) if is_text else mixed
    return pd.DataFrame(columns, copy=False)


def neighbours(x: Matrix, rng: np.random.Generator) -> Ints:
    """(n, n_inputs) -> (n,) a row for each: one of its N_NEAREST among SEARCHED_ROWS drawn at random."""
    found, order = np.arange(len(x)), rng.permutation(len(x))
    for block in blocks(len(x), SEARCHED_ROWS):
        rows = order[block]
        k = min(N_NEAREST, len(rows) - 1)
        if not k:
            continue  # a row alone is its own neighbour
        here = x[rows]
        squares = np.square(here).sum(axis=1)
        distances = squares[:, None] + squares - 2 * here @ here.T  # squared
        np.fill_diagonal(distances, np.inf)
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        found[rows] = rows[nearest[np.arange(len(rows)), rng.integers(k, size=len(rows))]]
    return found

"""How values are distributed in the rows a model was trained on, kept as counts in cells; other rows are counted in the
same cells.

The cells of numbers: below the first point, at it, between it and the second, ..., above the last. Those of levels:
the most frequent ones, all other known ones, all unknown ones. The last cell of both is that of missing values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from mlpcli.data.values import used_texts
from mlpcli.engine.arrays import Bools, Floats, Ints

N_POINTS = 17  # quantiles between which numbers are counted
MAX_LEVELS = 64  # levels that are counted one by one


@dataclass(frozen=True)
class Profile:
    """Counts of rows in cells."""

    kind: Literal["numbers", "levels"]
    points: tuple[float, ...]  # of numbers, ascending; from the lowest to the highest
    n_levels: int  # known ones, of rare ones alone none; 0 for numbers
    counts: tuple[int, ...]  # rows in each cell

    @classmethod
    def of_numbers(cls, values: Floats) -> Profile:
        """(n,) values, NaN where missing; the points are quantiles of the finite ones."""
        finite = values[np.isfinite(values)]
        levels = np.linspace(0, 1, N_POINTS)
        points = np.unique(np.quantile(finite, levels, method="inverted_cdf")) if len(finite) else np.empty(0)
        empty = cls("numbers", tuple(points.tolist()), 0, (0,) * (2 * len(points) + 2))
        return replace(empty, counts=tuple(empty.count(values).tolist()))

    @classmethod
    def of_levels(cls, numbers: Floats, n_levels: int) -> Profile:
        """(n,) number of each row's level; n_levels for an unknown one, NaN for a missing one."""
        empty = cls("levels", (), n_levels, (0,) * (n_level_cells(n_levels) + 2))
        return replace(empty, counts=tuple(empty.count(numbers).tolist()))

    def count(self, values: Floats) -> Ints:
        """(n,) values, or numbers of levels -> (n_cells,) how many lie in each cell"""
        return np.bincount(self.cells(values), minlength=len(self.counts))

    def cells(self, values: Floats) -> Ints:
        """(n,) the cell of each"""
        last = len(self.counts) - 1
        if self.kind == "numbers":
            found = np.searchsorted(self.points, values, "left") + np.searchsorted(self.points, values, "right")
        else:
            found = np.where(values >= self.n_levels, last - 1, np.minimum(values, last - 2))
        return np.where(np.isnan(values), last, found).astype(np.int64)

    @property
    def is_odd(self) -> Bools:
        """(n_cells,) which cells hold what training did not: numbers out of its range, levels unknown or rare."""
        found = np.zeros(len(self.counts), bool)
        found[[0, -2] if self.kind == "numbers" else [-2]] = True
        return found

    def is_sound(self) -> bool:
        """Whether the fields, which may come from any file, fit together."""
        n_cells = 2 * len(self.points) if self.kind == "numbers" else n_level_cells(self.n_levels)
        is_right_kind = self.n_levels == 0 if self.kind == "numbers" else self.n_levels >= 0 and not self.points
        return (
            is_right_kind
            and list(self.points) == sorted(set(self.points))
            and len(self.counts) == n_cells + 2
            and min(self.counts) >= 0 < sum(self.counts)
        )


def n_level_cells(n_levels: int) -> int:
    """Cells of known levels."""
    return min(n_levels, MAX_LEVELS) + (n_levels > MAX_LEVELS)


def level_numbers(levels: Sequence[str], values: pd.Categorical) -> Floats:
    """(n,) the position of each row's level; as many as there are for another one, NaN where missing"""
    where = {level: i for i, level in enumerate(levels)}
    texts, codes = used_texts(values)
    return np.asarray(np.array([*(where.get(text, len(levels)) for text in texts), np.nan])[codes], np.float64)

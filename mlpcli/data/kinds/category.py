"""A column of categories as inputs: an input a level, or a learned vector a level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.data.values import used_texts
from mlpcli.engine.arrays import Matrix


@dataclass(frozen=True)
class CategoryColumn:
    """A category: one input a kept level, one for the rare levels; two levels share one input."""

    kind: Literal["category"]
    name: str
    n_missing: int
    n_distinct: int
    levels: tuple[str | None, ...]  # kept levels, most frequent first; None is the missing value
    off: tuple[float, ...]  # value of each input where the row has another level
    on: tuple[float, ...]
    has_rare: bool  # the last input stands for all levels not kept

    @property
    def n_plain(self) -> int:
        return len(self.on)

    @property
    def n_ple(self) -> int:
        return 0

    def codes(self, values: pd.Categorical) -> NDArray[np.int64]:
        """Input of each row; n_plain and above where a row has none."""
        where = {level: i for i, level in enumerate(self.levels)}
        rare = len(self.levels) if self.has_rare else max(len(self.levels), self.n_plain)
        texts, codes = used_texts(values)
        lookup = np.asarray([*(where.get(text, rare) for text in texts), where.get(None, rare)])
        # Code -1, the missing value, is the last.
        return np.asarray(lookup[codes], np.int64)

    def encode(self, values: pd.Categorical, plain: Matrix, ple: Matrix) -> None:
        """n values -> plain (n, n_plain)"""
        codes = self.codes(values)
        plain[:] = self.off
        if len(self.levels) == 2 and not self.has_rare:
            plain[codes == 1, 0] = self.on[0]
            return
        rows = np.flatnonzero(codes < self.n_plain)
        plain[rows, codes[rows]] = np.asarray(self.on, np.float32)[codes[rows]]


@dataclass(frozen=True)
class EmbeddedColumn:
    """A category of many levels: one input, the number of the level, for which the network learns a vector.

    Entity embeddings; Guo & Berkhahn 2016, arXiv 1604.06737.
    """

    kind: Literal["embedded"]
    name: str
    n_missing: int
    n_distinct: int
    levels: tuple[str | None, ...]  # most frequent first; number 0 stands for all others, the first one here is 1
    width: int  # of the vector

    n_plain = 1
    n_ple = 0

    def codes(self, values: pd.Categorical) -> NDArray[np.int64]:
        """Number of each row's level."""
        where = {level: i for i, level in enumerate(self.levels, 1)}
        texts, codes = used_texts(values)
        number = np.asarray([*(where.get(text, 0) for text in texts), where.get(None, 0)], np.int64)
        return np.asarray(number[codes])

    def encode(self, values: pd.Categorical, plain: Matrix, ple: Matrix) -> None:
        plain[:, 0] = self.codes(values)

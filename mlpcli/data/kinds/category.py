"""A column of categories as inputs: an input a level, or a learned vector a level; and two of them together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.data.kinds.protocol import LOST_SHARE, ColumnKind, LevelVectors, are_distinct, are_inputs
from mlpcli.data.values import used_texts
from mlpcli.engine.arrays import Floats, Matrix

RARE = 5  # a level seen less often in the training rows shares one input with the other rare ones
MAX_VECTOR_WIDTH = 256  # of a level
MAX_LEVELS = 1 << 31  # of a column; far more than one can have
MEETING = 0.5  # of the input of a pair of levels where a row has both; elsewhere it is 0
MIN_LOST = 20  # different values of a column that can be lost
UNSEEN = "never seen in training"
UNSEEN_OR_RARE = f"seen fewer than {RARE} times in training, or never"


@dataclass(frozen=True)
class CategoryColumn(ColumnKind):
    """A category: one input a kept level, one for the rare levels; two levels share one input."""

    kind: Literal["category"]
    name: str
    n_missing: int
    n_distinct: int
    levels: tuple[str | None, ...]  # kept levels, most frequent first; None is the missing value
    off: tuple[float, ...]  # value of each input where the row has another level
    on: tuple[float, ...]
    has_rare: bool  # the last input stands for all levels not kept

    format = None

    @property
    def n_inputs(self) -> Mapping[str, int]:
        return {"plain": len(self.on)}

    @property
    def known_levels(self) -> tuple[str, ...]:
        return tuple(level for level in self.levels if level is not None)

    @cached_property
    def numbers(self) -> Mapping[str | None, int]:
        return {level: i for i, level in enumerate(self.levels)}

    def codes(self, values: pd.Categorical) -> NDArray[np.int64]:
        """Input of each row; the number of inputs and above where a row has none."""
        where, rare = self.numbers, len(self.levels) if self.has_rare else max(len(self.levels), len(self.on))
        texts, codes = used_texts(values)
        lookup = np.asarray([*(where.get(text, rare) for text in texts), where.get(None, rare)])
        # Code -1, the missing value, is the last.
        return np.asarray(lookup[codes], np.int64)

    def encode(self, values: pd.Categorical, inputs: Mapping[str, Matrix]) -> None:
        codes, plain = self.codes(values), inputs["plain"]
        plain[:] = self.off
        if len(self.levels) == 2 and not self.has_rare:
            plain[codes == 1, 0] = self.on[0]
            return
        rows = np.flatnonzero(codes < len(self.on))
        plain[rows, codes[rows]] = np.asarray(self.on, np.float32)[codes[rows]]

    def active(self, plain: Matrix) -> NDArray[np.int64]:
        """(n, n_inputs) -> which of them is on in each row; their number where none is"""
        is_on = plain > (np.asarray(self.on) + self.off).astype(np.float32) / 2
        return np.where(is_on.any(axis=1), is_on.argmax(axis=1), len(self.on))

    def unseen(self, values: pd.Categorical) -> dict[str, int]:
        n_other = int(np.count_nonzero(self.codes(values) >= len(self.levels)))
        return {UNSEEN_OR_RARE if self.has_rare else UNSEEN: n_other}

    def lost(self, values: pd.Categorical) -> str:
        return lost_values(self.codes(values) >= len(self.levels), values)

    def widened(self, values: pd.Categorical) -> Self:
        return replace(self, n_missing=self.n_missing + int(np.count_nonzero(values.codes < 0)))

    def is_valid(self) -> bool:
        n_inputs = 1 if len(self.levels) == 2 and not self.has_rare else len(self.levels) + self.has_rare
        return (
            len(self.on) == len(self.off) == n_inputs and are_inputs(*self.on, *self.off) and are_distinct(self.levels)
        )


@dataclass(frozen=True)
class Cross:
    """Two categories together: an input for each of some pairs of their levels, on where a row has both."""

    first: str  # names of columns, in the order of the file
    second: str
    pairs: tuple[tuple[int, int], ...]  # ascending; numbers of an input of the first and of one of the second

    @property
    def n_inputs(self) -> Mapping[str, int]:
        return {"crosses": len(self.pairs)}

    @cached_property
    def known(self) -> NDArray[np.int64]:
        """Each pair as one number."""
        return np.array([i * MAX_LEVELS + j for i, j in self.pairs])

    def encode(self, first: NDArray[np.int64], second: NDArray[np.int64], inputs: Matrix) -> None:
        """Fills (n, n_pairs) from the inputs of the two columns that are on, (n,) each."""
        known = self.known
        met = first * MAX_LEVELS + second
        place = np.minimum(np.searchsorted(known, met), len(known) - 1)
        rows = np.flatnonzero(known[place] == met)
        inputs[:] = 0
        inputs[rows, place[rows]] = MEETING

    def is_valid(self, columns: Mapping[str, int]) -> bool:
        """Whether both are categories, whose numbers of inputs are given in the order of the file, with such inputs."""
        names = list(columns)
        return (
            {self.first, self.second} <= columns.keys()
            and names.index(self.first) < names.index(self.second)
            and list(self.pairs) == sorted(set(self.pairs))
            and bool(self.pairs)
            and all(0 <= i < columns[self.first] and 0 <= j < columns[self.second] for i, j in self.pairs)
        )


@dataclass(frozen=True)
class EmbeddedColumn(ColumnKind):
    """A category of many levels: one input, the number of the level, for which the network learns a vector.

    Entity embeddings; Guo & Berkhahn 2016, arXiv 1604.06737.
    """

    kind: Literal["embedded"]
    name: str
    n_missing: int
    n_distinct: int
    levels: tuple[str | None, ...]  # most frequent first; number 0 stands for all others, the first one here is 1
    width: int  # of the vector

    format = None

    @property
    def n_inputs(self) -> Mapping[str, int]:
        return {"plain": 1}

    @property
    def known_levels(self) -> tuple[str, ...]:
        return tuple(level for level in self.levels if level is not None)

    def straight(self, blocks: Collection[str]) -> list[tuple[str, Floats]]:
        return []

    @property
    def embedding(self) -> LevelVectors:
        return LevelVectors(len(self.levels) + 1, self.width)

    @cached_property
    def numbers(self) -> Mapping[str | None, int]:
        return {level: i for i, level in enumerate(self.levels, 1)}

    def codes(self, values: pd.Categorical) -> NDArray[np.int64]:
        """Number of each row's level."""
        texts, codes = used_texts(values)
        number = np.asarray([*(self.numbers.get(text, 0) for text in texts), self.numbers.get(None, 0)], np.int64)
        return np.asarray(number[codes])

    def encode(self, values: pd.Categorical, inputs: Mapping[str, Matrix]) -> None:
        inputs["plain"][:, 0] = self.codes(values)

    def unseen(self, values: pd.Categorical) -> dict[str, int]:
        has_rare = sum(level is not None for level in self.levels) < self.n_distinct
        return {UNSEEN_OR_RARE if has_rare else UNSEEN: int(np.count_nonzero(self.codes(values) == 0))}

    def lost(self, values: pd.Categorical) -> str:
        return lost_values(self.codes(values) == 0, values)

    def widened(self, values: pd.Categorical) -> Self:
        return replace(self, n_missing=self.n_missing + int(np.count_nonzero(values.codes < 0)))

    def is_valid(self) -> bool:
        return 1 <= self.width <= MAX_VECTOR_WIDTH and are_distinct(self.levels)

    def becomes(self) -> str:
        return f"a learned vector of {self.width} inputs"


def lost_values(is_other: NDArray[np.bool_], values: pd.Categorical) -> str:
    """What is said of a category of whose values nearly all have no level of their own; '' of another."""
    present = values.codes >= 0
    n_other, n = int(np.count_nonzero(is_other & present)), int(np.count_nonzero(present))
    if n_other <= LOST_SHARE * n or np.count_nonzero(np.bincount(values.codes[present])) < MIN_LOST:
        return ""
    return lost_message(n_other, n)


def lost_message(n_rare: int, n: int) -> str:
    return f"{n_rare:,} of {n:,} values occur fewer than {RARE} times: as a category it tells nothing"

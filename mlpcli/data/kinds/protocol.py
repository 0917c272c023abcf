"""What every kind of column answers.

The encoded matrix has its columns in blocks by name; a kind of network names the blocks that it sees.
To add a block: a name in BLOCKS, and the kinds of column that have inputs in it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from mlpcli.data.formats.dates import TimeFormat
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.engine.arrays import Floats, Matrix

# In the order of the matrix; "ple" holds the piecewise-linear inputs, "cuts" those that jump at thresholds, "crosses"
# those of pairs of levels, which belong to two columns.
BLOCKS = ("plain", "ple", "cuts", "crosses")
MAX_INPUT = 1e30  # of a network; float32 ends at 3e38
MIN_CLIP = 1e-3
LOST_SHARE = 0.95  # of a column's values, from which on a column that does not tell them apart is lost

Format = TimeFormat | NumberFormat


class LevelVectors(NamedTuple):
    """A learned vector of so many numbers for each level."""

    n_levels: int
    width: int


class ColumnKind(ABC):
    """A column of a table, fitted on training rows; the kinds are frozen dataclasses with `kind` and `name`."""

    kind: str  # its key in KINDS
    name: str
    n_missing: int
    is_input: ClassVar[bool] = True
    format: Format | None  # how its numbers or times are written in a file; None for text

    @property
    @abstractmethod
    def n_inputs(self) -> Mapping[str, int]:
        """Block -> number of inputs, of the blocks in which the column has any."""

    @abstractmethod
    def encode(self, values: Any, inputs: Mapping[str, Matrix]) -> None:
        """Fills the inputs of n values: (n, n_inputs[block]) of each block.

        `values` is float64 with NaN where missing for a column with a format, else a pandas Categorical.
        """

    @abstractmethod
    def unseen(self, values: Any) -> dict[str, int]:
        """What is odd about values, in words that follow "12 values" -> how many are so."""

    @abstractmethod
    def is_valid(self) -> bool:
        """Whether the fields, which may come from any file, give finite inputs, as many as `n_inputs` says."""

    @property
    def known_levels(self) -> tuple[str, ...] | None:
        """The levels that it tells apart, the most frequent first; None for a column that has none."""
        return None

    def measure(self, values: Any) -> Floats:
        """(n,) numbers by which its rows are ordered, NaN where missing; of a column without levels."""
        return np.asarray(values, np.float64)

    @abstractmethod
    def widened(self, values: Any) -> Self:
        """The column once these values have been trained on too: its range, and how many were missing."""

    @property
    def embedding(self) -> LevelVectors | None:
        """What the network learns where the column's one plain input is the number of a level."""
        return None

    def straight(self, blocks: Collection[str]) -> list[tuple[str, Floats]]:
        """Sums of inputs in one of these blocks, of which a linear law of the column is made: block, (n,) weights."""
        return [("plain", row) for row in np.eye(self.n_inputs["plain"])]

    def seconds(self, values: Any) -> Floats | None:
        """(n,) seconds since 1970, NaN where missing; None for a column that has no points in time."""
        return None

    def lost(self, values: Any) -> str:
        """What of the training values tells a network next to nothing; '' where enough is left."""
        return ""

    def becomes(self) -> str:
        """What a reader sees the column becomes."""
        n = sum(self.n_inputs.values())
        return "1 input" if n == 1 else f"{n} inputs"

    def reads(self) -> str:
        """How its cells are written, where that is more than plain text and numbers; '' else."""
        return ""

    def note(self) -> str:
        """What a user reads before training, and the flag that changes it; '' for nothing."""
        return ""


def are_inputs(*values: float) -> bool:
    """Whether a network can take these values."""
    return all(abs(value) <= MAX_INPUT for value in values)


def is_clip(clip: float) -> bool:
    """Whether it is 0, for none, or bends inputs without dividing by next to nothing."""
    return clip == 0 or clip >= MIN_CLIP


def are_distinct(levels: tuple[str | None, ...]) -> bool:
    return len(set(levels)) == len(levels)

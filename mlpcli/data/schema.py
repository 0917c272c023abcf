"""What the columns of a table are, fitted on training rows and kept in the model file: kinds, statistics, target.

A kind of column is a frozen dataclass with `n_plain` and `n_ple` inputs and `encode(values, plain, ple)`.
To add one: write the class, let `fit_columns` choose it, add a line to KINDS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal

import numpy as np
import pandas as pd

from mlpcli.data.kinds import Column, Feature
from mlpcli.data.kinds.category import CategoryColumn, EmbeddedColumn
from mlpcli.data.kinds.left_out import LeftOut
from mlpcli.data.kinds.number import NumberColumn
from mlpcli.data.target import Target
from mlpcli.data.values import as_categorical as as_categorical
from mlpcli.data.values import column_values
from mlpcli.engine.arrays import Matrix
from mlpcli.engine.layers import Embedding

ENCODE_ROWS = 4096  # rows encoded at once: the block stays in the processor's cache


@dataclass(frozen=True)
class Schema:
    """All columns in the order of the file, and the target. What is counted over columns is counted once."""

    columns: tuple[Column, ...]
    target: Target

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        return tuple(c for c in self.columns if not isinstance(c, LeftOut))

    @cached_property
    def n_plain(self) -> int:
        """Inputs without the piecewise-linear ones; these come first."""
        return sum(c.n_plain for c in self.features)

    @cached_property
    def n_inputs(self) -> int:
        return self.n_plain + sum(c.n_ple for c in self.features)

    @property
    def embeddings(self) -> tuple[Embedding, ...]:
        """The inputs that are numbers of levels."""
        starts = accumulate((c.n_plain for c in self.features), initial=0)
        return tuple(
            Embedding(i, len(c.levels) + 1, c.width)
            for i, c in zip(starts, self.features, strict=False) if isinstance(c, EmbeddedColumn)
        )  # fmt: skip

    def read_kinds(self) -> dict[str, Literal["number", "text"]]:
        """How each feature column is read from a file."""
        return {c.name: "number" if isinstance(c, NumberColumn) else "text" for c in self.features}

    def encode(self, frame: pd.DataFrame) -> Matrix:
        """n rows -> (n, n_inputs): [plain inputs | piecewise-linear inputs]"""
        x = np.empty((len(frame), self.n_inputs), np.float32)
        values = [column_values(frame[c.name]) for c in self.features]
        for start in range(0, len(frame), ENCODE_ROWS):
            self.fill(x[start : start + ENCODE_ROWS], values, start)
        return x

    def encoded_parts(self, frame: pd.DataFrame) -> Iterator[Matrix]:
        """The same, ENCODE_ROWS rows at a time."""
        values = [column_values(frame[c.name]) for c in self.features]
        for start in range(0, len(frame), ENCODE_ROWS):
            x = np.empty((min(ENCODE_ROWS, len(frame) - start), self.n_inputs), np.float32)
            self.fill(x, values, start)
            yield x

    def fill(self, x: Matrix, values: Sequence[Any], start: int) -> None:
        """Encodes the rows of the features' values from `start` on, as many as x has."""
        i, j = 0, self.n_plain
        for c, column in zip(self.features, values, strict=True):
            c.encode(column[start : start + len(x)], x[:, i : i + c.n_plain], x[:, j : j + c.n_ple])
            i, j = i + c.n_plain, j + c.n_ple

    def unseen_values(self, frame: pd.DataFrame) -> dict[str, tuple[int, int]]:
        """Column -> (values never seen in training, numbers far outside the training range)."""
        found = {}
        for c in self.features:
            if isinstance(c, CategoryColumn):
                values = as_categorical(frame[c.name])
                unseen = c.codes(values) >= len(c.levels)
                if not c.has_rare and unseen.any():
                    found[c.name] = (int(unseen.sum()), 0)
            elif isinstance(c, NumberColumn):
                x, margin = frame[c.name].to_numpy(np.float64), c.high - c.low
                with np.errstate(over="ignore"):
                    far = int(((x < c.low - margin) | (x > c.high + margin)).sum())
                if far:
                    found[c.name] = (0, far)
        return found


# --- fitting ----------------------------------------------------------------------------------------------


# --- dates ------------------------------------------------------------------------------------------------


# --- the target -------------------------------------------------------------------------------------------

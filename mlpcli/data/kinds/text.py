"""A column of free text as inputs: counts of hashed words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from mlpcli.data.values import used_texts
from mlpcli.data.words import counts
from mlpcli.engine.arrays import Matrix


@dataclass(frozen=True)
class FreeText:
    """Text of many words: how often each of some hashed words and pairs of words occurs, scaled; none where missing."""

    kind: Literal["text"]
    name: str
    n_missing: int
    slots: tuple[int, ...]  # ascending
    center: tuple[float, ...]  # of log(1 + occurrences)
    factor: tuple[float, ...]
    clip: float  # 0: no smooth clip

    @property
    def n_plain(self) -> int:
        return len(self.slots)

    @property
    def n_ple(self) -> int:
        return 0

    def encode(self, values: pd.Categorical, plain: Matrix, ple: Matrix) -> None:
        texts, codes = used_texts(values)
        found = counts([*texts, ""], np.asarray(self.slots))
        z = (found - self.center) * self.factor
        plain[:] = (z / np.sqrt(1 + np.square(z / self.clip)) if self.clip else z)[codes]

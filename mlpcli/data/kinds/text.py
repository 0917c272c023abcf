"""A column of free text as inputs: counts of hashed words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
import pandas as pd

from mlpcli.config.flags import as_flag
from mlpcli.data.kinds.protocol import LOST_SHARE, ColumnKind, are_inputs, is_clip
from mlpcli.data.values import used_texts
from mlpcli.data.words import SLOTS, counts
from mlpcli.engine.arrays import Bools, Floats, Matrix


@dataclass(frozen=True)
class FreeText(ColumnKind):
    """Text of many words: how often each of some hashed words and pairs of words occurs, scaled; none where missing."""

    kind: Literal["text"]
    name: str
    n_missing: int
    slots: tuple[int, ...]  # ascending
    center: tuple[float, ...]  # of log(1 + occurrences)
    factor: tuple[float, ...]
    clip: float  # 0: no smooth clip

    format = None

    @property
    def n_inputs(self) -> Mapping[str, int]:
        return {"plain": len(self.slots)}

    def encode(self, values: pd.Categorical, inputs: Mapping[str, Matrix]) -> None:
        texts, codes = used_texts(values)
        found = counts([*texts, ""], np.asarray(self.slots))
        z = (found - self.center) * self.factor
        inputs["plain"][:] = (z / np.sqrt(1 + np.square(z / self.clip)) if self.clip else z)[codes]

    def is_mute(self, texts: Sequence[str]) -> Bools:
        """(n,) whether a text has no word known from training"""
        return np.asarray(~counts([*texts], np.asarray(self.slots)).any(axis=1) if texts else np.zeros(0, bool))

    def unseen(self, values: pd.Categorical) -> dict[str, int]:
        texts, codes = used_texts(values)
        return {"without a word known from training": int(np.append(self.is_mute(texts), False)[codes].sum())}

    def measure(self, values: pd.Categorical) -> Floats:
        """How long each text is; endless without a word known from training."""
        texts, codes = used_texts(values)
        lengths = np.where(self.is_mute(texts), np.inf, np.array([len(text) for text in texts], np.float64))
        return np.asarray(np.append(lengths, np.nan)[codes], np.float64)

    def lost(self, values: pd.Categorical) -> str:
        n_mute, n = sum(self.unseen(values).values()), int(np.count_nonzero(values.codes >= 0))
        if n_mute < LOST_SHARE * n:
            return ""
        return f"{n_mute:,} of {n:,} texts hold no word that others hold: as text it tells nothing"

    def widened(self, values: pd.Categorical) -> Self:
        return replace(self, n_missing=self.n_missing + int(np.count_nonzero(values.codes < 0)))

    def is_valid(self) -> bool:
        return (
            is_clip(self.clip)
            and len(self.center) == len(self.factor) == len(self.slots)
            and are_inputs(*self.center, *self.factor)
            and list(self.slots) == sorted(set(self.slots))
            and 0 <= min(self.slots, default=0) <= max(self.slots, default=0) < SLOTS
        )

    def becomes(self) -> str:
        return f"{len(self.slots)} inputs of hashed words and pairs of words"

    def note(self) -> str:
        return (
            f"{self.name} is free text: {len(self.slots)} hashed words and pairs of words "
            f"({as_flag('category', (self.name,))}, {as_flag('drop', (self.name,))})"
        )

"""Conformal prediction: bounds that hold a promised share of the truths, from scores of rows that answers never saw.

A score says how far the truth lies from an answer. If a new row is drawn like n scored ones, its score is at most the
k-th smallest of them with probability k / (n + 1), whatever the model (Vovk, Gammerman & Shafer 2005). What is kept of
the scores are their quantiles at LEVELS.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from mlpcli.engine.arrays import Array, Bools, Floats, Ints, Matrix
from mlpcli.errors import UsageError
from mlpcli.metrics.error_scale import ErrorScale

MIN_LEVEL, MAX_LEVEL = 0.5, 0.999  # shares of truths that can be promised
# Each percent, and each tenth of the last one; between two of them the higher one is taken.
LEVELS = np.array([*range(500, 990, 10), *range(990, 1000)]) / 1000
ROUNDING = 1e-9  # of a rank

MAX_CLASSES = 64  # up to which quantiles are kept for each class
RARE_SHARE = 0.4  # of an even share of the rows: a class with less is rare, and may miss what holds on the whole


def check_level(level: float, option: str) -> None:
    """UsageError for a level that is not from MIN_LEVEL to MAX_LEVEL."""
    if not MIN_LEVEL <= level <= MAX_LEVEL:
        raise UsageError(
            f"{option}: expected a level from {MIN_LEVEL} to {MAX_LEVEL}, found {level:g}", f"for example {option} 0.9"
        )


@dataclass(frozen=True)
class ScoreQuantiles:
    """The quantiles of the scores of n units, at as many of LEVELS as n units reach."""

    n: int  # rows, or groups of rows
    scores: tuple[float, ...]

    @classmethod
    def of(cls, scores: Floats, groups: Ints | None = None) -> ScoreQuantiles:
        """Of scores (n,); with `groups` (n,) each group counts once, its rows share its weight.

        Dunn, Wasserman & Ramdas 2022, pooled distributions: the next row is one of a new group.
        """
        order = np.argsort(scores, kind="stable")
        rows_of = np.ones(len(scores)) if groups is None else np.bincount(groups)[groups].astype(np.float64)
        n = len(scores) if groups is None else len(np.unique(groups))
        ranks = np.cumsum(1 / rows_of[order])  # of the sorted scores, up to n
        goals = LEVELS[: n_reached(n)] * (n + 1)
        places = np.searchsorted(ranks, goals - ROUNDING * n).clip(max=max(len(scores) - 1, 0))
        return cls(n, tuple(scores[order][places].tolist()))

    @property
    def highest(self) -> float:
        """The highest level that n units reach; 0 when they reach none."""
        return float(LEVELS[len(self.scores) - 1]) if self.scores else 0.0

    def reaches(self, level: float) -> bool:
        return level <= self.highest + ROUNDING

    def at(self, level: float) -> float:
        """The score that a new one stays below or at with this probability; of a level that is reached."""
        return self.scores[int(np.searchsorted(LEVELS, level - ROUNDING))]

    def is_sound(self) -> bool:
        """Whether some scores could have these quantiles."""
        fits = self.n >= 0 and len(self.scores) == n_reached(self.n)
        return fits and min(self.scores, default=0.0) >= 0 and bool(np.all(np.diff(self.scores) >= 0))


def n_reached(n: int) -> int:
    """How many of LEVELS n scores can hold: a level takes level * (n + 1) of them."""
    return int(np.count_nonzero(LEVELS * (n + 1) <= n * (1 + ROUNDING)))


@dataclass(frozen=True)
class ConformalIntervals:
    """How far the truth lies from a predicted number: quantiles of |error| over the error that is expected of a row.

    Lei et al. 2018, section 5.2: narrow where errors are small. Scores are those of members that never saw the row.
    """

    kind: Literal["intervals"]
    quantiles: ScoreQuantiles
    scale: ErrorScale
    ensemble_factor: float  # error of the ensemble over that of one member

    def expected_errors(self, x: Matrix, outputs: Array) -> Floats:
        """Plain inputs (n, n_plain), standardised outputs (n,) -> (n,) sizes of error, standardised"""
        return self.ensemble_factor * self.scale.of(x, outputs)


@dataclass(frozen=True)
class ConformalSets:
    """How improbable the true class may be: quantiles of 1 - its probability, over all rows and for each class.

    Sadinle, Lei & Wasserman 2019: the smallest sets on average. The most probable class is always in the set.
    """

    kind: Literal["sets"]
    quantiles: ScoreQuantiles
    by_class: tuple[ScoreQuantiles, ...]  # () with more than MAX_CLASSES classes

    @cached_property
    def has_rare_class(self) -> bool:
        counts = [one.n for one in self.by_class]
        return bool(counts) and min(counts) * len(counts) < RARE_SHARE * sum(counts)

    def too_few(self, level: float) -> list[int]:
        """The classes whose rows are too few for a bound of their own at this level."""
        return [number for number, one in enumerate(self.by_class) if not one.reaches(level)]

    def members(self, level: float, probabilities: Array, by_class: bool) -> Bools:
        """(n, n_classes) -> which classes are in each row's set; `by_class`: the level holds within each class"""
        bounds = np.full(probabilities.shape[1], self.quantiles.at(level))
        if by_class:
            too_few = self.too_few(level)
            own = [number for number in range(len(self.by_class)) if number not in too_few]
            bounds[own] = [self.by_class[number].at(level) for number in own]
        found: Bools = true_class_scores(probabilities) <= bounds
        found[np.arange(len(found)), probabilities.argmax(axis=1)] = True
        return found


def true_class_scores(probabilities: Array) -> Floats:
    """Probabilities of any shape -> the score of a row whose true class has them"""
    return 1 - np.asarray(probabilities, np.float64)


Conformal = ConformalIntervals | ConformalSets

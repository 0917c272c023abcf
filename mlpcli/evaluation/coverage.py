"""Whether what was promised holds on evaluated rows: shares of truths in intervals or label sets, and what the surest
answers are worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlpcli.engine.arrays import Array, Bools, Floats
from mlpcli.engine.losses import Target
from mlpcli.metrics.conformal import ConformalIntervals
from mlpcli.metrics.intervals import Interval, wilson
from mlpcli.metrics.scoring import confidences, decide
from mlpcli.model.certainty import (
    USUAL_LEVEL,
    expected_errors,
    interval_ends,
    label_sets,
    promise_of,
)
from mlpcli.model.trained import TrainedModel

COVERAGE_LEVELS = (0.8, 0.9, 0.95)  # of those that the model reaches
MISSED_FAR = 3.09  # standard deviations below a promise, from where on it is said to be missed: by chance 1 in 1,000
ANSWERED_SHARES = tuple(share / 20 for share in range(20, 9, -1))
MIN_ANSWERED = 10  # rows


@dataclass(frozen=True)
class Coverage:
    """How many of n evaluated rows have their truth where a level promises it."""

    level: float
    held: Interval  # share of the rows
    n: int
    size: float  # mean width of the intervals, or mean number of labels
    is_missed: bool  # the share is reliably below the level


@dataclass(frozen=True)
class Answered:
    """What the answers are worth if only this share of the rows, the surest, gets one."""

    share: float
    bound: float  # least confidence of those rows, or greatest width of their intervals
    value: float  # accuracy, or mean absolute error


@dataclass(frozen=True)
class TrustInRows:
    """Evaluated rows with all that promises are made of: outputs (n, n_classes) or (n,), and truth (n,).

    `errors` (n,) are those to expect, None for classes. `n_units`: groups where rows of a group are alike, else rows;
    0 where the groups are not known.
    """

    model: TrainedModel
    outputs: Array
    truth: Target
    errors: Floats | None
    n_units: int

    @classmethod
    def of(
        cls, model: TrainedModel, frame: pd.DataFrame, outputs: Array, truth: Target, n_units: int
    ) -> TrustInRows | None:  # fmt: skip
        """Of rows read by the model's rules; None for a model that promises nothing."""
        if isinstance(model.record.conformal, str):
            return None
        errors = None if model.labels else expected_errors(model, frame, outputs)
        return cls(model, outputs, truth, errors, n_units)

    def coverage(self) -> tuple[Coverage, ...]:
        """At the levels that the model reaches."""
        found = self.model.record.conformal
        assert not isinstance(found, str)
        return tuple(self.coverage_at(level) for level in COVERAGE_LEVELS if found.quantiles.reaches(level))

    def coverage_at(self, level: float) -> Coverage:
        is_held, sizes = self.held(level)
        share = float(is_held.mean())
        is_missed = wilson(share, self.n_units, MISSED_FAR)[1] < level
        held = Interval(share, *wilson(share, self.n_units))
        return Coverage(level, held, len(is_held), float(sizes.mean()), is_missed)

    def held(self, level: float) -> tuple[Bools, Floats]:
        """Whether the truth is in the interval or set (n,), and their sizes (n,)."""
        if self.errors is None:
            sets = label_sets(self.model, self.outputs, level, None)
            return sets[np.arange(len(sets)), self.truth.astype(np.intp)], sets.sum(axis=1).astype(np.float64)
        ends = interval_ends(self.model, self.outputs, self.errors, level)
        return (self.truth >= ends[:, 0]) & (self.truth <= ends[:, 1]), ends[:, 1] - ends[:, 0]

    def answered(self) -> tuple[Answered, ...]:
        """The surest rows, at each of ANSWERED_SHARES that is MIN_ANSWERED rows."""
        bounds, values = self.by_certainty()
        means = np.cumsum(values) / np.arange(1, len(values) + 1)
        lasts = {share: round(share * len(values)) for share in ANSWERED_SHARES}
        return tuple(
            Answered(share, float(bounds[n - 1]), float(means[n - 1]))
            for share, n in lasts.items() if n >= MIN_ANSWERED
        )  # fmt: skip

    def by_certainty(self) -> tuple[Floats, Floats]:
        """Rows, the surest first: confidence or width (n,), and whether the answer is right or how far off (n,)."""
        if self.errors is None:
            labels = decide(self.outputs, self.model.record.rule)
            bounds = confidences(self.outputs, labels)
            order = np.argsort(-bounds, kind="stable")
            return bounds[order], (labels == self.truth)[order].astype(np.float64)
        level = min(USUAL_LEVEL, promise_of(self.model, ConformalIntervals).quantiles.highest)
        ends = interval_ends(self.model, self.outputs, self.errors, level)
        widths = ends[:, 1] - ends[:, 0]
        order = np.argsort(widths, kind="stable")
        return widths[order], np.abs(self.outputs - self.truth)[order]

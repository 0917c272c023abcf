"""Results of studies of many trainings. See `results.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mlpcli.library.model import Model
from mlpcli.library.results import Result
from mlpcli.studies.comparison import Comparison
from mlpcli.studies.cross_validation import CrossValidation
from mlpcli.studies.learning_curve import LearningCurve
from mlpcli.studies.tuning import FinalEvaluation, Tuning

if TYPE_CHECKING:
    from mlpcli.reporter.html.document import Summary


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CrossValidationResult(Result, CrossValidation):
    """How good a model of these settings is. A row for each fold, its metrics by a model that never saw its rows."""

    notes: tuple[str, ...]  # what was chosen on the way, and which setting changes it

    def frame(self) -> pd.DataFrame:
        rows = [
            {"fold": f.name, "rows": f.rows["test"], "seconds": f.seconds, **f.metrics["test"]} for f in self.folds
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def summary(self) -> Summary:
        from mlpcli.reporter.html.studies import cross_validation_summary

        return cross_validation_summary(self)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ComparisonResult(Result, Comparison):
    """The same network once for each value of a setting. A row for each value, its metrics on validation rows."""

    notes: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        rows = [
            {
                "setting": o.name, "best": o is self.best, "best_epoch": o.history.best_epoch,
                "epochs": len(o.history.train_loss), "seconds": o.seconds, **o.metrics.get("validation", {}),
            }
            for o in self.outcomes
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def summary(self) -> Summary:
        from mlpcli.reporter.html.studies import comparison_summary

        return comparison_summary(self)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class LearningCurveResult(Result, LearningCurve):
    """More rows, or more regularisation? A row for each size: the metric on training and validation rows."""

    notes: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        rows = [
            (p.rows, p.train.value, p.train.low, p.train.high, p.valid.value, p.valid.low, p.valid.high,
             self.law(p.rows), p.seconds)
            for p in self.points
        ]  # fmt: skip
        ends = [f"{name}{end}" for name in ("train", "validation") for end in ("", "_low", "_high")]
        return pd.DataFrame(rows, columns=["rows", *ends, "power_law", "seconds"])

    def summary(self) -> Summary:
        from mlpcli.reporter.html.studies import learning_curve_summary

        return learning_curve_summary(self)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class TuningResult(Result, Tuning):
    """A search for settings. A row for each trial: its settings as written, and its validation loss."""

    notes: tuple[str, ...]
    model: Model | None  # with the best settings; None when the search was stopped
    final: FinalEvaluation | None  # what the test rows say of it

    def frame(self) -> pd.DataFrame:
        rows = [
            {
                "trial": t.number, "state": t.state, "folds": len(t.losses),
                "loss": t.loss if np.isfinite(t.loss) else np.nan, **(t.values or self.given_values),
            }
            for t in self.trials
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def summary(self) -> Summary:
        from mlpcli.reporter.html.studies import tuning_summary

        return tuning_summary(self, self.final)

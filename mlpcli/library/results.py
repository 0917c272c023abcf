"""What the calls of the library give: what was found, as a DataFrame, in a sentence, and drawn in a notebook.

A result is what the rooms below found, with what shows it. To add one: a class that inherits from both, `frame`, and
`summary` in `reporter/html/`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.diagnosis.findings import Finding, findings
from mlpcli.engine.arrays import Array, Floats
from mlpcli.evaluation.comparison import ModelComparison
from mlpcli.evaluation.drift import Drift
from mlpcli.evaluation.evaluate import Evaluation
from mlpcli.evaluation.explain.explanation import Explanation
from mlpcli.metrics.intervals import Interval
from mlpcli.metrics.scoring import METRICS
from mlpcli.model.trained import TrainedModel

if TYPE_CHECKING:
    from mlpcli.reporter.html.document import Summary

R = TypeVar("R")


class Drawn(ABC):
    """Says itself in a sentence, and draws itself in a notebook."""

    @abstractmethod
    def summary(self) -> Summary:
        """What a notebook shows, before it is HTML."""

    def _repr_html_(self) -> str:
        from mlpcli.reporter.html.page import fragment

        return fragment(self.summary())

    def __repr__(self) -> str:
        from mlpcli.reporter.text import MAX_LINE, safe

        return safe(self.summary().verdict, MAX_LINE)


class Result(Drawn):
    """What was found."""

    @abstractmethod
    def frame(self) -> pd.DataFrame:
        """Its numbers, a row for each thing."""


def as_result(kind: type[R], found: Any, **own: Any) -> R:
    """What a room below found, as a result; `own` are the fields that the result has besides."""
    return kind(**{f.name: getattr(found, f.name) for f in fields(found)}, **own)


def ends(metric: str, found: Interval) -> tuple[float, float, float]:
    """Value, low and high; NaN for both ends where the metric has no interval that holds."""
    low, high = (found.low, found.high) if METRICS[metric].has_interval else (np.nan, np.nan)
    return found.value, low, high


@dataclass(kw_only=True, repr=False, eq=False)
class EvaluationResult(Result, Evaluation):
    """How good a model is. A row for each metric of each set, and of each baseline on the test rows."""

    model: TrainedModel

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What to know of the training and its test rows."""
        return tuple(findings(self.model, self))

    def frame(self) -> pd.DataFrame:
        rows = [
            ("model", set_name, metric, *ends(metric, found))
            for set_name, metrics in self.metrics.items() for metric, found in metrics.items()
        ]  # fmt: skip
        rows += [
            (baseline, "test", metric, value, np.nan, np.nan)
            for baseline, metrics in self.baselines.items() for metric, value in metrics.items()
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["answers", "rows", "metric", "value", "low", "high"])

    def summary(self) -> Summary:
        from mlpcli.reporter.html.results import evaluation_summary

        return evaluation_summary(self.model, self, self.findings)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ModelComparisonResult(Result, ModelComparison):
    """Two models on the same rows. A row for each metric."""

    def frame(self) -> pd.DataFrame:
        rows = [
            (name, m.new, m.old, *ends(name, m.difference), m.verdict) for name, m in self.metrics.items()
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["metric", "new", "old", "difference", "low", "high", "verdict"])

    def summary(self) -> Summary:
        from mlpcli.reporter.html.results import model_comparison_summary

        return model_comparison_summary(self)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class DriftResult(Result, Drift):
    """How new rows stand to the training rows. A row for each thing that was compared, the surest first."""

    def frame(self) -> pd.DataFrame:
        rows = [
            (s.what, s.name, s.distance, s.missing.training, s.missing.here, s.unseen.training, s.unseen.here,
             s.p_value, s.is_drift())
            for s in self.shifts
        ]  # fmt: skip
        shares = [f"{what}_{where}" for what in ("missing", "unseen") for where in ("training", "here")]
        return pd.DataFrame(rows, columns=["what", "name", "distance", *shares, "p_value", "drift"])

    def summary(self) -> Summary:
        from mlpcli.reporter.html.results import drift_summary

        return drift_summary(self)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ExplanationResult(Result, Explanation):
    """What was asked for. A row for each column, or each position of an effect, or each contribution to an answer."""

    model: TrainedModel

    def frame(self) -> pd.DataFrame:
        from mlpcli.reporter.explain_tables import explanation_table

        table = explanation_table(self.model, self)
        return pd.DataFrame([*table.rows], columns=[*table.names])

    def summary(self) -> Summary:
        from mlpcli.reporter.html.results import explanation_summary

        return explanation_summary(self.model, self)


@dataclass(frozen=True, repr=False, eq=False)
class Predictions(Result):
    """Answers to n rows, in their order, and how sure they are. A row each, columns as `predict --proba` names them."""

    target: str
    labels: tuple[str, ...]  # () for numbers
    answers: NDArray[Any]  # (n,) labels, or numbers
    outputs: Array  # (n, n_classes) probabilities, or (n,) numbers
    certainty: Mapping[str, Floats | list[Any]]  # the columns low and high, or labels and n_labels, if asked for

    def __len__(self) -> int:
        return len(self.answers)

    def frame(self) -> pd.DataFrame:
        columns = {"prediction": self.answers, **self.certainty}
        if self.labels:
            columns |= {f"p_{label}": shares for label, shares in zip(self.labels, self.outputs.T, strict=True)}
        return pd.DataFrame(columns)

    def summary(self) -> Summary:
        from mlpcli.reporter.html.results import predictions_summary

        return predictions_summary(self.target, pd.Series(self.answers), self.frame())

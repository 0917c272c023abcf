"""Studies of a CSV file from their plan to their result, in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data.dataset import DataSet
from mlpcli.studies import comparison, cross_validation
from mlpcli.studies import learning_curve as curve


def result(study: Any) -> Any:
    """Of all trainings of a study, one after another."""
    return study.result(list(study.outcomes(1)))


def cross_validate(data: str, config: Config, *, folds: int = 5, repeats: int = 1) -> cross_validation.CrossValidation:
    table = DataSet.read(data, config, ReadOptions())
    return result(cross_validation.plan(table, config, folds, repeats))


def compare(data: str, vary: str | Sequence[str], config: Config, *, repeats: int = 1) -> comparison.Comparison:
    grid = comparison.parse_grid([vary] if isinstance(vary, str) else vary)
    return result(comparison.plan(data, config, ReadOptions(), grid, repeats))


def learning_curve(data: str, config: Config, *, repeats: int = curve.REPEATS) -> curve.LearningCurve:
    return result(curve.plan(DataSet.read(data, config, ReadOptions()), config, repeats))

"""What is asked of a model, a file or one in memory, each one call. A DataFrame may stand wherever a path may."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from mlpcli.config.settings import ReadOptions
from mlpcli.library.model import as_model
from mlpcli.library.results import DriftResult, EvaluationResult, ExplanationResult, Predictions
from mlpcli.model.trained import TrainedModel


def predict(
    model: str | TrainedModel, data: str | pd.DataFrame, options: ReadOptions | None = None, *,
    interval: float | None = None, label_set: float | None = None,
) -> Predictions:  # fmt: skip
    """The answers to all rows of a CSV or a frame, with probabilities. Raises DataError, ModelError or UsageError.

    `interval` and `label_set` are levels: the share of truths within the ends low and high, or among the labels.

    >>> mlpcli.predict("iris.npz", "sample_data/iris.csv").frame().columns.tolist()
    ['prediction', 'p_setosa', 'p_versicolor', 'p_virginica']
    """
    return as_model(model).predictions(data, options, interval=interval, label_set=label_set)


def evaluate(
    model: str | TrainedModel, data: str | pd.DataFrame | None = None, options: ReadOptions | None = None, *,
    linear: bool = True,
) -> EvaluationResult:  # fmt: skip
    """Scores the test rows of the training data, or all rows of another CSV or frame. Raises DataError or ModelError.

    `linear` asks for the linear baseline, a training more.

    >>> found = mlpcli.evaluate("iris.npz", "sample_data/iris.csv")
    >>> found.rows
    {'train': 105, 'validation': 23, 'test': 22}
    >>> found.frame().columns.tolist()
    ['answers', 'rows', 'metric', 'value', 'low', 'high']
    """
    return as_model(model).evaluate(data, options, linear=linear)


def explain(
    model: str | TrainedModel, data: str | pd.DataFrame | None = None, options: ReadOptions | None = None, *,
    columns: Sequence[str] = (), row: int | None = None, metric: str | None = None, jobs: int = 1,
) -> ExplanationResult:  # fmt: skip
    """Which columns matter and how; or how one or two `columns` act; or what made the answer to a `row`, from 1.

    On the test rows of the training data, or on other rows. Raises DataError, ModelError or UsageError.

    >>> found = mlpcli.explain("iris.npz", "sample_data/iris.csv", row=3)
    >>> sorted(found.frame()["column"])
    ['petal_length', 'petal_width', 'sepal_length', 'sepal_width']
    """
    return as_model(model).explain(data, options, columns=columns, row=row, metric=metric, jobs=jobs)


def drift(
    model: str | TrainedModel, data: str | pd.DataFrame, options: ReadOptions | None = None
) -> DriftResult:  # fmt: skip
    """How the rows of a CSV or a frame stand to the training rows. Raises DataError or ModelError.

    >>> mlpcli.drift("iris.npz", "sample_data/iris.csv").drifted
    ()
    """
    return as_model(model).drift(data, options)

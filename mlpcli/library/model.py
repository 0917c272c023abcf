"""A model with all its verbs. A DataFrame may stand wherever a path may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config.settings import ReadOptions
from mlpcli.data.frame import as_table
from mlpcli.engine.arrays import Array, Floats
from mlpcli.evaluation.comparison import compare
from mlpcli.evaluation.drift import drift_of
from mlpcli.evaluation.evaluate import evaluate
from mlpcli.evaluation.explain.explanation import Question, explain
from mlpcli.library.results import (
    Drawn,
    DriftResult,
    EvaluationResult,
    ExplanationResult,
    ModelComparisonResult,
    Predictions,
    as_result,
)
from mlpcli.metrics.scoring import decide
from mlpcli.model import trained
from mlpcli.model.certainty import USUAL_LEVEL, Certainty, intervals, label_sets
from mlpcli.model.reading import read_rows

if TYPE_CHECKING:
    from mlpcli.reporter.html.document import Summary


class Model(Drawn, trained.TrainedModel):
    """A trained model with all its verbs: predict, evaluate, compare, explain, drift, save.

    >>> model = mlpcli.fit("sample_data/iris.csv", target="species", preset="classic", epochs=5)
    >>> model.labels
    ('setosa', 'versicolor', 'virginica')
    >>> model.predict_proba("sample_data/iris.csv").shape
    (150, 3)
    >>> model.drift("sample_data/iris.csv").n_rows
    150
    """

    def predict(self, data: str | pd.DataFrame) -> NDArray[Any]:
        """n rows of a CSV or a frame -> n labels as they stood in the training data, or n numbers. Raises DataError."""
        return super().predict(self.rows_of(data))

    def predict_proba(self, data: str | pd.DataFrame) -> Array:
        """n rows of a CSV or a frame -> (n, n_classes) probabilities, in the order of `labels`. Raises DataError."""
        return super().predict_proba(self.rows_of(data))

    def predict_interval(self, data: str | pd.DataFrame, level: float = USUAL_LEVEL) -> Floats:
        """n rows of a CSV or a frame -> (n, 2) lowest and highest values, between which a share `level` of truths lies.

        Raises DataError, ModelError for a model without intervals, UsageError for a level that it does not reach.
        """
        Certainty(interval=level).check(self)
        frame = self.table_of(data)
        return intervals(self, frame, self.outputs(frame), level)

    def predict_label_set(
        self, data: str | pd.DataFrame, level: float = USUAL_LEVEL, *, by_class: bool | None = None
    ) -> list[list[str]]:
        """n rows of a CSV or a frame -> n sets of classes, which hold a share `level` of truths. Raises alike.

        `by_class`: the level holds within each class; None: where a class is rare.
        """
        asked = Certainty(label_set=level, by_class=by_class)
        asked.check(self)
        return self.sets_of(self.outputs(self.table_of(data)), asked)

    def sets_of(self, outputs: Array, asked: Certainty) -> list[list[str]]:
        """Outputs (n, n_classes) -> the classes in the set of each row"""
        assert asked.label_set is not None
        sets = label_sets(self, outputs, asked.label_set, asked.by_class)
        return [[self.labels[number] for number in np.flatnonzero(one)] for one in sets]

    def predictions(
        self, data: str | pd.DataFrame, options: ReadOptions | None = None, *, interval: float | None = None,
        label_set: float | None = None,
    ) -> Predictions:  # fmt: skip
        """The answers to all rows with their probabilities; with a level also how sure they are. Raises alike."""
        asked = Certainty(interval=interval, label_set=label_set)
        asked.check(self)
        frame = self.table_of(data, options)
        outputs = self.outputs(frame)
        names = np.asarray(self.labels, object)
        answers = names[decide(outputs, self.record.rule)] if self.labels else outputs
        certainty: Mapping[str, Any] = {}
        if interval is not None:
            certainty = dict(zip(asked.names, intervals(self, frame, outputs, interval).T, strict=True))
        elif label_set is not None:
            sets = self.sets_of(outputs, asked)
            certainty = dict(zip(asked.names, (sets, list(map(len, sets))), strict=True))
        return Predictions(self.schema.target.name, self.labels, answers, outputs, certainty)

    def evaluate(
        self, data: str | pd.DataFrame | None = None, options: ReadOptions | None = None, *, linear: bool = True
    ) -> EvaluationResult:
        """Metrics on the test rows of the training data, or on all rows of another CSV or frame. Raises DataError.

        `linear` asks for the linear baseline, a training more.
        """
        return as_result(EvaluationResult, evaluate(self, data, options, linear=linear), model=self)

    def compare(self, other: trained.TrainedModel, data: str | pd.DataFrame | None = None) -> ModelComparisonResult:
        """This model, the new one, against another on rows that neither was trained on. Raises DataError, UsageError.

        Without `data` on the test rows of this one's training file.
        """
        return as_result(ModelComparisonResult, compare(self, other, data))

    def drift(self, data: str | pd.DataFrame, options: ReadOptions | None = None) -> DriftResult:
        """How the rows of a CSV or a frame stand to the rows the model was trained on. Raises DataError."""
        return as_result(DriftResult, drift_of(self, data, options))

    def explain(
        self, data: str | pd.DataFrame | None = None, options: ReadOptions | None = None, *,
        columns: Sequence[str] = (), row: int | None = None, metric: str | None = None, jobs: int = 1,
    ) -> ExplanationResult:  # fmt: skip
        """Which columns matter and how; or how one or two `columns` act; or what made the answer to a `row`, from 1.

        On the test rows of the training data, or on all rows of another CSV or frame. Raises DataError, UsageError.
        """
        question = Question(tuple(columns), row, metric)
        return as_result(ExplanationResult, explain(self, data, options or ReadOptions(), question, jobs), model=self)

    def table_of(self, data: str | pd.DataFrame, options: ReadOptions | None = None) -> pd.DataFrame:
        """The rows as the model's columns, read by its rules. Raises DataError."""
        frame = self.rows_of(data, options)
        self.require_columns(frame)
        return as_table(frame, self.schema)

    def rows_of(self, data: str | pd.DataFrame, options: ReadOptions | None = None) -> pd.DataFrame:
        """The frame itself, or the model's columns of a CSV, read by its rules."""
        if isinstance(data, pd.DataFrame):
            return data
        return read_rows(self, data, options or ReadOptions())[0]

    def summary(self) -> Summary:
        from mlpcli.reporter.html.results import model_summary

        return model_summary(self)


def load(path: str) -> Model:
    """The model of a file. Raises ModelError or MachineError.

    >>> mlpcli.load("iris.npz").labels
    ('setosa', 'versicolor', 'virginica')
    """
    return as_model(trained.load(path))


def as_model(given: str | trained.TrainedModel) -> Model:
    """The model of a path, or a trained one with all verbs. Raises ModelError or MachineError."""
    if isinstance(given, str):
        return load(given)
    return given if isinstance(given, Model) else Model(given.record, given.ensemble, given.path, given.data_folder)

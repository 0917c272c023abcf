"""A model with all its verbs. A DataFrame may stand wherever a path may."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config.settings import ReadOptions
from mlpcli.data.frame import as_table
from mlpcli.data.header import require_columns
from mlpcli.engine.arrays import Array, Floats
from mlpcli.evaluation.comparison import ModelComparison, compare
from mlpcli.evaluation.drift import Drift, drift_of
from mlpcli.evaluation.evaluate import Evaluation, evaluate
from mlpcli.model import trained
from mlpcli.model.certainty import USUAL_LEVEL, Certainty, intervals, label_sets
from mlpcli.model.reading import open_for, read_for


class Model(trained.TrainedModel):
    """A trained model with all its verbs: predict, evaluate, save."""

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
        Certainty(label_set=level, by_class=by_class).check(self)
        sets = label_sets(self, self.outputs(self.table_of(data)), level, by_class)
        return [[self.labels[number] for number in np.flatnonzero(one)] for one in sets]

    def evaluate(self, data: str | pd.DataFrame | None = None) -> Evaluation:
        """Metrics on the test rows of the training data, or on all rows of another CSV or frame. Raises DataError."""
        return evaluate(self, data)

    def compare(self, other: trained.TrainedModel, data: str | pd.DataFrame | None = None) -> ModelComparison:
        """This model, the new one, against another on rows that neither was trained on. Raises DataError, UsageError.

        Without `data` on the test rows of this one's training file.
        """
        return compare(self, other, data)

    def drift(self, data: str | pd.DataFrame) -> Drift:
        """How the rows of a CSV or a frame stand to the rows the model was trained on. Raises DataError."""
        return drift_of(self, data)

    def table_of(self, data: str | pd.DataFrame) -> pd.DataFrame:
        """The rows as the model's columns, read by its rules. Raises DataError."""
        frame = self.rows_of(data)
        self.require_columns(frame)
        return as_table(frame, self.schema)

    def rows_of(self, data: str | pd.DataFrame) -> pd.DataFrame:
        """The frame itself, or the model's columns of a CSV, read by its rules."""
        if isinstance(data, pd.DataFrame):
            return data
        source = open_for(self, data, ReadOptions(), with_target=False)
        require_columns(self.schema.formats(), source.names, source.name)
        return read_for(self, source, with_target=False)


def load(path: str) -> Model:
    """The model of a file. Raises ModelError or MachineError."""
    found = trained.load(path)
    return Model(found.record, found.ensemble, found.path)

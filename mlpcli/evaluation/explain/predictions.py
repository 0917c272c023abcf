"""The largest contributions to every prediction, as columns behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlpcli.evaluation.explain.contributions import QUICK, Background
from mlpcli.evaluation.explain.rows import ExplainedRows
from mlpcli.model.trained import TrainedModel
from mlpcli.model.writing import Cells, Format


@dataclass
class LargestContributions:
    """The n columns that contribute most to each answer, what all others do, and the mean answer; they add up."""

    background: Background
    n: int
    largest_error: float = 0.0  # of a contribution so far

    @classmethod
    def of(cls, model: TrainedModel, rows: ExplainedRows, n: int) -> LargestContributions:
        return cls(Background.of(model, rows), n)

    @property
    def names(self) -> list[str]:
        each = [f"{what}_{i}" for i in range(1, self.n + 1) for what in ("column", "contribution")]
        return [*each, "contribution_others", "mean_answer"]

    def columns(self, inputs: pd.DataFrame, form: Format) -> list[Cells]:
        """The cells of each row of the model's columns; a row's depend on the row alone."""
        schema = self.background.model.schema
        names = [form.text(column.name) for column in schema.features]
        cells = np.empty((len(inputs), len(self.names)), object)
        for row, x in zip(cells, schema.encode(inputs), strict=True):
            found = self.background.contributions(x, QUICK)
            values = np.asarray(found.values)
            most = np.argsort(-np.abs(values), kind="stable")[: self.n]
            row[0:-2:2] = [names[i] for i in most]
            row[1:-2:2] = [f"{values[i]:.9g}" for i in most]
            row[-2:] = [f"{np.delete(values, most).sum():.9g}", f"{found.mean:.9g}"]
            self.largest_error = max(self.largest_error, *found.errors)
        return list(cells.T)

    def notes(self) -> list[str]:
        """What the contributions are compared with, and how exact they are."""
        return [
            f"contributions are to the answer against the mean answer of {self.background.description}; "
            f"sampled, each to about {self.largest_error:.1g} (95 %)"
        ]

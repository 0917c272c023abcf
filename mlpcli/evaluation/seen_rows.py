"""Which rows of a table a model was trained on.

A model remembers the file it was trained on and how that was split. Where the table is that very file, its rows are
known by their number; rows of another table by their cells, as long as the training file is still there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config.settings import ReadOptions
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.data.header import require_columns
from mlpcli.data.values import as_frame, column_values
from mlpcli.engine.arrays import Bools
from mlpcli.errors import DataError
from mlpcli.evaluation.evaluate import read_trained, trained_table
from mlpcli.model.reading import Table, open_for, read_for
from mlpcli.model.trained import TrainedModel, as_read


@dataclass(frozen=True)
class ReadTable:
    """All n rows of a table as one model reads them."""

    model: TrainedModel
    source: Table
    frame: pd.DataFrame  # the model's columns
    cells: pd.Series[Any]  # its target
    training: DataSet | None  # the table itself, split, where the model was trained on it

    @cached_property
    def has_target(self) -> Bools:
        """(n,)"""
        values = column_values(self.cells)
        return np.asarray(values.codes >= 0 if isinstance(values, pd.Categorical) else ~np.isnan(values))

    def lacks(self, other: TrainedModel) -> Bools:
        """(n,) whether a row has no value in a column that the other model does not have and that was never empty.

        Such rows are older than the column, it seems.
        """
        others, found = other.schema.formats(), np.zeros(len(self.frame), bool)
        for column in self.model.schema.features:
            if column.name not in others and not column.n_missing:
                found |= self.frame[column.name].isna().to_numpy()
        return found

    def trained_on(self) -> Bools | None:
        """(n,) whether the model was trained or validated on each row; None where its training file is not here."""
        known = self.training or training_rows(self.model)
        if known is None:
            return None
        found, n_own = np.zeros(len(self.frame), bool), 0
        if known is self.training:
            n_own = n_rows_of_file(known)
            found[known.rows[:n_own][known.sets[:n_own] != splits.TEST]] = True
        by_cells = np.flatnonzero(known.sets[n_own:] != splits.TEST) + n_own
        if len(by_cells):
            keys = row_keys(as_read(self.model, known.frame), known.y_cells)[by_cells]
            found |= np.isin(row_keys(self.frame, self.cells), keys)
        return found


def read_table(model: TrainedModel, data: str | pd.DataFrame, options: ReadOptions) -> ReadTable:
    """A file, or a frame, as the model reads it. Raises DataError."""
    target = model.schema.target.name
    source = open_for(model, data, options, with_target=True)
    require_columns([*model.schema.formats(), target], source.names, source.name)
    frame = read_for(model, source, with_target=True)
    training = trained_table(model, data, options)
    return ReadTable(model, source, as_read(model, frame), frame[target], training)


def training_rows(model: TrainedModel) -> DataSet | None:
    """The same where that file is found as it was; else None."""
    try:
        return read_trained(model)
    except DataError:
        return None


def n_rows_of_file(table: DataSet) -> int:
    """How many rows of a data set are of its file; those of a --validation or --test file stand behind them."""
    begins_anew = np.flatnonzero(np.diff(table.rows) <= 0)
    return int(begins_anew[0]) + 1 if len(begins_anew) else len(table.rows)


def row_keys(frame: pd.DataFrame, cells: pd.Series[Any]) -> NDArray[np.uint64]:
    """n rows and their target -> (n,) numbers that are the same for the same cells"""
    columns = {str(i): frame[name] for i, name in enumerate(frame)} | {"target": cells}
    return np.asarray(pd.util.hash_pandas_object(as_frame(columns), index=False), np.uint64)

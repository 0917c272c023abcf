"""The rows that a model is explained on: the test rows of its training file, or all rows of another table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.config.settings import ReadOptions
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.data.header import known_column
from mlpcli.data.storage import Storage
from mlpcli.data.take import sampled, take_rows
from mlpcli.engine.arrays import Floats, Ints, Matrix
from mlpcli.engine.losses import Target
from mlpcli.errors import DataError, UsageError, plural
from mlpcli.evaluation.evaluate import find_data, read_trained, read_with_target, trained_table, truth_of
from mlpcli.model.reading import Table, read_rows
from mlpcli.model.trained import TrainedModel, as_read
from mlpcli.training.row_weights import given_weights

MAX_ROWS = 10_000  # rows explained on; of more a random sample is
MAX_CELLS = 50_000_000  # rows x inputs, 200 MB
WITHOUT_TARGET = "the importance needs it; --column and --row do not"
NO_TEST_ROWS = "name a CSV: mlpcli explain MODEL DATA"


@dataclass(frozen=True)
class ExplainedRows:
    """n rows as columns and as inputs; their truth is None where it is not needed."""

    name: str  # of the file
    are_test_rows: bool  # of the training file; else all rows of the file
    n_found: int  # from which these were drawn
    frame: pd.DataFrame  # the model's columns
    x: Matrix  # (n, n_inputs)
    truth: Target | None  # (n,) class numbers, or values in the target's unit
    weights: Floats | None  # (n,) of --weight

    def __len__(self) -> int:
        return len(self.x)

    def truth_of(self, rows: Ints) -> Target:
        """The truth of these rows, where they have one."""
        assert self.truth is not None
        return self.truth[rows]

    @property
    def description(self) -> str:
        """How many rows of what, in words."""
        what = "test row" if self.are_test_rows else "row"
        drawn = f", drawn at random from {self.n_found:,}" if self.n_found > len(self) else ""
        return plural(len(self), what) + drawn


def explained_rows(
    model: TrainedModel,
    data: str | pd.DataFrame | None = None,
    options: ReadOptions | None = None,
    *,
    need_target: bool = True,
) -> ExplainedRows:
    """The test rows of the training data, named or found, or the rows of another CSV or frame. Raises DataError.

    Without `need_target` the rows of other data need none, and get no truth.
    """
    options = options or ReadOptions()
    table = trained_table(model, data, options, "explain")
    if table is not None:
        return rows_of_dataset(model, table)
    assert data is not None
    return rows_of_other(model, data, options, need_target)


def rows_of_dataset(model: TrainedModel, table: DataSet, every_set: bool = False) -> ExplainedRows:
    """Its test rows, or rows of any set where there are none and `every_set` allows it."""
    chosen = table.sets == splits.TEST
    has_test = bool(chosen.any())
    if not has_test:
        if not every_set:
            raise DataError("the model kept no test rows", NO_TEST_ROWS, file=model.path)
        chosen = np.ones(len(chosen), bool)
    weights = given_weights(table, model.config)
    rows = sampled(chosen, max_rows(model), model.config.seed)
    taken = table.take(rows)
    frame = as_read(model, taken.frame)
    return ExplainedRows(
        table.name, has_test, int(chosen.sum()), frame, model.schema.encode(frame),
        truth_of(model, taken.y_cells, table.name), None if weights is None else weights[rows],
    )  # fmt: skip


def rows_of_other(
    model: TrainedModel, data: str | pd.DataFrame, options: ReadOptions, need_target: bool
) -> ExplainedRows:
    """The rows of another CSV or frame, of those with a target if that is needed."""
    if need_target:
        frame, cells, source = read_with_target(model, data, options, WITHOUT_TARGET)
        return drawn(model, source.name, frame, cells)
    frame, source = read_features(model, data, options)
    return drawn(model, data if isinstance(data, str) else source.name, frame, None)


def read_features(model: TrainedModel, data: str | pd.DataFrame, options: ReadOptions) -> tuple[pd.DataFrame, Table]:
    """The model's columns of all rows of a table, and the open table. Raises DataError."""
    frame, source = read_rows(model, data, options)
    if source.n_rows == 0:
        raise DataError("no data rows", file=source.name)
    return frame, source


def drawn(model: TrainedModel, name: str, frame: pd.DataFrame, cells: pd.Series[Any] | None) -> ExplainedRows:
    """As many of the rows as are explained on."""
    n = len(frame)
    rows = sampled(np.ones(n, bool), max_rows(model), model.config.seed)
    frame = take_rows(frame, rows, Storage())
    truth = None if cells is None else truth_of(model, cells.iloc[rows].reset_index(drop=True), name)
    return ExplainedRows(name, False, n, frame, model.schema.encode(frame), truth, None)


def max_rows(model: TrainedModel) -> int:
    return max(min(MAX_ROWS, MAX_CELLS // max(model.schema.n_inputs, 1)), 100)


def background_rows(model: TrainedModel, data: str | pd.DataFrame | None, options: ReadOptions) -> ExplainedRows:
    """The rows whose mean answer an answer is compared with: those of the training file, else those of `data`.

    Its test rows, or any where it has none. Raises DataError when neither is there.
    """
    try:
        table = trained_table(model, data, options, "explain") or read_trained(model, None, options, "explain")
    except DataError:
        if data is None or (isinstance(data, str) and data == "-"):  # standard input is read once, for the row
            raise
        return rows_of_other(model, data, options, need_target=False)
    return rows_of_dataset(model, table, every_set=True)


@dataclass(frozen=True)
class OneRow:
    """A row of a table: its number from 1, its line in the file, its cells as they stand there, and its inputs."""

    number: int
    file: str
    line: int
    cells: tuple[str, ...]  # of the model's columns
    frame: pd.DataFrame
    x: Matrix  # (1, n_inputs)


def one_row(model: TrainedModel, data: str | pd.DataFrame | None, options: ReadOptions, number: int) -> OneRow:
    """The row of this number, counted from 1 behind the header, of a table or of the training file. Raises DataError.

    Of a frame the line is the number of the row.
    """
    frame, source = read_features(model, find_data(model, "explain") if data is None else data, options)
    if not 1 <= number <= len(frame):
        hint = f"--row 1 to --row {len(frame)}" if len(frame) > 1 else "--row 1"
        raise UsageError(f"{source.name}: no row {number}: it has {plural(len(frame), 'row')}", hint)
    row = number - 1
    frame = take_rows(frame, np.array([row]), Storage())
    cells = tuple(source.cell(row, name) for name in frame.columns)
    file, line = source.place(row)
    return OneRow(number, file, line, cells, frame, model.schema.encode(frame))


def check_columns(model: TrainedModel, names: tuple[str, ...]) -> None:
    """UsageError for a name that is no input of the model."""
    known = [c.name for c in model.schema.features]
    for name in names:
        left_out = next((c for c in model.schema.columns if c.name == name and not c.is_input), None)
        if left_out is not None:
            raise UsageError(f"--column: '{name}' is no input of the model: {left_out.becomes()}")
        try:
            known_column(name, known, "")
        except DataError as error:
            raise UsageError(f"--column: {error.message}", error.hint) from error

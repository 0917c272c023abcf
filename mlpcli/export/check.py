"""An export is run on rows before it is said to be done, and what it says is held against what the model says."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.settings import ReadOptions
from mlpcli.data import splits
from mlpcli.engine.arrays import Array, Bools
from mlpcli.errors import DataError, ModelError, UsageError, plural
from mlpcli.evaluation.evaluate import read_trained
from mlpcli.export.program import Program, program_of
from mlpcli.export.target import Answers, Target, Wishes
from mlpcli.metrics.scoring import decide
from mlpcli.model.certainty import intervals
from mlpcli.model.reading import read_rows
from mlpcli.model.trained import TrainedModel

MAX_CHECKED = 2000  # test rows; of a file that is named, all
TOLERANCE = 1e-5  # of probabilities, and of numbers relative to the largest; sums of float32 differ by less


@dataclass(frozen=True)
class Checked:
    """How an export stands to its model on the same rows."""

    rows: str  # which
    n_rows: int
    largest: float  # difference of a probability, or of a number relative to the size of the largest one
    n_others: int  # predictions that differ, ties aside
    seconds: float

    @property
    def rows_per_second(self) -> float:
        return self.n_rows / max(self.seconds, 1e-9)


@dataclass(frozen=True)
class Export:
    """A written model, and how it was checked; or why it was not."""

    content: bytes
    checked: Checked | str


def export(
    model: TrainedModel, target: Target, wishes: Wishes, level: float | None = None, data: str | None = None
) -> Export:  # fmt: skip
    """A model in another language, checked on its test rows or on those of `data`.

    Raises UsageError for what the language cannot say, ModelError where it does not say what the model says, DataError.
    """
    unfit = [flag for flag in wishes.asked if flag not in target.flags]
    if unfit:
        raise UsageError(f"{unfit[0]} is for another language", "mlpcli export --help says for which")
    program = program_of(model, level)
    content = target.write(program, wishes)
    with tempfile.TemporaryDirectory() as folder:
        path, rows = os.path.join(folder, "export"), os.path.join(folder, "rows.csv")
        with open(path, "wb") as file:
            file.write(content)
        which = data or "test rows"
        if data is None:
            try:
                write_test_rows(model, rows)
            except DataError as error:
                return Export(content, f"{error.message}; --data names rows to check it on")
        answers = target.run(path, data or rows, program, wishes)
        if isinstance(answers, str):
            return Export(content, answers)
        return Export(content, checked(model, program, answers, which, data or rows, level))


def write_test_rows(model: TrainedModel, path: str) -> None:
    """Up to MAX_CHECKED test rows of the training file, as a CSV like it. Raises DataError where there are none."""
    table, dialect = read_trained(model, command=None), model.record.dialect
    test = np.flatnonzero(table.sets == splits.TEST)[:MAX_CHECKED]
    if not len(test):
        raise DataError("the model kept no test rows")
    lines = b"".join(table.take(test).lines(splits.TEST)).decode("utf-8", "surrogatepass")
    with open(path, "wb") as file:
        file.write(("\n" * dialect.skip_rows + lines).encode(dialect.encoding, "surrogatepass"))


def checked(
    model: TrainedModel, program: Program, answers: Answers, which: str, path: str, level: float | None
) -> Checked:  # fmt: skip
    """What the model says of the same rows, held against the answers. Raises ModelError where they are others."""
    expected, labels = outputs_of(model, path, level)
    if len(expected) != len(answers.predictions):
        raise ModelError(f"the export answers {plural(len(answers.predictions), 'row')} of {len(expected)}: a bug")
    differences = np.abs(answers.numbers - expected)
    if not program.labels:
        differences /= max(float(np.abs(expected).max(initial=0)), np.finfo(np.float64).tiny)
    others = np.zeros(len(expected), bool)
    if program.labels:
        others = (np.asarray(answers.predictions, object) != labels) & ~is_tie(program, expected)
    found = Checked(which, len(expected), float(differences.max(initial=0)), int(others.sum()), answers.seconds)
    if not found.largest <= TOLERANCE or found.n_others:
        raise ModelError(
            f"the export does not say what the model says: {found.n_others} other predictions of {found.n_rows}, "
            f"numbers differ by {found.largest:.1e}", "nothing was written; this is a bug in mlpcli: report it",
        )  # fmt: skip
    return found


def outputs_of(model: TrainedModel, path: str, level: float | None) -> tuple[Array, NDArray[Any]]:
    """What the model says of a CSV: (n, n_numbers) as in `Answers`, and (n,) labels."""
    frame, _ = read_rows(model, path, ReadOptions())
    outputs = model.outputs(frame)
    if model.labels:
        return outputs, np.asarray(model.labels, object)[decide(outputs, model.record.rule)]
    ends = [] if level is None else list(intervals(model, frame, outputs, level).T)
    return np.stack([outputs, *ends], axis=1), np.empty(len(outputs), object)


def is_tie(program: Program, shares: Array) -> Bools:
    """(n, n_classes) probabilities -> (n,) whether the answer would be another one after TOLERANCE more or less"""
    if program.costs:
        margins = np.sort(shares @ np.asarray(program.costs), axis=1)
        return np.asarray(margins[:, 1] - margins[:, 0] <= TOLERANCE * np.abs(program.costs).max())
    if program.threshold is not None:
        return np.asarray(np.abs(shares[:, 1] - program.threshold) <= TOLERANCE)
    ordered = np.sort(shares, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2] <= TOLERANCE)

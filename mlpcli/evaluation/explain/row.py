"""One answer explained: what each column contributes to it, and the nearest change that would turn it."""

from __future__ import annotations

from dataclasses import dataclass

from mlpcli.evaluation.explain.answers import answers
from mlpcli.evaluation.explain.changes import Change, answer_of, nearest_change
from mlpcli.evaluation.explain.contributions import Background
from mlpcli.evaluation.explain.rows import ExplainedRows, OneRow
from mlpcli.model.trained import TrainedModel


@dataclass(frozen=True)
class Contribution:
    """What a column's cell contributes to the answer; 95 % sure within `error`, given the background rows."""

    column: str
    cell: str  # as it stands in the file
    value: float
    error: float


@dataclass(frozen=True)
class RowExplanation:
    """output = mean + the sum of all contributions."""

    row: int  # from 1, behind the header
    file: str
    line: int
    answer: str | float
    output: float  # probability of the answer, or the number
    mean: float  # output of the background rows
    background: str  # these, in words
    contributions: tuple[Contribution, ...]  # largest first
    change: Change | None


def explain_row(model: TrainedModel, row: OneRow, rows: ExplainedRows) -> RowExplanation:
    """The answer to a row against the mean answer to background rows."""
    background = Background.of(model, rows)
    found = background.contributions(row.x[0])
    each = [
        Contribution(column.name, cell, value, error)
        for column, cell, value, error in zip(
            model.schema.features, row.cells, found.values, found.errors, strict=True
        )
    ]  # fmt: skip
    answer, output = answer_of(model, answers(model, row.x))
    return RowExplanation(
        row.number, row.file, row.line, answer, output, found.mean,
        background.description,
        tuple(sorted(each, key=lambda one: -abs(one.value))), nearest_change(model, row, rows, found.mean),
    )  # fmt: skip

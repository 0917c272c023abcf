"""The nearest change of one column that turns an answer: into another class, or past the mean answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.data.kinds.text import FreeText
from mlpcli.data.values import column_values
from mlpcli.engine.arrays import Bools, Floats
from mlpcli.evaluation.explain.answers import answers, inputs_of
from mlpcli.evaluation.explain.axes import Position
from mlpcli.evaluation.explain.rows import ExplainedRows, OneRow
from mlpcli.metrics.scoring import decide
from mlpcli.model.trained import TrainedModel

MAX_TRIED = 400  # values of a column; of more that occur, quantiles are


@dataclass(frozen=True)
class Change:
    """A cell that another value in its place turns the answer; the value occurs in the rows."""

    column: str
    to: Position
    distance: float  # share of the rows between both numbers, or without the other level: 0 is near, 1 far
    answer: str | float  # that the model then gives
    output: float  # its probability; the number


def nearest_change(model: TrainedModel, row: OneRow, rows: ExplainedRows, mean: float) -> Change | None:
    """The nearest of all columns; None where no value that occurs in the rows turns the answer by itself."""
    found = [change_of(model, row, rows, c.name, mean) for c in model.schema.features if not isinstance(c, FreeText)]
    return min((one for one in found if one is not None), key=lambda one: one.distance, default=None)


def change_of(model: TrainedModel, row: OneRow, rows: ExplainedRows, name: str, mean: float) -> Change | None:
    """The nearest change of this column."""
    cells, own = column_values(rows.frame[name]), column_values(row.frame[name])
    which, distance = tried_levels(cells, own) if isinstance(cells, pd.Categorical) else tried_numbers(cells, own)
    if not len(which):
        return None
    x, places = np.repeat(row.x, len(which), axis=0), inputs_of(model, [name])
    x[:, places] = rows.x[np.ix_(which, places)]
    outputs = answers(model, x)
    turned = np.flatnonzero(is_turned(model, answers(model, row.x), outputs, mean))
    if not len(turned):
        return None
    best = turned[np.argmin(distance[turned])]
    value = cells[which[best]]
    answer, output = answer_of(model, outputs[best : best + 1])
    to = str(value) if isinstance(cells, pd.Categorical) else float(value)
    return Change(name, to, float(distance[best]), answer, output)


def tried_numbers(cells: Floats, own: Floats) -> tuple[Any, Floats]:
    """Numbers (n,), and the row's own (1,) -> rows with different numbers, and the share of rows between both"""
    order = np.argsort(cells, kind="stable")[: int(np.count_nonzero(~np.isnan(cells)))]
    ranked = cells[order]
    which = order[np.flatnonzero(np.diff(ranked, prepend=-np.inf))] if len(order) else order
    if len(which) > MAX_TRIED:
        which = which[np.linspace(0, len(which) - 1, MAX_TRIED).astype(int)]
    rank = mid_rank(ranked, cells[which])
    here = mid_rank(ranked, own)[0] if not np.isnan(own[0]) else 0.5
    return which, np.abs(rank - here)


def mid_rank(ranked: Floats, values: Floats) -> Floats:
    """The share of sorted numbers below each value, half of those equal to it counted."""
    below, upto = (np.searchsorted(ranked, values, side) for side in ("left", "right"))
    return np.asarray((below + upto) / 2 / max(len(ranked), 1))


def tried_levels(cells: pd.Categorical[Any], own: pd.Categorical[Any]) -> tuple[Any, Floats]:
    """Levels (n,), and the row's own (1,) -> a row of each other level, and the share of rows without it"""
    counts = np.bincount(cells.codes[cells.codes >= 0], minlength=len(cells.categories))
    mine = None if own.codes[0] < 0 else str(own[0])
    others = [i for i, text in enumerate(cells.categories) if counts[i] and str(text) != mine]
    which = np.asarray([int(np.argmax(cells.codes == i)) for i in others], np.int64)
    return which, 1 - counts[others] / max(len(cells), 1)


def is_turned(model: TrainedModel, before: Floats, outputs: Floats, mean: float) -> Bools:
    """The row's outputs (1, n_outputs), those with other cells (n, n_outputs) -> (n,) whether the answer is another"""
    if model.labels:
        rule = model.record.rule
        return np.asarray(decide(outputs, rule) != decide(before, rule)[0])
    return np.asarray((outputs[:, 0] > mean) != (before[0, 0] > mean))


def answer_of(model: TrainedModel, outputs: Floats) -> tuple[str | float, float]:
    """Outputs (1, n_outputs) -> the answer, and its probability; the number twice for regression"""
    if not model.labels:
        return float(outputs[0, 0]), float(outputs[0, 0])
    chosen = int(decide(outputs, model.record.rule)[0])
    return model.labels[chosen], float(outputs[0, chosen])

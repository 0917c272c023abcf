"""What each column contributes to one answer: Shapley values against the mean answer of background rows.

The answer is the probability of the predicted class, or the number in the target's unit: what a reader sees, and no
logit. A contribution is the mean change of the answer when the column's cell comes in, after some of the others
in random order, in place of that of a background row (Strumbelj & Kononenko 2014). Every order is walked in both
directions (Mitchell et al. 2022), which leaves no error where columns act together in pairs, and every background row
is used equally often, so that contributions add up to the answer minus the mean answer exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from mlpcli.engine.arrays import Array, Bools, Floats, Ints, Matrix
from mlpcli.evaluation.explain.answers import answers, inputs_of
from mlpcli.evaluation.explain.rows import ExplainedRows
from mlpcli.metrics.intervals import t_quantile
from mlpcli.metrics.scoring import decide
from mlpcli.model.trained import TrainedModel

N_BACKGROUND = 100  # rows, spread evenly over the answers of all
MIN_ROUNDS = 2  # orders for each background row, walked in both directions
MAX_WALKED = 1 << 25  # cells of encoded rows in memory at once


@dataclass(frozen=True)
class Contributions:
    """What d columns contribute to an answer: mean + sum(values) = answer, but for rounding of float64."""

    answer: float
    mean: float  # answer of the background rows
    values: tuple[float, ...]  # (d,)
    errors: tuple[float, ...]  # (d,) half the width of the 95 % interval of each, given the background


class Effort(NamedTuple):
    """How far to go: until the error is below a share of the largest contribution, or for so many rounds."""

    error: float
    max_rounds: int


THOROUGH, QUICK = Effort(0.02, 20), Effort(0.05, 8)  # of one row; of every row of a file


@dataclass(frozen=True)
class Background:
    """Rows that stand for what is usual, and what the model answers to them."""

    model: TrainedModel
    x: Matrix  # (B, n_inputs)
    outputs: Floats  # (B, n_outputs)
    description: str  # which rows they are, in words

    @classmethod
    def of(cls, model: TrainedModel, rows: ExplainedRows) -> Background:
        """N_BACKGROUND of the rows, or all: evenly spaced in the order of their answers, so that the means agree."""
        outputs = answers(model, rows.x)
        order = np.argsort(outputs[:, -1], kind="stable")
        n = min(N_BACKGROUND, len(order))
        chosen = order[((np.arange(n) + 0.5) * len(order) / n).astype(np.int64)]
        which = f"{n} of {rows.description}" if n < len(rows) else rows.description
        return cls(model, rows.x[chosen], outputs[chosen], f"{which} of {rows.name}")

    @cached_property
    def column_of(self) -> Ints:
        """(n_inputs,) the number of the column that each input is of; 0 where it is of two, and made of theirs"""
        found = np.zeros(self.model.schema.n_inputs, np.int64)
        for i, column in enumerate(self.model.schema.features):
            found[inputs_of(self.model, [column.name])] = i
        return found

    @cached_property
    def n_columns(self) -> int:
        return len(self.model.schema.features)

    def contributions(self, x: Matrix, effort: Effort = THOROUGH) -> Contributions:
        """Of one row (n_inputs,), MIN_ROUNDS at least."""
        outputs = answers(self.model, x[None])
        chosen = predicted_output(self.model, outputs)
        answer, before = float(outputs[0, chosen]), self.outputs[:, chosen]
        rng, found = np.random.default_rng(self.model.config.seed), list[Floats]()
        while len(found) < effort.max_rounds:
            found.append(self.walk(x, chosen, answer, rng))
            values, errors = summed(np.stack(found))
            if len(found) >= MIN_ROUNDS and errors.max(initial=0) <= effort.error * np.abs(values).max(initial=0):
                break
        mean = float(before.mean())
        return Contributions(answer, mean, tuple(values.tolist()), tuple(errors.tolist()))

    def walk(self, x: Matrix, chosen: int, answer: float, rng: np.random.Generator) -> Floats:
        """(B, d) changes of the answer as the columns of each background row become those of x, in both directions"""
        d, n = self.n_columns, len(self.x)
        place = rng.permuted(np.tile(np.arange(d), (n, 1)), axis=1)  # of each column in the order
        changes = np.zeros((n, d))
        part = max(MAX_WALKED // (max(d - 1, 1) * len(x)), 1)
        for start in range(0, n, part):
            rows = slice(start, start + part)
            for at in (place[rows], d - 1 - place[rows]):
                path = self.path(x, chosen, answer, rows, at)
                changes[rows] += np.take_along_axis(np.diff(path, axis=1), at, axis=1) / 2
        return changes

    def path(self, x: Matrix, chosen: int, answer: float, rows: slice, at: Ints) -> Floats:
        """Background rows, and the place (b, d) of each column -> (b, d + 1) answers from theirs to that of x"""
        d, base = self.n_columns, self.x[rows]
        is_in: Bools = at[:, None] < np.arange(1, d)[:, None]  # (b, d - 1, d) whether a column has come in
        mixed = np.where(is_in[:, :, self.column_of], x, base[:, None])
        inner = answers(self.model, mixed.reshape(-1, len(x)))[:, chosen].reshape(len(base), d - 1)
        return np.column_stack([self.outputs[rows, chosen], inner, np.full(len(base), answer)])


def predicted_output(model: TrainedModel, outputs: Array) -> int:
    """Outputs (1, n_outputs) of a row -> the number of the class that is predicted; 0 for regression"""
    return int(decide(outputs, model.record.rule)[0]) if model.labels else 0


def summed(changes: Floats) -> tuple[Floats, Floats]:
    """(rounds, B, d) changes -> the mean of each column, and its error by how much rounds of one row differ"""
    n_rounds, n, _ = changes.shape
    variance = changes.var(axis=0, ddof=1).mean(axis=0) if n_rounds > 1 else np.full(changes.shape[2], np.inf)
    return changes.mean(axis=(0, 1)), t_quantile(max(n * (n_rounds - 1), 1)) * np.sqrt(variance / (n_rounds * n))

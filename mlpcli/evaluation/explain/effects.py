"""How the answer changes along a column: accumulated local effects (Apley & Zhu 2020, arXiv 1612.08468).

A row is moved only as far as the next position, so that columns which depend on each other stay as they occur together;
partial dependence would set every row to every value, and ask the model about rows that do not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from mlpcli.data.values import column_values
from mlpcli.engine.arrays import Floats, Ints
from mlpcli.errors import UsageError
from mlpcli.evaluation.explain.answers import answers
from mlpcli.evaluation.explain.axes import Axis, Position, axis_of, histogram_of
from mlpcli.evaluation.explain.importance import Importance
from mlpcli.evaluation.explain.rows import ExplainedRows
from mlpcli.model.trained import TrainedModel

METHOD: Literal["accumulated local effects"] = "accumulated local effects"
N_SHOWN = 4  # columns whose effects are shown where none are named
MAP_STEPS = 12  # between positions of each column of a map


@dataclass(frozen=True)
class Effect:
    """The effect of a column on each output: by how much the answer there differs from the mean answer."""

    column: str
    kind: str  # of the column
    method: str
    outputs: tuple[str, ...]  # the classes whose probability it is, or the target
    mean: tuple[float, ...]  # answer, of each output
    at: tuple[Position, ...]  # numbers, seconds of times, or levels; None is a missing level
    values: tuple[tuple[float, ...], ...]  # of each output, at each position
    rows: tuple[int, ...]  # of each level; of numbers in equal parts from the first position to the last
    n_rows: int
    n_missing: int  # rows that have no position: without a value, or with a rarer level

    @property
    def is_ordered(self) -> bool:
        """Whether positions are numbers or times."""
        return all(isinstance(place, float) for place in self.at)

    def main_outputs(self, at_most: int) -> list[int]:
        """The outputs to show: of two classes the second, of more those on which the column acts most."""
        if len(self.outputs) == 2:
            return [1]
        return sorted(np.argsort(-np.ptp(np.asarray(self.values), axis=1), kind="stable")[:at_most].tolist())


@dataclass(frozen=True)
class JointEffect:
    """The effect of two columns together on one output: its mean, both effects and their interaction."""

    columns: tuple[str, str]
    kinds: tuple[str, str]
    method: str
    output: str
    mean: float
    at: tuple[tuple[Position, ...], tuple[Position, ...]]
    values: tuple[tuple[float, ...], ...]  # answer at each position of the first column (rows) and of the second
    rows: tuple[tuple[int, ...], ...]  # moved in each step of the first column and of the second
    interaction: float  # largest share of it in an answer: how far the map is from the sum of two effects


def effects(model: TrainedModel, rows: ExplainedRows, columns: Sequence[str]) -> tuple[Effect, ...]:
    """The effect of each of these columns. Raises UsageError for one that has none to show."""
    mean = answers(model, rows.x).mean(axis=0)
    return tuple(effect_along(model, rows, axis_of(model, rows, name), mean) for name in columns)


def main_effects(model: TrainedModel, rows: ExplainedRows, found: Importance) -> tuple[Effect, ...]:
    """The effects of the N_SHOWN most important columns that have one to show."""
    axes: list[Axis] = []
    for name in (name for one in found.columns for name in one.columns):
        if len(axes) < N_SHOWN:
            with suppress(UsageError):
                axes.append(axis_of(model, rows, name))
    mean = answers(model, rows.x).mean(axis=0)
    return tuple(effect_along(model, rows, axis, mean) for axis in axes)


def effect_along(model: TrainedModel, rows: ExplainedRows, axis: Axis, mean: Floats) -> Effect:
    """The effect along an axis, given the mean answer (n_outputs,)."""
    values = accumulated(model, rows, axis)
    cells = column_values(rows.frame[axis.column.name])
    if isinstance(cells, pd.Categorical):
        n_known = len(rows) - axis.n_missing
        n_at = tuple(np.round(axis.shares * n_known).astype(int).tolist())
    else:
        n_at = histogram_of(cells, float(axis.at[0] or 0), float(axis.at[-1] or 0))
    return Effect(
        axis.column.name, axis.column.kind, METHOD, output_names(model), tuple(mean.tolist()), axis.at,
        tuple(map(tuple, values.T.tolist())), n_at, len(rows), axis.n_missing,
    )  # fmt: skip


def output_names(model: TrainedModel) -> tuple[str, ...]:
    return model.labels or (model.schema.target.name,)


def moved(model: TrainedModel, rows: ExplainedRows, which: Ints, moves: Sequence[tuple[Axis, Ints]]) -> Floats:
    """The answers to these rows, each moved to a position of each axis."""
    x = rows.x[which]
    for axis, positions in moves:
        x[:, axis.places] = axis.inputs[positions]
    return answers(model, x)


def accumulated(model: TrainedModel, rows: ExplainedRows, axis: Axis) -> Floats:
    """(P, n_outputs) effect at each position: the mean change of each step, added up, of mean 0 over the rows"""
    change = moved(model, rows, axis.rows, [(axis, axis.step + 1)]) - moved(model, rows, axis.rows, [(axis, axis.step)])
    n_moved = np.bincount(axis.step, minlength=axis.n_steps)
    steps = [np.bincount(axis.step, one, axis.n_steps) / np.maximum(n_moved, 1) for one in change.T]
    values = np.concatenate([np.zeros((1, len(steps))), np.cumsum(steps, axis=1).T])
    return np.asarray(values - axis.shares @ values)


def joint_effect(model: TrainedModel, rows: ExplainedRows, names: tuple[str, str]) -> JointEffect:
    """The effect of two columns together, on the output on which it is largest. Raises UsageError as `effects` does."""
    first, second = (axis_of(model, rows, name, MAP_STEPS) for name in names)
    mean = answers(model, rows.x).mean(axis=0)
    alone = accumulated(model, rows, first)[:, None] + accumulated(model, rows, second)[None]
    together, n_moved = interaction(model, rows, first, second)
    values = mean + alone + together
    chosen = 1 if len(mean) == 2 else int(np.argmax(np.ptp(values, axis=(0, 1))))
    possible = model.schema.target.within_range(values[:, :, chosen])
    possible = possible.clip(0, 1) if model.labels else possible
    return JointEffect(
        names, (first.column.kind, second.column.kind), METHOD, output_names(model)[chosen], float(mean[chosen]),
        (first.at, second.at), tuple(map(tuple, possible.tolist())),
        tuple(map(tuple, n_moved.tolist())), float(np.abs(together[:, :, chosen]).max()),
    )  # fmt: skip


def interaction(model: TrainedModel, rows: ExplainedRows, first: Axis, second: Axis) -> tuple[Floats, Ints]:
    """(P, Q, n_outputs) of what two columns do together beyond both alone, 0 where no row is; rows in each step of both

    The mean over rows of the change that one step makes to the change of the other, added up along both, without what
    it has of effects of one column.
    """
    pairs = pd.merge(
        pd.DataFrame({"row": first.rows, "i": first.step}), pd.DataFrame({"row": second.rows, "j": second.step})
    )
    which, i, j = (pairs[name].to_numpy() for name in ("row", "i", "j"))

    def at(to_i: int, to_j: int) -> Floats:
        return moved(model, rows, which, [(first, i + to_i), (second, j + to_j)])

    change = at(1, 1) - at(1, 0) - at(0, 1) + at(0, 0)
    shape = (first.n_steps, second.n_steps)
    n_moved = np.bincount(i * shape[1] + j, minlength=shape[0] * shape[1])
    found = np.zeros((len(first.at), len(second.at), change.shape[1]))
    for k, one in enumerate(change.T):
        cells = np.bincount(i * shape[1] + j, one, len(n_moved)) / np.maximum(n_moved, 1)
        found[1:, 1:, k] = cells.reshape(shape).cumsum(axis=0).cumsum(axis=1)
    n_moved = n_moved.reshape(shape)
    found -= main_part(found, n_moved, axis=0) + main_part(found, n_moved, axis=1)
    found -= np.einsum("i,j,ijk->k", first.shares, second.shares, found)
    return found, n_moved


def main_part(surface: Floats, n_moved: Ints, axis: int) -> Floats:
    """(P, Q, n_outputs), rows in each step of both -> what the surface has of an effect of one axis alone"""
    along = np.diff(np.moveaxis(surface, axis, 0), axis=0)  # (steps, positions of the other, n_outputs)
    weights = np.moveaxis(n_moved, axis, 0)[:, :, None]
    middle = (along[:, 1:] + along[:, :-1]) / 2
    steps = (middle * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)
    effect = np.concatenate([np.zeros((1, surface.shape[2])), steps.cumsum(axis=0)])
    return np.expand_dims(effect, 1 - axis)

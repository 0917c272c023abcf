"""The positions of a column along which its effect is followed: quantiles of numbers and times, levels of a category.

Levels are put in an order in which neighbours have like rows in the other columns, so that a step from one to the next
makes rows that could exist (after Apley & Zhu 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.data.formats.dates import TimeFormat, as_times
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.kinds.protocol import ColumnKind, Format
from mlpcli.data.kinds.text import FreeText
from mlpcli.data.values import column_values
from mlpcli.engine.arrays import Floats, Ints, Matrix
from mlpcli.errors import UsageError
from mlpcli.evaluation.explain.answers import inputs_of
from mlpcli.evaluation.explain.rows import ExplainedRows
from mlpcli.model.trained import TrainedModel

MAX_STEPS = 24  # intervals between positions of a number
ROWS_A_STEP = 10  # at least, but for columns of few values
MAX_LEVELS = 12  # of a category; the most frequent ones
SIMILARITY_BINS = 10  # of another number, in which rows of two levels are compared
BARS = 40  # of the histogram

Position = float | str | None  # a number, seconds of a time, a level; None is the missing level


def position_text(place: Position, form: Format | None, digits: int = 4) -> str:
    """A position as a reader of the file knows it: a number with its unit, a date, a time of day, a level."""
    if place is None:
        return "(missing)"
    if isinstance(place, str):
        return place
    if isinstance(form, TimeFormat):
        return time_text(place, form.kind)
    number = f"{place:.{max(digits, len(f'{abs(place):.0f}')) if abs(place) < 1e15 else digits}g}"
    if not isinstance(form, NumberFormat):
        return number
    before, after = (form.currency, "") if not form.currency.isalpha() else ("", f" {form.currency}")
    unit = form.unit[0] if form.unit else ""
    return before + number + (unit if unit == "%" or not unit else f" {unit}") + after


def written(place: Position, form: Format | None) -> Position:
    """A position for a program: a number, the text of a time, a level; None where it is missing."""
    return time_text(place, form.kind) if isinstance(form, TimeFormat) and isinstance(place, float) else place


def time_text(seconds: float, kind: str) -> str:
    """Seconds of a date, of a time of day or of a duration as ISO 8601 writes them."""
    if kind == "date":
        moment = as_times(np.array([seconds]))[0]
        return f"{moment:%Y-%m-%d}" if seconds % 86400 == 0 else f"{moment:%Y-%m-%dT%H:%M:%S}"
    sign, whole = "-" * (seconds < 0), round(abs(seconds))
    return f"{sign}{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


@dataclass(frozen=True)
class Axis:
    """P positions of a column, and for each step between neighbours the rows that are moved from one to the other."""

    column: ColumnKind
    at: tuple[Position, ...]
    inputs: Matrix  # (P, inputs of the column)
    places: Ints  # of these in the encoded matrix
    rows: Ints  # (m,) row of each move
    step: Ints  # (m,) its step, from position `step` to `step` + 1
    shares: Floats  # (P,) of the rows at each position
    n_missing: int  # rows that are at none: without a value, or with a rarer level

    @cached_property
    def n_steps(self) -> int:
        return len(self.at) - 1


def axis_of(model: TrainedModel, rows: ExplainedRows, name: str, max_steps: int = MAX_STEPS) -> Axis:
    """The positions of a column in these rows. Raises UsageError for one without: text, or one value only."""
    column = next(c for c in model.schema.features if c.name == name)
    values = column_values(rows.frame[name])
    if isinstance(column, FreeText):
        raise UsageError(f"--column: '{name}' is free text: its effect has no axis to be drawn along")
    if isinstance(values, pd.Categorical):
        at, moved, step, shares, n_missing = along_levels(rows, name, values)
        given: Any = pd.Categorical(list(at))
    else:
        at, moved, step, shares, n_missing = along_numbers(values, max_steps)
        given = np.asarray(at)
    if len(at) < 2:
        found = "one value" if at else "no value"
        raise UsageError(f"--column: '{name}' has {found} in {rows.description}: no effect shows")
    blocks = {block: np.empty((len(at), n), np.float32) for block, n in column.n_inputs.items()}
    column.encode(given, blocks)
    inputs = np.concatenate([*blocks.values()], axis=1)
    return Axis(column, at, inputs, inputs_of(model, [name]), moved, step, shares, n_missing)


Found = tuple[tuple[Position, ...], Ints, Ints, Floats, int]


def along_numbers(values: Floats, max_steps: int) -> Found:
    """(n,) -> quantiles that occur, and each row moved from the one below it to the one above."""
    known = np.flatnonzero(~np.isnan(values))
    here = values[known]
    n_steps = int(np.clip(len(np.unique(here)) - 1, 1, max(min(max_steps, len(here) // ROWS_A_STEP), 4)))
    at = np.unique(np.quantile(here, np.linspace(0, 1, n_steps + 1), method="inverted_cdf")) if len(here) else here
    if len(at) < 2:
        return tuple(at.tolist()), known, known, np.ones(len(at)), 0
    step = np.clip(np.searchsorted(at, here, "left") - 1, 0, len(at) - 2)
    share = (here - at[step]) / (at[step + 1] - at[step])
    at_each = np.bincount(step, 1 - share, len(at)) + np.bincount(step + 1, share, len(at))
    return tuple(at.tolist()), known, step, at_each / len(here), len(values) - len(known)


def along_levels(rows: ExplainedRows, name: str, values: pd.Categorical[Any]) -> Found:
    """Categories of n rows -> levels in the order of likeness, and each row moved to both neighbours of its own."""
    texts: list[str | None] = [str(text) for text in values.categories] + [None]
    codes = np.where(values.codes < 0, len(texts) - 1, values.codes)
    counts = np.bincount(codes, minlength=len(texts))
    most = [i for i in np.argsort(-counts, kind="stable")[:MAX_LEVELS].tolist() if counts[i]]
    place = np.full(len(texts), -1)
    place[most] = np.arange(len(most))
    order = np.asarray(most)[order_of_levels(rows.frame.drop(columns=name), place[codes])] if most else np.array(most)
    place[order] = np.arange(len(order))
    level = place[codes]
    up, down = (np.flatnonzero((level >= 0) & (level != end)) for end in (len(order) - 1, 0))
    moved, step = np.concatenate([up, down]), np.concatenate([level[up], level[down] - 1])
    shares = counts[order] / max(counts[order].sum(), 1)
    return tuple(texts[i] for i in order.tolist()), moved, step, shares, int((level < 0).sum())


def order_of_levels(others: pd.DataFrame, level: Ints) -> Ints:
    """Other columns of n rows, level (n,), -1 for none -> the levels in an order in which neighbours are alike

    By the first coordinate of multidimensional scaling of the distances between their rows, added up over columns.
    """
    known = level >= 0
    n_levels = int(level.max()) + 1
    distance = np.zeros((n_levels, n_levels))
    for name in others.columns:
        values = column_values(others[name])
        is_ordered = not isinstance(values, pd.Categorical)
        codes = bins_of(values) if is_ordered else values.codes + 1
        width = int(codes.max()) + 1
        counts = np.bincount(level[known] * width + codes[known], minlength=n_levels * width).reshape(n_levels, width)
        shares = counts / counts.sum(axis=1, keepdims=True)
        if is_ordered:
            shares = shares.cumsum(axis=1)
            # Wasserstein's of ranks: that of Kolmogorov and Smirnov is 1 for all that do not overlap, near or far.
            distance += np.abs(shares[:, None] - shares).mean(axis=2)
        else:
            distance += np.abs(shares[:, None] - shares).sum(axis=2) / 2  # total variation
    centred = distance**2 - (distance**2).mean(axis=0)
    centred -= centred.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(-centred / 2)
    first = np.round(vectors[:, -1] * (1 if vectors[0, -1] <= 0 else -1), 9)  # the most frequent level on the left
    return np.argsort(first, kind="stable")


def bins_of(values: Floats) -> Ints:
    """(n,) -> the tenth of its column in which each value lies, from 1; 0 where it is missing"""
    known = ~np.isnan(values)
    edges = np.quantile(values[known], np.linspace(0, 1, SIMILARITY_BINS + 1)[1:-1]) if known.any() else np.empty(0)
    return np.asarray(np.where(known, 1 + np.searchsorted(edges, np.where(known, values, 0.0)), 0), np.int64)


def histogram_of(values: Floats, low: float, high: float) -> tuple[int, ...]:
    """How many of n values lie in each of BARS equal parts from low to high."""
    return tuple(np.histogram(values[~np.isnan(values)], BARS, (low, high))[0].tolist())

"""A look into the networks after each epoch: what `train --watch` shows. It reads, and changes nothing that is trained.

The map shows what the network answers for every value of two columns while all others stand still, and training rows
on it: where the boundary runs, or how a fitted surface bends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.data.kinds.number import MAX_NUMBER, NumberColumn
from mlpcli.data.schema import Schema
from mlpcli.data.storage import Storage
from mlpcli.data.take import take_rows
from mlpcli.data.values import column_values
from mlpcli.engine.arrays import Array, Floats, Ints, Matrix
from mlpcli.engine.layers import Dense
from mlpcli.errors import UsageError
from mlpcli.training.ensemble import Component, Ensemble
from mlpcli.training.events import DIGITS, EpochEnded, Event, LayerWatched, MapAxes, Surface, Watched
from mlpcli.training.evidence import units
from mlpcli.training.loop import MemberTrainer, Training
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import PreparedTraining

CELLS_RIGHT, CELLS_UP = 48, 32  # of a map: more would not fit beside the curves
MAX_SHOWN_ROWS = 150  # on a map; more would hide it
SAMPLE_ROWS = 1000  # of which medians and ranges are taken
UNIT_ROWS = 256  # on which units are looked at
ENDS = (0.01, 0.99)  # quantiles of a column between which the map lies, and a margin
MARGIN = 0.08  # of the map around them


@dataclass(frozen=True)
class Watcher:
    """What looks at a training: the inputs of the map's cells, and what they stand for."""

    prepared: PreparedTraining
    axes: MapAxes | None
    cells: Matrix  # (CELLS_UP * CELLS_RIGHT, n_inputs) from the top left, line by line; (0, n_inputs) without a map

    def events(self, events: Iterator[Event], training: Training) -> Iterator[Event]:
        """Passes every event on, and tells of each epoch that was just trained what is seen after it."""
        n_before = len(training.emitted)  # of a training that goes on: told again, and not trained again
        for event in events:
            if isinstance(event, EpochEnded) and event.epoch > n_before:
                yield self.look(training)
            yield event

    def look(self, training: Training) -> Watched:
        trainers = training.lead
        layers: list[list[LayerWatched]] = []
        logits: list[Array] = []
        for trainer in trainers:
            with trainer.averaged():
                layers.append(layers_of(trainer))
                if self.axes is not None:
                    logits.append(trainer.member.network.predict(self.cells))
        first = trainers[0]
        rate = first.lr * first.schedule(min(first.done / first.epochs, 1.0))
        surface = None if self.axes is None else self.surface(self.axes, logits)
        return Watched(float(rate), tuple(map(mean_of, zip(*layers, strict=True))), self.axes, surface)

    def surface(self, axes: MapAxes, logits: Sequence[Array]) -> Surface:
        """Logits of each network for the cells -> what they answer together."""
        alone = Component(self.prepared.settings.lead, 1.0, 1.0)
        target = self.prepared.schema.target
        outputs = Ensemble((alone,), ((),), build_loss(self.prepared.settings), target).combine([logits])
        if not axes.labels:
            return Surface((), lines_of(levels_of(outputs, axes.range)))
        levels = levels_of(outputs.max(axis=1), axes.range)
        return Surface(lines_of(outputs.argmax(axis=1)), lines_of(levels))


def layers_of(trainer: MemberTrainer) -> list[LayerWatched]:
    """Each layer of weights of a network: its units on some training rows, and the gradient of the last step."""
    member = trainer.member
    hidden = units(member.network, member.train.take(member.train.index[:UNIT_ROWS])[0])
    dense = [layer for layer in member.network.layers if isinstance(layer, Dense)]
    found = []
    for layer, seen in zip(dense, [*hidden, None], strict=True):
        size = float(np.linalg.norm(layer.p["w"]))
        gradient = float(np.nan_to_num(np.linalg.norm(layer.g["w"]))) / size if size else 0.0
        dead, saturated = (None, None) if seen is None else seen
        found.append(LayerWatched(layer.n_out, dead, saturated, gradient))
    return found


def mean_of(layers: Sequence[LayerWatched]) -> LayerWatched:
    """One layer of every network -> their means."""
    dead = [one.dead for one in layers if one.dead is not None]
    saturated = [one.saturated for one in layers if one.saturated is not None]
    return LayerWatched(
        layers[0].n_units, float(np.mean(dead)) if dead else None, float(np.mean(saturated)) if saturated else None,
        float(np.mean([one.gradient for one in layers])),
    )  # fmt: skip


def levels_of(values: Array, ends: tuple[float, float]) -> Ints:
    """Values -> levels 0 to 35, of equal width between the ends."""
    share = (np.asarray(values, np.float64) - ends[0]) / ((ends[1] - ends[0]) or 1.0)
    return np.asarray(np.clip(np.floor(share * len(DIGITS)), 0, len(DIGITS) - 1), np.int64)


def lines_of(numbers: NDArray[np.integer]) -> tuple[str, ...]:
    """(CELLS_UP * CELLS_RIGHT,) numbers of 0 to 35 -> a digit each, a text for each line of cells."""
    return tuple("".join(DIGITS[i] for i in line) for line in numbers.reshape(CELLS_UP, CELLS_RIGHT).tolist())


def watcher_of(prepared: PreparedTraining, asked: Sequence[str] | None) -> Watcher:
    """A watcher with a map of the columns asked for, or of the only two. Raises UsageError for others than numbers."""
    columns = columns_of_map(prepared.schema, asked)
    if columns is None:
        return Watcher(prepared, None, np.empty((0, prepared.schema.n_inputs), np.float32))
    shown = prepared.encoded.rows[:SAMPLE_ROWS]
    names = [c.name for c in prepared.schema.features]
    sample = take_rows(prepared.dataset.frame[names], shown, Storage(), prepared.dataset.storage)
    right, up = (ends_of(column_values(sample[name])) for name in columns)
    across, along = np.linspace(*right, CELLS_RIGHT), np.linspace(*up[::-1], CELLS_UP)
    cells = {name: held(column_values(sample[name]), CELLS_RIGHT * CELLS_UP) for name in names}
    cells[columns[0]], cells[columns[1]] = np.tile(across, CELLS_UP), np.repeat(along, CELLS_RIGHT)
    y = prepared.encoded.y[: len(shown)]
    return Watcher(
        prepared,
        axes_of(prepared.schema, columns, right, up, sample, y),
        prepared.schema.encode(pd.DataFrame(cells, copy=False)),
    )


def columns_of_map(schema: Schema, asked: Sequence[str] | None) -> tuple[str, str] | None:
    """The two columns of the map; None where none were asked for and there are not just two numbers."""
    numbers = [c.name for c in schema.features if isinstance(c, NumberColumn)]
    if len(schema.target.labels) > len(DIGITS):
        if asked is None:
            return None
        raise UsageError(f"--watch-columns: a map has room for {len(DIGITS)} classes", "leave out --watch-columns")
    if asked is None:
        return (numbers[0], numbers[1]) if len(numbers) == len(schema.features) == 2 else None
    if len(set(asked)) != 2 or len(asked) != 2:
        raise UsageError(f"--watch-columns: expected two columns, found '{','.join(asked)}'", "--watch-columns A,B")
    for name in asked:
        if name not in numbers:
            there = "is no column of numbers" if any(name == c.name for c in schema.columns) else "is no column"
            raise UsageError(f"--watch-columns: '{name}' {there}", f"two of {', '.join(numbers[:10])}")
    return asked[0], asked[1]


def ends_of(values: Floats) -> tuple[float, float]:
    """The ends of a map along a column: all but its most extreme values, and a margin."""
    present = np.clip(values[~np.isnan(values)], -MAX_NUMBER, MAX_NUMBER)
    low, high = np.quantile(present, ENDS).tolist() if len(present) else (0.0, 0.0)
    margin = MARGIN * (high - low) or 1.0
    return low - margin, high + margin


def held(values: Floats | pd.Categorical, n: int) -> Floats | pd.Categorical:
    """n times the median of numbers or times, or the most frequent level."""
    if isinstance(values, pd.Categorical):
        present = values.codes[values.codes >= 0]
        code = int(np.bincount(present).argmax()) if len(present) else -1
        return pd.Categorical.from_codes(np.full(n, code), values.categories)
    return np.full(n, np.nanmedian(values) if not np.isnan(values).all() else np.nan)


def axes_of(
    schema: Schema, columns: tuple[str, str], right: tuple[float, float], up: tuple[float, float],
    sample: pd.DataFrame, y: NDArray[Any],
) -> MapAxes:  # fmt: skip
    """The axes of a map, and those of the first rows of a sample that lie on it."""
    labels, answers = schema.target.labels, schema.target.in_units(y)
    ends = (
        (1 / len(labels), 1.0)
        if labels
        else (float(np.quantile(answers, ENDS[0])), float(np.quantile(answers, ENDS[1])))
    )
    kinds = answers if labels else levels_of(answers, ends)
    places = []
    for name, (low, high), n in zip(columns, (right, up[::-1]), (CELLS_RIGHT, CELLS_UP), strict=True):
        places.append((column_values(sample[name]) - low) / (high - low) * (n - 1))
    rows = [
        (round(i), round(j), int(kind))
        for i, j, kind in zip(places[0].tolist(), places[1].tolist(), kinds.tolist(), strict=True)
        if 0 <= i <= CELLS_RIGHT - 1 and 0 <= j <= CELLS_UP - 1
    ]
    return MapAxes(columns, right, up, labels, ends, tuple(rows[:MAX_SHOWN_ROWS]))

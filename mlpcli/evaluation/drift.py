"""Drift: whether new rows still look like the rows a model was trained on.

Each column, the target and the model's own answers are counted in the cells of the model's profile. A difference is
drift when it is both unlikely and large enough: its p-value, times the number of all that is compared (Bonferroni), is
below ALARM_LEVEL, and the difference is not small, so that the number of rows alone raises no alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.config.settings import ReadOptions
from mlpcli.data.bad_cells import read_cells
from mlpcli.data.foreign_stream import any_stream
from mlpcli.data.header import require_columns
from mlpcli.data.profile import Profile
from mlpcli.data.raw import opened
from mlpcli.data.splits import blocks
from mlpcli.engine.arrays import Array, Floats, Ints, Matrix
from mlpcli.engine.losses import Target
from mlpcli.errors import DataError, ModelError, plural
from mlpcli.evaluation.evaluate import losses_of_members, rank_sum, ranks_of
from mlpcli.metrics.intervals import Interval
from mlpcli.metrics.p_values import at_least, cells_p_value, ks_p_value, normal_p_value, share_p_value
from mlpcli.metrics.scoring import METRICS, score
from mlpcli.model.reading import open_for, read_for
from mlpcli.model.trained import TrainedModel, as_read
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import MAX_EVALUATED
from mlpcli.training.profile import MAX_PROFILED, answer_numbers, profiled, target_numbers

ALARM_LEVEL = 0.05  # probability that rows like the training rows raise any alarm
# Smaller differences are no drift, however sure: of distances and shares missing; of shares never seen before.
MIN_DIFFERENCE, MIN_UNSEEN = 0.02, 0.005
FIRST_LOOK = 250  # rows of a stream
COUNTED_ROWS = 1 << 14  # rows of a frame that are counted at a time


@dataclass(frozen=True)
class Share:
    """A share of the rows, in training and of the new ones."""

    training: float
    here: float

    @property
    def difference(self) -> float:
        return abs(self.here - self.training)


@dataclass(frozen=True)
class Shift:
    """How far one thing moved that was compared."""

    what: str  # column, target, answers, or loss
    name: str  # of the column; predictions or confidence; loss
    distance: float  # of numbers Kolmogorov-Smirnov's, of levels total variation, of losses the rise of the mean rank
    missing: Share
    unseen: Share  # numbers out of the training range; levels that training has rarely or never seen, texts likewise
    p_value: float  # of so large a difference if all is as in training, times the number of all that is compared

    @property
    def is_large(self) -> bool:
        """Whether it matters, were it true of all rows."""
        is_new = self.unseen.here - self.unseen.training >= MIN_UNSEEN
        return is_new or max(self.distance, self.missing.difference) >= MIN_DIFFERENCE

    def is_drift(self, level: float = ALARM_LEVEL) -> bool:
        """Whether it is drift at this probability of a false alarm."""
        return self.p_value < level and self.is_large


@dataclass(frozen=True)
class Drift:
    """How new rows stand to the training rows."""

    data: str
    n_rows: int
    shifts: tuple[Shift, ...]  # of all that is compared, the surest first
    promised: dict[str, float]  # metrics of validation rows; none where these rows have no target
    metrics: dict[str, Interval]  # the same of these rows
    notes: tuple[str, ...]

    @property
    def drifted(self) -> tuple[Shift, ...]:
        return tuple(shift for shift in self.shifts if shift.is_drift())

    @property
    def worse(self) -> list[str]:
        """Metrics whose whole interval is worse than promised."""
        found = []
        for name, promised in self.promised.items():
            here, metric = self.metrics[name], METRICS[name]
            if metric.has_interval and (here.high < promised if metric.higher_is_better else here.low > promised):
                found.append(name)
        return found


@dataclass
class Tally:
    """Rows counted in the cells of a profile."""

    profile: Profile
    counts: Ints

    def add(self, values: Floats) -> None:
        self.counts = self.counts + self.profile.count(values)


class DriftCounter:
    """Counts rows as they come; `result` says at any time how they stand to the training rows."""

    def __init__(self, model: TrainedModel) -> None:
        """Raises ModelError for a model that does not keep how its rows were distributed."""
        if model.record.profile is None:
            raise ModelError("the model was trained before drift could be measured", "train it again", file=model.path)
        self.model, self.profile = model, model.record.profile
        self.n_rows = self.n_truth = 0
        self.n_bad: dict[str, int] = {}  # cells not written like their column
        self.tallies: dict[tuple[str, str], Tally] = {}
        self.ranks: list[Floats] = []  # of losses among those of validation rows, 0 to 1
        self.truth: list[Target] = []
        self.outputs: list[Array] = []

    @cached_property
    def columns(self) -> list[Any]:
        """Those that are compared; that of --time is later by design."""
        features = self.model.schema.features[:MAX_PROFILED]
        return [column for column in features if column.name != self.model.config.time]

    def add(self, frame: pd.DataFrame, cells: pd.Series[Any] | None = None) -> None:
        """Counts rows read by the model's rules, and their target where they have one."""
        for rows in blocks(len(frame), COUNTED_ROWS):
            self.add_block(frame.iloc[rows], None if cells is None else cells.iloc[rows])

    def add_block(self, frame: pd.DataFrame, cells: pd.Series[Any] | None) -> None:
        self.n_rows += len(frame)
        for column in self.columns:
            self.count("column", column.name, self.profile.columns[column.name], profiled(column, frame[column.name]))
        x = self.model.schema.encode(frame)
        if self.profile.answers is not None:
            answers, confidence = answer_numbers(single_answers(self.model, x), self.model.record.rule)
            self.count("answers", "predictions", self.profile.answers, answers)
            if confidence is not None and self.profile.confidence is not None:
                self.count("answers", "confidence", self.profile.confidence, confidence)
        if cells is not None:
            numbers = target_numbers(self.model.schema.target, cells)
            self.count("target", self.model.schema.target.name, self.profile.target, numbers)
            self.score(frame, x, numbers)

    def count(self, what: str, name: str, profile: Profile, values: Floats) -> None:
        tally = self.tallies.setdefault((what, name), Tally(profile, np.zeros(len(profile.counts), np.int64)))
        tally.add(values)

    def score(self, frame: pd.DataFrame, x: Matrix, numbers: Floats) -> None:
        """Losses and outputs of the rows whose target is known, of the first MAX_EVALUATED of them."""
        labels = self.model.labels
        known = np.flatnonzero(numbers < len(labels) if labels else np.isfinite(numbers))[
            : MAX_EVALUATED - self.n_truth
        ]
        if not len(known):
            return
        truth = numbers[known].astype(np.int64) if labels else numbers[known]
        self.n_truth += len(known)
        self.truth.append(truth)
        self.outputs.append(self.model.outputs(frame.iloc[known]))
        evidence = self.model.record.evidence
        if evidence.valid_quantiles:
            self.ranks.append(ranks_of(evidence, losses_of_members(self.model, x[known], truth)))

    def result(self, data: str) -> Drift:
        """Everything that is compared. Raises DataError before the first row."""
        if not self.n_rows:
            raise DataError("no data rows", file=data)
        n_compared = len(self.tallies) + bool(self.ranks)
        shifts = [shift_of(*key, tally, n_compared) for key, tally in self.tallies.items()]
        if self.ranks:
            shifts.append(loss_shift(np.concatenate(self.ranks), self.model.record.evidence.n_valid, n_compared))
        shifts.sort(key=lambda shift: (shift.p_value, -shift.distance))
        metrics = self.metrics()
        promised = {name: value for name, value in self.model.record.validation.items() if name in metrics}
        return Drift(data, self.n_rows, tuple(shifts), promised, metrics, tuple(self.notes()))

    def metrics(self) -> dict[str, Interval]:
        if not self.truth:
            return {}
        truth, outputs = np.concatenate(self.truth), np.concatenate(self.outputs)
        rng, rule = np.random.default_rng(self.model.config.seed), self.model.record.rule
        return score(build_loss(self.model.config), truth, outputs, rng=rng, rule=rule)

    def notes(self) -> list[str]:
        """What is not compared, and why."""
        schema, config, notes = self.model.schema, self.model.config, []
        if ("target", schema.target.name) not in self.tallies:
            notes.append(f"no column '{schema.target.name}': the model's metrics are not compared")
        if self.profile.answers is None:
            notes.append("the model had no validation rows: its answers and metrics are not compared")
        if config.time is not None:
            notes.append(f"column {config.time} is later by design (--time): it is not compared")
        if len(schema.features) > MAX_PROFILED:
            notes.append(
                f"{len(schema.features) - MAX_PROFILED:,} columns behind the first {MAX_PROFILED:,} are not compared"
            )
        for name, n in self.n_bad.items():
            notes.append(f"column {name}: {plural(n, 'cell')} not written like the column: missing here")
        return notes


class DriftWatch:
    """Looks at rows now and then while they are predicted, and reports each thing that drifts once.

    Looks come after FIRST_LOOK rows, after twice as many, ..., and at the end; each has half the level of the one
    before, so that all of them together raise a false alarm no more often than one look would.
    """

    def __init__(self, model: TrainedModel, report: Callable[[Shift], object]) -> None:
        self.counter, self.report = DriftCounter(model), report
        self.level, self.due = ALARM_LEVEL / 2, FIRST_LOOK
        self.reported: set[tuple[str, str]] = set()

    def add(self, frame: pd.DataFrame) -> None:
        self.counter.add(frame)
        if self.counter.n_rows >= self.due:
            self.look()
            self.due = 2 * self.counter.n_rows

    def look(self) -> None:
        """Reports what drifts in the rows so far; nothing before the first row."""
        if not self.counter.n_rows:
            return
        for shift in self.counter.result("").shifts:
            if shift.is_drift(self.level) and (shift.what, shift.name) not in self.reported:
                self.reported.add((shift.what, shift.name))
                self.report(shift)
        self.level /= 2


def count_parts(
    counter: DriftCounter, parts: Iterable[bytes], name: str, options: ReadOptions
) -> Iterator[DriftCounter]:
    """Counts the rows of a file that comes in parts; yields the counter after each. Raises DataError."""
    model = counter.model
    target, formats = model.schema.target, model.schema.formats()
    expect = [*formats, target.name]
    for block, _, _ in any_stream(parts, name, model.record.dialect, options, formats, expect):
        require_columns(formats, block.names, name)
        has_target = target.name in block.names
        frame, bad = read_cells(block, formats | ({target.name: target.format} if has_target else {}))
        for cell in bad:
            counter.n_bad[cell.column] = counter.n_bad.get(cell.column, 0) + 1
        counter.add(frame[[*formats]], frame[target.name] if has_target else None)
        yield counter


def drift_of(model: TrainedModel, data: str | pd.DataFrame, options: ReadOptions | None = None) -> Drift:
    """How the rows of a file or of a frame stand to the training rows. Raises DataError or MachineError."""
    counter, options = DriftCounter(model), options or ReadOptions()
    if isinstance(data, pd.DataFrame):
        table, target = open_for(model, data, options, with_target=True), model.schema.target.name
        require_columns(model.schema.formats(), table.names, table.name)
        has_target = target in table.names
        frame = read_for(model, table, with_target=has_target)
        counter.add(as_read(model, frame), frame[target] if has_target else None)
        return counter.result(table.name)
    with opened(data) as (parts, name):
        for _ in count_parts(counter, parts, name, options):
            pass
    return counter.result(name)


def single_answers(model: TrainedModel, x: Matrix) -> Array:
    """(n, n_inputs) -> outputs (n, n_classes) or (n,), made like out-of-fold ones: their mean would be less spread

    Row by row of one member of each kind, or, where all validated on the same rows, from their mean logits.
    """
    ensemble, n_members = model.ensemble, len(model.lead)
    if not model.record.by_fold:
        logits = [[np.mean([network.predict(x) for network in of_kind], axis=0)] for of_kind in ensemble.networks]
        return ensemble.combine(logits)
    found = np.empty((len(x), len(model.labels)) if model.labels else len(x))
    for i in range(min(n_members, len(x))):
        rows = slice(i, None, n_members)
        found[rows] = ensemble.combine([[of_kind[i].predict(x[rows])] for of_kind in ensemble.networks])
    return found


def shift_of(what: str, name: str, tally: Tally, n_compared: int) -> Shift:
    """How counts differ from those of the training rows."""
    here, there = tally.counts, np.asarray(tally.profile.counts)
    n, m = int(here.sum()), int(there.sum())
    is_odd = tally.profile.is_odd
    k_odd, k_others = int(here[is_odd].sum()), int(there[is_odd].sum())
    present, before = here[:-1], there[:-1]
    change = present / max(present.sum(), 1) - before / max(before.sum(), 1)
    p_values = [share_p_value(int(here[-1]), n, int(there[-1]), m)]
    if present.any() and before.any():
        p_values.append(cells_p_value(present, before))
    if tally.profile.kind == "levels":
        distance = float(np.abs(change).sum() / 2)
    else:
        distance = float(np.abs(np.cumsum(change)).max())
        # Out of range: of the pooled rows the lowest and the highest k, split in one of k + 1 ways, are all new ones.
        p_values.append((k_odd + 1) * at_least(k_odd, n, k_others, m))
        if present.any() and before.any():
            p_values.append(ks_p_value(distance, int(present.sum()), int(before.sum())))
    p_value = min(1.0, min(p_values) * len(p_values) * n_compared)
    return Shift(
        what, name, distance, Share(float(there[-1] / m), float(here[-1] / n)), Share(k_others / m, k_odd / n), p_value
    )


def loss_shift(ranks: Floats, n_valid: int, n_compared: int) -> Shift:
    """Ranks (n,) of losses among those of validation rows: whether they are higher."""
    rise, nothing = float(ranks.mean()) - 0.5, Share(0.0, 0.0)
    p_value = min(1.0, normal_p_value(rank_sum(ranks, n_valid)) * n_compared)
    return Shift("loss", "loss", max(rise, 0.0), nothing, nothing, p_value)

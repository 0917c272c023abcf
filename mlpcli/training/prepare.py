"""From a CSV file and a Config to a trained model: read, split, fit columns, encode, train, calibrate.

`prepare` does all that comes before the first step; the `PreparedTraining` it gives yields training events.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config import Config, ReadOptions, flag
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet, extremes, indices, read_dataset, sampled, take_rows
from mlpcli.data.fit_columns import check_lost, fit_columns
from mlpcli.data.schema import Schema
from mlpcli.data.storage import Storage, free_memory
from mlpcli.data.target import fit_target
from mlpcli.data.text import shown_path
from mlpcli.data.values import as_categorical, column_values
from mlpcli.engine.arrays import Floats, Ints
from mlpcli.errors import DataError, NothingToLearnError, UsageError
from mlpcli.events import Event
from mlpcli.metrics.scoring import best_threshold, score
from mlpcli.training.ensemble import Component, combine, select
from mlpcli.training.kinds import kinds_of
from mlpcli.training.loop import Member, Rows, Training, block_rows
from mlpcli.training.networks import build_loss, build_network, loss_name

Item = TypeVar("Item")

FITTED_CELLS, MIN_FITTED_ROWS = 2_000_000, 20_000  # statistics are those of so many cells, or rows, drawn at random
MAX_VALIDATION_ROWS = 100_000  # rows on which one member's epochs are told apart
MAX_EVALUATED = 50_000  # rows of a set on which a model is judged
ENCODED_ROWS = 4096
TEMPERATURES = np.geomspace(0.3, 4.0, 40)  # Guo et al. 2017 fit one; a grid is exact enough and cannot fail
ENSEMBLE_TEMPERATURE_FACTOR = 0.9  # the mean over members is flatter than each of them
BATCH_SHARE, MIN_BATCH, MAX_BATCH = 1 / 8, 32, 256  # of the rows a member trains on; a power of two
# Epochs at most, by training rows: about as many steps for small tables as for 4,000 rows, within bounds.
EPOCHS_AT_4000, MIN_EPOCHS, MAX_EPOCHS = 60, 24, 120


@dataclass
class PreparedTraining:
    """A training that is ready to run: iterate `events`, then take `model`."""

    table: DataSet
    config: Config  # resolved
    schema: Schema
    members: list[Member]
    rows: Ints  # of the table, in the order of x: all but the test rows
    x: NDArray[np.float32]
    y: NDArray[Any]
    by_fold: bool  # each member validates on a fold of its own
    notes: list[str]

    def training(self) -> Training:
        return Training(self.members, build_loss(self.config), self.config)

    def events(self, jobs: int = 1) -> Iterator[Event]:
        yield from self.training().events(jobs)

    @property
    def kinds(self) -> tuple[str, ...]:
        return kinds_of(self.config)

    def of_kind(self, kind: str, of_members: list[Item]) -> list[Item]:
        """What belongs to the members of one kind, of a list that has it for all, kind after kind."""
        each = len(of_members) // len(self.kinds)
        at = self.kinds.index(kind) * each
        return of_members[at : at + each]

    def first(self, n: int) -> PreparedTraining:
        """The same with the first n rows only: a sample of them all, small enough to look at in one piece."""

        def cut(rows: Rows) -> Rows:
            return replace(rows, index=rows.index[: np.searchsorted(rows.index, n)])

        members = [
            replace(m, train=cut(m.train), valid=None if m.valid is None else cut(m.valid)) for m in self.members
        ]
        return replace(self, members=members, rows=self.rows[:n], x=self.x[:n], y=self.y[:n])

    def held_out(self) -> list[tuple[Ints, NDArray[np.floating]]]:
        """The validation rows of each member, and its logits of them."""
        return [(m.valid.index, m.valid.logits(m.network)) for m in self.members if m.valid is not None]

    def temperature(self, held_out: list[tuple[Ints, NDArray[np.floating]]]) -> float:
        """The temperature of single members, from their logits of validation rows."""
        if not (held_out and self.config.calibrate and self.schema.target.labels):
            return 1.0
        loss = build_loss(self.config)
        z_all = np.concatenate([z for _, z in held_out]).astype(np.float64)
        y_all = np.concatenate([self.y[index] for index, _ in held_out])
        return float(min(TEMPERATURES, key=lambda t: loss.value(z_all / t, y_all)))

    def judged(
        self, held_out: list[tuple[Ints, NDArray[np.floating]]], temperatures: list[float]
    ) -> tuple[tuple[Component, ...], float | None, dict[str, float]]:
        """From the logits of each member's validation rows: what each kind has in the ensemble, threshold, metrics.

        `temperatures` are those of single members of each kind.
        """
        config = self.config
        if not held_out:
            return (Component(self.kinds[0], 1.0, 1.0),), None, {}
        n_judges = np.zeros((len(self.y), 1))
        for index, _ in self.of_kind(self.kinds[0], held_out):
            n_judges[index] += 1
        order = np.flatnonzero(n_judges)
        truth = self.truth(order)
        weights = given_weights(self.table, config)
        if weights is not None:
            weights = weights[self.rows[order]]
        parts, of_kinds = [], []
        for kind, temperature in zip(self.kinds, temperatures, strict=True):
            if config.calibrate and self.schema.target.labels and len(self.members) > len(self.kinds):
                temperature *= ENSEMBLE_TEMPERATURE_FACTOR
            parts.append(Component(kind, 1.0, temperature))
            sums = np.zeros((len(self.y), self.members[0].network.n_outputs))
            for index, z in self.of_kind(kind, held_out):
                sums[index] += z
            of_kinds.append(combine([sums[order] / n_judges[order]], config, self.schema, parts[-1:]))
        shares = select(of_kinds, lambda outputs: self.losses(outputs, order), weights)
        parts = [replace(part, weight=share) for part, share in zip(parts, shares, strict=True)]
        outputs = shares[0] * of_kinds[0]
        for share, one in zip(shares[1:], of_kinds[1:], strict=True):
            outputs += share * one
        threshold = None
        if config.threshold != "none":
            threshold = best_threshold(truth, outputs, config.threshold, weights)
        found = score(build_loss(config), truth, outputs, weights, 0, rng=np.random.default_rng(0), threshold=threshold)
        validation = {name: interval.value for name, interval in found.items()}
        return tuple(part for part in parts if part.weight), threshold, validation

    def losses(self, outputs: NDArray[np.floating], index: Ints) -> NDArray[np.floating]:
        """Outputs of an ensemble, (n, n_classes) or (n,) in the target's unit, for these rows -> (n,) losses"""
        target, y = self.schema.target, self.y[index]
        return build_loss(self.config).rows_of_outputs(target.standardise(outputs.reshape(len(y), -1)), y)

    def truth(self, index: Ints) -> NDArray[Any]:
        """(n,) class numbers of these rows, or values in the target's unit."""
        return self.schema.target.in_units(self.y[index])


def prepare(
    path: str, config: Config | None = None, options: ReadOptions | None = None, folder: str = "."
) -> PreparedTraining:
    """Everything before the first step of training. Raises DataError, MachineError or UsageError."""
    config = config or Config()
    return prepare_dataset(read_dataset(path, config, options or ReadOptions(), folder), config)


def prepare_dataset(table: DataSet, config: Config) -> PreparedTraining:
    """Columns fitted, rows encoded, members built, for a table already read."""
    config = config.resolve(table.task)
    config = replace(config, validation=shown_path(config.validation), test=shown_path(config.test))
    config = replace(config, target=table.target, task=table.task, loss=loss_name(config, table.task))
    check_loss(config, table)
    check_memory(config, table)
    storage, is_used = table.storage, table.sets != splits.TEST
    n_used = int(np.count_nonzero(is_used))
    ensemble = config.ensemble or 1
    if n_used < 2 * max(ensemble, 2):
        raise DataError("too few rows are left for training", "smaller --test and --validation", file=table.source.name)
    by_fold = ensemble > 1 and config.time is None and config.share("validation") is not None
    is_fitted = is_used if by_fold else table.sets == splits.TRAIN
    leave_out = dict.fromkeys(config.drop, "left out by --drop")
    leave_out |= {
        name: reason
        for name, reason in ((config.weight, "the rows' weights"), (config.group, "the rows' groups"))
        if name
    }
    fitted_on = sampled(is_fitted, max(MIN_FITTED_ROWS, FITTED_CELLS // len(table.frame.columns)), config.seed)
    features = take_rows(table.frame.drop(columns=table.target), fitted_on, Storage(), storage)
    columns = fit_columns(features, config, table.task, leave_out, table.formats)
    check_lost(features, columns, config, table.source.name)
    labelled = as_categorical(table.y_cells) if table.task == "classification" else None
    y_values = labelled if labelled is not None else np.asarray(table.y_cells.iloc[fitted_on], np.float64)
    target = fit_target(table.target, table.task, y_values, build_loss(config).is_centred)
    if labelled is None:
        low, high = extremes(table.y_cells.to_numpy(), is_fitted)
        target = replace(target, low=low, high=high, format=table.formats[table.target])
    schema = Schema(columns, target)
    if not schema.features:
        raise NothingToLearnError("no column holds anything to learn from", file=table.source.name)
    rows, x, y = encoded(table, schema, is_used, config.seed)
    weights = row_weights(table, rows, y, config)
    # Of each row, the member that it validates; without folds 1 for validation and 0 for training rows.
    part = storage.array((n_used,), np.int8)
    if by_fold and table.groups is not None:
        part[:] = splits.group_folds(table.groups[rows], ensemble, config.seed)
    elif by_fold:
        splits.folds(y if schema.target.labels else np.broadcast_to(np.int64(0), n_used), ensemble, config.seed, part)
    else:
        for block in splits.blocks(n_used):
            part[block] = table.sets[rows[block]] == splits.VALIDATION
            storage.release()
    if by_fold:
        pairs = [(indices(part != k, storage), indices(part == k, storage)) for k in range(ensemble)]
    else:
        pairs = [(indices(part == 0, storage), indices(part == 1, storage))] * ensemble
    notes, kinds = list(table.notes), kinds_of(config)
    if len(kinds) > 1 and not len(pairs[0][1]):
        kinds = kinds[:1]
        config = replace(config, kinds=kinds)
        notes.append(f"without validation rows kinds of network cannot be weighed: {kinds[0]} alone (--kinds)")
    seeds = np.random.SeedSequence(config.seed).spawn(ensemble * len(kinds))
    rngs = [np.random.default_rng(s) for s in seeds]
    n = len(pairs[0][0])
    if config.batch_size == "auto":
        nearest = 2 ** round(np.log2(n * BATCH_SHARE))
        config = replace(config, batch_size=str(int(np.clip(nearest, MIN_BATCH, MAX_BATCH))))
    if config.epochs is None:
        epochs = round(EPOCHS_AT_4000 * (4000 / n) ** 0.5) if config.parametrization == "ntk" else 200
        config = replace(
            config,
            epochs=int(np.clip(epochs, MIN_EPOCHS, MAX_EPOCHS)) if config.parametrization == "ntk" else epochs,
        )
    members = []
    for (kind, (fit_rows, valid_rows)), rng in zip(product(kinds, pairs), rngs, strict=True):
        seen = Rows(x, y, weights, fit_rows, storage.release)
        # The first of so many rows are a sample of them all, and tell one epoch from another as well.
        valid = replace(seen, index=valid_rows[:MAX_VALIDATION_ROWS]) if len(valid_rows) else None
        members.append(Member(build_network(config, schema, rng, kind), seen, valid, rng))
    notes += [note for c in columns if c.name not in config.drop and (note := c.note())]
    return PreparedTraining(table, config, schema, members, rows, x, y, by_fold, notes)


def encoded(
    table: DataSet, schema: Schema, is_used: NDArray[np.bool_], seed: int
) -> tuple[Ints, NDArray[np.float32], NDArray[Any]]:
    """The rows used, dealt so that every block is a sample: numbers in the table, inputs, y."""
    storage, n = table.storage, int(np.count_nonzero(is_used))
    shuffler = splits.RowShuffler(n, block_rows(schema.n_inputs), seed)
    rows, x = storage.array((n,), np.int64), storage.array((n, schema.n_inputs), np.float32)
    y = storage.array((n,), np.int64 if schema.target.labels else np.float32)
    done = 0
    columns = [column_values(table.frame[c.name]) for c in schema.features]
    y_cells = column_values(table.y_cells)
    for block in splits.blocks(len(is_used), ENCODED_ROWS):
        chosen = np.flatnonzero(is_used[block])
        to = shuffler.positions(done, len(chosen))
        done += len(chosen)
        inputs, cells = np.empty((len(chosen), schema.n_inputs), np.float32), []
        for column in columns:
            cells.append(column[block][chosen])
            storage.release()  # of each at once: a system may keep megabytes around what is read
        schema.fill(inputs, cells, 0)
        rows[to], x[to], y[to] = block.start + chosen, inputs, encode_target(y_cells[block][chosen], schema)
        storage.release()
    return rows, x, y


def check_memory(config: Config, table: DataSet) -> None:
    """DataError when matrices of rows by classes would not fit."""
    if table.task == "regression":
        return
    n_classes, n_rows = len(as_categorical(table.y_cells).categories), len(table.rows)
    copies = CLASS_COPIES + COPIES_A_KIND * len(kinds_of(config))
    needed = copies * 8 * n_classes * min(n_rows, MAX_EVALUATED)
    if needed > free_memory():
        raise DataError(
            f"{n_classes} classes in {n_rows} rows need about {needed / 2**30:.0f} GB of memory",
            "choose another column with --target, or join rare classes", file=table.source.name, column=table.target,
        )  # fmt: skip


def check_loss(config: Config, table: DataSet) -> None:
    from mlpcli.engine.losses import LOSSES

    assert config.loss is not None
    if LOSSES[config.loss].task != table.task:
        task = LOSSES[config.loss].task
        raise UsageError(f"--loss {config.loss} is for {task}, and this is {table.task}", f"--task {task}")
    for name in {name for loss in LOSSES.values() for name in loss.settings} - {*LOSSES[config.loss].settings}:
        if getattr(config, name) != Config.__dataclass_fields__[name].default:
            owners = " or ".join(loss for loss, kind in LOSSES.items() if name in kind.settings)
            raise UsageError(f"{flag(name)} is for another loss than {config.loss}", f"--loss {owners}")
    if config.loss == "binary_cross_entropy" and len(as_categorical(table.y_cells).categories) != 2:
        raise UsageError("--loss binary_cross_entropy needs a target of two classes")
    if config.threshold != "none" and (
        table.task != "classification" or len(as_categorical(table.y_cells).categories) != 2
    ):
        raise UsageError("--threshold needs a target of two classes")


def encode_target(cells: pd.Series[Any] | pd.Categorical[Any] | Floats, schema: Schema) -> NDArray[Any]:
    """The target's cells -> class numbers in the order of the labels (-1: unknown), or standardised numbers"""
    target = schema.target
    if not target.labels:
        return target.standardise(np.asarray(cells, np.float64)).astype(np.float32)
    values = cells if isinstance(cells, pd.Categorical) else as_categorical(cells)
    number = {label: i for i, label in enumerate(target.labels)}
    numbers = np.array([*(number.get(str(c), -1) for c in values.categories), -1], np.int64)
    return np.asarray(numbers[values.codes])


def given_weights(table: DataSet, config: Config) -> Floats | None:
    """The weights of --weight, of all rows, or None without it; the largest lies in 0.5..1, so that sums are finite.

    Scaled by a power of two, which changes no digit. Raises DataError.
    """
    if config.weight is None:
        return None
    column = table.frame[table.source.column(config.weight)]
    given = column.to_numpy(np.float64) if column.dtype.kind == "f" else np.array([np.nan])
    if not np.all(given >= 0):
        raise DataError("weights must be numbers of at least 0", file=table.source.name, column=config.weight)
    for number, name in ((splits.TRAIN, "training"), (splits.VALIDATION, "validation"), (splits.TEST, "test")):
        chosen = given[table.sets == number]
        if len(chosen) and not chosen.any():
            raise DataError(f"all {name} rows have the weight 0", file=table.source.name, column=config.weight)
    return np.asarray(np.ldexp(given, -np.frexp(given.max())[1]))


def row_weights(table: DataSet, used: Ints, y: NDArray[Any], config: Config) -> NDArray[np.float32] | None:
    """Weights of mean 1 from --weight and --class-weight, or None when every row counts the same."""
    if config.weight is None and config.class_weight == "none":
        return None
    given = given_weights(table, config)
    weights = np.ones(len(used)) if given is None else given[used] / given[used].max()
    if config.class_weight == "balanced" and table.task == "classification":
        counts = np.bincount(y.astype(np.int64), weights)
        weights = weights / np.maximum(counts, 1e-12)[y.astype(np.int64)]
    return np.asarray(weights / weights.mean(), np.float32)


CLASS_COPIES, COPIES_A_KIND = 6, 2  # matrices of judged rows by classes held at once, and more of each kind of network

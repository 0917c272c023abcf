"""From a CSV file and a Config to a trained Model: read, split, fit columns, encode, train, calibrate.

`prepare` does all that comes before the first step; the `Fitting` it gives yields training events, and then the
model. `fit` does both for those who do not want to watch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from mlpcli.config import Config, ReadOptions, Task
from mlpcli.data import splits
from mlpcli.data.columns import looked_up
from mlpcli.data.schema import (
    LARGEST,
    MOST_NUMBER_CLASSES,
    Schema,
    as_categorical,
    choose_target,
    choose_task,
    column_values,
    date_format,
    fit_columns,
    fit_target,
    parse_dates,
)
from mlpcli.data.storage import Storage, free_memory
from mlpcli.data.table import Source, as_number, open_table, to_floats
from mlpcli.errors import DataError, TrainingError, UsageError
from mlpcli.events import Event, History
from mlpcli.metrics.scoring import best_threshold, log_losses, score
from mlpcli.model.trained import Data, Model, Record, build_loss, build_network, combine, shown_path, versions
from mlpcli.training.ensemble import Part, kinds_of, select
from mlpcli.training.evidence import gather
from mlpcli.training.loop import Member, Rows, Training, block_rows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Item = TypeVar("Item")

FITTED_CELLS, FEWEST_FITTED = 2_000_000, 20_000  # statistics are those of so many cells, or rows, drawn at random
MOST_VALIDATED = 100_000  # rows on which one member's epochs are told apart
MOST_JUDGED = 50_000  # rows of a set on which a model is judged
FEW_CLASSES, ROWS_A_CLASS = 20, 3  # more classes than that with fewer rows each: nothing to train, choose and judge by
CLASS_COPIES, COPIES_A_KIND = 6, 2  # matrices of judged rows by classes held at once, and more of each kind of network
ENCODED_ROWS = 4096
MANY_NUMBERS = [str(n) for n in range(MOST_NUMBER_CLASSES + 1)]  # stand for those of a target read as numbers
GATHERED = 1 << 14  # rows
FEWEST_ROWS = 10  # rows below which nothing can be learned and judged
TEMPERATURES = np.geomspace(0.3, 4.0, 40)  # Guo et al. 2017 fit one; a grid is exact enough and cannot fail
SHARPER = 0.9  # on the temperature of an ensemble: the mean over members is flatter than each of them
BATCH_SHARE, SMALLEST_BATCH, LARGEST_BATCH = 1 / 8, 32, 256  # of the rows a member trains on; a power of two
# Epochs at most, by training rows: about as many steps for small tables as for 4,000 rows, within bounds.
EPOCHS_AT_4000, FEWEST_EPOCHS, MOST_EPOCHS = 60, 24, 120


@dataclass
class Table:
    """A table with its target: the frame, y of each row, and which set the row belongs to."""

    source: Source
    frame: pd.DataFrame
    target: str
    task: Task
    rows: Ints  # rows of the file that have a target
    y_cells: pd.Series[Any]  # of those rows
    sets: NDArray[np.int8]
    strata: NDArray[np.integer]
    groups: Ints | None
    times: Floats | None  # of --time, growing with time
    notes: list[str]
    storage: Storage  # where arrays of as many rows go


def read_table(path: str, config: Config, options: ReadOptions, folder: str = ".") -> Table:
    """Reads a CSV, chooses target and task, and assigns each row to its set. Raises DataError.

    What is larger than memory goes to a file in `folder` that is gone at the end.
    """
    storage = Storage(options.memory, folder)
    source = open_table(path, options, storage=storage)
    for name in (*config.drop, *config.numeric, *config.category):
        source.column(name)
    target, why = choose_target(source.names, config.target)
    source.column(target)
    notes = list(source.notes)
    if why:
        notes.append(f"target: {target}, {why} (--target)")
    if len(source.names) < 2:
        raise DataError("no feature columns: the file has one column", "see --delimiter", file=source.name)
    if source.n_rows < FEWEST_ROWS:
        what = "no data rows" if source.n_rows == 0 else f"{source.n_rows} data rows; at least {FEWEST_ROWS} are needed"
        raise DataError(what, file=source.name)
    texts = (*config.category, *([target] if config.task == "classification" else []))
    frame = source.read(numbers=config.numeric, texts=texts, target=target)
    notes += source.said
    rows = with_value(frame[target], storage)
    if len(rows) < len(frame):
        if 2 * len(rows) < len(frame):
            raise DataError(
                f"the target is missing in {len(frame) - len(rows)} of {len(frame)} rows",
                "choose another column with --target", file=source.name, column=target,
            )  # fmt: skip
        notes.append(f"{len(frame) - len(rows)} rows without a target are left out")
        frame = gathered(frame, rows, storage)
    y_cells = frame[target]
    if y_cells.dtype.kind == "f":
        task, rule = choose_task(MANY_NUMBERS, config.task)
    else:
        task, rule = choose_task([str(c) for c in as_categorical(y_cells).categories], config.task)
    if rule:
        notes.append(f"task: {task}, because {rule} (--task)")
    strata: NDArray[np.integer] = np.broadcast_to(np.int8(0), len(rows))
    names = [""]
    if task == "regression":
        y_cells = source_numbers(source, y_cells, rows)
    else:
        strata, names = as_categorical(y_cells).codes, [str(c) for c in as_categorical(y_cells).categories]
        if len(names) > max(FEW_CLASSES, len(rows) // ROWS_A_CLASS):
            raise DataError(
                f"{len(names)} classes in {len(rows)} rows look like an id, not a class",
                "choose another column with --target, or --task regression", file=source.name, column=target,
            )  # fmt: skip
        copies = CLASS_COPIES + COPIES_A_KIND * len(kinds_of(config.resolve(task)))
        needed = copies * 8 * len(names) * min(len(rows), MOST_JUDGED)
        if needed > free_memory():
            raise DataError(
                f"{len(names)} classes in {len(rows)} rows need about {needed / 2**30:.0f} GB of memory",
                "choose another column with --target, or join rare classes", file=source.name, column=target,
            )  # fmt: skip
    validation, test = config.share("validation") or 0.0, config.share("test") or 0.0
    groups = times = None
    if config.group is not None:
        groups = as_categorical(frame[source.column(config.group)].astype(str)).codes.astype(np.int64)
        sets = splits.assign_groups(groups, validation, test, config.seed)
    elif config.time is not None:
        times = times_of(frame[source.column(config.time)], source)
        sets = splits.assign_time(times, validation, test)
    else:
        sets = splits.assign(strata, names, validation, test, config.seed, storage.array((len(rows),), np.int8))
    table = Table(source, frame, target, task, rows, y_cells, sets, strata, groups, times, notes, storage)
    for name, number in (("validation", splits.VALIDATION), ("test", splits.TEST)):
        if config.share(name) is None:
            table = with_file(table, getattr(config, name), number, options)
    return table


def with_file(table: Table, path: str, number: int, options: ReadOptions) -> Table:
    """The table with the rows of another CSV of the same columns, all of them in one set. Raises DataError."""
    source = open_table(path, options, dialect=table.source.dialect, expect=table.source.names, storage=table.storage)
    for name in table.source.names:
        source.column(name)
    numbers = [str(n) for n in table.frame.columns if table.frame[n].dtype.kind == "f"]
    texts = [str(n) for n in table.frame.columns if n not in numbers]
    frame = source.read(numbers=numbers, texts=texts, target=table.target)[list(table.frame.columns)]
    rows = with_value(frame[table.target], table.storage)
    frame = gathered(frame, rows, table.storage)
    cells = frame[table.target]
    if table.task == "regression":
        cells = source_numbers(source, cells, rows)
    both = {name: joined(table.frame[name], frame[name]) for name in table.frame.columns}
    y_cells = joined(table.y_cells, cells)
    strata = (
        as_categorical(y_cells).codes.astype(np.int64)
        if table.task == "classification"
        else np.zeros(len(y_cells), np.int64)
    )
    return replace(
        table, frame=pd.DataFrame(both), y_cells=y_cells, strata=strata,
        rows=np.concatenate([table.rows, rows]),
        groups=None if table.groups is None else np.append(table.groups, np.full(len(frame), -1)),
        times=None if table.times is None else np.append(table.times, np.full(len(frame), np.inf)),
        sets=np.concatenate([table.sets, np.full(len(frame), number, np.int8)]),
    )  # fmt: skip


def joined(first: pd.Series[Any], second: pd.Series[Any]) -> pd.Series[Any]:
    """One column after another of the same kind."""
    if first.dtype.kind == "f":
        return pd.concat([first, second], ignore_index=True)
    return pd.Series(union_categoricals([as_categorical(first), as_categorical(second)]), name=first.name)


def with_value(column: pd.Series[Any], storage: Storage) -> Ints:
    """The rows in which a column holds something."""
    values = column_values(column)
    return places(values.codes >= 0 if isinstance(values, pd.Categorical) else ~np.isnan(values), storage)


def source_numbers(source: Source, cells: pd.Series[Any], rows: Ints) -> pd.Series[Any]:
    """The target's cells as numbers; DataError names the first that is none."""
    values = column_values(cells)
    if isinstance(values, pd.Categorical):
        numbers = [as_number(str(c), source.dialect) for c in values.categories]
        of_category = np.full(len(numbers), np.nan)
        of_category[[n is not None for n in numbers]] = to_floats([n for n in numbers if n is not None])
        values = looked_up(of_category, values.codes, source.storage)
    for block in splits.blocks(len(values)):
        bad = np.flatnonzero(~(np.abs(values[block]) <= LARGEST))
        if len(bad):
            row = int(rows[block.start + int(bad[0])])
            cell = source.cell(row, str(cells.name))
            raise DataError(
                f"expected a number up to {LARGEST:g}, found '{cell}'",
                f"--missing {cell} to leave such rows out, or --task classification to predict classes",
                **source.where(row), column=str(cells.name),
            )  # fmt: skip
    return pd.Series(values, name=cells.name, copy=False)


def times_of(column: pd.Series[Any], source: Source) -> Floats:
    """The values of the time column as numbers that grow with time. Raises DataError."""
    if column.dtype.kind == "f":
        times = column.to_numpy(np.float64)
    else:
        form = date_format(as_categorical(column))
        if form is None:
            raise DataError(
                "neither dates nor numbers", "--time needs one of them", file=source.name, column=str(column.name)
            )
        parsed = parse_dates(as_categorical(column), form)
        times = np.asarray((parsed - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1), np.float64)
    missing = np.flatnonzero(np.isnan(times))
    if len(missing):
        raise DataError("no time here", "--time needs one in every row", file=source.name, column=str(column.name))
    return times


@dataclass
class Fitting:
    """A training that is ready to run: iterate `events`, then take `model`."""

    table: Table
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

    def model(self, history: History) -> Model:
        """The trained model. Raises TrainingError when no epoch was finished."""
        if not history.train_loss:
            raise TrainingError("stopped before the first epoch ended; no model was written")
        if len(self.rows) > MOST_JUDGED:
            return self.first(MOST_JUDGED).model(history)
        held_out = self.held_out()
        temperatures = [self.temperature(self.of_kind(kind, held_out)) for kind in self.kinds]
        parts, threshold, validation = self.judged(held_out, temperatures)
        table = self.table
        counts = [int((table.sets == s).sum()) for s in (splits.TRAIN, splits.VALIDATION, splits.TEST)]
        lead = self.of_kind(self.kinds[0], self.members)
        held_out = self.of_kind(self.kinds[0], held_out)
        evidence = gather(
            lead, build_loss(self.config), self.schema, len(self.y), [z for _, z in held_out], temperatures[0],
            self.config.seed,
        )  # fmt: skip
        history = replace(history, seconds=0.0)  # the file's bytes depend on data and settings alone
        record = Record(
            "mlpcli model", dict(versions()), self.schema, self.config, table.source.dialect,
            Data(shown_path(table.source.name), table.source.sha256, table.source.n_rows, *counts),
            parts, threshold, self.by_fold, validation, history, evidence,
        )  # fmt: skip
        return Model(record, [m.network for part in parts for m in self.of_kind(part.kind, self.members)])

    @property
    def kinds(self) -> tuple[str, ...]:
        return kinds_of(self.config)

    def of_kind(self, kind: str, of_members: list[Item]) -> list[Item]:
        """What belongs to the members of one kind, of a list that has it for all, kind after kind."""
        each = len(of_members) // len(self.kinds)
        at = self.kinds.index(kind) * each
        return of_members[at : at + each]

    def first(self, n: int) -> Fitting:
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
    ) -> tuple[tuple[Part, ...], float | None, dict[str, float]]:
        """From the logits of each member's validation rows: what each kind has in the ensemble, threshold, metrics.

        `temperatures` are those of single members of each kind.
        """
        config, task = self.config, self.schema.target.task
        if not held_out:
            return (Part(self.kinds[0], 1.0, 1.0),), None, {}
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
                temperature *= SHARPER
            parts.append(Part(kind, 1.0, temperature))
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
        found = score(task, truth, outputs, weights, 0, rng=np.random.default_rng(0), threshold=threshold)
        validation = {name: interval.value for name, interval in found.items()}
        return tuple(part for part in parts if part.weight), threshold, validation

    def losses(self, outputs: NDArray[np.floating], index: Ints) -> NDArray[np.floating]:
        """(n,) losses of an ensemble's outputs for these rows: log-loss, or what --loss says of standardised values."""
        target, y = self.schema.target, self.y[index]
        if target.labels:
            return log_losses(y, outputs)
        return build_loss(self.config).rows(((outputs - target.mean) / target.std)[:, None], y)

    def truth(self, index: Ints) -> NDArray[Any]:
        target = self.schema.target
        return self.y[index] if target.labels else self.y[index].astype(np.float64) * target.std + target.mean


def prepare(path: str, config: Config | None = None, options: ReadOptions | None = None, folder: str = ".") -> Fitting:
    """Everything before the first step of training. Raises DataError, MachineError or UsageError."""
    config = config or Config()
    return prepare_table(read_table(path, config, options or ReadOptions(), folder), config)


def prepare_table(table: Table, config: Config) -> Fitting:
    """Columns fitted, rows encoded, members built, for a table already read."""
    config = config.resolve(table.task)
    loss = {"classification": "cross_entropy", "regression": "squared_error"}[table.task]
    config = replace(config, validation=shown_path(config.validation), test=shown_path(config.test))
    config = replace(config, target=table.target, task=table.task, loss=loss if config.loss == "auto" else config.loss)
    check_loss(config, table)
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
    fitted_on = sampled(is_fitted, max(FEWEST_FITTED, FITTED_CELLS // len(table.frame.columns)), config.seed)
    features = gathered(table.frame.drop(columns=table.target), fitted_on, Storage(), storage)
    columns = fit_columns(features, config, table.task, leave_out)
    labelled = as_categorical(table.y_cells) if table.task == "classification" else None
    y_values = labelled if labelled is not None else np.asarray(table.y_cells.iloc[fitted_on], np.float64)
    target = fit_target(table.target, table.task, y_values)
    if labelled is None:
        low, high = extremes(table.y_cells.to_numpy(), is_fitted)
        target = replace(target, low=low, high=high)
    schema = Schema(columns, target)
    if not schema.features:
        raise DataError("no column holds anything to learn from", file=table.source.name)
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
        pairs = [(places(part != k, storage), places(part == k, storage)) for k in range(ensemble)]
    else:
        pairs = [(places(part == 0, storage), places(part == 1, storage))] * ensemble
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
        config = replace(config, batch_size=str(int(np.clip(nearest, SMALLEST_BATCH, LARGEST_BATCH))))
    if config.epochs is None:
        epochs = round(EPOCHS_AT_4000 * (4000 / n) ** 0.5) if config.parametrization == "ntk" else 200
        config = replace(
            config,
            epochs=int(np.clip(epochs, FEWEST_EPOCHS, MOST_EPOCHS)) if config.parametrization == "ntk" else epochs,
        )
    members = []
    for (kind, (fit_rows, valid_rows)), rng in zip(product(kinds, pairs), rngs, strict=True):
        seen = Rows(x, y, weights, fit_rows, storage.release)
        # The first of so many rows are a sample of them all, and tell one epoch from another as well.
        valid = replace(seen, index=valid_rows[:MOST_VALIDATED]) if len(valid_rows) else None
        members.append(Member(build_network(config, schema, rng, kind), seen, valid, rng))
    notes += [*(f"{c.name} is left out: {c.reason}" + (f" ({c.hint})" if c.hint else "")
             for c in columns if c.n_plain == 0 and c.name not in config.drop and c.kind == "left out"),
             *(f"{c.name} is free text: {c.n_plain} hashed words and pairs of words (--category {c.name}, "
               f"--drop {c.name})" for c in columns if c.kind == "text")]  # fmt: skip
    return Fitting(table, config, schema, members, rows, x, y, by_fold, notes)


def encoded(
    table: Table, schema: Schema, is_used: NDArray[np.bool_], seed: int
) -> tuple[Ints, NDArray[np.float32], NDArray[Any]]:
    """The rows used, dealt so that every block is a sample: numbers in the table, inputs, y."""
    storage, n = table.storage, int(np.count_nonzero(is_used))
    deal = splits.Deal(n, block_rows(schema.n_inputs), seed)
    rows, x = storage.array((n,), np.int64), storage.array((n, schema.n_inputs), np.float32)
    y = storage.array((n,), np.int64 if schema.target.labels else np.float32)
    done = 0
    columns = [column_values(table.frame[c.name]) for c in schema.features]
    y_cells = column_values(table.y_cells)
    for block in splits.blocks(len(is_used), ENCODED_ROWS):
        chosen = np.flatnonzero(is_used[block])
        to = deal.places(done, len(chosen))
        done += len(chosen)
        inputs, cells = np.empty((len(chosen), schema.n_inputs), np.float32), []
        for column in columns:
            cells.append(column[block][chosen])
            storage.release()  # of each at once: a system may keep megabytes around what is read
        schema.fill(inputs, cells, 0)
        rows[to], x[to], y[to] = block.start + chosen, inputs, encode_target(y_cells[block][chosen], schema)
        storage.release()
    return rows, x, y


def sampled(chosen: NDArray[np.bool_], most: int, seed: int) -> Ints:
    """Row numbers of a random sample, of `most` at most, of the chosen rows, in order."""
    n = int(np.count_nonzero(chosen))
    share = splits.EveryShare(min(1.0, most / max(n, 1)), splits.stratum_rng(seed, "", "sample"))
    found = []
    for block in splits.blocks(len(chosen)):
        here = np.flatnonzero(chosen[block])
        found.append(block.start + (here if n <= most else here[share.next(len(here))]))
    return np.concatenate(found) if found else np.empty(0, np.int64)


def places(chosen: NDArray[np.bool_], storage: Storage) -> Ints:
    """The numbers of the chosen rows."""
    found = storage.array((int(np.count_nonzero(chosen)),), np.int64)
    done = 0
    for block in splits.blocks(len(chosen)):
        here = block.start + np.flatnonzero(chosen[block])
        found[done : done + len(here)] = here
        done += len(here)
        storage.release()
    return found


def extremes(values: Floats, chosen: NDArray[np.bool_]) -> tuple[float, float]:
    """The lowest and the highest of the chosen values."""
    blocks = [values[block][chosen[block]] for block in splits.blocks(len(values)) if chosen[block].any()]
    return float(min(block.min() for block in blocks)), float(max(block.max() for block in blocks))


def gathered(frame: pd.DataFrame, rows: Ints, storage: Storage, of: Storage | None = None) -> pd.DataFrame:
    """These rows of a frame, numbered anew, in arrays of `storage`; the frame's own are of `of`, or of the same."""
    columns: dict[Any, Any] = {}
    for name in frame.columns:
        values = column_values(frame[name])
        is_text = isinstance(values, pd.Categorical)
        found = picked(values.codes if is_text else values, rows, storage, of)
        columns[name] = pd.Categorical.from_codes(found, dtype=values.dtype) if is_text else found
    return pd.DataFrame(columns, copy=False)


def picked(values: NDArray[Any], rows: Ints, storage: Storage, of: Storage | None = None) -> NDArray[Any]:
    """These of the values, which are of the storage `of`, or of the same."""
    found = storage.array((len(rows),), values.dtype)
    for block in splits.blocks(len(rows), GATHERED):
        found[block] = values[rows[block]]
        (of or storage).release()
    return found


def subset(table: Table, rows: Ints) -> Table:
    """The table with these rows only; labels and categories stay known."""
    storage = table.storage
    y_cells = gathered(table.y_cells.to_frame(table.target), rows, storage)[table.target]
    return replace(
        table, frame=gathered(table.frame, rows, storage), y_cells=y_cells, rows=picked(table.rows, rows, storage),
        sets=picked(table.sets, rows, storage), strata=picked(table.strata, rows, storage),
        groups=None if table.groups is None else table.groups[rows],
        times=None if table.times is None else table.times[rows],
    )  # fmt: skip


def check_loss(config: Config, table: Table) -> None:
    from mlpcli.engine.losses import LOSSES

    assert config.loss is not None
    if LOSSES[config.loss].task != table.task:
        raise UsageError(f"--loss {config.loss} is for {LOSSES[config.loss].task}, and this is {table.task}")
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
        return ((np.asarray(cells, np.float64) - target.mean) / target.std).astype(np.float32)
    values = cells if isinstance(cells, pd.Categorical) else as_categorical(cells)
    number = {label: i for i, label in enumerate(target.labels)}
    numbers = np.array([*(number.get(str(c), -1) for c in values.categories), -1], np.int64)
    return np.asarray(numbers[values.codes])


def given_weights(table: Table, config: Config) -> Floats | None:
    """The weights of --weight, of all rows, or None without it. Raises DataError."""
    if config.weight is None:
        return None
    column = table.frame[table.source.column(config.weight)]
    given = column.to_numpy(np.float64) if column.dtype.kind == "f" else np.array([np.nan])
    if not np.all(given >= 0):
        raise DataError("weights must be numbers of at least 0", file=table.source.name, column=config.weight)
    for number, name in ((splits.TRAIN, "training"), (splits.VALIDATION, "validation"), (splits.TEST, "test")):
        chosen = given[table.sets == number]
        if len(chosen) and not chosen.sum() > 0:
            raise DataError(f"all {name} rows have the weight 0", file=table.source.name, column=config.weight)
    return given


def row_weights(table: Table, used: Ints, y: NDArray[Any], config: Config) -> NDArray[np.float32] | None:
    """Weights of mean 1 from --weight and --class-weight, or None when every row counts the same."""
    if config.weight is None and config.class_weight == "none":
        return None
    given = given_weights(table, config)
    weights = np.ones(len(used)) if given is None else given[used] / given[used].max()
    if config.class_weight == "balanced" and table.task == "classification":
        counts = np.bincount(y.astype(np.int64), weights)
        weights = weights / np.maximum(counts, 1e-12)[y.astype(np.int64)]
    return np.asarray(weights / weights.mean(), np.float32)


def fit(data: str, target: str | None = None, *, jobs: int = 1, **settings: Any) -> Model:
    """Trains a model on a CSV file; keywords are the fields of Config and ReadOptions.

    >>> model = mlpcli.fit("iris.csv", target="species")
    """
    reading = {f.name for f in fields(ReadOptions)}
    unknown = [k for k in settings if k not in reading and k not in Config.__dataclass_fields__]
    if unknown:
        raise UsageError(f"unknown setting '{unknown[0]}'")
    options = ReadOptions(**{k: v for k, v in settings.items() if k in reading})
    config = Config(target=target, **{k: v for k, v in settings.items() if k not in reading})
    fitting = prepare(data, config, options)
    return fitting.model(History.of(fitting.events(jobs)))

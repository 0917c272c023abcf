"""From a CSV file and a Config to a trained Model: read, split, fit columns, encode, train, calibrate.

`prepare` does all that comes before the first step; the `Fitting` it gives yields training events, and then the
model. `fit` does both for those who do not want to watch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from mlpcli.config import Config, ReadOptions, Task
from mlpcli.data import splits
from mlpcli.data.schema import (
    Schema,
    as_categorical,
    choose_target,
    choose_task,
    date_format,
    fit_columns,
    fit_target,
    parse_dates,
)
from mlpcli.data.table import Source, open_table
from mlpcli.errors import DataError, TrainingError, UsageError
from mlpcli.events import Event, History
from mlpcli.metrics import score
from mlpcli.model import (
    Data,
    Model,
    Record,
    build_loss,
    build_network,
    combine,
    shown_path,
    uses_ple,
    versions,
)
from mlpcli.train import Member, Rows, train

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FEWEST_ROWS = 10  # rows below which nothing can be learned and judged
TEMPERATURES = np.geomspace(0.3, 4.0, 40)  # Guo et al. 2017 fit one; a grid is exact enough and cannot fail
SHARPER = 0.9  # on the temperature of an ensemble: the mean over members is flatter than each of them
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
    strata: Ints
    groups: Ints | None
    notes: list[str]


def read_table(path: str, config: Config, options: ReadOptions) -> Table:
    """Reads a CSV, chooses target and task, and assigns each row to its set. Raises DataError."""
    source = open_table(path, options)
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
    frame = source.read(numbers=config.numeric, texts=(target, *config.category), target=target)
    cells = as_categorical(frame[target])
    rows = np.flatnonzero(cells.codes >= 0)
    if len(rows) < len(frame):
        if 2 * len(rows) < len(frame):
            raise DataError(
                f"the target is missing in {len(frame) - len(rows)} of {len(frame)} rows",
                "choose another column with --target", file=source.name, column=target,
            )  # fmt: skip
        notes.append(f"{len(frame) - len(rows)} rows without a target are left out")
    cells = cells[rows].remove_unused_categories()
    task, rule = choose_task([str(c) for c in cells.categories], config.task)
    if rule:
        notes.append(f"task: {task}, because {rule} (--task)")
    y_cells: pd.Series[Any] = pd.Series(cells, name=target)
    strata = np.zeros(len(rows), np.int64)
    names = [""]
    if task == "regression":
        y_cells = source_numbers(source, y_cells, rows)
    else:
        strata, names = cells.codes.astype(np.int64), [str(c) for c in cells.categories]
        if len(names) > max(20, len(rows) // 2):
            raise DataError(
                f"{len(names)} classes in {len(rows)} rows look like an id, not a class",
                "choose another column with --target, or --task regression", file=source.name, column=target,
            )  # fmt: skip
    frame = frame.iloc[rows].reset_index(drop=True)
    validation, test = config.share("validation") or 0.0, config.share("test") or 0.0
    groups = None
    if config.group is not None:
        groups = as_categorical(frame[source.column(config.group)].astype(str)).codes.astype(np.int64)
        sets = splits.assign_groups(groups, validation, test, config.seed)
    elif config.time is not None:
        sets = splits.assign_time(times_of(frame[source.column(config.time)], source), validation, test)
    else:
        sets = splits.assign(strata, names, validation, test, config.seed)
    table = Table(source, frame, target, task, rows, y_cells, sets, strata, groups, notes)
    for name, number in (("validation", splits.VALIDATION), ("test", splits.TEST)):
        if config.share(name) is None:
            table = with_file(table, getattr(config, name), number, options)
    return table


def with_file(table: Table, path: str, number: int, options: ReadOptions) -> Table:
    """The table with the rows of another CSV of the same columns, all of them in one set. Raises DataError."""
    source = open_table(path, options, dialect=table.source.dialect, expect=table.source.names)
    for name in table.source.names:
        source.column(name)
    numbers = [str(n) for n in table.frame.columns if table.frame[n].dtype.kind == "f"]
    texts = [str(n) for n in table.frame.columns if n not in numbers]
    frame = source.read(numbers=numbers, texts=[*texts, table.target], target=table.target)[list(table.frame.columns)]
    cells: pd.Series[Any] = pd.Series(as_categorical(frame[table.target]), name=table.target)
    rows = np.flatnonzero(as_categorical(cells).codes >= 0)
    frame, cells = frame.iloc[rows], cells.iloc[rows]
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
        sets=np.concatenate([table.sets, np.full(len(frame), number, np.int8)]),
    )  # fmt: skip


def joined(first: pd.Series[Any], second: pd.Series[Any]) -> pd.Series[Any]:
    """One column after another of the same kind."""
    if first.dtype.kind == "f":
        return pd.concat([first, second], ignore_index=True)
    return pd.Series(union_categoricals([as_categorical(first), as_categorical(second)]), name=first.name)


def source_numbers(source: Source, cells: pd.Series[Any], rows: Ints) -> pd.Series[Any]:
    """The target's cells as numbers; DataError names the first that is none."""
    from mlpcli.data.table import is_number, plain

    values = as_categorical(cells)
    fits = np.array([is_number(plain(str(c), source.dialect)) for c in values.categories], bool)
    bad = np.flatnonzero(~fits[values.codes])
    numbers = [
        float(plain(str(c), source.dialect)) if ok else np.nan for c, ok in zip(values.categories, fits, strict=True)
    ]
    found = np.asarray(numbers)[values.codes]
    bad = np.union1d(bad, np.flatnonzero(np.isinf(found)))
    if len(bad):
        raise DataError(
            f"expected a finite number, found '{values[int(bad[0])]}'", "--task classification to predict classes",
            file=source.name, line=source.line_of(int(rows[bad[0]])), column=str(cells.name),
        )  # fmt: skip
    return pd.Series(found, name=cells.name)


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
    x: NDArray[np.float32]  # of the rows in `used`
    y: NDArray[Any]
    by_fold: bool  # each member validates on a fold of its own
    notes: list[str]

    def events(self, jobs: int = 1) -> Iterator[Event]:
        yield from train(self.members, build_loss(self.config), self.config, jobs)

    def model(self, history: History) -> Model:
        """The trained model. Raises TrainingError when no epoch was finished."""
        if not history.train_loss:
            raise TrainingError("stopped before the first epoch ended; no model was written")
        loss = build_loss(self.config)
        sums: dict[int, list[NDArray[np.floating]]] = {}
        held_out = []
        for member in self.members:
            if member.valid is not None:
                z = member.network.predict(member.valid.x[member.valid.index])
                held_out.append((member.valid.index, z))
        temperature = 1.0
        if self.config.calibrate and self.schema.target.task == "classification" and held_out:
            z_all = np.concatenate([z for _, z in held_out]).astype(np.float64)
            y_all = np.concatenate([self.y[index] for index, _ in held_out])
            temperature = float(min(TEMPERATURES, key=lambda t: loss.value(z_all / t, y_all)))
            if len(self.members) > 1:
                temperature *= SHARPER
        validation: dict[str, float] = {}
        if held_out:
            for index, z in held_out:
                for row, one in zip(index.tolist(), z, strict=True):
                    sums.setdefault(row, []).append(one)
            order = np.array(sorted(sums))
            z_mean = np.stack([np.mean(sums[int(row)], axis=0) for row in order])
            outputs = combine([z_mean], self.config, self.schema, temperature)
            truth = self.truth(order)
            found = score(self.schema.target.task, truth, outputs, n_bootstrap=0, rng=np.random.default_rng(0))
            validation = {name: interval.value for name, interval in found.items()}
        table = self.table
        counts = [int((table.sets == s).sum()) for s in (splits.TRAIN, splits.VALIDATION, splits.TEST)]
        history = replace(history, seconds=0.0)  # the file's bytes depend on data and settings alone
        record = Record(
            "mlpcli model", dict(versions()), self.schema, self.config, table.source.dialect,
            Data(shown_path(table.source.name), table.source.sha256, table.source.n_rows, *counts),
            temperature, self.by_fold, validation, history,
        )  # fmt: skip
        return Model(record, [m.network for m in self.members])

    def truth(self, index: Ints) -> NDArray[Any]:
        target = self.schema.target
        return self.y[index] if target.labels else self.y[index].astype(np.float64) * target.std + target.mean


def prepare(path: str, config: Config | None = None, options: ReadOptions | None = None) -> Fitting:
    """Everything before the first step of training. Raises DataError, MachineError or UsageError."""
    config = config or Config()
    return prepare_table(read_table(path, config, options or ReadOptions()), config)


def prepare_table(table: Table, config: Config) -> Fitting:
    """Columns fitted, rows encoded, members built, for a table already read."""
    config = config.resolve(table.task)
    loss = {"classification": "cross_entropy", "regression": "squared_error"}[table.task]
    config = replace(config, validation=shown_path(config.validation), test=shown_path(config.test))
    config = replace(config, target=table.target, task=table.task, loss=loss if config.loss == "auto" else config.loss)
    check_loss(config, table)
    used = np.flatnonzero(table.sets != splits.TEST)
    ensemble = config.ensemble or 1
    if len(used) < 2 * max(ensemble, 2):
        raise DataError("too few rows are left for training", "smaller --test and --validation", file=table.source.name)
    by_fold = ensemble > 1 and config.time is None and config.share("validation") is not None
    fitted_on = used if by_fold else np.flatnonzero(table.sets == splits.TRAIN)
    leave_out = dict.fromkeys(config.drop, "left out by --drop")
    leave_out |= {
        name: reason
        for name, reason in ((config.weight, "the rows' weights"), (config.group, "the rows' groups"))
        if name
    }
    features = table.frame.drop(columns=table.target)
    columns = fit_columns(features.iloc[fitted_on], config, table.task, leave_out)
    cells = table.y_cells.iloc[fitted_on].array
    labelled = as_categorical(table.y_cells) if table.task == "classification" else None
    target = fit_target(table.target, table.task, labelled if labelled is not None else np.asarray(cells, np.float64))
    schema = Schema(columns, target)
    if not schema.features:
        raise DataError("no column holds anything to learn from", file=table.source.name)
    x = schema.encode(table.frame.iloc[used])
    y = encode_target(table.y_cells.iloc[used], schema)
    weights = row_weights(table, used, y, config)
    seeds = np.random.SeedSequence(config.seed).spawn(ensemble)
    rngs = [np.random.default_rng(s) for s in seeds]
    rows_of = np.arange(len(used))
    if by_fold:
        fold = (
            splits.group_folds(table.groups[used], ensemble, config.seed)
            if table.groups is not None
            else splits.folds(table.strata[used], ensemble, config.seed)
        )
        pairs = [(rows_of[fold != k], rows_of[fold == k]) for k in range(ensemble)]
    else:
        is_valid = table.sets[used] == splits.VALIDATION
        pairs = [(rows_of[~is_valid], rows_of[is_valid])] * ensemble
    if config.epochs is None:
        n = len(pairs[0][0])
        epochs = round(EPOCHS_AT_4000 * (4000 / n) ** 0.5) if config.parametrization == "ntk" else 200
        config = replace(
            config,
            epochs=int(np.clip(epochs, FEWEST_EPOCHS, MOST_EPOCHS)) if config.parametrization == "ntk" else epochs,
        )
    plain = np.ascontiguousarray(x[:, : schema.n_plain]) if ensemble > 1 else x
    members = []
    for k, ((fit_rows, valid_rows), rng) in enumerate(zip(pairs, rngs, strict=True)):
        seen = x if uses_ple(k, config, schema) else plain
        valid = Rows(seen, y, weights, valid_rows) if len(valid_rows) else None
        members.append(Member(build_network(k, config, schema, rng), Rows(seen, y, weights, fit_rows), valid, rng))
    notes = [*table.notes, *(f"{c.name} is left out: {c.reason}" + (f" ({c.hint})" if c.hint else "")
             for c in columns if c.n_plain == 0 and c.name not in config.drop and c.kind == "left out")]  # fmt: skip
    return Fitting(table, config, schema, members, x, y, by_fold, notes)


def check_loss(config: Config, table: Table) -> None:
    from mlpcli.engine.losses import LOSSES

    assert config.loss is not None
    if LOSSES[config.loss].task != table.task:
        raise UsageError(f"--loss {config.loss} is for {LOSSES[config.loss].task}, and this is {table.task}")
    if config.loss == "binary_cross_entropy" and len(as_categorical(table.y_cells).categories) != 2:
        raise UsageError("--loss binary_cross_entropy needs a target of two classes")


def encode_target(cells: pd.Series[Any], schema: Schema) -> NDArray[Any]:
    """The target's cells -> class numbers in the order of the labels (-1: unknown), or standardised numbers"""
    target = schema.target
    if not target.labels:
        return ((np.asarray(cells, np.float64) - target.mean) / target.std).astype(np.float32)
    values = as_categorical(cells)
    number = {label: i for i, label in enumerate(target.labels)}
    numbers = np.array([*(number.get(str(c), -1) for c in values.categories), -1], np.int64)
    return np.asarray(numbers[values.codes])


def row_weights(table: Table, used: Ints, y: NDArray[Any], config: Config) -> NDArray[np.float32] | None:
    """Weights of mean 1 from --weight and --class-weight, or None when every row counts the same."""
    weights = np.ones(len(used))
    if config.weight is not None:
        column = table.frame[table.source.column(config.weight)]
        given = column.to_numpy(np.float64)[used] if column.dtype.kind == "f" else np.array([np.nan])
        if not np.all(given >= 0) or given.sum() == 0:
            raise DataError("weights must be numbers of at least 0", file=table.source.name, column=config.weight)
        weights = given / given.max()
    if config.class_weight == "balanced" and table.task == "classification":
        counts = np.bincount(y.astype(np.int64), weights)
        weights = weights / np.maximum(counts, 1e-12)[y.astype(np.int64)]
    if config.weight is None and config.class_weight == "none":
        return None
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

"""A table with its target: read from a CSV, each row in its set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from mlpcli.config import Config, ReadOptions, Task
from mlpcli.data import splits
from mlpcli.data.dialect import cells_of
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.kinds.number import MAX_NUMBER
from mlpcli.data.kinds.protocol import Format
from mlpcli.data.reading import Wishes, read_columns, read_written, written_values
from mlpcli.data.schema import Schema
from mlpcli.data.source import Source, open_table
from mlpcli.data.storage import Storage
from mlpcli.data.target import MAX_NUMBER_CLASSES, choose_target, choose_task
from mlpcli.data.values import as_categorical, column_values, looked_up
from mlpcli.engine.arrays import Floats, Ints
from mlpcli.engine.losses import LOSSES
from mlpcli.errors import DataError
from mlpcli.flags import as_flag

# More classes than that with fewer rows each: nothing to train, choose and judge by.
MIN_ALLOWED_CLASSES, ROWS_A_CLASS = 20, 3


NUMBER_PLACEHOLDERS = [str(n) for n in range(MAX_NUMBER_CLASSES + 1)]  # stand for those of a target read as numbers


TAKEN_ROWS = 1 << 14  # rows


MIN_ROWS = 10  # rows below which nothing can be learned and judged


@dataclass
class DataSet:
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
    formats: Mapping[str, Format | None]  # how each column is written; None for text
    storage: Storage  # where arrays of as many rows go


def read_dataset(path: str, config: Config, options: ReadOptions, folder: str = ".") -> DataSet:
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
    if source.n_rows < MIN_ROWS:
        what = "no data rows" if source.n_rows == 0 else f"{source.n_rows} data rows; at least {MIN_ROWS} are needed"
        raise DataError(what, file=source.name)
    texts = (*config.category, *([target] if config.task == "classification" else []))
    needed = {config.group, config.time, config.weight}
    wishes = Wishes(target, frozenset(config.numeric), frozenset(texts), frozenset(config.drop) - needed)
    read = read_columns(source, wishes)
    frame, formats = read.frame, dict(read.formats)
    notes += read.notes
    check_first_row(source)
    rows = with_value(frame[target], storage)
    if len(rows) < len(frame):
        if 2 * len(rows) < len(frame):
            raise DataError(
                f"the target is missing in {len(frame) - len(rows)} of {len(frame)} rows",
                "choose another column with --target", file=source.name, column=target,
            )  # fmt: skip
        notes.append(f"{len(frame) - len(rows)} rows without a target are left out")
        frame = take_rows(frame, rows, storage)
    y_cells = frame[target]
    if y_cells.dtype.kind == "f":
        task, rule = choose_task(NUMBER_PLACEHOLDERS, config.task)
    else:
        texts_of_target = [str(c) for c in as_categorical(y_cells).categories]
        task, rule = choose_task(as_plain(texts_of_target, formats[target]), config.task)
    if rule:
        notes.append(f"task: {task}, {rule}")
    strata: NDArray[np.integer] = np.broadcast_to(np.int8(0), len(rows))
    names = [""]
    if task == "regression":
        form = formats[target] or NumberFormat(source.dialect.decimal_of_all)
        y_cells, formats[target] = source_numbers(source, y_cells, rows, form), form
        check_least(source, y_cells, rows, config.loss)
        if form != NumberFormat():
            notes.append(f"{target}: {form.describe()} ({len(rows):,} cells)")
    else:
        formats[target] = None
        strata, names = as_categorical(y_cells).codes, [str(c) for c in as_categorical(y_cells).categories]
        if len(names) > max(MIN_ALLOWED_CLASSES, len(rows) // ROWS_A_CLASS):
            raise DataError(
                f"{len(names)} classes in {len(rows)} rows look like an id, not a class",
                "choose another column with --target, or --task regression", file=source.name, column=target,
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
    table = DataSet(source, frame, target, task, rows, y_cells, sets, strata, groups, times, notes, formats, storage)
    for name, number in (("validation", splits.VALIDATION), ("test", splits.TEST)):
        if config.share(name) is None:
            table = with_file(table, getattr(config, name), number, options, config.loss)
    return table


def check_first_row(source: Source) -> None:
    """DataError when the first row is the header again; where a column holds numbers, reading it has said so."""
    if source.dialect.header and cells_of(source.record(0)[:-1], source.dialect) == list(source.names):
        where = source.where(0)
        raise DataError("the header again", f"--skip-rows {where['line'] - 1} to begin with this line", **where)


def with_file(table: DataSet, path: str, number: int, options: ReadOptions, loss: str | None) -> DataSet:
    """The table with the rows of another CSV of the same columns, all of them in one set. Raises DataError."""
    source = open_table(path, options, dialect=table.source.dialect, expect=table.source.names, storage=table.storage)
    for name in table.source.names:
        source.column(name)
    formats = dict(table.formats) | ({table.target: None} if table.task == "classification" else {})
    frame = read_written(source, {str(n): formats[str(n)] for n in table.frame.columns}, table.target)
    rows = with_value(frame[table.target], table.storage)
    frame = take_rows(frame, rows, table.storage)
    cells = frame[table.target]
    if table.task == "regression":
        cells = source_numbers(source, cells, rows, table.formats[table.target] or NumberFormat())
        check_least(source, cells, rows, loss)
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
    return indices(values.codes >= 0 if isinstance(values, pd.Categorical) else ~np.isnan(values), storage)


def as_plain(texts: Sequence[str], form: Format | None) -> Sequence[str]:
    """Texts as plain numbers, if that is what their format makes of them all."""
    if form is None:
        return texts
    numbers = written_values(texts, form)
    return texts if np.isnan(numbers).any() else [repr(number) for number in numbers.tolist()]


def source_numbers(source: Source, cells: pd.Series[Any], rows: Ints, form: Format) -> pd.Series[Any]:
    """The target's cells as numbers; DataError names the first that is none."""
    values = column_values(cells)
    if isinstance(values, pd.Categorical):
        of_category = written_values([str(c) for c in values.categories], form)
        values = looked_up(of_category, values.codes, source.storage)
    for block in splits.blocks(len(values)):
        bad = np.flatnonzero(~(np.abs(values[block]) <= MAX_NUMBER))
        if len(bad):
            row = int(rows[block.start + int(bad[0])])
            cell = source.cell(row, str(cells.name))
            raise DataError(
                f"expected a number up to {MAX_NUMBER:g}, found '{cell}'",
                f"{as_flag('missing', (cell,))} to leave such rows out, or --task classification to predict classes",
                **source.where(row), column=str(cells.name),
            )  # fmt: skip
    return pd.Series(values, name=cells.name, copy=False)


def check_least(source: Source, cells: pd.Series[Any], rows: Ints, loss: str | None) -> None:
    """Raises DataError at the first of the target's numbers, in these rows of the file, that --loss cannot take."""
    least = LOSSES[loss].min_target if loss in LOSSES else -np.inf
    values = cells.to_numpy()
    for block in splits.blocks(len(values) if np.isfinite(least) else 0):
        bad = np.flatnonzero(values[block] < least)
        if len(bad):
            row = int(rows[block.start + int(bad[0])])
            raise DataError(
                f"--loss {loss} needs numbers of at least {least:g}, found '{source.cell(row, str(cells.name))}'",
                "correct the cell, or train with another loss", **source.where(row), column=str(cells.name),
            )  # fmt: skip


def times_of(column: pd.Series[Any], source: Source) -> Floats:
    """The values of the time column as numbers that grow with time. Raises DataError."""
    if column.dtype.kind != "f":
        raise DataError(
            "neither dates nor numbers", "--time needs one of them", file=source.name, column=str(column.name)
        )
    times = column.to_numpy(np.float64)
    missing = np.flatnonzero(np.isnan(times))
    if len(missing):
        raise DataError("no time here", "--time needs one in every row", file=source.name, column=str(column.name))
    return times


def sampled(chosen: NDArray[np.bool_], most: int, seed: int) -> Ints:
    """Row numbers of a random sample, of `most` at most, of the chosen rows, in order."""
    n = int(np.count_nonzero(chosen))
    share = splits.SystematicSampler(min(1.0, most / max(n, 1)), splits.stratum_rng(seed, "", "sample"))
    found = []
    for block in splits.blocks(len(chosen)):
        here = np.flatnonzero(chosen[block])
        found.append(block.start + (here if n <= most else here[share.next(len(here))]))
    return np.concatenate(found) if found else np.empty(0, np.int64)


def indices(chosen: NDArray[np.bool_], storage: Storage) -> Ints:
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


def take_rows(frame: pd.DataFrame, rows: Ints, storage: Storage, of: Storage | None = None) -> pd.DataFrame:
    """These rows of a frame, numbered anew, in arrays of `storage`; the frame's own are of `of`, or of the same."""
    columns: dict[Any, Any] = {}
    for name in frame.columns:
        values = column_values(frame[name])
        is_text = isinstance(values, pd.Categorical)
        found = take(values.codes if is_text else values, rows, storage, of)
        columns[name] = pd.Categorical.from_codes(found, dtype=values.dtype) if is_text else found
    return pd.DataFrame(columns, copy=False)


def take(values: NDArray[Any], rows: Ints, storage: Storage, of: Storage | None = None) -> NDArray[Any]:
    """These of the values, which are of the storage `of`, or of the same."""
    found = storage.array((len(rows),), values.dtype)
    for block in splits.blocks(len(rows), TAKEN_ROWS):
        found[block] = values[rows[block]]
        (of or storage).release()
    return found


def subset(table: DataSet, rows: Ints) -> DataSet:
    """The table with these rows only; labels and categories stay known."""
    storage = table.storage
    y_cells = take_rows(table.y_cells.to_frame(table.target), rows, storage)[table.target]
    return replace(
        table, frame=take_rows(table.frame, rows, storage), y_cells=y_cells, rows=take(table.rows, rows, storage),
        sets=take(table.sets, rows, storage), strata=take(table.strata, rows, storage),
        groups=None if table.groups is None else table.groups[rows],
        times=None if table.times is None else table.times[rows],
    )  # fmt: skip


def as_table(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """A user's frame in the form that the reader gives: float64 for numbers, categoricals of text for the rest."""
    return pd.DataFrame({name: as_values(frame[name], form) for name, form in schema.formats().items()})


def as_values(column: pd.Series[Any], form: Format | None) -> pd.Series[Any]:
    """A user's column as float64 where it has a format, NaN where it is not so written; else as text."""
    dtype = column.dtype
    if form is None:
        if isinstance(column.array, pd.Categorical):
            return column
        return pd.Series(pd.Categorical(column.where(column.isna(), column.astype(str))), index=column.index)
    if isinstance(form, NumberFormat) and dtype.kind in "iufb":
        return pd.Series(column.to_numpy(np.float64, na_value=np.nan), index=column.index)
    if dtype.kind == "M":
        utc = pd.DatetimeIndex(column if getattr(dtype, "tz", None) else column.dt.tz_localize("UTC"))
        seconds = (utc - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
        return pd.Series(np.asarray(seconds, np.float64), index=column.index)
    if dtype.kind == "m":
        seconds = pd.TimedeltaIndex(column) / pd.Timedelta(seconds=1)
        return pd.Series(np.asarray(seconds, np.float64), index=column.index)
    cells = pd.Categorical(column.where(column.isna(), column.astype(str)))
    of_text = written_values([str(text) for text in cells.categories], form)
    return pd.Series(np.append(of_text, np.nan)[cells.codes], index=column.index)

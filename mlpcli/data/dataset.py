"""The data set: a table with its target, each row in its set; `read` from a CSV, or `from_frame`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config.flags import as_flag
from mlpcli.config.marks import by_column
from mlpcli.config.settings import Config, ReadOptions, Task
from mlpcli.data import splits
from mlpcli.data.dialect import Dialect, cells_of
from mlpcli.data.foreign import ForeignSource, open_any
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.frame import FrameSource
from mlpcli.data.header import require_columns
from mlpcli.data.kinds.number import MAX_NUMBER
from mlpcli.data.kinds.protocol import Format
from mlpcli.data.reading import ColumnsRead, Wishes, read_columns, read_written, written_values
from mlpcli.data.schema import Schema
from mlpcli.data.source import Source
from mlpcli.data.splits import Grouped, Sets, Splitter, Stratified, Timed
from mlpcli.data.storage import Storage
from mlpcli.data.take import indices, joined, take, take_rows
from mlpcli.data.target import MAX_NUMBER_CLASSES, choose_target, choose_task, label_order
from mlpcli.data.values import as_categorical, column_values, looked_up
from mlpcli.engine.arrays import Floats, Ints
from mlpcli.engine.losses import LOSSES
from mlpcli.errors import DataError, UsageError, plural

Rows = Source | FrameSource  # an open table

# More classes than that with fewer rows each: nothing to train, choose and evaluate by.
MIN_ALLOWED_CLASSES, ROWS_A_CLASS = 20, 3
NUMBER_PLACEHOLDERS = [str(n) for n in range(MAX_NUMBER_CLASSES + 1)]  # stand for those of a target read as numbers
MIN_ROWS = 10  # rows below which nothing can be learned and evaluated


@dataclass(frozen=True)
class KnownTable:
    """What a model knows of a table before it is read: how its columns are written, and the classes."""

    formats: Mapping[str, Format | None]  # of its features and the target
    labels: tuple[str, ...]  # () for regression

    @classmethod
    def of(cls, schema: Schema) -> KnownTable:
        return cls({**schema.formats(), schema.target.name: schema.target.format}, schema.target.labels)

    def read(self, source: Rows, config: Config, target: str) -> ColumnsRead:
        """The columns as they are known to be written. Raises DataError where some are missing or written otherwise."""
        require_columns(self.formats, source.names, source.name)
        plain = NumberFormat(source.dialect.decimal_of_all)
        formats: dict[str, Format | None] = {n: plain for n in (config.time, config.weight) if n is not None}
        if config.group is not None:
            formats[config.group] = None
        formats |= self.formats
        for name in formats:
            source.column(name)
        return ColumnsRead(read_written(source, formats, target), formats, self.formats[target], ())

    def with_classes(self, cells: pd.Series[Any], source: Rows) -> pd.Series[Any]:
        """The target's cells with all known classes. Raises DataError for another class."""
        values = as_categorical(cells)
        new = [str(c) for c in values.categories if str(c) not in self.labels]
        if new:
            n = int(np.isin(values.codes, [i for i, c in enumerate(values.categories) if str(c) in new]).sum())
            raise DataError(
                f"the model does not know the class '{new[0]}' ({plural(n, 'row')} of such classes)",
                "leave these rows out, or train anew on old and new rows together", file=source.name,
                column=str(cells.name),
            )  # fmt: skip
        return pd.Series(values.set_categories(list(self.labels)), name=cells.name, copy=False)


@dataclass(frozen=True)
class Reread:
    """How a table was read."""

    path: str
    config: Config
    options: ReadOptions
    known: KnownTable | None


@dataclass(frozen=True)
class Whole:
    """The size of a table of which some rows are at hand."""

    n_rows: int  # of the source, with those that have no target
    counts: tuple[int, int, int]  # rows of each set


@dataclass(frozen=True)
class DataSet:
    """A table with its target: the frame, y of each row, and which set the row belongs to."""

    source: Rows  # where the rows come from
    frame: pd.DataFrame
    target: str
    task: Task
    rows: Ints  # rows of the source that have a target
    y_cells: pd.Series[Any]  # of those rows
    labels: tuple[str, ...]  # the classes; () for regression
    sets: Sets
    splitter: Splitter
    notes: tuple[str, ...]
    formats: Mapping[str, Format | None]  # how each column is written; None for text
    storage: Storage  # where arrays of as many rows go
    reread: Reread | None = None  # reads the same table anew; None where it cannot be
    whole: Whole | None = None  # the table that these rows are a sample of; None: these are all

    @classmethod
    def read(
        cls, path: str, config: Config, options: ReadOptions, folder: str = ".", known: KnownTable | None = None
    ) -> DataSet:
        """Reads a file, chooses target and task, and assigns each row to its set. Raises DataError.

        What is larger than memory goes to a file in `folder` that is gone at the end.
        """
        storage = Storage(options.memory, folder)
        made = cls.of(open_any(path, options, storage=storage), config, options, known)
        return made if path == "-" else replace(made, reread=Reread(path, config, options, known))

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, config: Config, options: ReadOptions | None = None, known: KnownTable | None = None
    ) -> DataSet:
        """The same of a DataFrame. Raises DataError."""
        options = options or ReadOptions()
        return cls.of(FrameSource(frame, options, Storage(options.memory)), config, options, known)

    @classmethod
    def given(cls, data: str | pd.DataFrame, config: Config, options: ReadOptions) -> DataSet:
        """That of a path or a DataFrame. Raises DataError."""
        if isinstance(data, pd.DataFrame):
            return cls.from_frame(data, config, options)
        return cls.read(data, config, options)

    @classmethod
    def of(cls, source: Rows, config: Config, options: ReadOptions, known: KnownTable | None = None) -> DataSet:
        """The data set of an open table; what is `known` of it need not be found out. Raises DataError."""
        target, notes = checked_target(source, config)
        read = known.read(source, config, target) if known else read_columns(source, wishes_of(config, target, source))
        formats = dict(read.formats)
        check_first_row(source)
        frame, rows, left_out = with_target(read.frame, target, source)
        task, rule = task_of(frame[target], formats[target], config)
        notes += [*read.notes, *left_out, *([f"task: {task}, {rule}"] if rule else [])]
        labels: tuple[str, ...] = ()
        if task == "regression":
            form = formats[target] or NumberFormat(source.dialect.decimal_of_all)
            y_cells, formats[target] = source_numbers(source, frame[target], rows, form), form
            check_least(source, y_cells, rows, config.loss)
            if form != NumberFormat():
                notes.append(f"{target}: {form.describe()} ({len(rows):,} cells)")
        else:
            formats[target] = None
            y_cells = known.with_classes(frame[target], source) if known else frame[target]
            labels = known.labels if known else class_labels(y_cells, config.order, source)
        splitter = splitter_of(config, frame, class_codes(y_cells, labels), labels, source)
        out = source.storage.array((len(rows),), np.int8)
        sets = splitter.sets(config.share("validation") or 0.0, config.share("test") or 0.0, config.seed, out)
        made = cls(
            source, frame, target, task, rows, y_cells, labels, sets, splitter, tuple(notes), formats, source.storage
        )
        for name, number in (("validation", splits.VALIDATION), ("test", splits.TEST)):
            if config.share(name) is None:
                made = made.with_file(getattr(config, name), number, options, config)
        return made

    @property
    def name(self) -> str:
        """Of the file, as given."""
        return self.source.name

    @property
    def sha256(self) -> str:
        return self.source.sha256

    @property
    def dialect(self) -> Dialect:
        return self.source.dialect

    @property
    def n_rows(self) -> int:
        """Of the source, with those that have no target."""
        return self.source.n_rows if self.whole is None else self.whole.n_rows

    @property
    def column_names(self) -> Sequence[str]:
        return self.source.names

    def column(self, name: str) -> pd.Series[Any]:
        """A column by its name. Raises DataError with the nearest name."""
        return self.frame[self.source.column(name)]

    def lines(self, number: int) -> Iterator[bytes]:
        """The rows of one set as they stand in the file, behind its header. Raises UsageError for a frame."""
        if not isinstance(self.source, Source | ForeignSource):
            raise UsageError("a frame has no lines: take its rows by `rows` and `sets`")
        yield self.source.header
        yield from self.source.lines(self.rows[self.sets == number])

    def count(self, number: int) -> int:
        """Rows in a set."""
        return int(np.count_nonzero(self.sets == number))

    def total(self, number: int) -> int:
        """Rows in a set of the whole table."""
        return self.count(number) if self.whole is None else self.whole.counts[number]

    @property
    def n_learn(self) -> int:
        """Rows of the whole table for training and validation."""
        return self.total(splits.TRAIN) + self.total(splits.VALIDATION)

    @property
    def class_numbers(self) -> NDArray[np.integer]:
        """(n,) position of each row's class among the labels; 0 for regression."""
        return class_codes(self.y_cells, self.labels)

    def take(self, rows: Ints) -> DataSet:
        """These rows only; labels and categories stay known."""
        storage = self.storage
        y_cells = take_rows(self.y_cells.to_frame(self.target), rows, storage)[self.target]
        return replace(
            self, frame=take_rows(self.frame, rows, storage), y_cells=y_cells, rows=take(self.rows, rows, storage),
            sets=take(self.sets, rows, storage), splitter=self.splitter.take(rows),
        )  # fmt: skip

    def without_file(self) -> DataSet:
        """The same without what only reading the file anew needs."""
        return replace(self, source=replace(self.source, parts=())) if isinstance(self.source, Source) else self

    def with_file(self, path: str, number: int, options: ReadOptions, config: Config) -> DataSet:
        """With the rows of another file of the same columns, all of them in one set. Raises DataError."""
        source = open_any(path, options, dialect=self.dialect, expect=self.column_names, storage=self.storage)
        for name in self.column_names:
            source.column(name)
        formats = dict(self.formats) | ({self.target: None} if self.labels else {})
        frame = read_written(source, {str(n): formats[str(n)] for n in self.frame.columns}, self.target)
        rows = with_value(frame[self.target], self.storage)
        frame = take_rows(frame, rows, self.storage)
        cells = frame[self.target]
        if self.task == "regression":
            cells = source_numbers(source, cells, rows, self.formats[self.target] or NumberFormat())
            check_least(source, cells, rows, config.loss)
        y_cells = joined(self.y_cells, cells)
        labels = class_labels(y_cells, config.order, source) if self.labels else ()
        return replace(
            self, frame=pd.DataFrame({n: joined(self.frame[n], frame[n]) for n in self.frame.columns}),
            y_cells=y_cells, labels=labels, rows=np.concatenate([self.rows, rows]),
            sets=np.concatenate([self.sets, np.full(len(frame), number, np.int8)]),
            splitter=self.splitter.extended(class_codes(y_cells, labels), labels),
        )  # fmt: skip


def checked_target(source: Rows, config: Config) -> tuple[str, list[str]]:
    """The target's name, and the notes so far. Raises DataError when there is nothing to learn from."""
    dialect = source.dialect
    marked = [by_column(given) for given in (dialect.decimal, dialect.thousands, dialect.dates)]
    for name in (*config.drop, *config.numeric, *config.category, *(n for names in marked for n in names if n)):
        source.column(name)
    target, why = choose_target(source.names, config.target)
    source.column(target)
    if len(source.names) < 2:
        raise DataError("no feature columns: the file has one column", "see --delimiter", file=source.name)
    if source.n_rows < MIN_ROWS:
        what = "no data rows" if source.n_rows == 0 else f"{source.n_rows} data rows; at least {MIN_ROWS} are needed"
        raise DataError(what, file=source.name)
    return target, [*source.notes, *([f"target: {target}, {why} (--target)"] if why else [])]


def with_target(frame: pd.DataFrame, target: str, source: Rows) -> tuple[pd.DataFrame, Ints, list[str]]:
    """The rows that have a target, their numbers, and a note if some have none. Raises DataError if most have none."""
    rows = with_value(frame[target], source.storage)
    n_without = len(frame) - len(rows)
    if not n_without:
        return frame, rows, []
    if 2 * len(rows) < len(frame):
        raise DataError(
            f"the target is missing in {n_without} of {len(frame)} rows",
            "choose another column with --target", file=source.name, column=target,
        )  # fmt: skip
    return take_rows(frame, rows, source.storage), rows, [f"{n_without} rows without a target are left out"]


def wishes_of(config: Config, target: str, source: Rows) -> Wishes:
    """What the settings say of columns; what a dropped one holds does not matter, unless it has a role."""
    texts = {*config.category, *([target] if config.task == "classification" else [])}
    texts |= source.typed_texts - {*config.numeric}
    roles = frozenset(name for name in (config.group, config.time, config.weight) if name is not None)
    return Wishes(target, frozenset(config.numeric), frozenset(texts), frozenset(config.drop) - roles, roles)


def task_of(cells: pd.Series[Any], form: Format | None, config: Config) -> tuple[Task, str]:
    """The task, and the rule that decided; '' when it was asked for."""
    if cells.dtype.kind == "f":
        return choose_task(NUMBER_PLACEHOLDERS, config.task)
    return choose_task(as_plain([str(c) for c in as_categorical(cells).categories], form), config.task)


def class_labels(cells: pd.Series[Any], order: Sequence[str], source: Rows) -> tuple[str, ...]:
    """The classes in the order asked for, else in their own. Raises DataError for as many as ids have."""
    labels = ordered_labels([str(c) for c in as_categorical(cells).categories], order)
    if len(labels) > max(MIN_ALLOWED_CLASSES, len(cells) // ROWS_A_CLASS):
        raise DataError(
            f"{len(labels)} classes in {len(cells)} rows look like an id, not a class",
            "choose another column with --target, or --task regression", file=source.name, column=str(cells.name),
        )  # fmt: skip
    return labels


def ordered_labels(texts: Sequence[str], order: Sequence[str]) -> tuple[str, ...]:
    """The names of classes in the order asked for, else in their own."""
    labels = sorted(texts, key=label_order)
    labels.sort(key=lambda label: order.index(label) if label in order else len(order))
    return tuple(labels)


def class_codes(cells: pd.Series[Any], labels: Sequence[str]) -> NDArray[np.integer]:
    """(n,) position of each row's class among the labels; 0 where there are none."""
    if not labels:
        return np.broadcast_to(np.int8(0), len(cells))
    values = as_categorical(cells)
    number = {label: i for i, label in enumerate(labels)}
    of_category = np.array([number[str(c)] for c in values.categories], values.codes.dtype)
    return np.asarray(of_category[values.codes])


def splitter_of(
    config: Config,
    frame: pd.DataFrame,
    strata: NDArray[np.integer],
    labels: Sequence[str],
    source: Rows,
) -> Splitter:
    """By group, by time, or at random and, where there are classes, in proportion. Raises DataError."""
    if config.group is not None:
        groups = as_categorical(frame[source.column(config.group)].astype(str))
        return Grouped(groups.codes.astype(np.int64))
    if config.time is not None:
        return Timed(times_of(frame[source.column(config.time)], source))
    return Stratified(strata, labels) if labels else Stratified.unclassed(len(frame))


def with_value(column: pd.Series[Any], storage: Storage) -> Ints:
    """The rows in which a column holds something."""
    values = column_values(column)
    return indices(values.codes >= 0 if isinstance(values, pd.Categorical) else ~np.isnan(values), storage)


def check_first_row(source: Rows) -> None:
    """DataError when the first row is the header again; where a column holds numbers, reading it has said so."""
    if (
        isinstance(source, Source)
        and source.dialect.header
        and cells_of(source.record(0)[:-1], source.dialect) == list(source.names)
    ):
        where = source.where(0)
        raise DataError("the header again", f"--skip-rows {where['line'] - 1} to begin with this line", **where)


def as_plain(texts: Sequence[str], form: Format | None) -> Sequence[str]:
    """Texts as plain numbers, if that is what their format makes of them all."""
    if form is None:
        return texts
    numbers = written_values(texts, form)
    return texts if np.isnan(numbers).any() else [repr(number) for number in numbers.tolist()]


def source_numbers(source: Rows, cells: pd.Series[Any], rows: Ints, form: Format) -> pd.Series[Any]:
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


def check_least(source: Rows, cells: pd.Series[Any], rows: Ints, loss: str | None) -> None:
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


def times_of(column: pd.Series[Any], source: Rows) -> Floats:
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

"""A table of which every reader has a share of the files: what each finds in its own, and what they agree on.

A share is a run of files in the order of the table. Columns are read and written alike in all shares, classes are those
of all of them, and each row goes to the set that it would go to where one reader has all files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.config.flags import as_flag
from mlpcli.config.settings import Config, ReadOptions, Task
from mlpcli.data import splits
from mlpcli.data.builders import OTHER
from mlpcli.data.dataset import DataSet, KnownTable, Whole, class_codes, ordered_labels
from mlpcli.data.foreign import reader_of
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.kinds.protocol import Format
from mlpcli.data.raw import open_bytes
from mlpcli.data.source import Source, check_header, open_table
from mlpcli.data.splits import Stratified
from mlpcli.data.storage import Storage
from mlpcli.data.target import choose_task
from mlpcli.data.text import joined_digest
from mlpcli.data.values import as_categorical, column_values
from mlpcli.errors import DataError, UsageError


@dataclass(frozen=True)
class Found:
    """What a reader finds in its share."""

    file: str  # the first one
    source: Source  # without the places of its rows
    n_read: int  # rows, with those that have no target
    target: str
    task: Task
    formats: Mapping[str, Format | None]
    empty: frozenset[str]  # columns without any value, which say nothing of how they are written
    classes: Mapping[str, int]  # rows of each; for regression of one class without a name
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Agreement:
    """How all shares are read, and what stands in them together."""

    target: str
    task: Task
    known: KnownTable
    sha256: str
    n_rows: int
    before: tuple[tuple[int, ...], ...]  # by share, rows of each class in the shares before it
    digests: tuple[tuple[str, ...], ...]  # by share, SHA-256 of its files


# --- one share --------------------------------------------------------------------------------------------


def open_share(path: str, files: Sequence[str], options: ReadOptions, folder: str) -> Source:
    """Some files of a table, the structure of all proven. Raises DataError, and UsageError for another format."""
    storage = Storage(options.memory, folder)
    file, name = opened = open_bytes(files[0], folder)
    if reader_of(file) is not None:
        raise UsageError("rows can be shared among workers where they are those of CSV files", file=name)
    return open_table(path, options, storage=storage, opened=opened, files=files)


def found_in(dataset: DataSet, file: str) -> Found:
    """What the rows of a share are by themselves."""
    source = dataset.source
    assert isinstance(source, Source)
    values = {str(name): column_values(column) for name, column in dataset.frame.items()}
    codes, names = strata_of(dataset)
    counts = np.bincount(codes, minlength=len(names)).tolist() if len(names) > 1 else [len(codes)]
    return Found(
        file, replace(source, parts=()), source.n_rows, dataset.target, dataset.task, dataset.formats,
        frozenset(name for name, cells in values.items() if pd.isna(cells).all()),
        dict(zip(names, counts, strict=True)), dataset.notes,
    )  # fmt: skip


def strata_of(dataset: DataSet) -> tuple[splits.Codes, Sequence[str]]:
    """(n,) the class of each row, and the names of the classes; one without a name for regression."""
    return class_codes(dataset.y_cells, dataset.labels), dataset.labels or ("",)


def as_agreed(dataset: DataSet, agreed: Agreement, number: int, config: Config, options: ReadOptions) -> DataSet:
    """The rows of a share, read as agreed, each in its set. Raises DataError for a cell that is written otherwise, and
    for a share that is read again and is another one now.
    """
    source, known = dataset.source, agreed.known
    assert isinstance(source, Source)
    if source.digests != agreed.digests[number]:
        raise DataError("has changed since the training began", "train again", file=source.name)
    if dataset.task != agreed.task or any(dataset.formats[n] != known.formats[n] for n in known.formats):
        dataset = DataSet.of(source, replace(config, task=agreed.task), options, known)
    elif dataset.labels != known.labels:
        cells = as_categorical(dataset.y_cells).set_categories(list(known.labels))
        y_cells = pd.Series(cells, name=dataset.y_cells.name, copy=False)
        splitter = Stratified(class_codes(y_cells, known.labels), known.labels)
        dataset = replace(dataset, y_cells=y_cells, labels=known.labels, splitter=splitter)
    codes, names = strata_of(dataset)
    shares = config.share("validation") or 0.0, config.share("test") or 0.0
    sets = splits.assign(codes, names, *shares, config.seed, dataset.sets.copy(), agreed.before[number])
    return replace(dataset, sets=sets)


# --- all of them ------------------------------------------------------------------------------------------


def agree(found: Sequence[Found], config: Config) -> Agreement:
    """How the shares are to be read together. Raises DataError where a column is one thing here and another there."""
    first = found[0]
    for other in found[1:]:
        check_header(other.source.names, other.file, first.source.names, first.file)
    task = agreed_task(found, config)
    formats = {name: agreed_format(name, found) for name in first.formats}
    texts = dict.fromkeys(name for one in found for name in one.classes)
    labels = () if task == "regression" else ordered_labels([*texts], config.order)
    rows = np.array([[one.classes.get(name, 0) for name in labels or ("",)] for one in found])
    before = np.cumsum(rows, axis=0) - rows
    digests = tuple(one.source.digests for one in found)
    return Agreement(
        first.target, task, KnownTable(formats, labels), joined_digest([*chain(*digests)]),
        sum(one.n_read for one in found), tuple(map(tuple, before.tolist())), digests,
    )  # fmt: skip


def agreed_task(found: Sequence[Found], config: Config) -> Task:
    first = found[0]
    for other in found[1:]:
        if other.task != first.task:
            raise DataError(
                f"{first.task} in {first.file}, {other.task} in {other.file}",
                f"--task {first.task}, or --task {other.task}", column=first.target,
            )  # fmt: skip
    classes = dict.fromkeys(name for one in found for name in one.classes)
    if first.task == "classification" and choose_task([*classes], config.task)[0] != first.task:
        raise DataError(
            f"{len(classes)} distinct numbers in all files together, few enough to be classes in each share",
            "--task regression, or --task classification", column=first.target,
        )  # fmt: skip
    return first.task


def agreed_format(name: str, found: Sequence[Found]) -> Format | None:
    """How a column is written in all shares that have values of it: alike, or as plain numbers in some of them."""
    told = [one for one in found if name not in one.empty] or found[:1]
    forms: dict[Format | None, Found] = {}
    for one in told:
        forms.setdefault(one.formats[name], one)
    if len(forms) == 1:
        return next(iter(forms))
    others = [form for form in forms if form != NumberFormat()]
    if len(others) == 1 and isinstance(others[0], NumberFormat):
        return others[0]
    (form, here), (other, there) = [*forms.items()][:2]
    raise DataError(
        f"{described(form)} in {here.file}, {described(other)} in {there.file}",
        f"{as_flag('category', (name,))} to use it as a category, or {as_flag('drop', (name,))}", column=name,
    )  # fmt: skip


def described(form: Format | None) -> str:
    return "text" if form is None else form.describe() or "plain numbers"


def joined(samples: Sequence[DataSet], found: Sequence[Found], agreed: Agreement, path: str) -> DataSet:
    """Rows of all shares as one data set, in the order of the table."""
    first, starts = samples[0], np.cumsum([0, *(one.n_read for one in found)])
    y_cells = pd.Series(joined_cells([column_values(s.y_cells) for s in samples]), name=first.y_cells.name)
    source = replace(found[0].source, name=path, sha256=agreed.sha256, storage=Storage())
    return replace(
        first, source=source, frame=joined_frame([s.frame for s in samples]), y_cells=y_cells, storage=source.storage,
        rows=np.concatenate([s.rows + start for s, start in zip(samples, starts[:-1], strict=True)]),
        sets=np.concatenate([s.sets for s in samples]),
        splitter=splitter_of(y_cells, first.labels), notes=tuple(notes_of(found)), reread=None,
        whole=Whole(agreed.n_rows, (0, 0, 0)),
    )  # fmt: skip


def splitter_of(y_cells: pd.Series[Any], labels: tuple[str, ...]) -> Stratified:
    return Stratified(class_codes(y_cells, labels), labels) if labels else Stratified.unclassed(len(y_cells))


def notes_of(found: Sequence[Found]) -> Iterator[str]:
    """What there is to say; of several shares what the first one says, as the others are read alike."""
    if len(found) == 1:
        yield from found[0].notes
        return
    n_files = sum(len(one.source.digests) for one in found)
    yield f"one table of {n_files} files in {len(found)} shares; read like the first share:"
    yield from (note for note in found[0].notes if not note.startswith("one table of"))


def joined_frame(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of the same columns, one below the other."""
    cells = {str(n): joined_cells([column_values(frame[n]) for frame in frames]) for n in frames[0].columns}
    return pd.DataFrame(cells, copy=False)


def joined_cells(columns: Sequence[Any]) -> Any:
    """One column after another: float64, or categories sorted as where they were read together."""
    if len(columns) == 1:
        return columns[0]
    if not isinstance(columns[0], pd.Categorical):
        return np.concatenate(columns)
    if all(column.categories.equals(columns[0].categories) for column in columns):
        levels = columns[0].categories
    else:
        texts = {str(text) for column in columns for text in column.categories}
        levels = pd.Index([*sorted(texts - {OTHER}), *(texts & {OTHER})], dtype=str)
    codes = [np.append(levels.get_indexer(column.categories), -1)[column.codes] for column in columns]
    return pd.Categorical.from_codes(np.concatenate(codes), levels)

"""A training that goes on from a model: its columns and weights are the start, on new rows."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.config.flags import as_flag, quoted
from mlpcli.config.settings import Config, ReadOptions, flag
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet, KnownTable, Rows
from mlpcli.data.foreign import open_any
from mlpcli.data.frame import FrameSource
from mlpcli.data.header import require_columns, shown_some
from mlpcli.data.storage import Storage
from mlpcli.data.take import take_rows
from mlpcli.data.values import as_categorical
from mlpcli.errors import DataError, UsageError, plural
from mlpcli.evaluation.comparison import ModelComparison, compare
from mlpcli.evaluation.seen_rows import row_keys, training_rows
from mlpcli.model.trained import TrainedModel, as_read
from mlpcli.training.prepare import PreparedTraining, Start, prepare_dataset

# Settings that the old model's columns and weights have fixed.
FIXED = (
    "target", "task", "numeric", "category", "scale", "embed_numbers", "embed_categories", "max_categories", "hidden",
    "activation", "parametrization", "normalization", "loss", "ensemble", "kinds", "preset", "order",
)  # fmt: skip
MAX_SEEN = 0.05  # share of the test rows that may look like rows the old model was trained on: rows can be alike
NAMED = 5  # levels that are named


def prepare_from(
    old: TrainedModel, data: str | pd.DataFrame, config: Config, options: ReadOptions, folder: str = "."
) -> PreparedTraining:
    """A training on these rows that goes on from a model; what is not asked for is as in its own.

    Raises DataError for other columns, new classes, and test rows that the model was trained on; UsageError for
    settings that its weights have fixed.
    """
    storage, dialect = Storage(options.memory, folder), old.record.dialect
    expect = [*old.schema.formats(), old.schema.target.name]
    source: Rows = (
        FrameSource(data, options, storage)
        if isinstance(data, pd.DataFrame)
        else open_any(data, options, dialect=dialect, expect=expect, storage=storage)
    )
    config = continued(config, old, source.names)
    check_columns(old, source.names, config, source.name)
    dataset = DataSet.of(source, config, options, KnownTable.of(old.schema))
    notes = ["goes on from the columns and weights of " + (old.path or "another model")]
    notes += [*seen_notes(old, dataset), *lost_notes(old, dataset), *new_notes(old, dataset)]
    rows = np.flatnonzero(dataset.sets != splits.TEST)
    frame = take_rows(as_read(old, dataset.frame), rows, Storage(), storage)
    schema = old.schema.widened(frame, dataset.y_cells.iloc[rows])
    networks = {part.kind: of for part, of in zip(old.record.components, old.ensemble.networks, strict=True)}
    start = Start(schema, networks, old.sha256)
    return prepare_dataset(replace(dataset, notes=(*dataset.notes, *notes)), config, start)


def continued(config: Config, old: TrainedModel, names: tuple[str, ...]) -> Config:
    """The settings given, and those of the old model where none is. UsageError for one that its weights have fixed."""
    settings: dict[str, Any] = {}
    kinds = tuple(component.kind for component in old.record.components)
    before = {f.name: getattr(old.config, f.name) for f in fields(Config)} | {"kinds": kinds, "time_limit": None}
    for spec in fields(Config):
        name, given = spec.name, getattr(config, spec.name)
        is_given = given != spec.default
        if name in FIXED and is_given and given != before[name]:
            raise UsageError(
                f"{flag(name)} {quoted(given)}: the model to start from has {quoted(before[name])}",
                f"{as_flag(name, before[name])}, or train anew without --start-from", file=old.path,
            )  # fmt: skip
        settings[name] = given if is_given else before[name]
    for name in ("validation", "test"):
        if getattr(config, name) == Config.__dataclass_fields__[name].default and old.config.share(name) is None:
            settings[name] = getattr(config, name)  # the old file is none of these rows
    for name in ("drop", "numeric", "category"):
        settings[name] = tuple(dict.fromkeys(n for n in (*before[name], *getattr(config, name)) if n in names))
    return Config(**settings)


def check_columns(old: TrainedModel, names: tuple[str, ...], config: Config, file: str) -> None:
    """DataError where the table has other columns than the old model's."""
    require_columns([*old.schema.formats(), old.schema.target.name], names, file)
    known = {c.name for c in old.schema.columns} | {old.schema.target.name, *config.drop}
    new = [name for name in names if name not in known]
    if new:
        raise DataError(
            f"the model to start from has no column {shown_some([repr(name) for name in new])}",
            f"{as_flag('drop', tuple(new))} to leave {'it' if len(new) == 1 else 'them'} out, or train anew", file=file,
        )  # fmt: skip


# --- what is said -----------------------------------------------------------------------------------------


def seen_notes(old: TrainedModel, dataset: DataSet) -> list[str]:
    """What is said of rows that the old model was trained on. DataError where they are among the test rows."""
    known = training_rows(old)
    if known is None:
        file = old.record.data.path
        return [f"{file}, the old training file, is not here as it was: which rows the old model has seen is not known"]
    before = row_keys(as_read(old, known.frame), known.y_cells)[known.sets != splits.TEST]
    is_seen = np.isin(row_keys(as_read(old, dataset.frame), dataset.y_cells), before)
    is_test = dataset.sets == splits.TEST
    n_test, n_seen = int(np.count_nonzero(is_test & is_seen)), int(np.count_nonzero(is_seen & ~is_test))
    if n_test > MAX_SEEN * np.count_nonzero(is_test):
        raise DataError(
            f"{n_test} of {plural(int(is_test.sum()), 'test row')} are rows that the old model was trained on",
            "new rows alone, or the old rows first and --seed, --test and --validation as before", file=dataset.name,
        )  # fmt: skip
    if not n_seen:
        return []
    return [f"the old model was trained on {plural(n_seen, 'row')} of these: as validation rows they look too good"]


def lost_notes(old: TrainedModel, dataset: DataSet) -> list[str]:
    """Levels and classes that the old model knows and these rows do not show: they may be forgotten."""
    notes = []
    known = [(f"column {c.name}", c.known_levels or (), dataset.frame[c.name]) for c in old.schema.features]
    for what, levels, cells in [*known, ("target", old.labels, dataset.y_cells)]:
        if not levels:
            continue
        values = as_categorical(cells)
        shown = {str(values.categories[code]) for code in np.unique(values.codes[values.codes >= 0])}
        lost = [level for level in levels if level not in shown]
        if lost:
            noun = "class/classes" if what == "target" else "level"
            named = shown_some([f"'{level}'" for level in lost], NAMED)
            notes.append(f"{what}: {plural(len(lost), noun)} of {len(levels)} not in these rows: {named}")
    return notes


def new_notes(old: TrainedModel, dataset: DataSet) -> list[str]:
    """What these rows show that the old model does not know, and goes on not to know."""
    found = old.schema.unseen_values(as_read(old, dataset.frame))
    return [f"column {name}: {plural(n, 'value')} {what}" for name, odd in found.items() for what, n in odd.items()]


def on_old_rows(new: TrainedModel, old: TrainedModel) -> ModelComparison | str:
    """Both models on the old test rows, which shows what was forgotten; why not, where that cannot be."""
    try:
        found = training_rows(old)
        if found is None:
            return "the old training file is not here as it was: what was forgotten is not known"
        return compare(new, old, found.name)
    except DataError as error:
        return f"what was forgotten is not known: {error.message}"

"""What a model keeps of how its rows and its answers were distributed: a few dozen counts a column, no row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.data.dataset import DataSet
from mlpcli.data.kinds import Column
from mlpcli.data.profile import Profile, level_numbers
from mlpcli.data.schema import Schema
from mlpcli.data.storage import Storage
from mlpcli.data.take import take_rows
from mlpcli.data.target import Target
from mlpcli.data.values import as_categorical, column_values
from mlpcli.engine.arrays import Array, Floats, Ints
from mlpcli.metrics.costs import Rule
from mlpcli.metrics.scoring import confidences, decide

MAX_PROFILE_ROWS = 20_000  # rows that are counted, drawn at random
MAX_PROFILED = 1_000  # columns, the first ones of a table: the header of a model file has a largest size


@dataclass(frozen=True)
class TrainingProfile:
    """Counts over the rows that were not kept for testing."""

    columns: dict[str, Profile]  # by column, the first MAX_PROFILED inputs
    target: Profile
    answers: Profile | None  # labels or values, of members that never saw the row; None without validation rows
    confidence: Profile | None  # probability of the label in these; None for numbers

    def profiles(self) -> Iterable[Profile]:
        return [*self.columns.values(), *filter(None, (self.target, self.answers, self.confidence))]

    def fits(self, schema: Schema) -> bool:
        """Whether it can be one of these columns and this target; both may come from any file."""
        by_name = {c.name: c for c in schema.features[:MAX_PROFILED]}
        return (
            self.columns.keys() == by_name.keys()
            and all(p.is_sound() for p in self.profiles())
            and all(is_of(p, by_name[name].known_levels) for name, p in self.columns.items())
            and is_of(self.target, schema.target.labels or None)
            and (self.answers is None or is_of(self.answers, schema.target.labels or None))
            and (self.confidence is not None) == (self.answers is not None and bool(schema.target.labels))
        )


def profile_training(
    dataset: DataSet, rows: Ints, schema: Schema, outputs: Array | None, rule: Rule
) -> TrainingProfile:
    """Counts of these rows of a data set, and of the outputs (m, n_classes) or (m,) that rows got out of fold."""
    chosen = np.sort(rows[:MAX_PROFILE_ROWS])
    features = schema.features[:MAX_PROFILED]
    frame = take_rows(dataset.frame[[c.name for c in features]], chosen, Storage(), dataset.storage)
    columns = {c.name: profile_of(c, frame[c.name]) for c in features}
    target = profile_target(schema.target, dataset.y_cells.iloc[chosen])
    if outputs is None:
        return TrainingProfile(columns, target, None, None)
    answers, confidence = answer_numbers(outputs, rule)
    if confidence is None:
        return TrainingProfile(columns, target, Profile.of_numbers(answers), None)
    labels = Profile.of_levels(answers, len(schema.target.labels))
    return TrainingProfile(columns, target, labels, Profile.of_numbers(confidence))


def profile_of(column: Column, values: pd.Series[Any]) -> Profile:
    levels = column.known_levels
    found = profiled(column, values)
    return Profile.of_numbers(found) if levels is None else Profile.of_levels(found, len(levels))


def profiled(column: Column, values: pd.Series[Any]) -> Floats:
    """What a profile counts of a column: numbers of its levels, or numbers by which its values are ordered."""
    found, levels = column_values(values), column.known_levels
    return column.measure(found) if levels is None else level_numbers(levels, found)


def is_of(profile: Profile, levels: Sequence[str] | None) -> bool:
    """Whether it can be that of these levels, or of numbers."""
    return (profile.kind, profile.n_levels) == (("numbers", 0) if levels is None else ("levels", len(levels)))


def profile_target(target: Target, cells: pd.Series[Any]) -> Profile:
    found = target_numbers(target, cells)
    return Profile.of_levels(found, len(target.labels)) if target.labels else Profile.of_numbers(found)


def target_numbers(target: Target, cells: pd.Series[Any]) -> Floats:
    """What a profile counts of the target: numbers of its classes, or its values."""
    if target.labels:
        return level_numbers(target.labels, as_categorical(cells))
    return np.asarray(cells, np.float64)


def answer_numbers(outputs: Array, rule: Rule) -> tuple[Floats, Floats | None]:
    """Outputs (n, n_classes) or (n,) -> what a profile counts of them: labels and their probabilities, or values."""
    if outputs.ndim == 1:
        return outputs.astype(np.float64), None
    labels = decide(outputs, rule)
    return labels.astype(np.float64), confidences(outputs, labels)

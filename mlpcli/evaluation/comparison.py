"""The new model against the old one: both answer the same rows, of which neither was trained on any."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config.settings import ReadOptions
from mlpcli.data.storage import Storage
from mlpcli.data.take import sampled, take_rows
from mlpcli.data.values import as_categorical
from mlpcli.engine.arrays import Bools, Floats, Ints
from mlpcli.engine.losses import Target
from mlpcli.errors import DataError, UsageError, plural
from mlpcli.evaluation.evaluate import files_beside, find_data
from mlpcli.evaluation.seen_rows import ReadTable, n_rows_of_file, read_table
from mlpcli.metrics.costs import Costs
from mlpcli.metrics.paired import PairedMetric, ScoredModel, compare_scores
from mlpcli.metrics.scoring import decide
from mlpcli.model.reading import Table
from mlpcli.model.trained import TrainedModel
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import MAX_EVALUATED
from mlpcli.training.row_weights import given_weights

MIN_COMPARED = 6  # rows, or groups; all of five differences have one sign in 6 % of cases by chance alone
NAMES = ("the new model", "the old model")


@dataclass(frozen=True)
class Disagreements:
    """The n rows on which two models answer otherwise, those on which it matters most first.

    Of classes: where the new one alone is right, where the old one alone is, then the others. Of numbers: where the
    answers lie further apart than half of the new model's errors, the furthest first.
    """

    rows: Ints  # (n,) of the table, from 0
    truth: NDArray[Any]  # (n,) labels, or numbers
    new: NDArray[Any]
    old: NDArray[Any]
    n_new_better: int  # rows that the new model alone has right, or whose truth its answer is nearer to
    n_old_better: int
    bound: float | None  # between two numbers that count as different; None for classes

    def table(self) -> pd.DataFrame:
        """A row each: its number in the table, counted from 1, truth and both answers."""
        return pd.DataFrame({"row": self.rows + 1, "truth": self.truth, "new": self.new, "old": self.old})


@dataclass(frozen=True)
class ModelComparison:
    """What the same rows show of two models."""

    data: str
    n_rows: int  # compared
    left_out: dict[str, int]  # why -> how many rows of the table are not compared
    notes: tuple[str, ...]
    group: str | None  # the column whose groups are drawn together; None: rows are drawn one by one
    metrics: dict[str, PairedMetric]
    disagreements: Disagreements
    source: Table

    @property
    def worse(self) -> list[str]:
        """The metrics by which the new model is reliably worse."""
        return [name for name, found in self.metrics.items() if found.verdict == "worse"]

    def disagreeing_rows(self) -> pd.DataFrame:
        """The rows on which the two disagree as they stand in the table, with both answers behind their cells."""
        names, found = self.source.names, self.disagreements
        cells = take_rows(self.source.parse(texts=names), found.rows, Storage(), self.source.storage)
        for name, values in (("new", found.new), ("old", found.old)):
            while name in names:
                name += "_"
            cells[name] = values
        return cells


def compare(
    new: TrainedModel, old: TrainedModel, data: str | pd.DataFrame | None = None, options: ReadOptions | None = None
) -> ModelComparison:
    """Scores both models on the rows of `data` that neither was trained on; by default on the new one's test rows.

    Raises UsageError for models of different targets, DataError where too few rows are left.
    """
    check_comparable(new, old)
    options = options or ReadOptions()
    data = default_data(new) if data is None else data
    tables = [read_table(model, data, options) for model in (new, old)]
    check_same_rows(tables)
    weights = weights_of(tables[0])
    rows, left_out, notes = comparable_rows(tables, weights)
    group, groups = groups_of(tables, rows)
    check_enough(len(rows) if groups is None else len(np.unique(groups)), group, left_out, tables[0])
    labels = tuple(dict.fromkeys([*new.labels, *old.labels]))
    truth = truth_of_both(tables, rows, labels)
    notes += class_notes(tables, truth, labels)
    ours, theirs = (scored_model(table, rows, labels) for table in tables)
    rng = np.random.default_rng(new.config.seed)
    metrics = compare_scores(truth, ours, theirs, None if weights is None else weights[rows], groups, rng)
    differing = disagreements(rows, truth, ours, theirs, labels)
    source = tables[0].source
    return ModelComparison(source.name, len(rows), left_out, tuple(notes), group, metrics, differing, source)


# --- which rows -------------------------------------------------------------------------------------------


def check_comparable(new: TrainedModel, old: TrainedModel) -> None:
    """UsageError for models that answer different questions."""
    for asked, mine, theirs in (
        ("target", new.schema.target.name, old.schema.target.name),
        ("task", new.task, old.task),
    ):
        if mine != theirs:
            raise UsageError(
                f"the models have different {asked}s: '{mine}' and '{theirs}'", "name two models of one target"
            )


def default_data(new: TrainedModel) -> str:
    """The file with the test rows of the new model. Raises DataError when it is not here."""
    if new.config.share("test") is not None:
        return find_data(new)
    path = files_beside(new).test
    if not os.path.isfile(path):
        raise DataError("the file of --test is not here", "name a CSV: mlpcli evaluate MODEL DATA", file=path)
    return path


def check_same_rows(tables: Sequence[ReadTable]) -> None:
    """DataError where the models do not read the same rows of a file."""
    new, old = (len(table.frame) for table in tables)
    if new != old:
        raise DataError(
            f"the new model reads {plural(new, 'row')}, the old model {old:,}",
            "a CSV that both read alike: their trainings left out other rows", file=tables[0].source.name,
        )  # fmt: skip


def comparable_rows(tables: Sequence[ReadTable], weights: Floats | None) -> tuple[Ints, dict[str, int], list[str]]:
    """The rows that both answer and neither was trained on, MAX_EVALUATED at most; why others are left out; notes."""
    kept = np.ones(len(tables[0].frame), bool)
    left_out: dict[str, int] = {}
    notes = []

    def leave_out(chosen: Bools, reason: str) -> None:
        if n := int(np.count_nonzero(chosen & kept)):
            left_out[reason] = n
        kept[chosen] = False

    leave_out(~(tables[0].has_target & tables[1].has_target), "without a target")
    for table, name in zip(tables, NAMES, strict=True):
        trained_on = table.trained_on()
        if trained_on is None:
            file = table.model.record.data.path
            notes.append(f"{name} was trained on {file}, which is not here as it was: its rows cannot be left out")
        else:
            leave_out(trained_on, f"that {name} was trained on")
    for table, other, name in zip(tables, reversed(tables), NAMES, strict=True):
        leave_out(table.lacks(other.model), f"without a value in a column that {name} alone has")
    if weights is not None:
        leave_out(~(weights > 0), "of weight 0")
    return sampled(kept, MAX_EVALUATED, tables[0].model.config.seed), left_out, notes


def weights_of(table: ReadTable) -> Floats | None:
    """(n,) weights of a table's rows, 0 of those without one; None where they all count the same.

    As in `evaluate`, of the training file alone: another one need not have the column.
    """
    found = None if table.training is None else given_weights(table.training, table.model.config)
    if table.training is None or found is None:
        return None
    weights, n_own = np.zeros(len(table.frame)), n_rows_of_file(table.training)
    weights[table.training.rows[:n_own]] = found[:n_own]
    return weights


def groups_of(tables: Sequence[ReadTable], rows: Ints) -> tuple[str | None, Ints | None]:
    """The column by which one of the models keeps rows together, and the group of each row; None without one."""
    source = tables[0].source
    for name in (table.model.config.group for table in tables):
        if name is not None and name in source.names:
            return name, as_categorical(source.parse(texts=[name], only=[name])[name]).codes[rows].astype(np.int64)
    return None, None


def check_enough(n: int, group: str | None, left_out: dict[str, int], table: ReadTable) -> None:
    """DataError where too few rows, or groups, are left."""
    if n >= MIN_COMPARED:
        return
    why = [f"{plural(k, 'row')} {reason}" for reason, k in left_out.items()]
    raise DataError(
        f"{plural(n, 'row' if group is None else 'group')} to compare on, and {MIN_COMPARED} are needed"
        + (f"; left out: {', '.join(why)}" if why else ""),
        "name a CSV of other rows: mlpcli evaluate MODEL DATA --against OLD", file=table.source.name,
    )  # fmt: skip


# --- what they answer -------------------------------------------------------------------------------------


def truth_of_both(tables: Sequence[ReadTable], rows: Ints, labels: Sequence[str]) -> Target:
    """(n,) class numbers among the labels of both, or values. Raises DataError for a class that neither knows."""
    cells = tables[0].cells.iloc[rows]
    if not labels:
        return cells.to_numpy(np.float64)
    values = as_categorical(cells)
    number = {label: i for i, label in enumerate(labels)}
    truth = np.array([number.get(str(c), -1) for c in values.categories], np.int64)[values.codes]
    unknown = np.flatnonzero(truth < 0)
    if len(unknown):
        raise DataError(
            f"neither model has ever seen the class '{cells.iloc[int(unknown[0])]}' ({plural(len(unknown), 'row')})",
            "leave these rows out", file=tables[0].source.name, column=tables[0].model.schema.target.name,
        )  # fmt: skip
    return np.asarray(truth)


def class_notes(tables: Sequence[ReadTable], truth: Target, labels: Sequence[str]) -> list[str]:
    """What is said of classes that one model does not know."""
    notes = []
    for table, name in zip(tables, NAMES, strict=True):
        for i, label in enumerate(labels):
            n = int(np.count_nonzero(truth == i))
            if n and label not in table.model.labels:
                notes.append(f"{name} has never seen the class '{label}', that of {plural(n, 'row')}")
    return notes


def scored_model(table: ReadTable, rows: Ints, labels: Sequence[str]) -> ScoredModel:
    """What one model says of the rows; classes that it does not know have the probability 0."""
    model, storage = table.model, table.source.storage
    outputs = model.outputs(take_rows(table.frame, rows, Storage(), storage), storage.release)
    rule = model.record.rule
    if labels != model.labels:
        known, of_own = outputs, [labels.index(label) for label in model.labels]
        outputs = np.zeros((len(known), len(labels)))
        rule = rule.among(of_own, len(labels)) if isinstance(rule, Costs) else None
        outputs[:, of_own] = known
    return ScoredModel(build_loss(model.config), outputs, rule)


def disagreements(
    rows: Ints, truth: Target, new: ScoredModel, old: ScoredModel, labels: Sequence[str]
) -> Disagreements:
    """Where two models answer otherwise: truth (n,) of the rows (n,) of a table."""
    if labels:
        names = np.asarray(labels, object)
        ours, theirs = (decide(model.outputs, model.rule) for model in (new, old))
        is_new, is_old = ours == truth, theirs == truth
        confidence = np.maximum(new.outputs.max(axis=1), old.outputs.max(axis=1))
        order = np.lexsort((-confidence, ~is_old, ~is_new))
        chosen = order[(ours != theirs)[order]]
        return Disagreements(
            rows[chosen], names[truth[chosen]], names[ours[chosen]], names[theirs[chosen]],
            int(np.count_nonzero(is_new & ~is_old)), int(np.count_nonzero(is_old & ~is_new)), None,
        )  # fmt: skip
    errors, others = np.abs(new.outputs - truth), np.abs(old.outputs - truth)
    distance = np.abs(new.outputs - old.outputs)
    order = np.argsort(-distance, kind="stable")
    bound = float(np.median(errors))
    chosen = order[distance[order] > bound]
    nearer = np.sign(others - errors)[chosen]
    return Disagreements(
        rows[chosen], truth[chosen], new.outputs[chosen], old.outputs[chosen],
        int(np.count_nonzero(nearer > 0)), int(np.count_nonzero(nearer < 0)), bound,
    )  # fmt: skip

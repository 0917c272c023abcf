"""Everything between a data set and the first step of training, in named steps.

`prepare` fits the columns, encodes the rows, deals them into folds and builds the members. The `PreparedTraining`
it gives yields training events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config.settings import THE_LOSS, Config, ReadOptions, Settings, Task, flag
from mlpcli.data import splits
from mlpcli.data.crosses import MAX_ROWS, add_crosses, may_cross
from mlpcli.data.cuts import add_cuts, n_cut_rows
from mlpcli.data.dataset import DataSet
from mlpcli.data.fit_columns import fit_columns, has_bins
from mlpcli.data.kinds.number import NumberColumn
from mlpcli.data.schema import Schema
from mlpcli.data.statistics import as_counts
from mlpcli.data.storage import Storage, free_memory, n_cores
from mlpcli.data.take import extremes, indices, sampled, take, take_rows
from mlpcli.data.target import Target, fit_target
from mlpcli.data.text import shown_path
from mlpcli.data.values import as_categorical, column_values
from mlpcli.engine.arrays import Array, Floats, Ints, Matrix
from mlpcli.engine.losses import LOSSES
from mlpcli.engine.network import Line, Network
from mlpcli.errors import DataError, NothingToLearnError, UsageError
from mlpcli.metrics.costs import rule_of
from mlpcli.training.criterion import Criterion, check_stop_on
from mlpcli.training.events import Event
from mlpcli.training.forks import forks_pay
from mlpcli.training.leaf_start import start_at_leaves
from mlpcli.training.linear_start import fit_lines, line_of
from mlpcli.training.loop import KindMembers, Member, Rows, Training, block_rows
from mlpcli.training.networks import build_loss, build_network
from mlpcli.training.row_weights import given_weights, row_weights

FITTED_CELLS, MIN_FITTED_ROWS = 2_000_000, 20_000  # statistics are those of so many cells, or rows, drawn at random
MAX_VALIDATION_ROWS = 100_000  # rows on which one member's epochs are compared
MAX_EVALUATED = 50_000  # rows of a set on which a model is evaluated
CLASS_COPIES, COPIES_A_KIND = 6, 2  # matrices of rows by classes held at once, and more of each kind of network
MIN_THREAD_WORK = 4_000_000  # rows of a step times parameters: of 300 rows 1 million, and threads cost time there
ENCODED_ROWS = 4096


@dataclass(frozen=True)
class EncodedRows:
    """The rows that are not for testing, in an order of which every block is a random sample."""

    rows: Ints  # (n,) of the data set
    x: Matrix  # (n, n_inputs)
    y: NDArray[Any]  # (n,) class numbers, or standardised values
    weights: Array | None  # (n,) of mean 1; None when all rows count the same

    def first(self, n: int) -> EncodedRows:
        """A sample of n rows."""
        weights = None if self.weights is None else self.weights[:n]
        return EncodedRows(self.rows[:n], self.x[:n], self.y[:n], weights)


@dataclass(frozen=True)
class Fold:
    """The rows that a member trains on, and those that choose its epoch; numbers of encoded rows."""

    fit: Ints
    valid: Ints
    unseen: Mapping[str, Ints]  # by block, numbers of the inputs for which only others' rows ask


@dataclass(frozen=True)
class Start:
    """What a training goes on from, in place of columns fitted anew and weights drawn at random."""

    schema: Schema
    networks: Mapping[str, Sequence[Network]]  # of each kind, one a member
    sha256: str  # of the model's file


@dataclass(frozen=True)
class PreparedTraining:
    """A training that is ready to run: iterate `events`, then `model.assemble` it."""

    dataset: DataSet
    settings: Settings
    schema: Schema
    encoded: EncodedRows
    groups: tuple[KindMembers, ...]
    notes: tuple[str, ...]
    started_from: str | None = None  # SHA-256 of the model that it goes on from
    n_shares: int = 1  # of the rows, each with a worker; with several, `encoded` is a sample of them all

    def training(self) -> Training:
        return Training(self.groups, build_loss(self.settings), self.settings, self.criterion())

    def criterion(self) -> Criterion | None:
        """What chooses epochs in place of the loss."""
        if self.settings.stop_on == THE_LOSS:
            return None
        given = given_weights(self.dataset, self.settings)
        weights = None if given is None else given[self.encoded.rows]
        target = self.schema.target
        rule = rule_of(self.settings, target.labels, None)
        return Criterion(self.settings.stop_on, build_loss(self.settings), target, rule, weights)

    def events(self, jobs: int = 1) -> Iterator[Event]:
        yield from self.training().events(jobs)

    @property
    def usual_jobs(self) -> int:
        """Networks at once: one a core, but one alone where several would take longer."""
        first = self.members[0]
        step = self.settings.rows_a_step(len(first.train)) * len(first.network.params)
        return n_cores() if step >= MIN_THREAD_WORK or forks_pay(self.members, self.settings) else 1

    @property
    def by_fold(self) -> bool:
        """Whether each member validates on a fold of its own."""
        return has_folds(self.settings)

    @property
    def members(self) -> tuple[Member, ...]:
        """Of all kinds, kind after kind."""
        return tuple(member for group in self.groups for member in group.members)

    def first(self, n: int) -> PreparedTraining:
        """The same with n rows only: a sample of them all, small enough to look at in one piece."""

        def cut(rows: Rows) -> Rows:
            return replace(rows, index=rows.index[: np.searchsorted(rows.index, n)])

        def cut_member(m: Member) -> Member:
            return replace(m, train=cut(m.train), valid=None if m.valid is None else cut(m.valid))

        groups = tuple(replace(g, members=tuple(map(cut_member, g.members))) for g in self.groups)
        return replace(self, groups=groups, encoded=self.encoded.first(n))


def prepare(
    path: str, config: Config | None = None, options: ReadOptions | None = None, folder: str = "."
) -> PreparedTraining:
    """Reads a CSV and prepares a training on it. Raises DataError, MachineError or UsageError."""
    config = config or Config()
    return prepare_dataset(DataSet.read(path, config, options or ReadOptions(), folder), config)


def prepare_dataset(dataset: DataSet, config: Config, start: Start | None = None) -> PreparedTraining:
    """Columns fitted, rows encoded, members built, for rows already read. Raises DataError or UsageError."""
    config = replace(
        config, target=dataset.target, validation=shown_path(config.validation), test=shown_path(config.test)
    )
    draft = config.resolve(dataset.task, dataset.n_learn)
    check_settings(draft, dataset, start.schema.target.labels if start else dataset.labels)
    check_memory(draft, dataset)
    check_size(draft, dataset)
    schema = start.schema if start else fit_schema(dataset, draft)
    fold_of = deal_folds(dataset, schema, draft)
    unseen: list[Mapping[str, Ints]] = [{}] * n_parts(draft)
    if start is None:
        schema, unseen = fit_further(schema, draft, partial(labelled_rows, dataset, schema, fold_of, draft))
    encoded = encode_rows(dataset, schema, draft)
    folds = build_folds(encoded, fold_of, unseen, draft, dataset.storage)
    check_weights(encoded, folds, dataset)
    settings, notes = final_settings(config, dataset.task, dataset.n_learn, len(folds[0].fit), len(folds[0].valid))
    groups = build_members(schema, encoded, folds, settings, dataset.storage, start)
    notes = (*dataset.notes, *notes, *schema_notes(schema, settings), *start_notes(groups))
    origin = None if start is None else start.sha256
    return PreparedTraining(dataset, settings, schema, encoded, groups, notes, origin)


def final_settings(
    config: Config, task: Task, n_rows: int, n_fit: int, n_valid: int
) -> tuple[Settings, tuple[str, ...]]:
    """The settings of networks that train and validate on so many of `n_rows` rows each, and what is to be said of
    them.
    """
    settings = config.resolve(task, n_rows, n_fit)
    if len(settings.kinds) == 1 or n_valid:
        return settings, ()
    settings = replace(settings, kinds=settings.kinds[:1])
    return settings, (f"without validation rows kinds of network cannot be weighted: {settings.lead} alone (--kinds)",)


def schema_notes(schema: Schema, settings: Settings) -> list[str]:
    """What is to be said of the columns."""
    notes = [note for c in schema.columns if c.name not in settings.drop and (note := c.note())]
    if n_pairs := schema.width(["crosses"]):
        what = f"{n_pairs} inputs for pairs (--embed-categories none)"
        notes.append(f"levels of two categories tell more together: {what}")
    return notes


def start_notes(groups: Sequence[KindMembers]) -> list[str]:
    """What is to be said of the first weights."""
    if not any(group.starts_at_leaves for group in groups):
        return []
    return ["a few thresholds or levels part the classes: networks start from small trees (--init lecun_normal)"]


def has_folds(settings: Settings) -> bool:
    """Whether each member validates on a fold of its own, and not all on one set."""
    return settings.ensemble > 1 and settings.time is None and settings.share("validation") is not None


def n_parts(settings: Settings) -> int:
    """How many different sets of validation rows members have."""
    return settings.ensemble if has_folds(settings) else 1


# --- checks -----------------------------------------------------------------------------------------------


def check_settings(settings: Settings, dataset: DataSet, labels: Sequence[str]) -> None:
    """UsageError for settings that do not suit the target, whose classes are to be `labels`."""
    loss = LOSSES[settings.loss]
    if loss.task != dataset.task:
        what = f"--loss {settings.loss} is for {loss.task}, and this is {dataset.task}"
        raise UsageError(what, f"--task {loss.task}")
    for name in {name for other in LOSSES.values() for name in other.settings} - {*loss.settings}:
        if getattr(settings, name) != Config.__dataclass_fields__[name].default:
            owners = " or ".join(other for other, kind in LOSSES.items() if name in kind.settings)
            raise UsageError(f"{flag(name)} is for another loss than {settings.loss}", f"--loss {owners}")
    is_binary = len(dataset.labels) == 2
    if settings.loss == "binary_cross_entropy" and not is_binary:
        raise UsageError("--loss binary_cross_entropy needs a target of two classes")
    if settings.threshold != "none" and not is_binary:
        raise UsageError("--threshold needs a target of two classes")
    if (settings.cost or settings.order) and not labels:
        asked = "--cost" if settings.cost else "--order"
        raise UsageError(f"{asked} is for classes, and this is regression", "--task classification")
    rule_of(settings, labels, None)
    check_stop_on(settings, has_folds(settings) or dataset.total(splits.VALIDATION) > 0)


def check_memory(settings: Settings, dataset: DataSet) -> None:
    """DataError when matrices of rows by classes would not fit."""
    n_classes, n_rows = len(dataset.labels), len(dataset.rows)
    copies = CLASS_COPIES + COPIES_A_KIND * len(settings.kinds)
    needed = copies * 8 * n_classes * min(n_rows, MAX_EVALUATED)
    if needed > free_memory():
        raise DataError(
            f"{n_classes} classes in {n_rows} rows need about {needed / 2**30:.0f} GB of memory",
            "choose another column with --target, or join rare classes", file=dataset.name, column=dataset.target,
        )  # fmt: skip


def check_size(settings: Settings, dataset: DataSet) -> None:
    """DataError when the rows are too few to be dealt to the members."""
    if len(dataset.sets) - dataset.count(splits.TEST) < 2 * max(settings.ensemble, 2):
        raise DataError("too few rows are left for training", "smaller --test and --validation", file=dataset.name)


def check_weights(encoded: EncodedRows, folds: Sequence[Fold], dataset: DataSet) -> None:
    """DataError when all rows of a fold have the weight 0."""
    for rows in (rows for fold in folds for rows in (fold.fit, fold.valid)):
        if encoded.weights is not None and len(rows) and not encoded.weights[rows].any():
            what = "all rows on which a network trains or validates have the weight 0"
            raise DataError(what, "leave out rows of weight 0, or --ensemble 1", file=dataset.name)


# --- columns ----------------------------------------------------------------------------------------------


def fit_schema(dataset: DataSet, settings: Settings) -> Schema:
    """The columns and the target, fitted on the rows for training, and with folds on those for validation too.

    Raises NothingToLearnError, and DataError for columns that would be lost.
    """
    is_fitted, given = may_fit(dataset, settings), given_weights(dataset, settings)
    n_rows = max(MIN_FITTED_ROWS, FITTED_CELLS // len(dataset.frame.columns))
    fitted_on = sampled(is_fitted, n_rows, settings.seed)
    weights = None if given is None else as_counts(given[fitted_on])
    features = take_rows(dataset.frame.drop(columns=dataset.target), fitted_on, Storage(), dataset.storage)
    columns = fit_columns(
        features, settings, dataset.task, reserved_columns(settings), dataset.formats, weights, dataset.n_learn
    )
    schema = Schema(columns, fit_target_of(dataset, fitted_on, is_fitted, settings, weights))
    if not schema.features:
        raise NothingToLearnError("no column holds anything to learn from", file=dataset.name)
    return schema


def may_fit(dataset: DataSet, settings: Settings) -> NDArray[np.bool_]:
    """The rows for training, and with folds those for validation too, but for those of weight 0."""
    found = np.asarray(dataset.sets != splits.TEST if has_folds(settings) else dataset.sets == splits.TRAIN)
    weights = given_weights(dataset, settings)
    return found if weights is None else found & (weights > 0)


def reserved_columns(settings: Settings) -> dict[str, str]:
    """Columns that are no inputs, and why."""
    reasons = dict.fromkeys(settings.drop, "left out by --drop")
    roles = ((settings.weight, "the rows' weights"), (settings.group, "the rows' groups"))
    return reasons | {name: reason for name, reason in roles if name}


def fit_target_of(
    dataset: DataSet, fitted_on: Ints, is_fitted: NDArray[np.bool_], settings: Settings, weights: Floats | None
) -> Target:
    """The target's labels, or the statistics of its numbers in these rows; its range over all that may be fitted."""
    if dataset.labels:
        target = fit_target(dataset.target, dataset.task, as_categorical(dataset.y_cells))
        return replace(target, labels=settings.order or target.labels)
    values = np.asarray(dataset.y_cells.iloc[fitted_on], np.float64)
    target = fit_target(dataset.target, dataset.task, values, build_loss(settings).is_centred, weights)
    low, high = extremes(dataset.y_cells.to_numpy(), is_fitted)
    return replace(target, low=low, high=high, format=dataset.formats[dataset.target])


# --- folds, crosses and cuts ------------------------------------------------------------------------------


def deal_rows(dataset: DataSet, schema: Schema, settings: Settings) -> Iterator[tuple[slice, Ints, Ints]]:
    """Block after block of the data set: its rows that are not for testing, and their places among the encoded rows."""
    n = len(dataset.sets) - dataset.count(splits.TEST)
    shuffler = splits.RowShuffler(n, block_rows(schema.n_inputs), settings.seed)
    done = 0
    for block in splits.blocks(len(dataset.sets), ENCODED_ROWS):
        chosen = np.flatnonzero(dataset.sets[block] != splits.TEST)
        yield block, chosen, shuffler.positions(done, len(chosen))
        done += len(chosen)


def deal_folds(dataset: DataSet, schema: Schema, settings: Settings) -> NDArray[np.int8]:
    """The fold of each row of the data set, that of the member that it validates; without folds 1 for validation."""
    storage, n_rows = dataset.storage, len(dataset.sets)
    fold_of = storage.array((n_rows,), np.int8)
    if not has_folds(settings):
        for block in splits.blocks(n_rows):
            fold_of[block] = dataset.sets[block] == splits.VALIDATION
            storage.release()
        return fold_of
    rows = storage.array((n_rows - dataset.count(splits.TEST),), np.int64)
    for block, chosen, to in deal_rows(dataset, schema, settings):
        rows[to] = block.start + chosen
        storage.release()
    fold = dataset.splitter.take(rows).folds(settings.ensemble, settings.seed, storage.array((len(rows),), np.int8))
    for block in splits.blocks(len(rows)):
        fold_of[rows[block]] = fold[block]
        storage.release()
    return fold_of


# Columns and how many rows -> a sample of the rows that may be fitted: their cells, (n,) classes, and the fold that
# each validates; -1 for none.
LabelledRows = Callable[[list[str], int], tuple[pd.DataFrame, Ints, NDArray[np.int8]]]


def fit_further(schema: Schema, settings: Settings, rows: LabelledRows) -> tuple[Schema, list[Mapping[str, Ints]]]:
    """The schema with the inputs that the target asks for, and for each fold those that only others' rows ask for."""
    schema, asks = fit_crosses(schema, settings, rows)
    schema, cuts = fit_cuts(schema, settings, rows)
    pairs = np.arange(schema.width(["crosses"]))
    unseen = [{"cuts": c, "crosses": pairs[: 0 if is_asked else None]} for c, is_asked in zip(cuts, asks, strict=True)]
    return schema, list[Mapping[str, Ints]](unseen)


def fit_crosses(schema: Schema, settings: Settings, rows: LabelledRows) -> tuple[Schema, NDArray[np.bool_]]:
    """The schema with inputs for pairs of levels, for classes alone, and whether the rows of each fold ask for them."""
    if settings.embed_categories != "learned" or not may_cross(schema):
        return schema, np.zeros(n_parts(settings), bool)
    return add_crosses(schema, *rows([c.name for c in schema.features], MAX_ROWS), n_parts(settings))


def fit_cuts(schema: Schema, settings: Settings, rows: LabelledRows) -> tuple[Schema, list[Ints]]:
    """The schema with the cuts of its numbers, and for each fold the cuts that only others found; for classes alone.

    A fold's own are found on the rows that it trains on, so validation rows stay unseen.
    """
    names = [c.name for c in schema.features if isinstance(c, NumberColumn)]
    if not (names and schema.target.labels and has_bins(settings, settings.task, len(names))):
        return schema, [np.empty(0, np.int64)] * n_parts(settings)
    return add_cuts(schema, *rows(names, n_cut_rows(len(schema.target.labels))), n_parts(settings))


def labelled_rows(
    dataset: DataSet, schema: Schema, fold_of: NDArray[np.int8], settings: Settings, names: list[str], n_rows: int
) -> tuple[pd.DataFrame, Ints, NDArray[np.int8]]:
    """A sample of the rows of a data set, as LabelledRows."""
    return labelled(
        dataset, schema, fold_of, settings, names, sampled(may_fit(dataset, settings), n_rows, settings.seed)
    )


def labelled(
    dataset: DataSet, schema: Schema, fold_of: NDArray[np.int8], settings: Settings, names: list[str], rows: Ints
) -> tuple[pd.DataFrame, Ints, NDArray[np.int8]]:
    """These rows of a data set, as LabelledRows."""
    frame = take_rows(dataset.frame[names], rows, Storage(), dataset.storage)
    classes = encode_target(column_values(dataset.y_cells)[rows], schema)
    # Without folds validation rows are not among them, and there is no other part to leave out.
    part = fold_of[rows] if has_folds(settings) else np.full(len(rows), -1, np.int8)
    return frame, classes, part


# --- rows -------------------------------------------------------------------------------------------------


def encode_rows(dataset: DataSet, schema: Schema, settings: Settings) -> EncodedRows:
    """All rows but the test rows as inputs, dealt so that every block is a sample. Raises DataError for weights."""
    storage, n = dataset.storage, len(dataset.sets) - dataset.count(splits.TEST)
    rows, x = storage.array((n,), np.int64), storage.array((n, schema.n_inputs), np.float32)
    y = storage.array((n,), np.int64 if schema.target.labels else np.float32)
    columns = [column_values(dataset.frame[c.name]) for c in schema.features]
    y_cells = column_values(dataset.y_cells)
    for block, chosen, to in deal_rows(dataset, schema, settings):
        inputs, cells = np.empty((len(chosen), schema.n_inputs), np.float32), []
        for column in columns:
            cells.append(column[block][chosen])
            storage.release()  # of each at once: a system may keep megabytes around what is read
        schema.fill(inputs, cells, 0)
        rows[to], x[to], y[to] = block.start + chosen, inputs, encode_target(y_cells[block][chosen], schema)
        storage.release()
    return EncodedRows(rows, x, y, row_weights(dataset, rows, y, settings))


def build_folds(
    encoded: EncodedRows,
    fold_of: NDArray[np.int8],
    unseen: Sequence[Mapping[str, Ints]],
    settings: Settings,
    storage: Storage,
) -> list[Fold]:
    """What each member trains on and validates on: a fold of its own, or for all the same validation rows."""
    fold = take(fold_of, encoded.rows, storage)
    if has_folds(settings):
        return [Fold(indices(fold != k, storage), indices(fold == k, storage), unseen[k]) for k in range(len(unseen))]
    return [Fold(indices(fold == 0, storage), indices(fold == 1, storage), unseen[0])] * settings.ensemble


def encode_target(cells: pd.Series[Any] | pd.Categorical[Any] | Floats, schema: Schema) -> NDArray[Any]:
    """The target's cells -> class numbers in the order of the labels (-1: unknown), or standardised numbers"""
    target = schema.target
    if not target.labels:
        return target.standardise(np.asarray(cells, np.float64)).astype(np.float32)
    values = cells if isinstance(cells, pd.Categorical) else as_categorical(cells)
    number = {label: i for i, label in enumerate(target.labels)}
    numbers = np.array([*(number.get(str(c), -1) for c in values.categories), -1], np.int64)
    return np.asarray(numbers[values.codes])


# --- members ----------------------------------------------------------------------------------------------


def build_members(
    schema: Schema, encoded: EncodedRows, folds: list[Fold], settings: Settings, storage: Storage,
    start: Start | None = None, lines: Mapping[str, Sequence[Line]] | None = None,
) -> tuple[KindMembers, ...]:  # fmt: skip
    """A member of each kind for each fold, each with its own randomness, and the weights of its place in `start`.

    `lines` of each kind, one a fold or none, are fitted on these rows unless given. Raises DataError for networks too
    large.
    """
    seeds = iter(np.random.SeedSequence(settings.seed).spawn(len(folds) * len(settings.kinds)))
    groups = []
    for kind in settings.kinds:
        rows = [rows_of(fold, encoded, storage) for fold in folds]
        own: list[Line | None] = [None] * len(folds)
        if start is not None:
            own = [line_of(network, of) for network, of in zip(start.networks[kind], rows, strict=True)]
        elif found := fit_lines(rows, schema, settings, kind) if lines is None else lines[kind]:
            own = [*found]
        members = []
        for i, (fold, (fit, valid), line) in enumerate(zip(folds, rows, own, strict=True)):
            rng = np.random.default_rng(next(seeds))
            network = build_network(settings, schema, rng, kind, fold.unseen, line)
            network.convert(settings.dtype)
            if start is not None:
                network.load(start.networks[kind][i].saved())  # the weights of unseen cuts are 0 then, and learn
            members.append(Member(network, fit, valid, rng, fold.unseen, line))
        group = KindMembers(kind, tuple(members))
        may_race = start is None and lines is None and not schema.width(["crosses"])
        groups.append(start_at_leaves(group, settings, schema.target) if may_race else group)
    return tuple(groups)


def rows_of(fold: Fold, encoded: EncodedRows, storage: Storage) -> tuple[Rows, Rows | None]:
    """The rows that a member trains on, and those that choose its epoch."""
    fit = Rows(encoded.x, encoded.y, encoded.weights, fold.fit, storage.release)
    # The first of so many rows are a sample of them all, and tell one epoch from another as well.
    return fit, replace(fit, index=fold.valid[:MAX_VALIDATION_ROWS]) if len(fold.valid) else None

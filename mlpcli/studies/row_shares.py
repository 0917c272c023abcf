"""A share of the rows of a training, on the worker that holds it: read, encoded, trained on, asked.

What a share answers depends on its files and on what it is given, not on what it was asked before: another worker
that makes it anew answers the same.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config.settings import Config, ReadOptions, Settings
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.data.schema import Schema
from mlpcli.data.shares import Agreement, Found, as_agreed, found_in, open_share
from mlpcli.data.take import extremes, sampled
from mlpcli.engine.arrays import Array, Ints
from mlpcli.engine.network import Line
from mlpcli.errors import MachineError
from mlpcli.studies.workers import Shared
from mlpcli.training.averaging import round_steps
from mlpcli.training.linear_start import LineSums, line_sums
from mlpcli.training.loop import DivergedError, Member, MemberTrainer, steps_of
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import (
    MAX_VALIDATION_ROWS,
    EncodedRows,
    Fold,
    build_folds,
    build_members,
    deal_folds,
    encode_rows,
    labelled,
    may_fit,
    rows_of,
)
from mlpcli.training.state import RngPlace, fill, place_of, set_place

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class SharedTable:
    """The files of a table, in shares, and how they are read."""

    path: str  # as given
    files: tuple[tuple[str, ...], ...]  # by share
    config: Config
    options: ReadOptions


@dataclass(frozen=True)
class Plan:
    """What was found out so far by asking all shares: what a share is made from, beside its files."""

    agreed: Agreement | None = None
    draft: Settings | None = None  # before the number of rows for training is known
    schema: Schema | None = None
    unseen: tuple[Mapping[str, Ints], ...] = ()  # by fold
    settings: Settings | None = None
    n_valid: tuple[int, ...] = ()  # by fold, validation rows of all shares
    lines: Mapping[str, Sequence[Line]] = field(default_factory=dict)  # of each kind, one a fold or none


@dataclass(frozen=True)
class Sampling:
    """A random sample of a table, as one share takes its part of it."""

    most: int  # rows of all shares
    n: int  # rows of all shares that may be taken
    before: int  # of these, in the shares before this one


@dataclass(frozen=True)
class Dealt:
    """Which rows a share has."""

    counts: tuple[int, int, int]  # of each set
    n_fit: int  # rows that columns are fitted on
    low: float  # of the target's numbers in these; 0 for classes
    high: float


@dataclass(frozen=True)
class Opened:
    """A share that is ready to train: rows of it to look at, and what its answers are compared with."""

    rows: DataSet
    places: Ints  # (n,) of the encoded rows to look at, in their order, among `rows`
    fold: NDArray[np.int8]  # (n,) theirs
    y_sample: tuple[NDArray[Any], ...]  # by member, of the training rows whose loss is measured
    y_valid: tuple[NDArray[Any], ...]  # by member, of the validation rows


@dataclass(frozen=True)
class Round:
    """Steps to take with a member of a training."""

    member: int
    epoch: int  # epochs done
    number: int  # of the round in its epoch
    n_rounds: int
    lr: float
    retries: int
    steps: int  # of the optimiser, on this share
    rng: RngPlace | None  # of a training on one share; None at its start
    vectors: Shared[Array]  # parameters, running statistics, average, moments


@dataclass(frozen=True)
class RoundDone:
    """Where a round has led: its vectors, or why there are none."""

    vectors: Array | None
    n_rows: int  # of its steps
    steps: int
    rng: RngPlace
    error: str = ""


class Share:
    """The share of one reader; each of its forms is made when it is first asked for."""

    def __init__(self, table: SharedTable, number: int) -> None:
        self.table, self.number = table, number
        self.held: dict[str, Any] = {}

    def hold(self, name: str, make: Callable[[], Answer]) -> Answer:
        if name not in self.held:
            self.held[name] = make()
        found: Answer = self.held[name]
        return found

    # --- its forms ----------------------------------------------------------------------------------------

    def read(self) -> DataSet:
        """Read by itself."""
        table, files = self.table, self.table.files[self.number]

        def read() -> DataSet:
            try:
                source = open_share(table.path, files, table.options, tempfile.gettempdir())
            except MachineError as error:
                error.hint = error.hint or "the path is to lead to the same file on every worker"
                raise
            return DataSet.of(source, table.config, table.options)

        return self.hold("read", read)

    def dataset(self, plan: Plan) -> DataSet:
        """Read as all shares are."""
        assert plan.agreed is not None
        agreed, table = plan.agreed, self.table
        return self.hold("dataset", lambda: as_agreed(self.read(), agreed, self.number, table.config, table.options))

    def fold_of(self, plan: Plan) -> NDArray[np.int8]:
        """(n,) the fold of each row."""
        assert plan.schema is not None
        assert plan.draft is not None
        schema, draft = plan.schema, plan.draft
        return self.hold("fold_of", lambda: deal_folds(self.dataset(plan), schema, draft))

    def encoded(self, plan: Plan) -> tuple[EncodedRows, list[Fold]]:
        assert plan.schema is not None
        assert plan.draft is not None
        schema, draft, dataset = plan.schema, plan.draft, self.dataset(plan)

        def encode() -> tuple[EncodedRows, list[Fold]]:
            rows = encode_rows(dataset, schema, draft)
            return rows, build_folds(rows, self.fold_of(plan), plan.unseen, draft, dataset.storage)

        return self.hold("encoded", encode)

    def folds(self, plan: Plan) -> tuple[EncodedRows, list[Fold]]:
        """The encoded rows and their folds, of which no member validates on more rows than it would alone."""
        rows, folds = self.encoded(plan)
        return rows, [with_valid(fold, n) for fold, n in zip(folds, plan.n_valid, strict=True)]

    def trainers(self, plan: Plan) -> list[ShareTrainer]:
        assert plan.schema is not None
        assert plan.settings is not None
        schema, settings, storage = plan.schema, plan.settings, self.dataset(plan).storage

        def build() -> list[ShareTrainer]:
            rows, folds = self.folds(plan)
            groups = build_members(schema, rows, folds, settings, storage, lines=plan.lines)
            members = [member for group in groups for member in group.members]
            return [ShareTrainer(m, settings, self.number, i) for i, m in enumerate(members)]

        return self.hold("trainers", build)

    # --- what it is asked, in this order ------------------------------------------------------------------

    def find(self, plan: Plan) -> Found:
        return found_in(self.read(), self.table.files[self.number][0])

    def deal(self, plan: Plan) -> Dealt:
        assert plan.draft is not None
        dataset, is_fitted = self.dataset(plan), may_fit(self.dataset(plan), plan.draft)
        train, validation, test = (dataset.count(number) for number in range(len(splits.SETS)))
        low, high = (0.0, 0.0) if dataset.labels else extremes(dataset.y_cells.to_numpy(), is_fitted)
        return Dealt((train, validation, test), int(np.count_nonzero(is_fitted)), low, high)

    def fitted_rows(self, plan: Plan, sampling: Sampling) -> DataSet:
        """Its part of the rows that columns are fitted on."""
        dataset = self.dataset(plan)
        return dataset.take(self.chosen(plan, sampling)).without_file()

    def labelled_rows(
        self, plan: Plan, sampling: Sampling, names: list[str]
    ) -> tuple[pd.DataFrame, Ints, NDArray[np.int8]]:
        """Its part of the rows that are asked for what their classes need."""
        assert plan.schema is not None
        assert plan.draft is not None
        rows, dataset = self.chosen(plan, sampling), self.dataset(plan)
        return labelled(dataset, plan.schema, self.fold_of(plan), plan.draft, names, rows)

    def chosen(self, plan: Plan, sampling: Sampling) -> Ints:
        assert plan.draft is not None
        is_fitted = may_fit(self.dataset(plan), plan.draft)
        return sampled(is_fitted, sampling.most, plan.draft.seed, sampling.before, sampling.n)

    def encode(self, plan: Plan) -> tuple[tuple[int, int], ...]:
        """Encodes its rows; by fold, how many train and how many validate."""
        return tuple((len(fold.fit), len(fold.valid)) for fold in self.encoded(plan)[1])

    def line_sums(self, plan: Plan) -> dict[str, LineSums]:
        """Its part of what lines are solved from."""
        assert plan.schema is not None
        assert plan.settings is not None
        (encoded, folds), storage = self.folds(plan), self.dataset(plan).storage
        rows = [rows_of(fold, encoded, storage) for fold in folds]
        if all(plan.n_valid):  # of a fold a small share may have none
            rows = [(fit, replace(fit, index=fold.valid)) for (fit, _), fold in zip(rows, folds, strict=True)]
        return {kind: line_sums(rows, plan.schema, plan.settings, kind) for kind in plan.settings.kinds}

    def open(self, plan: Plan, n_rows: int, tested: Sampling) -> Opened:
        """Gets ready to train; `n_rows` of its encoded rows, and its part of the test rows, are to be looked at."""
        assert plan.draft is not None
        dataset, (encoded, _), trainers = self.dataset(plan), self.encoded(plan), self.trainers(plan)
        n = len(encoded.rows)
        is_alone = len(self.table.files) == 1
        looked_at = encoded.rows[np.arange(n_rows) if is_alone else np.arange(n_rows) * n // n_rows]
        is_test = dataset.sets == splits.TEST
        test_rows = sampled(is_test, tested.most, plan.draft.seed, tested.before, tested.n)
        rows = np.union1d(looked_at, test_rows)
        places = np.searchsorted(rows, looked_at)
        return Opened(
            dataset.take(rows).without_file(), places, self.fold_of(plan)[looked_at],
            tuple(t.member.train.y[t.sample] for t in trainers),
            tuple(encoded.y[:0] if (v := t.member.valid) is None else v.y[v.index] for t in trainers),
        )  # fmt: skip

    def train(self, plan: Plan, step: Round) -> RoundDone:
        """Takes the steps of a round."""
        trainer = self.trainers(plan)[step.member]
        return trainer.alone(step) if len(self.table.files) == 1 else trainer.take(step)

    def answers(self, plan: Plan, member: int, vectors: Shared[Array]) -> tuple[Array, Array | None]:
        """What a network with these parameters and running statistics says of the rows that are measured."""
        trainer = self.trainers(plan)[member]
        fill([trainer.member.network.params, trainer.member.network.state], vectors.value)
        return trainer.answers()


def with_valid(fold: Fold, n: int) -> Fold:
    """A fold with its part of the validation rows that choose epochs; in all shares it has `n`."""
    return replace(fold, valid=fold.valid[: -(-MAX_VALIDATION_ROWS * len(fold.valid) // max(n, 1))])


class ShareTrainer(MemberTrainer):
    """One member on one share: takes steps from where all shares stand."""

    def __init__(self, member: Member, settings: Settings, share: int, number: int) -> None:
        super().__init__(member, build_loss(settings), settings)
        self.share, self.number = share, number
        self.first_rng = place_of(member.rng)
        self.order: tuple[tuple[int, int, int], Iterator[Ints]] | None = None  # what comes next, and its batches

    def begin(self, step: Round) -> None:
        fill(self.moving(), step.vectors.value)
        self.lr, self.done, self.optimizer.t = step.lr, step.epoch, step.steps

    def alone(self, step: Round) -> RoundDone:
        """An epoch of a training on one share, which is that of one machine, bit for bit."""
        self.begin(step)
        set_place(self.member.rng, step.rng or self.first_rng)
        return self.after(self.run_epoch, len(self.member.train))

    def take(self, step: Round) -> RoundDone:
        """The steps of a round, over the next rows of an order that this share has for the epoch."""
        self.begin(step)
        n_steps = steps_of(len(self.member.train), self.config)
        numbers = round_steps(step.number, step.n_rounds, n_steps)
        batches = self.batches(step, numbers)
        rng = self.generator(step, step.number + 1)
        return self.after(lambda: self.run_steps(numbers, n_steps, batches, rng), len(numbers) * self.batch_size)

    def after(self, run: Callable[[], None], n_rows: int) -> RoundDone:
        error = ""
        try:
            run()
        except DivergedError as diverged:
            error = str(diverged)
        vectors = None if error else np.concatenate(self.moving())
        return RoundDone(vectors, n_rows, self.optimizer.t, place_of(self.member.rng), error)

    def batches(self, step: Round, numbers: range) -> Iterator[Ints]:
        """The batches of the epoch from these steps on: those under way, or the same counted off anew."""
        here = step.epoch, step.retries, numbers.start
        if self.order is None or self.order[0] != here:
            every = self.member.train.batches(self.batch_size, self.generator(step, 0))
            self.order = here, islice(every, numbers.start, None)
        batches = self.order[1]
        self.order = (step.epoch, step.retries, numbers.stop), batches
        return batches

    def generator(self, step: Round, purpose: int) -> np.random.Generator:
        """The order of the rows of an epoch, and after it dropout and noise of each round, have one each."""
        return np.random.default_rng([self.config.seed, self.share, self.number, step.epoch, step.retries, purpose])


# --- on a worker ------------------------------------------------------------------------------------------


class HeldShare:
    """A share with the worker that holds it; sent without what was made of it."""

    def __init__(self, table: SharedTable, number: int) -> None:
        self.share, self.lock = Share(table, number), threading.Lock()

    def __reduce__(self) -> tuple[type[HeldShare], tuple[SharedTable, int]]:
        return HeldShare, (self.share.table, self.share.number)


@dataclass(frozen=True)
class ShareTask(Generic[Answer]):
    """Something to ask a share."""

    name: str  # to show
    held: Shared[HeldShare]
    plan: Shared[Plan]
    ask: Callable[..., Answer]
    given: tuple[Any, ...]


def perform(task: ShareTask[Answer]) -> Answer:
    held = task.held.value
    with held.lock:  # a worker may have several threads
        return task.ask(held.share, task.plan.value, *task.given)

"""A training whose rows lie with several workers, each with a share of the files; here are only weights and sums.

All shares are read by one plan, as they would be read together, and every network is trained on all of them at once:
each worker takes some steps on its rows, the weights are averaged, and so on; after an epoch the validation rows of all
workers decide together. The result depends on files, settings and the number of shares alone: not on which worker has
a share, on the order of answers, or on workers that die.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, wait
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.settings import Config, ReadOptions, Settings, flag
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet, Whole
from mlpcli.data.shares import Found, agree, joined, joined_frame
from mlpcli.data.text import files_of
from mlpcli.data.values import column_values
from mlpcli.engine.arrays import Array, Ints
from mlpcli.engine.network import Line
from mlpcli.errors import DataError, MlpcliError, UsageError, plural
from mlpcli.studies.row_shares import (
    Dealt,
    HeldShare,
    Opened,
    Plan,
    Round,
    Sampling,
    Share,
    SharedTable,
    ShareTask,
    perform,
)
from mlpcli.studies.workers import Shared, Workers
from mlpcli.training.averaging import STEPS, OuterStep, average, n_rounds
from mlpcli.training.events import Event
from mlpcli.training.linear_start import LineSums, add_sums, solve_lines
from mlpcli.training.loop import DivergedError, Member, MemberTrainer, Rows, Training, steps_of
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import (
    FITTED_CELLS,
    MAX_EVALUATED,
    MIN_FITTED_ROWS,
    EncodedRows,
    PreparedTraining,
    build_folds,
    build_members,
    check_memory,
    check_settings,
    encode_target,
    final_settings,
    fit_further,
    fit_schema,
    schema_notes,
)
from mlpcli.training.state import RngPlace, fill

Answer = TypeVar("Answer")
POLL_SECONDS = 0.1  # between two looks at whether answers are still wanted


# --- the shares -------------------------------------------------------------------------------------------


def share_files(pattern: str, n: int) -> tuple[tuple[str, ...], ...]:
    """The files of a table in at most n shares of about as many bytes, each a run of files. Raises DataError."""
    files = files_of(pattern)
    try:
        sizes = [os.stat(file).st_size for file in files]
    except OSError as error:
        raise DataError(f"cannot read: {error.strerror}", file=pattern) from error
    n = min(n, len(files))
    ends = np.cumsum(sizes)
    shares, first = list[tuple[str, ...]](), 0
    for number in range(1, n + 1):
        stop = int(np.searchsorted(ends, ends[-1] * number / n)) + 1
        stop = min(max(stop, first + 1), len(files) - (n - number))  # each has a file, and each after it
        shares.append(tuple(files[first:stop]))
        first = stop
    return tuple(shares)


class ShareGroup:
    """All shares of a table, wherever they are; they answer in their order."""

    def __init__(self, table: SharedTable, workers: Workers) -> None:
        self.table, self.workers = table, workers
        self.named = {os.path.abspath(file): file for files in table.files for file in files}
        there_files = tuple(tuple(map(os.path.abspath, files)) for files in table.files)
        there = replace(table, files=there_files)
        self.held = [Shared(HeldShare(there, i), is_pinned=True) for i in range(len(there.files))]
        self.plan = Plan()
        self.sent = Shared(self.plan)

    def __len__(self) -> int:
        return len(self.table.files)

    def decide(self, **found: Any) -> Plan:
        """Adds to what all shares are made from."""
        self.plan = replace(self.plan, **found)
        self.sent.close()
        self.sent = Shared(self.plan)
        return self.plan

    def ask(
        self, what: str, ask: Callable[..., Answer], given: Sequence[tuple[Any, ...]] | None = None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> list[Answer]:  # fmt: skip
        """The answers of all shares, to each its own arguments. Raises what a share raises, and CancelledError."""
        given = given or [()] * len(self)
        tasks = [
            ShareTask(f"share {i + 1}: {what}", self.held[i], self.sent, ask, of_share)
            for i, of_share in enumerate(given)
        ]
        futures = [self.workers.submit(perform, task) for task in tasks]
        waiting = set(futures)
        while waiting:
            if not is_wanted():
                raise CancelledError
            waiting = wait(waiting, POLL_SECONDS).not_done
        try:
            return [future.result() for future in futures]
        except MlpcliError as error:
            error.file = self.named.get(error.file or "", error.file)
            raise

    def close(self) -> None:
        self.sent.close()
        for held in self.held:
            held.close()


def samplings(counts: Sequence[int], most: int) -> list[tuple[Sampling]]:
    """A sample of rows of which each share has so many."""
    before = np.cumsum([0, *counts])
    return [(Sampling(most, int(before[-1]), int(n)),) for n in before[:-1]]


# --- ready to train ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DistributedTraining:
    """A training that is ready to run: iterate `events`, then `model.assemble` what is `prepared`.

    That has a sample of all rows, by which the model is calibrated and described, and its networks are trained.
    """

    prepared: PreparedTraining
    shares: ShareGroup
    opened: tuple[Opened, ...]
    n_fit: tuple[tuple[int, ...], ...]  # by share and fold, rows to train on
    every: int  # steps between two averages

    def events(self) -> Iterator[Event]:
        with self.shares.workers:
            training = DistributedNetworks(self)
            try:
                yield from training.events(len(training.trainers))
            finally:
                self.shares.close()


def prepare(
    pattern: str, config: Config, options: ReadOptions, workers: Workers, n_shares: int, every: int = STEPS
) -> DistributedTraining:
    """Has the rows read by the workers. Raises DataError, MachineError or UsageError."""
    check_config(pattern, config)
    shares = ShareGroup(SharedTable(pattern, share_files(pattern, n_shares), config, options), workers)
    found = shares.ask("reading", Share.find)
    agreed = agree(found, config)
    config = replace(config, target=agreed.target)
    draft = config.resolve(agreed.task)
    shares.decide(agreed=agreed, draft=draft)
    dealt = shares.ask("splitting", Share.deal)
    n_rows = sum(sum(one.counts[:2]) for one in dealt)
    draft = config.resolve(agreed.task, n_rows)
    shares.decide(draft=draft)
    check_sizes(dealt, draft, shares)
    unseen = fit_columns_of(shares, found, dealt, draft)
    sizes = shares.ask("encoding", Share.encode)
    n_fit = tuple(tuple(fit for fit, _ in of_share) for of_share in sizes)
    n_valid = tuple(int(n) for n in np.sum([[valid for _, valid in of_share] for of_share in sizes], axis=0))
    # Each share takes as many steps as a table of its own size, so batches and epochs are those of the largest.
    settings, notes = final_settings(config, agreed.task, n_rows, max(of_share[0] for of_share in n_fit), n_valid[0])
    plan = shares.decide(settings=settings, n_valid=n_valid)
    plan = shares.decide(lines=lines_of_all(shares.ask("fitting lines", Share.line_sums), plan))
    opened = shares.ask("getting ready", Share.open, looked_at(dealt))
    assert plan.schema is not None
    dataset = sample_of(shares, found, dealt, [one.rows for one in opened])
    encoded, fold_of = encoded_sample(dataset, opened, plan, settings.seed)
    folds = build_folds(encoded, fold_of, unseen, settings, dataset.storage)
    groups = build_members(plan.schema, encoded, folds, settings, dataset.storage, lines=plan.lines)
    if len(shares) < n_shares:
        notes += (f"{plural(len(shares), 'share')} for {n_shares} workers: a file is not divided, give more of them",)
    notes = (*dataset.notes, *notes, *schema_notes(plan.schema, settings))
    prepared = PreparedTraining(dataset, settings, plan.schema, encoded, groups, notes, n_shares=len(shares))
    return DistributedTraining(prepared, shares, tuple(opened), n_fit, every)


def lines_of_all(sums: Sequence[dict[str, LineSums]], plan: Plan) -> dict[str, list[Line]]:
    """The lines of each kind, from the sums of all shares."""
    assert plan.schema is not None
    return {kind: solve_lines(add_sums([of[kind] for of in sums]), plan.schema, kind) for kind in sums[0]}


ALONE = {"group": None, "time": None, "weight": None, "class_weight": "none"}  # settings that need all rows together


def check_config(pattern: str, config: Config) -> None:
    """UsageError for what cannot be done share by share."""
    if pattern == "-":
        raise UsageError("standard input cannot be shared among workers", "name files, as in 'parts/*.csv'")
    for name, default in ALONE.items():
        if getattr(config, name) != default:
            raise UsageError(f"{flag(name)} needs all rows in one place", "leave out one of it and --distribute rows")
    for name in ("validation", "test"):
        if config.share(name) is None:
            raise UsageError(
                f"{flag(name)}: with --distribute rows a share of the rows, not a file", f"{flag(name)} 0.15"
            )


def check_sizes(dealt: Sequence[Dealt], settings: Settings, shares: ShareGroup) -> None:
    """DataError for a share without enough rows to train on."""
    for one, files in zip(dealt, shares.table.files, strict=True):
        if sum(one.counts[:2]) < 2 * max(settings.ensemble, 2) or not one.counts[0]:
            raise DataError("too few rows for a share of a training", "fewer workers, or larger files", file=files[0])


def fit_columns_of(
    shares: ShareGroup, found: Sequence[Found], dealt: Sequence[Dealt], draft: Settings
) -> tuple[Any, ...]:  # fmt: skip
    """Fits the columns on a sample of the rows of all shares, and tells these; by fold, the inputs only others see."""
    n_fitted, plan = [one.n_fit for one in dealt], shares.plan
    assert plan.agreed is not None
    most = max(MIN_FITTED_ROWS, FITTED_CELLS // len(found[0].formats))
    sample = sample_of(shares, found, dealt, shares.ask("drawing rows", Share.fitted_rows, samplings(n_fitted, most)))
    check_settings(draft, sample, sample.labels)
    check_memory(draft, sample)
    schema = fit_schema(sample, draft)
    if not sample.labels:
        low, high = min(one.low for one in dealt), max(one.high for one in dealt)
        schema = replace(schema, target=replace(schema.target, low=low, high=high))
    shares.decide(schema=schema)

    def labelled(names: list[str], n_rows: int) -> tuple[Any, Ints, NDArray[np.int8]]:
        given = [(*one, names) for one in samplings(n_fitted, n_rows)]
        frames, classes, parts = zip(*shares.ask("drawing rows", Share.labelled_rows, given), strict=True)
        return joined_frame(frames), np.concatenate(classes), np.concatenate(parts)

    schema, unseen = fit_further(schema, draft, labelled)
    return shares.decide(schema=schema, unseen=tuple(unseen)).unseen


def sample_of(
    shares: ShareGroup, found: Sequence[Found], dealt: Sequence[Dealt], samples: Sequence[DataSet]
) -> DataSet:  # fmt: skip
    """Rows of all shares as one data set that knows the size of the whole."""
    agreed = shares.plan.agreed
    assert agreed is not None
    train, validation, test = (sum(one.counts[i] for one in dealt) for i in range(len(splits.SETS)))
    dataset = joined(samples, found, agreed, shares.table.path)
    return replace(dataset, whole=Whole(agreed.n_rows, (train, validation, test)))


def looked_at(dealt: Sequence[Dealt]) -> list[tuple[int, Sampling]]:
    """For each share, how many of its encoded rows are looked at here, and its part of the test rows."""
    ends = np.cumsum([0, *(sum(one.counts[:2]) for one in dealt)])
    taken = ends * min(MAX_EVALUATED, int(ends[-1])) // int(ends[-1])
    tested = samplings([one.counts[splits.TEST] for one in dealt], MAX_EVALUATED)
    return [(int(n), *one) for n, one in zip(np.diff(taken), tested, strict=True)]


def encoded_sample(
    dataset: DataSet, opened: Sequence[Opened], plan: Plan, seed: int
) -> tuple[EncodedRows, NDArray[np.int8]]:
    """The rows to look at, encoded, in an order of which every beginning is a sample; the fold of each of the set."""
    assert plan.schema is not None
    schema, starts = plan.schema, np.cumsum([0, *(len(one.rows.sets) for one in opened)])
    rows = np.concatenate([one.places + start for one, start in zip(opened, starts[:-1], strict=True)])
    fold_of = np.zeros(len(dataset.sets), np.int8)
    fold_of[rows] = np.concatenate([one.fold for one in opened])
    if len(opened) > 1:
        rows = np.random.default_rng([seed, len(opened)]).permutation(rows)
    x, cells = np.empty((len(rows), schema.n_inputs), np.float32), []
    for column in schema.features:
        cells.append(column_values(dataset.frame[column.name])[rows])
    for block in splits.blocks(len(rows)):
        schema.fill(x[block], cells, block.start)
    return EncodedRows(rows, x, encode_target(column_values(dataset.y_cells)[rows], schema), None), fold_of


# --- training ---------------------------------------------------------------------------------------------


class DistributedNetwork(MemberTrainer):
    """The training of one network on the rows of all shares."""

    def __init__(self, training: DistributedTraining, member: Member, criterion: Any, number: int) -> None:
        settings = training.prepared.settings
        super().__init__(member, build_loss(settings), settings, criterion)
        self.shares, self.number = training.shares, number
        self.prepared = training.prepared.members[number]
        self.weights = n_fit_of(training, number)
        self.n_rounds = n_rounds(max(steps_of(n, settings) for n in self.weights), training.every)
        self.outer = OuterStep(len(member.network.params))
        self.steps = [0] * len(self.weights)  # of each share's optimiser
        self.places: list[RngPlace | None] = [None] * len(self.weights)
        self.sample = np.arange(len(member.train.y))

    def run_epoch(self) -> None:
        """The rounds of one epoch; on one share it is one round, without an average."""
        rounds = 1 if len(self.shares) == 1 else self.n_rounds
        for number in range(rounds):
            if self.is_stopping or time.monotonic() > self.deadline:
                return
            self.run_round(number, rounds)

    def run_round(self, number: int, rounds: int) -> None:
        before = np.concatenate(self.moving())
        with Shared(before) as vectors:
            steps = [
                (Round(self.number, self.done, number, rounds, self.lr, self.retries, taken, place, vectors),)
                for taken, place in zip(self.steps, self.places, strict=True)
            ]
            done = self.shares.ask("training", Share.train, steps, lambda: not self.is_stopping)
        self.steps, self.places = [one.steps for one in done], [one.rng for one in done]
        if error := next((one.error for one in done if one.error), ""):
            raise DivergedError(error)
        mean = average([one.vectors for one in done if one.vectors is not None], self.weights)
        if len(done) > 1:
            n = len(self.member.network.params)
            mean[:n] = self.outer.take(before[:n], mean[:n])
        fill(self.moving(), mean)

    def recover(self, what: str) -> None:
        super().recover(what)
        self.steps = [0] * len(self.steps)
        self.outer.reset()

    def finish(self) -> None:
        super().finish()
        self.prepared.network = self.member.network

    def answers(self) -> tuple[Array, Array | None]:
        """Those of all shares, one after another."""
        network = self.member.network
        with Shared(np.concatenate([network.params, network.state])) as vectors:
            given = [(self.number, vectors)] * len(self.shares)
            found = self.shares.ask("validation", Share.answers, given, lambda: not self.is_stopping)
        valid = [logits for _, logits in found if logits is not None]
        return np.concatenate([sample for sample, _ in found]), np.concatenate(valid) if valid else None


class DistributedNetworks(Training):
    """The networks of a distributed training, whose rows are counted here and lie elsewhere."""

    is_here = False

    def __init__(self, training: DistributedTraining) -> None:
        prepared = training.prepared
        numbers = iter(range(len(prepared.members)))
        groups = [
            replace(g, members=tuple(elsewhere(training, m, next(numbers)) for m in g.members)) for g in prepared.groups
        ]
        super().__init__(groups, build_loss(prepared.settings), prepared.settings, prepared.criterion())
        members = [member for group in groups for member in group.members]
        self.trainers = [DistributedNetwork(training, m, self.criterion, i) for i, m in enumerate(members)]
        self.lead = self.trainers[: len(self.lead)]


def n_fit_of(training: DistributedTraining, number: int) -> list[int]:
    """By share, how many rows a member trains on."""
    n_folds = len(training.n_fit[0])
    return [of_share[number % n_folds] for of_share in training.n_fit]


def elsewhere(training: DistributedTraining, member: Member, number: int) -> Member:
    """A member whose rows lie with the shares: here are their number, and the truth of those that are measured."""
    x = np.empty((0, training.prepared.schema.n_inputs), np.float32)
    y_sample = np.concatenate([one.y_sample[number] for one in training.opened])
    y_valid = np.concatenate([one.y_valid[number] for one in training.opened])
    train = Rows(x, y_sample, None, np.broadcast_to(np.int64(0), sum(n_fit_of(training, number))))
    valid = Rows(x, y_valid, None, np.arange(len(y_valid))) if len(y_valid) else None
    return Member(member.network, train, valid, np.random.default_rng(0), member.unseen)

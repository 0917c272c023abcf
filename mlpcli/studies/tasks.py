"""Trainings as tasks: a study (cross-validation, learning curve, search, comparison) is a list of them.

A task says how to train and which row is what; it is picklable, and its outcome is a function of it alone, whoever
runs it and in whatever order. `run` yields outcomes as they come.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.settings import Config
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet, Reread
from mlpcli.data.splits import Sets
from mlpcli.errors import DataError, TrainingError
from mlpcli.evaluation.evaluate import truth_of
from mlpcli.metrics.scoring import score
from mlpcli.model.assemble import assemble
from mlpcli.model.trained import TrainedModel, as_read
from mlpcli.studies.workers import Shared, Workers
from mlpcli.training.events import History
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import prepare_dataset

T = TypeVar("T")
R = TypeVar("R")

SEEDS = 2**64  # that --seed may be; behind the last comes the first


@dataclass(frozen=True)
class TrainingTask:
    """One training: `sets` (n,) says for each row of the table TRAIN, VALIDATION, TEST or UNUSED."""

    number: int
    name: str  # to show
    config: Config
    dataset: Shared[DataSet]
    sets: Sets


@dataclass(frozen=True)
class TaskOutcome:
    """What came of a task: metrics by set of rows; `error` when training diverged, and then no metrics."""

    number: int
    name: str
    history: History
    # train; validation, out of fold for an ensemble; test: rows marked TEST. The metric of --stop-on comes first.
    metrics: dict[str, dict[str, float]]
    rows: dict[str, int]
    seconds: float
    error: str | None = None

    @property
    def n_rows(self) -> int:
        """Training rows of all epochs, of all networks of the first kind."""
        return self.history.n_train * self.history.n_members * len(self.history.train_loss)


Found = TypeVar("Found", covariant=True)


class Study(Protocol[Found]):
    """Trainings that are ready to run, and what they add up to."""

    @property
    def table(self) -> DataSet: ...
    @property
    def seed(self) -> int: ...
    @property
    def tasks(self) -> tuple[TrainingTask, ...]: ...
    def outcomes(self, on: int | Workers = 1) -> Iterator[TaskOutcome]: ...
    def result(self, outcomes: Sequence[TaskOutcome]) -> Found: ...


def perform(task: TrainingTask) -> TaskOutcome:
    """Trains and evaluates. Raises DataError or UsageError as `prepare_dataset` does."""
    began = time.monotonic()
    dataset = replace(task.dataset.value, sets=task.sets).take(np.flatnonzero(task.sets != splits.UNUSED))
    rows = {name: dataset.count(number) for number, name in enumerate(splits.SETS)}
    prepared = prepare_dataset(dataset, task.config)
    history = History()
    try:
        for event in prepared.events():
            history.add(event)
    except TrainingError as error:
        return TaskOutcome(task.number, task.name, history, {}, rows, time.monotonic() - began, str(error))
    model = assemble(prepared, history)
    metrics = {"validation": model.record.validation} if model.record.validation else {}
    is_test = dataset.sets == splits.TEST
    for name, chosen in (("train", ~is_test if prepared.by_fold else dataset.sets == splits.TRAIN), ("test", is_test)):
        if chosen.any():
            metrics[name] = metrics_of(model, dataset, chosen)
    leading = prepared.settings.stop_on
    metrics = {name: dict(sorted(of.items(), key=lambda m: m[0] != leading)) for name, of in metrics.items()}
    return TaskOutcome(task.number, task.name, history, metrics, rows, time.monotonic() - began)


def metrics_of(model: TrainedModel, dataset: DataSet, chosen: NDArray[np.bool_]) -> dict[str, float]:
    """The metrics of a model on the chosen rows."""
    outputs = model.outputs(as_read(model, dataset.frame.loc[chosen]))
    truth = truth_of(model, dataset.y_cells.loc[chosen], dataset.name)
    found = score(
        build_loss(model.config), truth, outputs, n_bootstrap=0, rng=np.random.default_rng(0),
        rule=model.record.rule,
    )  # fmt: skip
    return {name: interval.value for name, interval in found.items()}


def shared(dataset: DataSet) -> Shared[DataSet]:
    """The data set for all workers, without the bytes of the file, which training does not need."""
    return Shared(dataset.without_file(), recipe_of(dataset), is_table=True)


@dataclass(frozen=True)
class ReadThere:
    """Makes a data set where its file lies, which is to be the same file."""

    how: Reread
    sha256: str
    rows: bytes  # a bit for each row of the file: whether it belongs

    def __call__(self) -> DataSet:
        whole = DataSet.read(self.how.path, self.how.config, self.how.options, known=self.how.known).without_file()
        if whole.sha256 != self.sha256:
            raise DataError("another file than here", "--data-on-workers needs the same one", file=self.how.path)
        bits = np.unpackbits(np.frombuffer(self.rows, np.uint8))  # rows behind the last one that belongs have none
        is_taken = np.isin(whole.rows, np.flatnonzero(bits))
        return whole if is_taken.all() else whole.take(np.flatnonzero(is_taken))


def recipe_of(dataset: DataSet) -> ReadThere | None:
    """How a worker makes a data set itself; None where its rows are not those of one file."""
    how = dataset.reread
    if how is None or None in (how.config.share("validation"), how.config.share("test")):
        return None
    is_taken = np.zeros(-(-int(dataset.rows.max() + 1) // 8) * 8, np.uint8)
    is_taken[dataset.rows] = 1
    return ReadThere(replace(how, path=os.path.abspath(how.path)), dataset.sha256, np.packbits(is_taken).tobytes())


def validated(dataset: DataSet, config: Config, sets: Sets, seed: int) -> Sets:
    """Among the rows marked TRAIN, the share of `--validation` is marked VALIDATION, as `DataSet.read` would."""
    rest = np.flatnonzero(sets == splits.TRAIN)
    share = (config.share("validation") or 0.0) / (1 - (config.share("test") or 0.0))
    sets = sets.copy()
    sets[rest] = dataset.splitter.take(rest).sets(share, 0, seed)
    return sets


def run(tasks: Iterable[TrainingTask], executor: Workers) -> Iterator[TaskOutcome]:
    """Outcomes as tasks end; the order depends on the executor, their content does not."""
    yield from each(perform, tasks, executor)


def each(work: Callable[[T], R], tasks: Iterable[T], executor: Workers) -> Iterator[R]:
    """What `work` makes of each task, as they end; as many at a time as there are workers."""
    waiting = iter(tasks)
    running: set[Future[R]] = set()
    while True:
        # What is interrupted then has hardly begun.
        while len(running) < executor.jobs and (task := next(waiting, None)) is not None:
            running.add(executor.submit(work, task))
        if not running:
            return
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()

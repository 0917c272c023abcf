"""Trainings as tasks: a study (cross-validation, learning curve, search, comparison) is a list of them.

A task says how to train and which row is what; it is picklable, and its outcome is a function of it alone, whoever
runs it and in whatever order. `run` yields outcomes as they come.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mlpcli.config import Config
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet, subset
from mlpcli.data.values import as_categorical
from mlpcli.errors import TrainingError
from mlpcli.evaluation.evaluate import truth_of
from mlpcli.events import History
from mlpcli.metrics.scoring import score
from mlpcli.model.assemble import assemble
from mlpcli.model.trained import as_read
from mlpcli.studies.workers import Inline, LocalPool, Shared
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import prepare_dataset

T = TypeVar("T")
R = TypeVar("R")
Sets = NDArray[np.int8]

UNUSED = np.int8(-1)  # beside TRAIN, VALIDATION and TEST: a row that this task must not see


@dataclass(frozen=True)
class TrainingTask:
    """One training: `sets` (n,) says for each row of the table TRAIN, VALIDATION, TEST or UNUSED."""

    number: int
    name: str  # to show
    config: Config
    table: Shared[DataSet]
    sets: Sets


@dataclass(frozen=True)
class TaskOutcome:
    """What came of a task: metrics by set of rows; `error` when training diverged, and then no metrics."""

    number: int
    name: str
    history: History
    metrics: dict[str, dict[str, float]]  # train; validation, out of fold for an ensemble; test: rows marked TEST
    rows: dict[str, int]
    seconds: float
    error: str | None = None


def perform(task: TrainingTask) -> TaskOutcome:
    """Trains and evaluates. Raises DataError or UsageError as `prepare_dataset` does."""
    began = time.monotonic()
    table = subset(replace(task.table.value, sets=task.sets), np.flatnonzero(task.sets != UNUSED))
    rows = {name: int((table.sets == number).sum()) for number, name in enumerate(splits.SETS)}
    prepared = prepare_dataset(table, task.config)
    history = History()
    try:
        for event in prepared.events():
            history.add(event)
    except TrainingError as error:
        return TaskOutcome(task.number, task.name, history, {}, rows, time.monotonic() - began, str(error))
    model = assemble(prepared, history)
    metrics = {"validation": model.record.validation} if model.record.validation else {}
    is_test = table.sets == splits.TEST
    for name, chosen in (("train", ~is_test if prepared.by_fold else table.sets == splits.TRAIN), ("test", is_test)):
        if chosen.any():
            outputs = model.outputs(as_read(model, table.frame.loc[chosen]))
            truth = truth_of(model, table.y_cells.loc[chosen], table.source.name)
            found = score(
                build_loss(model.config), truth, outputs, n_bootstrap=0, rng=np.random.default_rng(0),
                threshold=model.record.threshold,
            )  # fmt: skip
            metrics[name] = {k: interval.value for k, interval in found.items()}
    return TaskOutcome(task.number, task.name, history, metrics, rows, time.monotonic() - began)


def shared(table: DataSet) -> Shared[DataSet]:
    """The table for all workers, without the bytes of the file, which training does not need."""
    return Shared(replace(table, source=replace(table.source, parts=())))


def validated(table: DataSet, config: Config, sets: Sets, seed: int) -> Sets:
    """Among the rows marked TRAIN, the share of `--validation` is marked VALIDATION, as `read_dataset` would."""
    rest = np.flatnonzero(sets == splits.TRAIN)
    share = (config.share("validation") or 0.0) / (1 - (config.share("test") or 0.0))
    if table.groups is not None:
        chosen = splits.assign_groups(table.groups[rest], share, 0, seed)
    elif table.times is not None:
        chosen = splits.assign_time(table.times[rest], share, 0)
    else:
        chosen = splits.assign(table.strata[rest], strata_names(table), share, 0, seed)
    sets = sets.copy()
    sets[rest] = chosen
    return sets


def strata_names(table: DataSet) -> list[str]:
    """The classes, in the order of their numbers in `strata`."""
    return [str(c) for c in as_categorical(table.y_cells).categories] if table.task == "classification" else [""]


def run(tasks: Iterable[TrainingTask], executor: Inline | LocalPool) -> Iterator[TaskOutcome]:
    """Outcomes as tasks end; the order depends on the executor, their content does not."""
    yield from each(perform, tasks, executor)


def each(work: Callable[[T], R], tasks: Iterable[T], executor: Inline | LocalPool) -> Iterator[R]:
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

"""k-fold cross-validation: how good a model of these settings is, and how certain that is.

Each fold is evaluated by a model trained on the others, whose columns are fitted on those alone. The test rows are not
used, so that settings may be chosen by these figures and the test rows can still evaluate the choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlpcli.config.settings import Config
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.data.splits import Sets, SplitKind
from mlpcli.errors import DataError, TrainingError, UsageError
from mlpcli.metrics.intervals import Interval
from mlpcli.metrics.scoring import resampled_interval
from mlpcli.studies.tasks import SEEDS, TaskOutcome, TrainingTask, run, shared, validated
from mlpcli.studies.workers import Shared, Workers, opened

MAX_FOLDS = 100  # more would be trainings without number; a fold's is kept in a byte


@dataclass(frozen=True)
class CrossValidation:
    """Metrics over all folds of all repeats; the interval is that of the corrected resampled t-test, 95 %."""

    kind: SplitKind
    n_folds: int
    n_repeats: int
    n_rows: int  # that take part
    metrics: dict[str, Interval]
    folds: tuple[TaskOutcome, ...]  # in the order of their numbers; fewer than folds x repeats when interrupted


@dataclass(frozen=True)
class CrossValidationPlan:
    """A cross-validation that is ready to run: iterate `outcomes`, then take `result` of them."""

    table: DataSet
    tasks: tuple[TrainingTask, ...]
    data: Shared[DataSet]
    kind: SplitKind
    n_folds: int
    n_repeats: int
    seed: int

    def outcomes(self, on: int | Workers = 1) -> Iterator[TaskOutcome]:
        with self.data, opened(on) as executor:
            yield from run(self.tasks, executor)

    def result(self, outcomes: Sequence[TaskOutcome]) -> CrossValidation:
        """Of all or some outcomes, two at least. Raises TrainingError."""
        folds = sorted(outcomes, key=lambda o: o.number)
        for fold in folds:
            if fold.error is not None:
                raise TrainingError(f"{fold.name}: {fold.error}", "lower --lr")
        if len(folds) < 2:
            raise TrainingError("stopped before two folds were done: there is nothing to report")
        ratio = float(np.mean([f.rows["test"] / (f.rows["train"] + f.rows["validation"]) for f in folds]))
        metrics = {
            name: resampled_interval(name, [f.metrics["test"][name] for f in folds], ratio)
            for name in folds[0].metrics["test"]
        }
        n_rows = int((self.table.sets != splits.TEST).sum())
        return CrossValidation(self.kind, self.n_folds, self.n_repeats, n_rows, metrics, tuple(folds))


def plan(table: DataSet, config: Config, n_folds: int = 5, n_repeats: int = 1) -> CrossValidationPlan:
    """Repeated folds over the rows of a table that are not test rows. Raises DataError or UsageError."""
    if not 2 <= n_folds <= MAX_FOLDS:
        raise UsageError(f"--folds: expected a number from 2 to {MAX_FOLDS}, found {n_folds}")
    if table.splitter.kind == "time" and n_repeats > 1:
        raise UsageError("--repeats: folds in the order of time cannot be drawn again", "leave out --repeats or --time")
    data = shared(table)
    tasks: list[TrainingTask] = []
    for repeat in range(n_repeats):
        seed = (config.seed + repeat) % SEEDS
        for fold, sets in enumerate(fold_sets(table, config, n_folds, seed)):
            name = f"repeat {repeat + 1}, fold {fold + 1}" if n_repeats > 1 else f"fold {fold + 1}"
            tasks.append(TrainingTask(len(tasks), name, replace(config, seed=seed), data, sets))
    return CrossValidationPlan(table, tuple(tasks), data, table.splitter.kind, n_folds, n_repeats, config.seed)


def fold_sets(dataset: DataSet, config: Config, n_folds: int, seed: int) -> Iterator[Sets]:
    """For each fold the sets of all rows: the fold is TEST, test rows are the rest TRAIN and VALIDATION.

    Rows of a validation file stay VALIDATION in each. Raises DataError when a fold would be empty.
    """
    own_file = config.share("validation") is None
    taken = np.flatnonzero(dataset.sets == splits.TRAIN if own_file else dataset.sets != splits.TEST)
    for trained, evaluated in dataset.splitter.take(taken).cross_folds(n_folds, seed):
        if not len(evaluated) or not len(trained):
            raise DataError(f"too few rows for {n_folds} folds", "fewer --folds", file=dataset.name)
        sets = np.full(len(dataset.sets), splits.UNUSED)
        sets[taken[evaluated]], sets[taken[trained]] = splits.TEST, splits.TRAIN
        if own_file:
            sets[dataset.sets == splits.VALIDATION] = splits.VALIDATION
            yield sets
        else:
            yield validated(dataset, config, sets, seed)

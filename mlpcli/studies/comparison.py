"""The same network once for each value of a setting, or of a grid of settings: what a choice does, side by side.

All trainings have the same rows, seed and other settings, unless the setting says which rows are what. The test rows
take no part. Repeats draw first weights, the order of rows and the validation rows anew, the same for every value, so
that differences are taken in pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod

import numpy as np
import pandas as pd

from mlpcli.config.flags import named, parse, setting_named
from mlpcli.config.settings import DATA, LOSS_OF_TASK, Config, ReadOptions, Settings, flag
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.engine.losses import LOSSES
from mlpcli.errors import TrainingError, UsageError
from mlpcli.metrics.intervals import LEVEL, Interval, paired_difference
from mlpcli.metrics.scoring import METRICS, resampled_interval
from mlpcli.studies.tasks import SEEDS, TaskOutcome, TrainingTask, run, shared, validated
from mlpcli.studies.workers import Shared, Workers, opened
from mlpcli.training.criterion import as_loss, selecting_metric
from mlpcli.training.networks import build_loss

Grid = Mapping[str, Sequence[str]]  # setting -> its values, as written

MAX_TRAININGS = 1000
ANOTHER_QUESTION = ("target", "task", "test", "order")  # losses on other targets, classes or rows do not compare
# Settings that change what the loss measures; the metrics still compare.
ANOTHER_LOSS = {"loss", "class_weight", *(name for loss in LOSSES.values() for name in loss.settings)}


@dataclass(frozen=True)
class RepeatedValue:
    """What one value reached over all repeats, and by how much it is worse than the best, in pairs.

    The intervals of all differences hold together (Bonferroni).
    """

    name: str
    metric: Interval  # of validation rows, its mean over repeats
    behind: Interval | None  # None for the best itself

    @property
    def is_worse(self) -> bool:
        """Whether it is shown to be worse than the best."""
        return self.behind is not None and self.behind.low > 0


@dataclass(frozen=True)
class Comparison:
    """Outcomes of the first repeat in the order of the values; `best` is that with the best validation metric.

    With repeats the best is that with the best mean over them.
    """

    settings: tuple[str, ...]  # that vary
    metric: str  # that of --stop-on or of the loss, or, of different losses, that of the task
    outcomes: tuple[TaskOutcome, ...]
    best: TaskOutcome
    same_loss: bool  # the losses of the curves are of one kind
    repeated: tuple[RepeatedValue, ...] = ()  # of the values that all whole repeats trained; () without repeats
    n_repeats: int = 1  # that were finished


@dataclass(frozen=True)
class ComparisonPlan:
    """A comparison that is ready to run: iterate `outcomes`, then take `result` of them."""

    settings: tuple[str, ...]  # that vary
    table: DataSet  # of the first training
    tasks: tuple[TrainingTask, ...]
    data: tuple[Shared[DataSet], ...]
    seed: int
    n_repeats: int = 1

    @property
    def n_values(self) -> int:
        return len(self.tasks) // self.n_repeats

    @property
    def resolved(self) -> list[Settings]:
        """The settings of each value, but for what depends on its rows."""
        return [task.config.resolve(self.table.task, self.table.n_learn) for task in self.tasks[: self.n_values]]

    @property
    def are_single(self) -> bool:
        """Whether each training is of one network."""
        return all(s.ensemble == len(s.kinds) == 1 for s in self.resolved)

    @property
    def same_rows(self) -> bool:
        """Whether the same rows train and validate for each value."""
        return all(np.array_equal(task.sets, self.tasks[0].sets) for task in self.tasks[: self.n_values])

    def outcomes(self, on: int | Workers = 1) -> Iterator[TaskOutcome]:
        try:
            with opened(on) as executor:
                yield from run(self.tasks, executor)
        finally:
            for data in self.data:
                data.close()

    @property
    def metric(self) -> str:
        """By which the trainings are compared: that of --stop-on, else that of their loss, else that of the task's.

        Each where it is the same for all.
        """
        resolved = self.resolved
        losses = [build_loss(settings) for settings in resolved]
        for names in (list(map(selecting_metric, resolved)), [loss.metric for loss in losses]):
            asked = {(n, *METRICS[n].options(loss).values()) for n, loss in zip(names, losses, strict=True)}
            if len(asked) == 1:
                return names[0]
        return LOSSES[LOSS_OF_TASK[self.table.task]].metric

    def result(self, outcomes: Sequence[TaskOutcome]) -> Comparison:
        """Of all or some outcomes. Raises TrainingError when none has finished."""
        metric = self.metric
        done = sorted((o for o in outcomes if o.number < self.n_values), key=lambda o: o.number)
        scored = {o.number: o for o in done if "validation" in o.metrics}
        if not scored:
            raise TrainingError("no training was finished: there is nothing to compare")
        reached = self.reached(outcomes, metric)
        n_whole = len(next(iter(reached.values()), ()))
        means = (
            {number: float(np.mean(values)) for number, values in reached.items()}
            if n_whole > 1 else {number: o.metrics["validation"][metric] for number, o in scored.items()}
        )  # fmt: skip
        best = min(means, key=lambda number: as_loss(metric, means[number]))
        repeated = self.repeated(reached, best, metric) if n_whole > 1 else ()
        same_loss = not any(setting in ANOTHER_LOSS for setting in self.settings)
        return Comparison(self.settings, metric, tuple(done), scored[best], same_loss, repeated, max(n_whole, 1))

    def reached(self, outcomes: Sequence[TaskOutcome], metric: str) -> dict[int, list[float]]:
        """Value -> its metric in each repeat that was finished; without the values that ever diverged."""
        found = {o.number: o for o in outcomes}
        n = self.n_values
        whole = [r for r in range(self.n_repeats) if all(r * n + i in found for i in range(n))]
        of_value = {i: [found[r * n + i] for r in whole] for i in range(n)}
        return {
            i: [o.metrics["validation"][metric] for o in of_value[i]]
            for i in of_value if all(o.error is None for o in of_value[i])
        }  # fmt: skip

    def repeated(self, reached: Mapping[int, Sequence[float]], best: int, metric: str) -> tuple[RepeatedValue, ...]:
        """The mean of each value, and its paired difference to the best one."""
        level = 1 - (1 - LEVEL) / max(len(reached) - 1, 1)
        found = []
        for number, values in reached.items():
            ratio = self.ratio(self.tasks[number])
            more = [as_loss(metric, a) - as_loss(metric, b) for a, b in zip(values, reached[best], strict=True)]
            behind = None if number == best else paired_difference(more, ratio, level)
            found.append(RepeatedValue(self.tasks[number].name, resampled_interval(metric, values, ratio), behind))
        return tuple(found)

    def ratio(self, task: TrainingTask) -> float:
        """Validation rows over training rows where repeats draw them anew, and 0 where only the seed differs."""
        if not draws_rows(task.dataset.value, task.config):
            return 0.0
        return float((task.sets == splits.VALIDATION).sum() / max((task.sets == splits.TRAIN).sum(), 1))


def parse_vary(text: str) -> tuple[str, tuple[str, ...]]:
    """'batch-size=full,1' -> 'batch_size', ('full', '1'). Raises UsageError."""
    option, equals, values = text.partition("=")
    name = setting_named(option.strip().removeprefix("--"))
    found = tuple(value.strip() for value in values.split(","))
    if not equals or len(found) < 2:
        raise UsageError(f"--vary: expected OPTION=A,B with two values at least, found '{text}'")
    if len(set(found)) < len(found):
        raise UsageError(f"--vary {option}: a value appears twice")
    if name in ANOTHER_QUESTION:
        raise UsageError(f"--vary: with another {flag(name)} losses do not compare", "run mlpcli train for each")
    return name, found


def parse_grid(texts: Sequence[str]) -> Grid:
    """Settings and the values of each, in the order given. Raises UsageError."""
    found = [parse_vary(text) for text in texts]
    names = [name for name, _ in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--vary: {flag(name)} appears twice; name all its values together")
    n_trainings = prod(len(values) for _, values in found)
    if n_trainings > MAX_TRAININGS:
        raise UsageError(f"--vary: {n_trainings} combinations; at most {MAX_TRAININGS}", "fewer values, or mlpcli tune")
    return dict(found)


def plan(
    data: str | pd.DataFrame, config: Config, options: ReadOptions, grid: Grid, n_repeats: int = 1
) -> ComparisonPlan:
    """One training for each combination of values and each repeat; one network each, unless `ensemble` is set.

    Raises DataError, MachineError or UsageError.
    """
    if n_repeats > 1 and "seed" in grid:
        raise UsageError("--repeats draws the seeds", "leave out --repeats or --vary seed")
    combinations = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    if config.ensemble is None and "ensemble" not in grid:
        config = replace(config, ensemble=1)
    tables: dict[tuple[str, ...], Shared[DataSet]] = {}
    tasks = []
    for number, texts in enumerate(combinations):
        chosen = replace(config, **{name: parse(Config, name, text) for name, text in texts.items()})
        # A setting that says which column or row is what needs the file read its way; all others share one table.
        # So does the seed: first weights and order of rows then differ, and not the rows that validate.
        key = tuple(text for name, text in texts.items() if is_of_data(name))
        if key not in tables:
            tables[key] = shared(DataSet.given(data, chosen, options))
        held = tables[key]
        name = " ".join(named(setting, text) for setting, text in texts.items())
        sets = np.where(held.value.sets == splits.TEST, splits.UNUSED, held.value.sets)
        if not (sets == splits.VALIDATION).any():
            hint = "leave out --validation 0" if chosen.share("validation") == 0 else "a larger --validation"
            raise UsageError(f"{name}: without validation rows there is nothing to compare by", hint)
        tasks.append(TrainingTask(number, name, chosen, held, sets))
    first = tasks[0].dataset.value
    if len(tasks) * n_repeats > MAX_TRAININGS:
        raise UsageError(f"--repeats: {len(tasks) * n_repeats} trainings; at most {MAX_TRAININGS}", "fewer repeats")
    again = [repeated_task(task, repeat, len(tasks)) for repeat in range(1, n_repeats) for task in tasks]
    return ComparisonPlan(tuple(grid), first, (*tasks, *again), tuple(tables.values()), config.seed, n_repeats)


def repeated_task(task: TrainingTask, repeat: int, n_values: int) -> TrainingTask:
    """The same training with the next seed, and with validation rows drawn anew among those it may have."""
    config = replace(task.config, seed=(task.config.seed + repeat) % SEEDS)
    data, sets = task.dataset.value, task.sets
    if draws_rows(data, config):
        sets = validated(data, config, np.where(sets == splits.VALIDATION, splits.TRAIN, sets), config.seed)
    number = repeat * n_values + task.number
    return TrainingTask(number, f"{task.name}, repeat {repeat + 1}", config, task.dataset, sets)


def draws_rows(dataset: DataSet, config: Config) -> bool:
    """Whether validation rows are drawn, and neither the latest ones nor those of a file."""
    return dataset.splitter.kind != "time" and config.share("validation") is not None


def is_of_data(setting: str) -> bool:
    return setting != "seed" and Config.__dataclass_fields__[setting].metadata["group"] == DATA

"""The same network once for each value of one setting: what a choice does, seen side by side.

All trainings have the same rows, seed and other settings, unless the setting says which rows are what. The test rows
take no part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlpcli.config import DATA, Config, ReadOptions, flag, parse, setting_named
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet, read_dataset
from mlpcli.engine.losses import DEFAULT_LOSS, LOSSES
from mlpcli.errors import TrainingError, UsageError
from mlpcli.metrics.scoring import METRICS
from mlpcli.studies.tasks import UNUSED, TaskOutcome, TrainingTask, run, shared
from mlpcli.studies.workers import Shared, local
from mlpcli.training.networks import build_loss

ANOTHER_QUESTION = ("target", "task", "test")  # losses on other targets or rows do not compare
QUOTES = "''"  # how an empty value is written, as in --hidden ''
# Settings that change what the loss measures; the metrics still compare.
ANOTHER_LOSS = {"loss", "class_weight", *(name for loss in LOSSES.values() for name in loss.settings)}


@dataclass(frozen=True)
class Comparison:
    """Outcomes in the order of the values; `best` is that with the best validation metric `metric`."""

    setting: str
    metric: str  # that of the loss, or, of different losses, that of the task
    outcomes: tuple[TaskOutcome, ...]
    best: TaskOutcome
    same_loss: bool  # the losses of the curves are of one kind


@dataclass(frozen=True)
class ComparisonPlan:
    """A comparison that is ready to run: iterate `outcomes`, then take `result` of them."""

    setting: str
    table: DataSet  # of the first value
    tasks: tuple[TrainingTask, ...]
    data: tuple[Shared[DataSet], ...]

    @property
    def same_rows(self) -> bool:
        """Whether the same rows train and validate for each value."""
        return all(np.array_equal(task.sets, self.tasks[0].sets) for task in self.tasks)

    def outcomes(self, jobs: int = 1) -> Iterator[TaskOutcome]:
        try:
            with local(jobs) as executor:
                yield from run(self.tasks, executor)
        finally:
            for data in self.data:
                data.close()

    @property
    def metric(self) -> str:
        """By which the trainings are compared: that of their loss, or, where losses differ, that of the task's."""
        losses = [build_loss(task.config, self.table.task) for task in self.tasks]
        asked = {(loss.metric, *METRICS[loss.metric].options(loss).values()) for loss in losses}
        return losses[0].metric if len(asked) == 1 else LOSSES[DEFAULT_LOSS[self.table.task]].metric

    def result(self, outcomes: Sequence[TaskOutcome]) -> Comparison:
        """Of all or some outcomes. Raises TrainingError when none has finished."""
        metric = self.metric
        done = sorted(outcomes, key=lambda o: o.number)
        judged = [o for o in done if "validation" in o.metrics]
        if not judged:
            raise TrainingError("no training was finished: there is nothing to compare")
        best = min(judged, key=lambda o: o.metrics["validation"][metric])
        return Comparison(self.setting, metric, tuple(done), best, self.setting not in ANOTHER_LOSS)


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


def plan(path: str, config: Config, options: ReadOptions, setting: str, values: Sequence[str]) -> ComparisonPlan:
    """One training for each value, written as on the command line; one network each, unless `ensemble` is set.

    Raises DataError, MachineError or UsageError.
    """
    configs = [replace(config, **{setting: parse(Config, setting, value)}) for value in values]
    if config.ensemble is None and setting != "ensemble":
        configs = [replace(c, ensemble=1) for c in configs]
    # A setting that says which column or row is what needs the file read its way; all others share one table.
    # So does the seed: first weights and order of rows then differ, and not the rows that judge.
    is_of_data = Config.__dataclass_fields__[setting].metadata["group"] == DATA and setting != "seed"
    tables = [read_dataset(path, c, options) for c in (configs if is_of_data else configs[:1])]
    data = [shared(table) for table in tables] * (1 if is_of_data else len(configs))
    tasks = []
    for number, (value, one, held) in enumerate(zip(values, configs, data, strict=True)):
        sets = np.where(held.value.sets == splits.TEST, UNUSED, held.value.sets)
        if not (sets == splits.VALIDATION).any():
            hint = "leave out --validation 0" if one.share("validation") == 0 else "a larger --validation"
            raise UsageError(f"{name_of(setting, value)}: without validation rows there is nothing to compare by", hint)
        tasks.append(TrainingTask(number, name_of(setting, value), one, held, sets))
    return ComparisonPlan(setting, tables[0], tuple(tasks), tuple(data))


def name_of(setting: str, value: str) -> str:
    return f"{setting.replace('_', '-')}={value or QUOTES}"


def compare(
    data: str,
    vary: str,
    config: Config | None = None,
    options: ReadOptions | None = None,
    *,
    jobs: int = 1,
) -> Comparison:
    """Trains once for each value of `vary`, e.g. 'batch-size=full,1,32'. Raises MlpcliError."""
    study = plan(data, config or Config(), options or ReadOptions(), *parse_vary(vary))
    return study.result(list(study.outcomes(jobs)))

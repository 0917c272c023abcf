"""How long the trainings of a study will take, estimated from one epoch on a sample, and how many to run at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlpcli.data import splits
from mlpcli.data.storage import n_cores
from mlpcli.errors import MlpcliError
from mlpcli.model.assemble import assemble
from mlpcli.studies.tasks import TrainingTask
from mlpcli.training.events import History
from mlpcli.training.prepare import has_folds, prepare_dataset

SAMPLE_ROWS = 2000  # of the trial epoch
EPOCH_SHARE = 0.6  # of the epochs allowed, those that are done before patience ends a training
WORKER_SECONDS = 1.5  # of a process until it trains
MIN_SAVING = 2.0  # seconds; less is not worth more processes


@dataclass(frozen=True)
class Pace:
    """What a training takes on this machine."""

    start: float  # seconds for a sample without its epochs: columns, encoding, outputs, evidence
    of_row: float  # seconds for a row that a network sees once
    n_sample: int

    def seconds(self, task: TrainingTask) -> float:
        """Of one training, with as many epochs as are usual."""
        n_rows = int((task.sets != splits.UNUSED).sum()) - int((task.sets == splits.TEST).sum())
        settings = task.config.resolve(task.dataset.value.task, n_rows)
        n_networks = settings.ensemble * len(settings.kinds)
        n_fit = n_rows * (1 - 1 / settings.ensemble) if has_folds(settings) else int((task.sets == splits.TRAIN).sum())
        epochs = task.config.resolve(task.dataset.value.task, n_rows, max(int(n_fit), 1)).epochs
        share = EPOCH_SHARE if settings.patience else 1.0
        in_epochs = n_fit * n_networks * epochs * share * self.of_row
        return self.start * max(n_rows / self.n_sample, 1.0) + in_epochs


def pace_of(task: TrainingTask) -> Pace | None:
    """Measured in one epoch on some of the task's rows; None where these do not make a training."""
    used = np.flatnonzero(task.sets != splits.UNUSED)
    sample = np.sort(np.random.default_rng(0).permutation(used)[:SAMPLE_ROWS])
    began, history = time.monotonic(), History()
    try:
        dataset = replace(task.dataset.value, sets=task.sets).take(sample)
        prepared = prepare_dataset(dataset, replace(task.config, epochs=1))
        started = time.monotonic()
        for event in prepared.events():
            history.add(event)
        trained = time.monotonic() - started
        assemble(prepared, history)
    except MlpcliError:
        return None
    n_seen = sum(len(member.train) for member in prepared.members)
    return Pace(time.monotonic() - began - trained, trained / n_seen, len(sample))


def expected_seconds(tasks: Sequence[TrainingTask]) -> float | None:
    """Of all trainings one after another; None where that cannot be told."""
    # Of the most rows: on few rows batches are small, and a row takes many times as long.
    largest = max(tasks, key=lambda task: int((task.sets != splits.UNUSED).sum()), default=None)
    pace = None if largest is None else pace_of(largest)
    return None if pace is None else sum(map(pace.seconds, tasks))


def jobs_for(seconds: float | None, n_tasks: int) -> int:
    """Trainings at once: as many as there are cores where that surely saves time, else one."""
    jobs = min(n_cores(), n_tasks)
    if seconds is None or jobs < 2 or seconds * (1 - 1 / jobs) < WORKER_SECONDS + MIN_SAVING:
        return 1
    return jobs

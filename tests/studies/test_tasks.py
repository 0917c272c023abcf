"""Trainings as tasks: the outcome depends on the task alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from samples import SAMPLES

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.data.splits import UNUSED
from mlpcli.errors import TrainingError
from mlpcli.studies.tasks import TrainingTask, perform, run, shared
from mlpcli.studies.workers import local
from mlpcli.training.prepare import PreparedTraining

QUICK = Config(preset="classic", hidden=(8,), epochs=3)


@pytest.fixture(scope="module")
def table():
    return DataSet.read(str(SAMPLES / "iris.csv"), Config(), ReadOptions())


def outcomes(table, jobs):
    with shared(table) as data, local(jobs) as executor:
        tasks = (TrainingTask(i, "", replace(QUICK, seed=i), data, table.sets) for i in range(5))
        found = sorted(run(tasks, executor), key=lambda o: o.number)
    return [(o.number, o.metrics, o.rows, o.history.train_loss, o.history.valid_loss) for o in found]


@pytest.mark.slow
def test_outcomes_do_not_depend_on_the_number_of_jobs(table):
    assert outcomes(table, 1) == outcomes(table, 2)


@pytest.mark.slow
def test_outcomes_hold_metrics_of_each_set_of_rows(table):
    outcome = perform(TrainingTask(0, "", QUICK, shared(table), table.sets))
    assert set(outcome.metrics) == {"train", "validation", "test"}
    assert outcome.rows == {"train": 105, "validation": 23, "test": 22}
    assert outcome.n_rows == 3 * 105  # in all epochs
    assert outcome.error is None


def test_unused_rows_change_nothing(table):
    sets = table.sets.copy()
    sets[::3] = UNUSED
    frame = table.frame.copy()
    frame.iloc[::3, 0] = 1e9
    known = perform(TrainingTask(0, "", QUICK, shared(table), sets))
    spoilt = perform(TrainingTask(0, "", QUICK, shared(replace(table, frame=frame)), sets))
    assert known.metrics == spoilt.metrics
    assert sum(known.rows.values()) == 100
    used = perform(TrainingTask(0, "", QUICK, shared(replace(table, frame=frame)), np.maximum(sets, splits.TRAIN)))
    assert used.metrics != known.metrics


def test_a_training_that_diverges_is_an_outcome(table, monkeypatch):
    def events(self):
        raise TrainingError("loss became nan")
        yield

    monkeypatch.setattr(PreparedTraining, "events", events)
    outcome = perform(TrainingTask(0, "", QUICK, shared(table), table.sets))
    assert (outcome.error, outcome.metrics) == ("loss became nan", {})

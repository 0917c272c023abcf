"""A study says how long it will take, and runs several trainings at once only where that saves time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.reporter.studies import duration_note
from mlpcli.studies import duration
from mlpcli.studies.cross_validation import plan
from mlpcli.studies.duration import Pace, expected_seconds, jobs_for, pace_of

PACE = Pace(start=0.5, of_row=1e-5, n_sample=100)


@pytest.fixture(scope="module")
def study():
    x = np.random.default_rng(0).standard_normal((200, 3))
    frame = pd.DataFrame(x, columns=list("abc")).assign(y=np.where(x[:, 0] > 0, "yes", "no"))
    config = Config(target="y", ensemble=2, epochs=40)
    return plan(DataSet.from_frame(frame, config, ReadOptions()), config, 2, 1)


def test_a_pace_is_measured_on_a_sample(study, monkeypatch):
    monkeypatch.setattr(duration, "SAMPLE_ROWS", 60)
    pace = pace_of(study.tasks[0])
    assert pace.n_sample == 60
    assert pace.start > 0
    assert pace.of_row > 0
    assert expected_seconds(study.tasks) > 0


def test_the_pace_is_that_of_the_training_with_most_rows(study, monkeypatch):
    asked = []
    monkeypatch.setattr(duration, "pace_of", lambda task: asked.append(task))
    large = study.tasks[1]
    small = replace(large, sets=np.where(np.arange(len(large.sets)) < 40, large.sets, splits.UNUSED))
    assert expected_seconds((small, large)) is None
    assert asked == [large]


def test_more_epochs_networks_and_rows_take_longer(study):
    task = study.tasks[0]
    n = int(np.isin(task.sets, [0, 1]).sum())
    assert PACE.seconds(task) == pytest.approx(0.5 * max(n / 100, 1) + n / 2 * 2 * 40 * duration.EPOCH_SHARE * 1e-5)
    for more in ({"epochs": 80}, {"ensemble": 4}, {"patience": 0}, {"kinds": ("mlp", "wide")}):
        assert PACE.seconds(replace(task, config=replace(task.config, **more))) > PACE.seconds(task)


def test_rows_that_make_no_training_have_no_pace(study, monkeypatch):
    monkeypatch.setattr(duration, "SAMPLE_ROWS", 2)
    assert pace_of(study.tasks[0]) is None
    assert expected_seconds(study.tasks) is None
    assert expected_seconds(()) is None


def test_trainings_run_at_once_where_that_saves_time(monkeypatch):
    monkeypatch.setattr(duration, "n_cores", lambda: 4)
    assert jobs_for(None, 10) == jobs_for(3.0, 10) == jobs_for(100.0, 1) == 1
    assert jobs_for(100.0, 10) == 4
    assert jobs_for(100.0, 3) == 3


def test_the_note_has_seconds_or_minutes():
    assert list(duration_note(None, 1)) == []
    assert list(duration_note(0.2, 1)) == ["about 1 s, estimated from one epoch on a sample of the rows"]
    (note,) = duration_note(600.0, 2)
    assert note.startswith("about 5 min, 2 trainings at a time (--jobs)")

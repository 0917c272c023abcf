"""Networks trained as tasks: the same events, the same weights, whoever trains them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from samples import SAMPLES

from mlpcli.config.settings import Config
from mlpcli.errors import TrainingError
from mlpcli.studies.members import trained_members, training_events
from mlpcli.studies.workers import Inline
from mlpcli.training.events import EpochEnded, Finished
from mlpcli.training.prepare import prepare

SETTINGS = {
    "patience": Config(hidden=(8,), ensemble=3, epochs=30, patience=2),
    "epochs": Config(hidden=(8,), ensemble=2, epochs=3),
    "two kinds": Config(hidden=(8,), ensemble=2, epochs=4, kinds=("mlp", "linear")),
    "a metric": Config(hidden=(8,), ensemble=2, epochs=4, stop_on="accuracy"),
    "float64": Config(hidden=(8,), ensemble=2, epochs=4, dtype="float64"),
    "one network": Config(hidden=(8,), ensemble=1, epochs=3, normalization="batch", dropout=0.1),
}


def timeless(event):
    if isinstance(event, EpochEnded):
        return replace(event, rows_per_second=0, seconds=0)
    return replace(event, seconds=0) if isinstance(event, Finished) else event


@pytest.mark.parametrize("config", SETTINGS.values(), ids=SETTINGS)
def test_events_and_weights_are_those_of_a_training_here(config):
    here, there = prepare(str(SAMPLES / "iris.csv"), config), prepare(str(SAMPLES / "iris.csv"), config)
    expected = [timeless(event) for event in here.events()]
    assert [timeless(event) for event in training_events(there, Inline())] == expected
    for ours, theirs in zip(there.members, here.members, strict=True):
        assert np.array_equal(ours.network.params, theirs.network.params)
        assert np.array_equal(ours.network.state, theirs.network.state)


def test_rows_of_all_epochs_are_counted():
    prepared = prepare(str(SAMPLES / "iris.csv"), SETTINGS["epochs"])
    trained = list(trained_members(prepared, Inline()))
    assert [one.n_rows for one in trained] == [3 * len(member.train) for member in prepared.members]


def test_threads_of_this_machine_train_as_before():
    prepared = prepare(str(SAMPLES / "iris.csv"), SETTINGS["epochs"])
    assert len(list(training_events(prepared, 2))) == 5


def test_a_time_limit_ends_each_network_and_is_told():
    config = Config(hidden=(8,), ensemble=2, epochs=50, time_limit=1e-9)
    *_, last = training_events(prepare(str(SAMPLES / "iris.csv"), config), Inline())
    assert (last.epochs, last.stopped_by) == (1, "time limit")


@pytest.mark.parametrize("lr", [1, 10, 1000])
def test_a_network_that_diverges_is_told_as_here(lr):
    config = Config(hidden=(8,), ensemble=2, epochs=4, preset="classic", lr=lr, loss="squared_error")
    here, there = (prepare(str(SAMPLES / "diabetes.csv"), config) for _ in range(2))
    try:
        expected = [timeless(event) for event in here.events()]
    except TrainingError as error:
        with pytest.raises(TrainingError, match=str(error)[:20]):
            list(training_events(there, Inline()))
        return
    assert [timeless(event) for event in training_events(there, Inline())] == expected

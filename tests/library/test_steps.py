"""Long calls step by step: every event comes, and a call that is stopped keeps what it did."""

from __future__ import annotations

from itertools import islice

import pytest
from samples import IRIS

import mlpcli
from mlpcli.errors import TrainingError, UsageError
from mlpcli.training.events import EpochEnded, Finished, Started

SETTINGS = {"hidden": (4,), "epochs": 6, "ensemble": 1, "patience": 0}


def test_the_steps_of_a_training_are_its_events_and_lead_to_its_model():
    steps = mlpcli.steps(mlpcli.fit, str(IRIS), **SETTINGS)
    assert [type(event) for event in steps] == [Started, *[EpochEnded] * 6, Finished]
    whole = mlpcli.fit(str(IRIS), **SETTINGS)
    assert (steps.result.predict_proba(str(IRIS)) == whole.predict_proba(str(IRIS))).all()
    assert steps.result is steps.result


def test_a_training_that_is_stopped_keeps_its_best_epoch():
    steps = mlpcli.steps(mlpcli.fit, str(IRIS), **SETTINGS)
    for event in steps:
        if isinstance(event, EpochEnded) and event.epoch == 2:
            break
    model = steps.result
    assert len(model.record.history.train_loss) == 2
    assert model.record.history.stopped_by == "interrupted"
    assert list(steps) == []
    with pytest.raises(TrainingError, match="before the first epoch ended"):
        _ = mlpcli.steps(mlpcli.fit, str(IRIS), **SETTINGS).result


def test_the_steps_of_a_study_are_its_trainings():
    steps = mlpcli.steps(mlpcli.cv, str(IRIS), folds=3, **SETTINGS)
    assert [outcome.name for outcome in islice(steps, 2)] == ["fold 1", "fold 2"]
    assert steps.total == 3
    assert len(steps.result.folds) == 2


def test_a_search_that_is_stopped_has_trials_and_no_model():
    steps = mlpcli.steps(mlpcli.tune, str(IRIS), trials=9, folds=2, space=["lr=0.01,0.1"], **SETTINGS)
    next(steps)
    assert steps.result.model is None
    assert steps.result.final is None
    assert len(steps.result.frame()) == 9
    assert "The best of 9 trials" in repr(steps.result)


def test_other_calls_have_no_steps():
    with pytest.raises(UsageError, match=r"expected one of mlpcli.fit, mlpcli.cv"):
        mlpcli.steps(mlpcli.load, "m.npz")

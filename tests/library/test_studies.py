"""Studies in Python find what the commands find, to the last bit, from a file and from a frame."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from samples import DIABETES, IRIS

import mlpcli
from mlpcli.files.jsonable import to_json

FLAGS = ["--hidden", "4", "--epochs", "3", "--ensemble", "1", "--seed", "3"]
SETTINGS = {"hidden": (4,), "epochs": 3, "ensemble": 1, "seed": 3}


def answered(call, *args, file=IRIS):
    code, out, err = call(*args, file, *FLAGS, "--json", "-q")
    assert code == 0, err
    return json.loads(out)


def test_cv_is_the_command(call):
    theirs = answered(call, "cv", "--folds", 3)
    found = mlpcli.cv(str(IRIS), folds=3, **SETTINGS)
    assert [s["metrics"] for s in theirs["scores"]] == to_json([f.metrics["test"] for f in found.folds])
    assert theirs["metrics"]["accuracy"] == to_json(found.metrics["accuracy"])
    assert any("species" in note for note in found.notes)


@pytest.mark.slow
def test_a_frame_on_two_processes_is_studied_as_its_file():
    found = mlpcli.cv(str(IRIS), folds=3, **SETTINGS)
    again = mlpcli.cv(pd.read_csv(IRIS), folds=3, jobs=2, **SETTINGS)
    assert [f.metrics for f in again.folds] == [f.metrics for f in found.folds]


@pytest.mark.slow
def test_compare_is_the_command(call):
    theirs = answered(call, "compare", "--vary", "lr=0.01,0.1", "--repeats", 2)
    found = mlpcli.compare(str(IRIS), vary=["lr=0.01,0.1"], repeats=2, **SETTINGS)
    assert [r["metrics"] for r in theirs["runs"]] == to_json([o.metrics for o in found.outcomes])
    assert theirs["best"] == found.best.name
    frame = found.frame()
    assert frame["setting"][frame["best"]].tolist() == [found.best.name]


@pytest.mark.slow
def test_learning_curve_is_the_command(call):
    theirs = answered(call, "learning-curve", "--repeats", 2, "--sizes", 3, file=DIABETES)
    found = mlpcli.learning_curve(str(DIABETES), repeats=2, sizes=3, **SETTINGS)
    assert theirs["power_law"] == to_json(found.law)
    assert [p["validation"]["value"] for p in theirs["points"]] == found.frame()["validation"].tolist()


@pytest.mark.slow
def test_tune_is_the_command(call, here):
    theirs = answered(call, "tune", "--trials", 3, "--folds", 2, "--space", "lr=0.001..0.1")
    found = mlpcli.tune(str(IRIS), trials=3, folds=2, space=["lr=0.001..0.1"], **SETTINGS)
    assert theirs["best"] == {
        "trial": found.best.number, "settings": found.best.values, "validation": found.best.loss
    }  # fmt: skip
    assert theirs["test_of_one_network"] == found.final.test_loss
    assert (found.model.predict(str(IRIS)) == mlpcli.load("best.npz").predict(str(IRIS))).all()
    assert {path.name for path in here.iterdir()} & {"search.random.journal", "search.optuna.journal"} == set()


def test_jobs_may_be_left_to_the_study():
    found = mlpcli.cv(str(IRIS), folds=2, jobs=None, **SETTINGS)
    assert found.metrics == mlpcli.cv(str(IRIS), folds=2, **SETTINGS).metrics


@pytest.mark.parametrize("call", [mlpcli.cv, mlpcli.learning_curve, mlpcli.tune])
def test_a_setting_that_does_not_exist_is_refused(call):
    with pytest.raises(mlpcli.errors.UsageError, match="unknown setting 'epoch'"):
        call(str(IRIS), epoch=3)

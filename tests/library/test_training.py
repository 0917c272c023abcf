"""A training as one call."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from samples import IRIS

import mlpcli
from mlpcli.errors import DataError, UsageError


def test_fit_refuses_an_unknown_setting():
    with pytest.raises(UsageError, match="unknown setting 'epoch'"):
        mlpcli.fit(str(IRIS), epoch=3)


def test_a_loss_of_counts_takes_a_frame_too():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=200)})
    frame["n"] = rng.poisson(np.exp(frame.x))
    model = mlpcli.fit(frame, target="n", loss="poisson", task="regression", preset="classic", epochs=5)
    assert (model.predict(frame) >= 0).all()


def test_a_model_knows_where_the_file_is_that_it_was_just_trained_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = mlpcli.fit(str(IRIS), preset="classic", hidden=(), epochs=2)
    assert model.evaluate().rows["test"] == mlpcli.evaluate(model, str(IRIS)).rows["test"]
    tuned = mlpcli.tune(str(IRIS), preset="classic", epochs=2, trials=1, folds=2, space=["lr=0.01,0.1"])
    assert tuned.model.evaluate().rows == model.evaluate().rows
    model.save("m.npz")
    with pytest.raises(DataError, match="is not here"):
        mlpcli.load("m.npz").evaluate()

"""A training as one call."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from samples import IRIS

import mlpcli
from mlpcli.errors import UsageError


def test_fit_refuses_an_unknown_setting():
    with pytest.raises(UsageError, match="unknown setting 'epoch'"):
        mlpcli.fit(str(IRIS), epoch=3)


def test_a_loss_of_counts_takes_a_frame_too():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=200)})
    frame["n"] = rng.poisson(np.exp(frame.x))
    model = mlpcli.fit(frame, target="n", loss="poisson", task="regression", preset="classic", epochs=5)
    assert (model.predict(frame) >= 0).all()

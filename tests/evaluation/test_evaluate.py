"""Honest numbers for a model: rows count by their weight, and what it never saw cannot be judged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from samples import IRIS

import mlpcli
from mlpcli.config.settings import ReadOptions
from mlpcli.data.dataset import DataSet
from mlpcli.data.splits import TEST
from mlpcli.errors import DataError

QUICK = ("--preset", "classic", "--epochs", "2")
SETTINGS = {"target": "sick", "test": "0", "epochs": 12, "ensemble": 3, "seed": 1}


def test_a_class_that_the_model_never_saw_cannot_be_judged(call, here):
    from mlpcli.evaluation.evaluate import truth_of

    assert call("train", IRIS, *QUICK, "-q", "-o", "m.npz")[0] == 0
    cells = pd.Series(pd.Categorical(["setosa", "tulip", "tulip"]))
    with pytest.raises(DataError, match=r"never seen the class 'tulip' \(2 rows\)") as caught:
        truth_of(mlpcli.load("m.npz"), cells, "new.csv")
    assert caught.value.file == "new.csv"


@pytest.mark.slow
def test_metrics_count_rows_by_their_weight(rare, tmp_path):
    _, frame = rare
    weights = np.random.default_rng(0).integers(0, 3, len(frame))
    frame.assign(w=weights).to_csv(tmp_path / "weighted.csv", index=False)
    settings = SETTINGS | {"test": "0.3"}
    model = mlpcli.fit(str(tmp_path / "weighted.csv"), weight="w", **settings)
    model.path = str(tmp_path / "model.npz")
    found = model.evaluate().metrics["test"]["accuracy"]
    right = model.predict(frame) == frame.sick
    table = DataSet.read(str(tmp_path / "weighted.csv"), model.config, ReadOptions())
    is_test = table.sets == TEST
    expected = np.average(right[is_test], weights=weights[is_test])
    assert found.value == pytest.approx(expected)
    assert found.value != pytest.approx(right[is_test].mean(), abs=1e-4)

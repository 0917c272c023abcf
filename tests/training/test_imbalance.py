"""Weights, balanced classes and a tuned threshold do, from the CSV to the prediction, what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

import mlpcli
from mlpcli.config import ReadOptions
from mlpcli.data.dataset import read_dataset
from mlpcli.data.splits import TEST
from mlpcli.errors import UsageError
from mlpcli.metrics.scoring import METRICS, best_threshold, decide

QUICK = {"target": "sick", "test": "0", "epochs": 12, "ensemble": 3, "seed": 1}


@pytest.fixture
def rare(tmp_path):
    """900 rows, one in fifteen sick, from x with much overlap."""
    rng = np.random.default_rng(0)
    sick = rng.random(900) < 1 / 15
    frame = pd.DataFrame({"x": rng.normal(0, 1, 900) + 1.5 * sick, "z": rng.normal(0, 1, 900)}).round(4)
    frame["sick"] = np.where(sick, "yes", "no")
    frame.to_csv(tmp_path / "rare.csv", index=False)
    return str(tmp_path / "rare.csv"), frame


def test_a_threshold_for_f1_finds_more_of_a_rare_class(rare):
    path, frame = rare
    plain, tuned = mlpcli.fit(path, **QUICK), mlpcli.fit(path, threshold="f1", **QUICK)
    truth = frame.sick == "yes"
    assert tuned.record.threshold is not None
    assert tuned.record.threshold < 0.4
    assert tuned.record.validation["f1"] > plain.record.validation["f1"] + 0.05
    assert f1_score(truth, tuned.predict(frame) == "yes") > f1_score(truth, plain.predict(frame) == "yes") + 0.05
    np.testing.assert_array_equal(tuned.predict_proba(frame), plain.predict_proba(frame))


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "f1"])
@pytest.mark.parametrize("seed", range(3))
def test_no_cut_beats_the_best_threshold(metric, seed):
    rng = np.random.default_rng(seed)
    y = (rng.random(60) < 0.2).astype(int)
    p = np.round(np.clip(0.2 + 0.2 * y + rng.normal(0, 0.2, 60), 0, 1), 2)
    proba = np.stack([1 - p, p], axis=1)
    found = METRICS[metric].function(y, decide(proba, best_threshold(y, proba, metric)))
    assert found >= max(METRICS[metric].function(y, decide(proba, cut)) for cut in np.linspace(0.005, 0.995, 100))


def test_a_threshold_is_for_two_classes(tmp_path):
    file = tmp_path / "three.csv"
    pd.DataFrame({"x": range(60), "sick": list("abc") * 20}).to_csv(file, index=False)
    with pytest.raises(UsageError, match="--threshold needs a target of two classes"):
        mlpcli.fit(str(file), threshold="f1", **QUICK)


def test_balanced_classes_say_a_rare_class_more_often(rare):
    path, frame = rare
    plain, balanced = mlpcli.fit(path, **QUICK), mlpcli.fit(path, class_weight="balanced", **QUICK)
    assert (balanced.predict(frame) == "yes").mean() > 3 * (plain.predict(frame) == "yes").mean()
    assert balanced.record.validation["balanced_accuracy"] > plain.record.validation["balanced_accuracy"] + 0.1


def test_rows_of_weight_zero_teach_nothing(rare, tmp_path):
    _, frame = rare
    right = frame.assign(sick=np.where(frame.x > 0, "yes", "no"), trust=1)
    wrong = frame.assign(sick=np.where(frame.x > 0, "no", "yes"), trust=0)
    both = pd.concat([right.iloc[:300], wrong]).sample(frac=1, random_state=0)
    both.to_csv(tmp_path / "trust.csv", index=False)
    model = mlpcli.fit(str(tmp_path / "trust.csv"), weight="trust", **QUICK)
    assert "trust" not in {c.name for c in model.schema.features}
    assert (model.predict(frame) == right.sick).mean() > 0.95


def test_metrics_count_rows_by_their_weight(rare, tmp_path):
    _, frame = rare
    weights = np.random.default_rng(0).integers(0, 3, len(frame))
    frame.assign(w=weights).to_csv(tmp_path / "weighted.csv", index=False)
    settings = QUICK | {"test": "0.3"}
    model = mlpcli.fit(str(tmp_path / "weighted.csv"), weight="w", **settings)
    model.path = str(tmp_path / "model.npz")
    found = model.evaluate().metrics["test"]["accuracy"]
    right = model.predict(frame) == frame.sick
    table = read_dataset(str(tmp_path / "weighted.csv"), model.config, ReadOptions())
    is_test = table.sets == TEST
    expected = np.average(right[is_test], weights=weights[is_test])
    assert found.value == pytest.approx(expected)
    assert found.value != pytest.approx(right[is_test].mean(), abs=1e-4)

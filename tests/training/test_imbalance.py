"""Weights, balanced classes and a tuned threshold do, from the CSV to the prediction, what they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

import mlpcli
from mlpcli.errors import UsageError

QUICK = {"target": "sick", "test": "0", "epochs": 12, "ensemble": 3, "seed": 1}


@pytest.mark.slow
def test_a_threshold_for_f1_finds_more_of_a_rare_class(rare):
    path, frame = rare
    plain, tuned = mlpcli.fit(path, **QUICK), mlpcli.fit(path, threshold="f1", **QUICK)
    truth = frame.sick == "yes"
    assert tuned.record.threshold is not None
    assert tuned.record.threshold < 0.4
    assert tuned.record.validation["f1"] > plain.record.validation["f1"] + 0.05
    assert f1_score(truth, tuned.predict(frame) == "yes") > f1_score(truth, plain.predict(frame) == "yes") + 0.05
    np.testing.assert_array_equal(tuned.predict_proba(frame), plain.predict_proba(frame))


def test_a_threshold_is_for_two_classes(tmp_path):
    file = tmp_path / "three.csv"
    pd.DataFrame({"x": range(60), "sick": list("abc") * 20}).to_csv(file, index=False)
    with pytest.raises(UsageError, match="--threshold needs a target of two classes"):
        mlpcli.fit(str(file), threshold="f1", **QUICK)


@pytest.mark.slow
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

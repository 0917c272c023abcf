"""Metrics are scikit-learn's, their intervals the binomial's, and the best threshold is best."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
import sklearn.metrics as peer

from mlpcli.engine.losses import LOSSES
from mlpcli.errors import DataError
from mlpcli.metrics import intervals
from mlpcli.metrics import scoring as metrics
from mlpcli.metrics.scoring import METRICS, best_threshold, decide, score

RNG = np.random.default_rng(0)


def classes(n=200, k=3):
    proba = RNG.dirichlet(np.ones(k), n).round(2) + 1e-3  # rounded, so that there are ties
    return RNG.integers(0, k, n), proba / proba.sum(axis=1, keepdims=True)


PEERS = {
    "accuracy": lambda y, p, w: peer.accuracy_score(y, p.argmax(1), sample_weight=w),
    "balanced_accuracy": lambda y, p, w: peer.balanced_accuracy_score(y, p.argmax(1), sample_weight=w),
    "f1": lambda y, p, w: peer.f1_score(y, p.argmax(1), average="macro", sample_weight=w),
    "log_loss": lambda y, p, w: peer.log_loss(y, p, sample_weight=w),
    "auc": lambda y, p, w: peer.roc_auc_score(y, p[:, 1], sample_weight=w),
    "average_precision": lambda y, p, w: peer.average_precision_score(y, p[:, 1], sample_weight=w),
    "rmse": lambda y, p, w: peer.root_mean_squared_error(y, p, sample_weight=w),
    "mae": lambda y, p, w: peer.mean_absolute_error(y, p, sample_weight=w),
    "r2": lambda y, p, w: peer.r2_score(y, p, sample_weight=w),
    "pinball": lambda y, p, w: peer.mean_pinball_loss(y, p, sample_weight=w, alpha=0.9),
    "poisson_deviance": lambda y, p, w: peer.mean_poisson_deviance(y, p, sample_weight=w),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", PEERS)
def test_the_value_is_that_of_scikit_learn(name, weighted):
    if METRICS[name].task == "classification":
        y, outputs = classes(k=2 if name in ("auc", "average_precision") else 3)
        fed = outputs.argmax(axis=1) if METRICS[name].needs == "labels" else outputs
    else:
        y = RNG.normal(size=200) if name != "poisson_deviance" else RNG.poisson(2.0, 200).astype(float)
        fed = outputs = y + RNG.normal(size=200) if name != "poisson_deviance" else RNG.uniform(0.1, 5, 200)
    weights = RNG.uniform(0.1, 2, len(y)) if weighted else None
    loss = LOSSES["quantile"](quantile=0.9)
    assert METRICS[name].function(y, fed, weights, loss) == pytest.approx(PEERS[name](y, outputs, weights), rel=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_a_perfect_prediction_is_best_and_a_shuffled_one_worse(name):
    metric = METRICS[name]
    if metric.task == "classification":
        y = np.repeat([0, 1, 2], 40)
        perfect = np.eye(3)[y]
        shuffled = perfect[RNG.permutation(len(y))]
        if metric.needs == "labels":
            perfect, shuffled = perfect.argmax(1), shuffled.argmax(1)
    else:
        y = RNG.normal(size=120) if name != "poisson_deviance" else RNG.poisson(2.0, 120).astype(float)
        perfect, shuffled = y, RNG.permutation(y)
    loss = next((kind() for kind in LOSSES.values() if kind.metric == name), None)  # has the settings of its metric
    best, worse = (metric.function(y, answers, loss=loss) for answers in (perfect, shuffled))
    assert best > worse if metric.higher_is_better else best < worse


def test_the_interval_of_an_accuracy_is_that_of_the_binomial():
    y = np.repeat([0, 1], 200)
    proba = np.eye(2)[np.where(np.arange(400) % 5 == 0, 1 - y, y)]
    found = score(LOSSES["cross_entropy"](), y, proba, rng=np.random.default_rng(0))["accuracy"]
    half = 1.96 * (0.8 * 0.2 / 400) ** 0.5
    assert found.value == pytest.approx(0.8)
    assert [found.low, found.high] == pytest.approx([0.8 - half, 0.8 + half], abs=0.008)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "f1", "auc", "average_precision", "log_loss"])
def test_an_interval_is_that_of_scikit_learn_on_the_same_drawn_rows(name, weighted):
    y, proba = classes(60, 2)
    w = RNG.uniform(0.1, 1, 60) if weighted else np.ones(60)
    w /= w.max()
    found = score(LOSSES["cross_entropy"](), y, proba, w, 50, rng=np.random.default_rng(1))[name]
    drawn = np.concatenate(list(intervals.resamples(60, 50, np.random.default_rng(1))))
    low, high = np.percentile([PEERS[name](y, proba, w * counts) for counts in drawn], [2.5, 97.5])
    assert (found.low, found.high) == pytest.approx((low, high))


def test_details_are_left_out_on_request_and_the_others_stay():
    y, proba = classes()
    whole, short = (
        score(LOSSES["cross_entropy"](), y, proba, rng=np.random.default_rng(0), details=details)
        for details in (True, False)
    )
    assert short == {name: found for name, found in whole.items() if not METRICS[name].is_detail}


@pytest.mark.parametrize("y", [np.zeros(20, int), np.r_[np.zeros(19, int), 1]])
def test_one_class_or_a_class_of_one_row_gives_finite_metrics(y):
    proba = np.tile([0.9, 0.1], (20, 1))
    found = score(LOSSES["cross_entropy"](), y, proba, n_bootstrap=50, rng=np.random.default_rng(0))
    assert all(np.isfinite(astuple(v)).all() for v in found.values())


@pytest.mark.parametrize("weights", [np.zeros(20), np.full(20, -1.0)])
def test_rows_without_weight_cannot_be_scored(weights):
    with pytest.raises(DataError, match="no rows to score"):
        METRICS["accuracy"].function(np.zeros(20, int), np.zeros(20, int), weights)


def test_curves_of_many_classes_are_resampled_less_often_and_the_others_as_often(monkeypatch):
    y, proba = classes()
    before = score(LOSSES["cross_entropy"](), y, proba, n_bootstrap=600, rng=np.random.default_rng(0))
    monkeypatch.setattr(metrics, "MIN_BOOTSTRAP", 10)
    monkeypatch.setattr(metrics, "MAX_CELLS", 600 * len(y))
    monkeypatch.setattr(intervals, "BLOCK_CELLS", 250 * len(y))  # the curves are done in the first block
    found = score(LOSSES["cross_entropy"](), y, proba, n_bootstrap=600, rng=np.random.default_rng(0))
    assert found["accuracy"] == before["accuracy"]
    assert found["auc"].value == before["auc"].value
    assert found["auc"] != before["auc"]


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "f1"])
@pytest.mark.parametrize("seed", range(3))
def test_no_cut_beats_the_best_threshold(metric, seed):
    rng = np.random.default_rng(seed)
    y = (rng.random(60) < 0.2).astype(int)
    p = np.round(np.clip(0.2 + 0.2 * y + rng.normal(0, 0.2, 60), 0, 1), 2)
    proba = np.stack([1 - p, p], axis=1)
    found = METRICS[metric].function(y, decide(proba, best_threshold(y, proba, metric)))
    assert found >= max(METRICS[metric].function(y, decide(proba, cut)) for cut in np.linspace(0.005, 0.995, 100))


def test_the_calibration_error_has_no_interval():
    found = score(LOSSES["cross_entropy"], *classes(), rng=RNG)
    assert [name for name, metric in METRICS.items() if not metric.has_interval] == ["ece"]
    assert found["ece"].low == found["ece"].value == found["ece"].high
    assert found["brier"].low < found["brier"].high
    folds = metrics.resampled_interval("ece", [0.1, 0.3], 0.25)
    assert astuple(folds) == pytest.approx((0.2, 0.2, 0.2))

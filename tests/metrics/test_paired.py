"""Paired differences of metrics against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.engine.losses import LOSSES, CrossEntropy
from mlpcli.metrics.paired import ScoredModel, compare_scores, level_for, shared_metrics
from mlpcli.metrics.scoring import METRICS, metrics_of


def rng(seed=0):
    return np.random.default_rng(seed)


def numbers(n, seed=0, noise=1.0):
    """Truth, a model, and one whose errors are the same but for a little."""
    r = rng(seed)
    truth = r.normal(size=n)
    shared = r.normal(size=n)
    return truth, truth + shared, truth + shared + noise * r.normal(size=n)


def model(outputs, loss="squared_error", threshold=None):
    return ScoredModel(LOSSES[loss](), outputs, threshold)


def test_the_difference_of_means_has_the_interval_of_the_paired_t_test():
    truth, new, old = numbers(400, noise=0.3)
    found = compare_scores(truth, model(new), model(old), None, None, rng(1))["mae"].difference
    per_row = np.abs(new - truth) - np.abs(old - truth)
    half = 1.966 * per_row.std(ddof=1) / 20
    assert found.value == pytest.approx(per_row.mean())
    assert found.high - found.low == pytest.approx(2 * half, rel=0.08)
    unpaired = 1.96 * (np.abs(new - truth).var() / 400 + np.abs(old - truth).var() / 400) ** 0.5
    assert half < unpaired / 2


def test_rows_of_a_group_are_drawn_together():
    r = rng(3)
    groups = np.repeat(np.arange(60), 20)
    truth = np.zeros(1200)
    new = 1 + np.repeat(r.normal(0, 0.2, 60), 20)
    found = compare_scores(truth, model(new), model(np.ones(1200)), None, groups, rng())["mae"].difference
    half = 2.0 * new[::20].std(ddof=1) / 60**0.5
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_metric_that_a_loss_has_is_compared_and_its_verdict_knows_its_direction(task):
    n = 300
    if task == "classification":
        truth = rng().integers(0, 2, n)
        good = np.where(truth == 1, 0.8, 0.2) + rng(1).uniform(-0.19, 0.19, n)
        poor = np.where(rng(2).random(n) < 0.4, 1 - good, good)
        new, old = (model(np.column_stack([1 - p, p]), "cross_entropy") for p in (good, poor))
    else:
        truth, fine, rough = numbers(n)
        new, old = model(fine), model(rough)
    found = compare_scores(truth, new, old, None, None, rng())
    assert list(found) == list(metrics_of(new.loss))
    verdicts = {name: m.verdict for name, m in found.items()}
    assert {v for name, v in verdicts.items() if METRICS[name].has_interval} == {"better"}
    assert {v for name, v in verdicts.items() if not METRICS[name].has_interval} <= {"not judged"}
    back = compare_scores(truth, old, new, None, None, rng())
    assert {m.verdict for m in back.values()} == {"worse"} | {v for v in verdicts.values() if v == "not judged"}


def test_a_model_is_not_shown_to_differ_from_itself():
    truth, new, _ = numbers(50)
    for found in compare_scores(truth, model(new), model(new), None, None, rng()).values():
        assert (found.difference.low, found.difference.high) == (0, 0)
        assert found.verdict == "not shown to differ"


def test_false_verdicts_of_few_rows_are_no_more_than_the_level_allows():
    """200 pairs of equally good models on 12 rows: 5 % of the verdicts on a mean may be wrong, and chance."""
    wrong = 0
    for seed in range(200):
        r = rng(seed)
        new, old = model(r.normal(size=12)), model(r.normal(size=12))
        wrong += compare_scores(np.zeros(12), new, old, None, None, r)["mae"].verdict != "not shown to differ"
    assert wrong <= 18


def test_weights_count():
    truth, new, old = numbers(80)
    weights = rng(5).integers(1, 4, 80).astype(float)
    found = compare_scores(truth, model(new), model(old), weights, None, rng())["mae"]
    assert found.new == pytest.approx(np.average(np.abs(new - truth), weights=weights))


def test_thresholds_decide_each_model_s_own_labels():
    truth = np.array([0, 1] * 20)
    outputs = np.column_stack([np.full(40, 0.7), np.full(40, 0.3)])
    low = ScoredModel(CrossEntropy(), outputs, 0.2)
    found = compare_scores(truth, low, ScoredModel(CrossEntropy(), outputs, None), None, None, rng())
    assert found["f1"].new == found["f1"].old == pytest.approx(1 / 3)
    assert found["log_loss"].difference.value == 0


def test_metrics_that_only_one_has_are_left_out():
    median, ninth = LOSSES["quantile"](0.0, 0.5), LOSSES["quantile"](0.0, 0.9)
    assert "pinball" in shared_metrics(median, median)
    assert "pinball" not in shared_metrics(median, ninth)
    assert list(shared_metrics(LOSSES["poisson"](), LOSSES["squared_error"]())) == [
        "rmse",
        "mae",
        "median_absolute_error",
        "r2",
    ]


def test_few_units_get_wider_intervals():
    assert level_for(10) > level_for(30) > level_for(1000) == pytest.approx(0.95, abs=0.001)

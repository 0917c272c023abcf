"""What is drawn of evaluated rows says the same as the metrics, and as scikit-learn's curves."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, confusion_matrix, precision_recall_curve, roc_auc_score, roc_curve

from mlpcli.errors import DataError
from mlpcli.evaluation.details import (
    CONFIDENCES,
    MAX_CURVES,
    MAX_DOTS,
    MAX_POINTS,
    THRESHOLDS,
    class_details,
    details_of,
    ranking_curves,
    value_details,
)
from mlpcli.evaluation.evaluate import Evaluation
from mlpcli.metrics.scoring import METRICS


def scored(y, outputs, labels=(), threshold=None, weights=None):
    """A model of these labels, and an evaluation with these rows."""
    model = SimpleNamespace(
        labels=labels, record=SimpleNamespace(rule=threshold), config=SimpleNamespace(seed=0),
    )  # fmt: skip
    return model, Evaluation("d.csv", {}, {}, {}, np.asarray(y), np.asarray(outputs), weights=weights)


@pytest.fixture(scope="module")
def two():
    """400 rows of two classes, with a score that knows something."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    p = 1 / (1 + np.exp(-(2 * y - 1 + rng.normal(0, 1.5, 400)))).round(2)
    return y, np.column_stack([1 - p, p])


def several(n_classes, n=600):
    rng = np.random.default_rng(1)
    y = rng.integers(0, n_classes, n)
    logits = rng.normal(0, 1, (n, n_classes)) + 1.5 * np.eye(n_classes)[y]
    shares = np.exp(logits)
    return y, shares / shares.sum(axis=1, keepdims=True)


def test_the_curves_are_those_of_scikit_learn(two):
    y, proba = two
    w = np.random.default_rng(2).uniform(0, 2, len(y))
    roc, pr = (np.array(points) for points in ranking_curves(y == 1, proba[:, 1], w))
    fpr, tpr, _ = roc_curve(y, proba[:, 1], sample_weight=w, drop_intermediate=False)
    assert all(min(np.hypot(fpr - x, tpr - t)) < 1e-9 for x, t in roc)
    precision, recall, _ = precision_recall_curve(y, proba[:, 1], sample_weight=w)
    assert all(min(np.hypot(recall - r, precision - p)) < 1e-9 for r, p in pr)
    assert max(len(roc), len(pr)) <= MAX_POINTS + 2
    assert (roc[0].tolist(), roc[-1].tolist(), pr[-1, 0]) == ([0, 0], [1, 1], 1)
    assert abs(np.trapezoid(roc[:, 1], roc[:, 0]) - roc_auc_score(y, proba[:, 1], sample_weight=w)) < 0.01


def test_a_curve_of_one_class_is_none():
    assert ranking_curves(np.ones(5, bool), np.arange(5.0), np.ones(5)) == ((), ())


def test_two_classes_have_thresholds_and_the_models_own_among_them(two):
    y, proba = two
    found = class_details(*scored(y, proba, ("no", "yes"), 0.33))
    assert [c.threshold for c in found.thresholds] == sorted([*THRESHOLDS, 0.33])
    for cost in found.thresholds:
        (tn, fp), (fn, tp) = confusion_matrix(y, proba[:, 1] >= cost.threshold)
        assert (cost.correct_rejections, cost.false_alarms, cost.misses, cost.hits) == (tn, fp, fn, tp)
        assert cost.accuracy == pytest.approx((tp + tn) / len(y))
    at = next(c for c in found.thresholds if c.threshold == 0.33)
    assert found.confusion == ((at.correct_rejections, at.false_alarms), (at.misses, at.hits))
    assert found.threshold == 0.33
    assert found.confidences == ()
    no, yes = found.classes
    assert (no.roc, yes.auc) == ((), pytest.approx(roc_auc_score(y, proba[:, 1])))
    assert yes.average_precision == pytest.approx(average_precision_score(y, proba[:, 1]))


def test_without_a_threshold_the_cost_at_one_half_is_that_of_the_answers(two):
    y, proba = two
    proba = np.where(np.abs(proba - 0.5) < 0.1, 0.5, proba)  # ties are the first class's
    found = class_details(*scored(y, proba, ("no", "yes")))
    at = next(c for c in found.thresholds if c.threshold == 0.5)
    assert (at.hits, at.misses) == (found.confusion[1][1], found.confusion[1][0])


def test_several_classes_say_what_a_least_probability_costs():
    y, proba = several(3)
    found = class_details(*scored(y, proba, ("a", "b", "c")))
    assert (found.thresholds, found.threshold) == ((), None)
    assert [c.confidence for c in found.confidences] == list(CONFIDENCES)
    first, last = found.confidences[0], found.confidences[-1]
    assert (first.answered, first.share) == (len(y), 1)
    assert first.accuracy == pytest.approx((proba.argmax(1) == y).mean())
    assert last.answered == int((proba.max(1) >= 0.99).sum())
    assert [c.rows for c in found.classes] == np.bincount(y).tolist()
    assert sum(map(sum, found.confusion)) == len(y)


def test_of_many_classes_the_most_frequent_have_curves():
    y, proba = several(9)
    found = class_details(*scored(y, proba, tuple("abcdefghi")))
    drawn = {c.label: c.rows for c in found.classes if c.roc}
    assert len(drawn) == MAX_CURVES
    assert min(drawn.values()) >= max(c.rows for c in found.classes if not c.roc)


def test_the_bins_of_reliability_add_up_to_the_metric():
    y, proba = several(3)
    found = class_details(*scored(y, proba, ("a", "b", "c")))
    gaps = sum(b.rows * abs(b.confidence - b.accuracy.value) for b in found.reliability) / len(y)
    assert gaps == pytest.approx(found.calibration_error)
    assert found.calibration_error == pytest.approx(METRICS["ece"].function(y, proba))
    assert all(b.low < b.confidence <= b.high for b in found.reliability)
    assert all(0 <= b.accuracy.low <= b.accuracy.value <= b.accuracy.high <= 1 for b in found.reliability)


def test_rows_without_weight_are_refused_and_no_rows_have_no_details(two):
    y, proba = two
    with pytest.raises(DataError, match="no rows to score"):
        class_details(*scored(y, proba, ("no", "yes"), weights=np.zeros(len(y))))
    assert details_of(*scored([], np.empty((0, 2)), ("no", "yes"))) is None


def test_errors_by_size_and_residuals_cover_every_row():
    rng = np.random.default_rng(3)
    truth = rng.normal(100, 20, 1000)
    values = truth + rng.normal(0, 5, 1000)
    found = details_of(*scored(truth, values))
    assert sum(b.rows for b in found.by_size) == 1000
    assert found.by_size[0].low == values.min()
    assert found.by_size[-1].high == values.max()
    assert sum(b.rows * b.mae for b in found.by_size) / 1000 == pytest.approx(np.abs(values - truth).mean())
    assert sum(b.rows * b.rmse**2 for b in found.by_size) / 1000 == pytest.approx(((values - truth) ** 2).mean())
    assert found.below + found.above + sum(b.rows for b in found.residuals) == 1000
    assert found.quantiles["median"] == pytest.approx(np.median(values - truth))
    assert len(found.sample) == MAX_DOTS
    assert set(found.sample) <= set(zip(truth.tolist(), values.tolist(), strict=True))


@pytest.mark.parametrize("truth", [[5.0] * 12, [1e300, -1e300, 1e299] * 4, [0.0, 1.0]])
def test_odd_targets_have_details_too(truth):
    found = value_details(scored(truth, np.zeros(len(truth)))[1], 0)
    assert found.below + found.above + sum(b.rows for b in found.residuals) == len(truth)
    assert all(np.isfinite([b.bias, b.mae, b.rmse]).all() for b in found.by_size)

"""Losses are finite wherever they are asked, weigh rows as told, and average over batches."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn import metrics

from mlpcli.engine.losses import LOSSES, weighted_quantile

CLASSIFIERS = [name for name, loss in LOSSES.items() if loss.task == "classification"]


def problem(name: str, n: int = 12):
    """logits (n, n_outputs) and y (n,)"""
    rng = np.random.default_rng(0)
    n_outputs = 3 if name == "cross_entropy" else 1
    y = rng.integers(0, max(n_outputs, 2), n) if name in CLASSIFIERS else rng.standard_normal(n)
    return rng.standard_normal((n, n_outputs)), allowed(y, LOSSES[name])


def allowed(y, loss):
    """The values of a target, moved to where the loss is defined."""
    return y if loss.task == "classification" or np.isinf(loss.min_target) else loss.min_target + np.abs(y)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("size", [-1e4, 1e4])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_gradients_are_finite_at_huge_logits(name, size, smoothing):
    logits, y = problem(name)
    logits = np.full(logits.shape, size, np.float32)
    logits[:, 0] = -size
    logits[::3] = 0  # rows far from each other: each has its own largest
    loss, grad = LOSSES[name](smoothing), np.empty_like(logits)
    loss.gradient(logits, y, None, grad)
    assert np.isfinite(grad).all()
    assert np.isfinite(loss.value(logits, y))
    if name in CLASSIFIERS:
        np.testing.assert_allclose(loss.link(logits).sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_the_gradient_of_cross_entropy_is_that_of_the_smoothed_truth(n_classes, smoothing):
    rng = np.random.default_rng(1)
    logits, y = rng.standard_normal((9, n_classes)), rng.integers(0, n_classes, 9)
    truth = (1 - smoothing) * np.eye(n_classes)[y] + smoothing / n_classes
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    grad = np.empty_like(logits)
    LOSSES["cross_entropy"](smoothing).gradient(logits, y, None, grad)
    np.testing.assert_allclose(grad, (p - truth) / 9, atol=1e-12)


@pytest.mark.parametrize("n", [1, 12])
@pytest.mark.parametrize("name", LOSSES)
def test_logits_are_left_alone(name, n):
    logits, y = problem(name, n)
    before = logits.copy()
    LOSSES[name]().gradient(logits, y, np.ones(len(y)), np.empty_like(logits))
    np.testing.assert_array_equal(logits, before)


@pytest.mark.parametrize("name", LOSSES)
def test_a_row_of_weight_two_is_a_row_given_twice(name):
    logits, y = problem(name)
    loss, n = LOSSES[name](), len(y)
    weights = np.ones(n)
    weights[3] = 2
    twice = np.r_[np.arange(n), 3]
    assert loss.value(logits, y, weights) == pytest.approx(loss.value(logits[twice], y[twice]))
    grad, grad_twice = np.empty_like(logits), np.empty_like(logits[twice])
    loss.gradient(logits, y, weights, grad)
    loss.gradient(logits[twice], y[twice], None, grad_twice)
    together = grad_twice[:n].copy()
    together[3] += grad_twice[n]
    np.testing.assert_allclose(grad * n, together * (n + 1))


@pytest.mark.parametrize("name", LOSSES)
def test_the_mean_gradient_of_equal_batches_is_that_of_all_rows(name):
    logits, y = problem(name)
    weights = np.random.default_rng(1).random(len(y))
    loss, whole, parts = LOSSES[name](0.1), np.empty_like(logits), np.empty_like(logits)
    loss.gradient(logits, y, weights, whole)
    for i in (0, 4, 8):
        loss.gradient(logits[i : i + 4], y[i : i + 4], weights[i : i + 4], parts[i : i + 4])
    np.testing.assert_allclose(parts / 3, whole)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_probabilities_are_positive_and_sum_to_one(name):
    logits, _ = problem(name)
    p = LOSSES[name]().link(logits)
    assert (p > 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_rows_loss_is_minus_the_log_of_its_class_probability(name):
    logits, y = problem(name)
    loss = LOSSES[name]()
    np.testing.assert_allclose(loss.rows(logits, y), -np.log(loss.link(logits)[np.arange(len(y)), y]))


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in CLASSIFIERS])
def test_a_right_prediction_costs_nothing_and_any_other_something(name):
    loss = LOSSES[name]()
    y = allowed(np.array([-2.0, 0.5, 3.0]), loss)
    right = loss.inverse_link(y[:, None])
    assert loss.value(right, y) == pytest.approx(0, abs=1e-12)
    assert (loss.rows(right + np.array([[0.5], [-1.5], [2.0]]), y) > 0).all()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_the_constant_answer_is_the_best_constant(name, weighted):
    loss = LOSSES[name]()
    _, y = problem(name, 41)
    weights = np.random.default_rng(1).uniform(0.1, 2, len(y)) if weighted else None
    best = loss.constant(y, weights, 3 if name == "cross_entropy" else 2 if name in CLASSIFIERS else 1)

    def value(logits):
        return loss.value(np.tile(logits, (len(y), 1)), y, weights)

    others = [minimize(value, best + shift, method="Nelder-Mead", tol=1e-9).fun for shift in (-0.3, 0.0, 0.4)]
    assert value(best) <= min(others) + 1e-9


@pytest.mark.parametrize("name", LOSSES)
def test_the_inverse_link_is_the_inverse_of_the_link(name):
    loss = LOSSES[name]()
    outputs = loss.link(problem(name)[0])
    np.testing.assert_allclose(loss.link(loss.inverse_link(outputs)), outputs, rtol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_of_outputs_is_that_of_their_logits(name):
    loss = LOSSES[name]()
    logits, y = problem(name)
    np.testing.assert_allclose(loss.rows_of_outputs(loss.link(logits), y), loss.rows(logits, y), rtol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_residuals_of_a_perfect_prediction_are_zero(name):
    loss = LOSSES[name]()
    y = np.array([0, 1, 1, 0]) if name in CLASSIFIERS else np.array([0.0, 1.0, 1.0, 0.0])
    z = {"cross_entropy": 100 * np.eye(2)[y.astype(int)], "binary_cross_entropy": 200.0 * y[:, None] - 100}.get(
        name, loss.inverse_link(y[:, None])
    )
    assert np.abs(loss.residuals(z, y)).max() < 1e-12


@pytest.mark.parametrize("name", LOSSES)
def test_residuals_of_the_constant_answer_are_zero_on_average_where_it_is_the_mean(name):
    loss = LOSSES[name]()
    if loss.constant_name not in ("mean", "majority class"):
        pytest.skip("its constant is no mean")
    _, y = problem(name, 41)
    best = loss.constant(y, None, 3 if name == "cross_entropy" else 2 if name in CLASSIFIERS else 1)
    assert loss.residuals(np.tile(best, (len(y), 1)), y).mean(axis=0) == pytest.approx(0, abs=1e-12)


D2 = {
    "poisson": lambda y, values: metrics.d2_tweedie_score(y, values, power=1),
    "quantile": lambda y, values: metrics.d2_pinball_score(y, values, alpha=0.9),
}


@pytest.mark.parametrize("name", D2)
def test_the_metric_of_the_curve_is_d2_of_scikit_learn(name):
    logits, y = problem(name, 41)
    loss = LOSSES[name](quantile=0.9) if name == "quantile" else LOSSES[name]()
    assert loss.epoch_metric == "d2"
    assert loss.quick_metric(logits, y) == pytest.approx(D2[name](y, loss.link(logits)[:, 0]), rel=1e-6)


def test_the_median_of_weighted_values_is_that_of_the_values_repeated():
    y, weights = np.array([3.0, 1.0, 2.0, 5.0]), np.array([1.0, 3.0, 1.0, 1.0])
    assert weighted_quantile(y, 0.5, weights) == np.median(np.repeat(y, weights.astype(int))) == 1.5
    assert weighted_quantile(y, 0.5) == np.median(y)


def test_cross_entropy_of_one_logit_is_that_of_two():
    logits, y = problem("binary_cross_entropy")
    two = np.hstack([np.zeros_like(logits), logits])
    grad, grad_two = np.empty_like(logits), np.empty_like(two)
    LOSSES["binary_cross_entropy"](0.2).gradient(logits, y, None, grad)
    LOSSES["cross_entropy"](0.2).gradient(two, y, None, grad_two)
    assert LOSSES["binary_cross_entropy"]().value(logits, y) == pytest.approx(LOSSES["cross_entropy"]().value(two, y))
    np.testing.assert_allclose(grad[:, 0], grad_two[:, 1])


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_the_link_of_numbers_is_the_number(loss):
    from mlpcli.engine.losses import LOSSES

    logits = np.array([[0.5], [-2.0]])
    assert LOSSES[loss]().link(logits).tolist() == logits.tolist()


def test_soft_targets_are_those_of_a_distribution():
    rng, loss = np.random.default_rng(3), LOSSES["cross_entropy"]()
    logits, y = problem("cross_entropy")
    hard, soft = np.empty_like(logits), np.empty_like(logits)
    loss.gradient(logits, y, None, hard)
    loss.gradient(logits, np.eye(3)[y], None, soft)
    np.testing.assert_array_equal(soft, hard)
    np.testing.assert_allclose(loss.rows(logits, np.eye(3)[y]), loss.rows(logits, y), rtol=1e-12)
    shares = rng.dirichlet(np.ones(3), len(y))
    loss.gradient(np.log(shares), shares, None, soft)
    np.testing.assert_allclose(soft, 0, atol=1e-15)  # nothing is nearer to shares than they are
    assert loss.value(np.log(shares), shares) < loss.value(logits, shares)

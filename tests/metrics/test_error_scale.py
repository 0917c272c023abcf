"""The size of error to expect of a row: found where there is one, and nothing where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlpcli.metrics.error_scale import (
    MAX_FITTED_ROWS,
    MAX_STEPS,
    PRIOR_ROWS,
    ErrorScale,
    Step,
    fit_error_scale,
    gain,
    leaf,
    losses_by_steps,
)


def table(n, n_inputs, rng, size_of):
    x = rng.standard_normal((n, n_inputs)).astype(np.float32)
    outputs = rng.standard_normal(n)
    return x, outputs, np.abs(size_of(x, outputs) * rng.standard_normal(n)), np.arange(n) % 5


CASES = {
    "an input": lambda x, outputs: np.exp(x[:, 60]),
    "the answer": lambda x, outputs: np.exp(outputs),
    "a threshold": lambda x, outputs: np.where(x[:, 3] > 0.5, 4.0, 0.5),
}


@pytest.mark.parametrize("case", CASES)
def test_expected_sizes_follow_what_drives_them(case):
    rng = np.random.default_rng(0)
    x, outputs, sizes, parts = table(6000, 70, rng, CASES[case])
    rows = np.arange(6000)
    scale, expected = fit_error_scale(x, rows, outputs, sizes, parts)
    scores = sizes / expected
    truth = CASES[case](x, outputs) * (2 / np.pi) ** 0.5
    found = scale.of(x, outputs)
    assert np.corrcoef(np.log(found), np.log(truth))[0, 1] > 0.9
    large = truth > np.median(truth)
    assert 0.8 < scores[large].mean() / scores[~large].mean() < 1.25
    assert 0.9 < scores.mean() < 1.1
    assert len(rows) > MAX_FITTED_ROWS  # rows that no scale was fitted to are scored alike
    assert abs(scores[:MAX_FITTED_ROWS].mean() - scores[MAX_FITTED_ROWS:].mean()) < 0.1


def test_noise_is_not_taken_for_a_scale():
    x, outputs, sizes, parts = table(500, 20, np.random.default_rng(1), lambda x, outputs: 1.0)
    scale, _ = fit_error_scale(x, np.arange(500), outputs, sizes, parts)
    assert np.std(np.log(scale.of(x, outputs))) < 0.15


def test_rows_are_those_that_are_named():
    x, outputs, sizes, parts = table(1000, 5, np.random.default_rng(2), lambda x, outputs: np.exp(x[:, 1]))
    order = np.random.default_rng(3).permutation(1000)
    turned = np.empty_like(x)
    turned[order] = x
    assert (
        fit_error_scale(turned, order, outputs, sizes, parts)[0]
        == fit_error_scale(x, np.arange(1000), outputs, sizes, parts)[0]
    )


@pytest.mark.parametrize("n", [1, 2, 9, 25])
def test_a_few_rows_and_errors_of_nothing_have_a_scale(n):
    x = np.zeros((n, 0), np.float32)
    scale, expected = fit_error_scale(x, np.arange(n), np.zeros(n), np.zeros(n), np.arange(n) % 5)
    assert scale.steps == ()
    assert (expected > 0).all()


def test_a_leaf_is_the_best_constant_and_its_gain_what_it_saves():
    ratios = np.random.default_rng(4).exponential(1.7, 40)
    prior = np.ones(PRIOR_ROWS)
    tried = np.linspace(-2, 2, 4001)
    losses = [(value + np.r_[ratios, prior] * np.exp(-value)).sum() for value in tried]
    assert abs(tried[int(np.argmin(losses))] - float(leaf(ratios.sum(), 40))) < 1e-3
    added = float(leaf(ratios.sum(), 40))
    saved = ratios.sum() - (added + ratios * np.exp(-added)).sum()
    assert float(gain(ratios.sum(), np.float64(40))) == pytest.approx(saved)


def test_losses_after_each_number_of_steps_are_those_of_so_many():
    x, outputs, sizes, _ = table(50, 3, np.random.default_rng(5), lambda x, outputs: 1.0)
    scale = ErrorScale(0.1, (Step(0, 0.0, 0.2, -0.1), Step(-1, 0.3, 0.1, 0.4)))
    found = losses_by_steps(scale, x, outputs, sizes)
    for n in range(3):
        expected = scale.first(n).of(x, outputs)
        assert found[n] == pytest.approx((np.log(expected) + sizes / expected).sum())
    assert len(found) == MAX_STEPS + 1
    assert (found[2:] == found[2]).all()


def test_a_scale_that_no_training_writes_is_not_sound():
    good = ErrorScale(0.1, (Step(2, 0.0, 0.2, -0.1), Step(-1, 0.3, 0.1, 0.4)))
    assert good.is_sound(3)
    assert not good.is_sound(2)
    assert not replace(good, base=60.0).is_sound(3)
    assert not ErrorScale(0.1, (Step(-2, 0.0, 0.2, -0.1),)).is_sound(3)
    assert not ErrorScale(0.1, (Step(0, 0.0, 700.0, -0.1),)).is_sound(3)
    assert not ErrorScale(0.1, good.steps * MAX_STEPS).is_sound(3)

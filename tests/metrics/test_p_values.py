"""p-values against exact sums, and against what is drawn at random."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from mlpcli.metrics.p_values import (
    at_least,
    cells_p_value,
    kolmogorov_smirnov,
    ks_p_value,
    normal_p_value,
    share_p_value,
)


@pytest.mark.parametrize(
    ("k", "n", "others", "m"), [(5, 20, 1, 30), (3, 8, 0, 9), (7, 10, 4, 40), (1, 3, 5, 5), (12, 12, 3, 50)]
)
def test_fisher_s_test_is_the_sum_of_hypergeometric_probabilities(k, n, others, m):
    total = k + others
    exact = sum(comb(n, i) * comb(m, total - i) for i in range(k, min(n, total) + 1)) / comb(n + m, total)
    assert at_least(k, n, others, m) == pytest.approx(exact if k * (n + m) > total * n else 1.0, rel=1e-9)


def test_large_counts_have_small_p_values_without_overflow():
    assert 0 < at_least(600, 1000, 40_000, 100_000) < 1e-30
    assert at_least(10**6, 10**9, 10**6, 10**9) == 1.0
    assert at_least(500, 500, 0, 20_000) < 1e-300


def test_shares_are_compared_in_both_directions():
    assert share_p_value(0, 200, 300, 3000) == pytest.approx(2 * at_least(300, 3000, 0, 200))
    assert share_p_value(50, 200, 300, 3000) < 1e-6
    assert share_p_value(20, 200, 300, 3000) == 1.0


@pytest.mark.parametrize("n_cells", [2, 12])
def test_a_p_value_below_5_percent_comes_in_at_most_5_percent_of_equal_samples(n_cells):
    rng = np.random.default_rng(n_cells)
    shares = rng.dirichlet(np.ones(n_cells))
    found = [cells_p_value(rng.multinomial(300, shares), rng.multinomial(2000, shares)) for _ in range(600)]
    assert np.mean(np.array(found) < 0.05) < 0.07


def test_cells_of_one_kind_only_tell_nothing():
    assert cells_p_value(np.array([5, 0]), np.array([9, 0])) == 1.0


def test_the_kolmogorov_smirnov_p_value_is_that_of_random_samples():
    rng = np.random.default_rng(0)
    n, m = 60, 150
    far = []
    for _ in range(2000):
        far.append(kolmogorov_smirnov(rng.random(n), rng.random(m))[0])
    assert kolmogorov_smirnov(np.arange(4.0), np.arange(2.0, 6.0)) == (0.5, ks_p_value(0.5, 4, 4))
    for level in (0.5, 0.1, 0.05):
        distance = float(np.quantile(far, 1 - level))
        assert ks_p_value(distance, n, m) == pytest.approx(level, rel=0.25)


def test_the_normal_p_value_is_the_one_of_tables():
    assert normal_p_value(1.959964) == pytest.approx(0.025, rel=1e-5)
    assert normal_p_value(-1.959964) == pytest.approx(0.975, rel=1e-5)

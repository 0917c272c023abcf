"""Intervals cover as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlpcli.metrics.intervals import estimate, paired_difference, resampled_means, t_quantile


def test_the_interval_covers_the_true_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [estimate(resampled_means(rng.exponential(size=(200, 1)), rng)[:, 0]) for _ in range(300)]
    covered = np.mean([e.low <= 1 <= e.high for e in found])
    assert 0.91 <= covered <= 0.98


def test_rows_resampled_in_groups_give_the_same_width():
    rng = np.random.default_rng(0)
    found = estimate(resampled_means(rng.normal(size=(50_000, 1)), rng)[:, 0])
    assert found.high - found.low == pytest.approx(2 * 1.96 / 50_000**0.5, rel=0.15)


@pytest.mark.parametrize("df", [1, 2, 3, 4, 5, 8, 9, 30, 99, 500])
def test_quantiles_of_students_t_are_scipys(df):
    assert t_quantile(df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-9)


def test_the_interval_of_paired_differences_is_that_of_the_paired_t_test_where_no_rows_are_shared():
    d = np.random.default_rng(0).normal(0.3, 1.0, 12)
    found = paired_difference(d, 0.0, 0.9)
    assert (found.low, found.high) == pytest.approx(stats.ttest_1samp(d, 0).confidence_interval(0.9))
    assert paired_difference(d, 0.25).high - paired_difference(d, 0.25).low > found.high - found.low

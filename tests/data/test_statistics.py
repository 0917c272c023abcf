"""Statistics of weighted rows are those of rows written out as often as their weights say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpcli.data.statistics import as_counts, mean_and_deviation, quantiles

LEVELS = np.linspace(0, 1, 17)


@given(st.lists(st.tuples(st.integers(-(10**6), 10**6), st.integers(0, 4)), min_size=1), st.integers(0, 1))
def test_whole_weights_are_repeats(rows, at_least):
    x, weights = np.array([value / 8 for value, _ in rows]), np.array([n for _, n in rows]) + at_least
    if not weights.any():
        return
    written_out = x.repeat(weights)
    assert quantiles(x, LEVELS, weights.astype(float)) == pytest.approx(np.quantile(written_out, LEVELS), rel=1e-9)
    size = np.abs(x).max()
    for found, expected in zip(
        mean_and_deviation(x, weights.astype(float)), (written_out.mean(), written_out.std()), strict=True
    ):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-9 * size)


def test_the_size_of_weights_that_are_no_counts_does_not_matter():
    x, weights = np.random.default_rng(0).random((2, 50))
    found = [quantiles(x, LEVELS, as_counts(weights * size)) for size in (1, 1e-3, 7)]
    assert found[1:] == [pytest.approx(found[0], rel=1e-12)] * 2
    assert np.array_equal(as_counts(np.array([3.0, 0.0, 1.0])), [3, 0, 1])


def test_squares_of_large_values_do_not_overflow():
    assert mean_and_deviation(np.array([1e200, 3e200]), np.ones(2)) == pytest.approx((2e200, 1e200))

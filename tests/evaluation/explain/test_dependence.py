"""Dependence is 1 for columns that say the same, near 0 for independent ones, and known in between."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlpcli.evaluation.explain.dependence import dependences, groups_of

N = 1_000


def pair(first, second):
    return dependences(pd.DataFrame({"first": first, "second": second}))[0, 1]


def levels(numbers):
    return pd.Categorical(np.asarray([f"level {int(n)}" for n in numbers], object))


@pytest.mark.parametrize("seed", range(5))
def test_of_independent_columns_there_is_next_to_none(seed):
    rng = np.random.default_rng(seed)
    x, y, c, d = rng.normal(size=N), rng.normal(size=N), rng.integers(9, size=N), rng.integers(40, size=N)
    assert max(pair(x, y), pair(x, levels(d)), pair(levels(c), levels(d))) < 0.15


def test_of_columns_that_say_the_same_it_is_one():
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    c = rng.integers(5, size=N)
    assert pair(x, -np.exp(x)) == pytest.approx(1)
    assert pair(levels(c), levels(9 - c)) == pytest.approx(1)
    assert pair(c * 1.0, levels(c)) == pytest.approx(1, abs=1e-3)
    assert pair(levels(c), c * 1.0) == pytest.approx(1, abs=1e-3)


def test_it_is_the_rank_correlation_of_the_rows_that_have_both():
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    y = x + rng.normal(size=N)
    assert pair(x, y) == pytest.approx(pd.Series(x).corr(pd.Series(y), method="spearman"), abs=1e-6)
    x[rng.random(N) < 0.05] = np.nan
    assert pair(x, y) > 0.6


def test_columns_of_one_value_of_text_or_of_few_rows_have_none():
    x = np.arange(N) * 1.0
    assert pair(x, np.ones(N)) == 0
    assert pair(x, levels(np.ones(N))) == 0
    assert pair(levels(np.arange(N)), levels(np.ones(N))) == 0
    assert pair(x, np.full(N, np.nan)) == 0
    assert pair(levels(np.arange(N) % 7), x[:N] * 0) == 0
    assert pair(x[:10], x[:10]) == 0
    frame = pd.DataFrame({"first": x, "second": levels(np.arange(N) // 100)})
    assert dependences(frame)[0, 1] > 0.9
    assert not dependences(frame, ["second"]).any()
    assert not dependences(frame[["second"]]).any()


def test_groups_are_of_columns_linked_by_more_than_the_least():
    strength = np.zeros((4, 4))
    strength[0, 2] = strength[2, 0] = 0.9
    strength[2, 3] = strength[3, 2] = 0.81
    assert groups_of("abcd", strength, 0.8) == [("a", "c", "d"), ("b",)]
    assert groups_of("abcd", strength, 0.85) == [("a", "c"), ("b",), ("d",)]
    assert groups_of("abcd", np.ones((4, 4)), 1) == [("a",), ("b",), ("c",), ("d",)]

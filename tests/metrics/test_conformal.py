"""Bounds hold what they promise of scores that are drawn alike, and say what few scores cannot promise."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from mlpcli.errors import UsageError
from mlpcli.metrics.conformal import (
    LEVELS,
    MAX_LEVEL,
    MIN_LEVEL,
    ConformalSets,
    ScoreQuantiles,
    check_level,
    true_class_scores,
)


def of_uniform(n, rng, groups=None):
    return ScoreQuantiles.of(rng.random(n), groups)


@pytest.mark.parametrize("n", [19, 60, 500])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_the_next_score_is_held_as_often_as_promised(n, level):
    rng = np.random.default_rng(0)
    # A bound on scores that are uniform holds the next one with the probability that it is itself.
    held = np.mean([of_uniform(n, rng).at(level) for _ in range(1500)])
    assert level - 0.003 < held < level + 1 / (n + 1) + 0.003


@pytest.mark.parametrize("n", [9, 20, 137, 1000])
def test_round_levels_are_the_order_statistics_of_the_textbook(n):
    scores = np.random.default_rng(1).exponential(size=n)
    found = ScoreQuantiles.of(scores)
    for level in LEVELS:
        rank = math.ceil(round(level * (n + 1), 6))
        assert found.reaches(level) == (rank <= n)
        if rank <= n:
            assert found.at(level) == np.sort(scores)[rank - 1]


def test_between_two_levels_the_higher_one_is_taken():
    found = ScoreQuantiles.of(np.arange(5000.0))
    for level in np.linspace(MIN_LEVEL, MAX_LEVEL, 333):
        assert level * 5001 - 1 <= found.at(level) + 1e-6
        assert found.at(level) <= (level + 0.01) * 5001
    assert (LEVELS[0], LEVELS[-1], len(LEVELS)) == (MIN_LEVEL, MAX_LEVEL, 59)


@pytest.mark.parametrize(("n", "highest"), [(0, 0.0), (1, 0.5), (9, 0.9), (19, 0.95), (999, 0.999)])
def test_few_rows_reach_no_high_level(n, highest):
    assert ScoreQuantiles.of(np.zeros(n)).highest == highest


def test_a_group_counts_once_however_many_rows_it_has():
    rng = np.random.default_rng(2)
    small, large = np.repeat(np.arange(30), 2), np.full(3000, 30)
    scores = np.r_[rng.random(60), 5 + rng.random(3000)]
    found = ScoreQuantiles.of(scores, np.r_[small, large])
    assert found.n == 31
    assert found.at(0.9) < 1  # the large group is one of 31
    assert ScoreQuantiles.of(scores).at(0.9) > 5
    assert found.highest < 31 / 32 + 1e-9


def test_groups_of_one_row_are_rows():
    scores = np.random.default_rng(3).random(80)
    assert ScoreQuantiles.of(scores, np.arange(80)) == ScoreQuantiles.of(scores)


def test_quantiles_that_no_scores_have_are_not_sound():
    found = ScoreQuantiles.of(np.random.default_rng(4).random(50))
    assert found.is_sound()
    for bad in (
        replace(found, n=200),
        replace(found, n=20),
        replace(found, n=-1),
        replace(found, scores=found.scores[::-1]),
        replace(found, scores=(-0.1, *found.scores[1:])),
        replace(found, scores=found.scores[:-1]),
    ):
        assert not bad.is_sound()


@pytest.mark.parametrize("level", [0.0, 0.49, 0.9995, 1.0, 90.0, float("nan")])
def test_a_level_that_no_model_makes_is_a_usage_error(level):
    with pytest.raises(UsageError, match=r"--interval: expected a level from 0.5 to 0.999"):
        check_level(level, "--interval")


# --- sets -------------------------------------------------------------------------------------------------


def drawn(n, rng, shares=(0.86, 0.1, 0.04), told=1.5):
    """True classes (n,), and the probabilities that a perfect model has for them (n, 3)."""
    y = rng.choice(3, n, p=shares)
    signal = told * np.eye(3)[y] + rng.standard_normal((n, 3))
    weighed = np.asarray(shares) * np.exp(told * signal)
    return y, weighed / weighed.sum(axis=1, keepdims=True)


def sets_of(y, p):
    scores = true_class_scores(p[np.arange(len(y)), y])
    return ConformalSets(
        "sets", ScoreQuantiles.of(scores), tuple(ScoreQuantiles.of(scores[y == c]) for c in range(p.shape[1]))
    )


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(5)
    return sets_of(*drawn(3000, rng)), *drawn(20000, rng)


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_sets_hold_their_share_of_all_rows(level, rows):
    found, y, p = rows
    held = found.members(level, p, False)[np.arange(len(y)), y]
    assert max(level, (p.argmax(axis=1) == y).mean()) - 0.015 < held.mean()
    assert held[y == 2].mean() < 0.8  # what is rare pays for it


@pytest.mark.parametrize("level", [0.8, 0.9])
def test_sets_by_class_hold_their_share_within_each(level, rows):
    found, y, p = rows
    assert found.has_rare_class
    held = found.members(level, p, True)[np.arange(len(y)), y]
    for number in range(3):
        assert held[y == number].mean() > level - 0.06


def test_a_set_has_the_most_probable_class_and_no_useless_one(rows):
    found, _, p = rows
    sets = found.members(0.5, p, False)
    assert (sets.sum(axis=1) == 1).mean() > 0.99
    assert sets[np.arange(len(p)), p.argmax(axis=1)].all()


def test_a_class_of_a_few_rows_is_held_to_the_bound_of_all():
    y, p = drawn(400, np.random.default_rng(6), (0.9, 0.09, 0.01))
    found = sets_of(y, p)
    assert found.too_few(0.9) == [2]
    everywhere, within = found.members(0.9, p, False), found.members(0.9, p, True)
    assert (within[:, 2] == everywhere[:, 2]).all()
    assert within[:, 1].sum() > everywhere[:, 1].sum()


def test_even_classes_are_not_rare():
    y, p = drawn(600, np.random.default_rng(7), (0.3, 0.3, 0.4))
    assert not sets_of(y, p).has_rare_class
    assert not replace(sets_of(y, p), by_class=()).has_rare_class

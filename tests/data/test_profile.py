"""Profiles: every value falls in the cell that its place among the points says, and other rows in the same cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlpcli.data.profile import MAX_LEVELS, Profile, level_numbers


def test_numbers_are_counted_below_at_and_between_the_points():
    profile = Profile.of_numbers(np.array([0.0, 0, 0, 1, 5, np.nan]))
    assert profile.points == (0, 1, 5)
    assert profile.counts == (0, 3, 0, 1, 0, 1, 0, 1)
    assert profile.count(np.array([-1, 0, 0.5, 1, 2, 5, 6, np.nan])).tolist() == [1] * 8
    assert profile.is_odd.tolist() == [True] + [False] * 5 + [True, False]


def test_the_points_of_many_numbers_are_quantiles_of_them():
    values = np.random.default_rng(0).normal(size=10_001)
    profile = Profile.of_numbers(values)
    assert (profile.points[0], profile.points[-1]) == (values.min(), values.max())
    between = np.array(profile.counts)[2:-2:2]
    assert between.min() > 620 > between.max() - 10
    assert sum(profile.counts) == len(values)


def test_a_column_without_a_finite_number_has_no_points():
    profile = Profile.of_numbers(np.array([np.nan, np.inf]))
    assert (profile.points, profile.counts) == ((), (1, 1))
    assert profile.is_sound()


def test_levels_are_counted_one_by_one_up_to_a_number_and_the_others_together():
    n = MAX_LEVELS + 10
    profile = Profile.of_levels(np.array([0.0, 0, MAX_LEVELS, n - 1, n, np.nan]), n)
    assert len(profile.counts) == MAX_LEVELS + 3
    assert profile.counts[0] == 2
    assert profile.counts[-3:] == (2, 1, 1)
    assert np.flatnonzero(profile.is_odd).tolist() == [MAX_LEVELS + 1]


def test_the_number_of_a_level_is_its_place_and_one_more_for_another():
    cells = pd.Categorical(["b", None, "a", "z"])
    found = level_numbers(("a", "b"), cells)
    np.testing.assert_array_equal(found, [1, np.nan, 0, 2])


GOOD = (Profile.of_numbers(np.arange(9.0)), Profile.of_levels(np.array([0.0, 1]), 2))
EDITS = [
    {"points": (2.0, 1.0)}, {"n_levels": 3}, {"counts": (1,)}, {"counts": (-1,) * 20}, {"n_levels": -1},
    {"kind": "levels"}, {"kind": "numbers"},
]  # fmt: skip


@pytest.mark.parametrize("profile", GOOD, ids=["numbers", "levels"])
def test_what_no_rows_give_is_not_sound(profile):
    assert profile.is_sound()
    assert not replace(profile, counts=(0,) * len(profile.counts)).is_sound()
    for edit in EDITS:
        if edit != {"kind": profile.kind}:
            assert not replace(profile, **edit).is_sound(), edit

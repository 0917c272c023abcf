"""Which row goes where: exact shares, whatever the order, the number or the blocks of rows."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.data import splits


@pytest.mark.parametrize("n", [20, 137, 1000])
def test_shares_are_exact_to_a_row_in_every_stratum_and_in_every_prefix(n):
    strata = np.random.default_rng(0).integers(0, 3, n)
    sets = splits.assign(strata, ["a", "b", "c"], 0.15, 0.15, seed=1)
    for s in range(3):
        tested = sets[strata == s] == splits.TEST
        prefix = np.cumsum(tested) - 0.15 * np.arange(1, len(tested) + 1)
        assert np.abs(prefix).max() <= 1


def test_rows_appended_later_never_move_old_ones():
    strata = np.random.default_rng(0).integers(0, 2, 500)
    whole = splits.assign(strata, ["a", "b"], 0.15, 0.15, seed=7)
    assert (splits.assign(strata[:200], ["a", "b"], 0.15, 0.15, seed=7) == whole[:200]).all()
    renamed = splits.assign(1 - strata, ["b", "a"], 0.15, 0.15, seed=7)
    assert (renamed == whole).all()  # the class's name counts, not its number


@pytest.mark.parametrize("cut", [0, 1, 333, 999])
def test_rows_in_several_places_go_to_the_sets_of_one_place(cut, monkeypatch):
    strata, names = np.random.default_rng(0).integers(0, 3, 1000), ["a", "b", "c"]
    whole = splits.assign(strata, names, 0.2, 0.15, seed=3)
    monkeypatch.setattr(splits, "SKIPPED", 50)
    before = np.bincount(strata[:cut], minlength=3).tolist()
    assert (splits.assign(strata[cut:], names, 0.2, 0.15, seed=3, before=before) == whole[cut:]).all()


def test_the_latest_rows_are_the_test_rows():
    times = np.random.default_rng(0).permutation(100).astype(float)
    sets = splits.assign_time(times, 0.15, 0.15)
    assert times[sets == splits.TRAIN].max() < times[sets == splits.VALIDATION].min()
    assert times[sets == splits.VALIDATION].max() < times[sets == splits.TEST].min()


def test_folds_are_even_and_stratified():
    strata = np.repeat([0, 1], [90, 30])
    fold = splits.folds(strata, 6, seed=0)
    assert np.bincount(fold).tolist() == [20] * 6
    assert np.bincount(fold[strata == 1]).tolist() == [5] * 6


def test_sets_and_folds_do_not_depend_on_how_many_rows_are_looked_at_together(monkeypatch):
    strata = np.random.default_rng(0).integers(0, 3, 1000)
    names = ["a", "b", "c"]
    sets, fold = splits.assign(strata, names, 0.2, 0.15, seed=3), splits.folds(strata, 6, seed=3)
    monkeypatch.setattr(splits.blocks, "__defaults__", (37,))
    assert (splits.assign(strata, names, 0.2, 0.15, seed=3) == sets).all()
    assert (splits.folds(strata, 6, seed=3) == fold).all()


@pytest.mark.parametrize(("n", "block"), [(1, 1), (10, 100), (1000, 7), (1001, 250), (5000, 999)])
def test_dealt_rows_are_in_an_order_of_which_every_stretch_is_a_sample(n, block):
    deal = splits.RowShuffler(n, block, seed=0)
    positions = np.concatenate([deal.positions(start, min(33, n - start)) for start in range(0, n, 33)])
    assert sorted(positions.tolist()) == list(range(n))
    row_at = np.argsort(positions)
    for start in range(0, n - block, block // 2 + 1):
        stretch = np.sort(row_at[start : start + block])
        # However the file is sorted, no long run of its rows is left out.
        assert np.diff(stretch).max() <= 4 * deal.n_blocks

"""Rows taken from large columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlpcli.data import take as module
from mlpcli.data.storage import Storage
from mlpcli.data.take import extremes, indices, joined, sampled, take, take_rows

STORAGE = Storage(1 << 30)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(module, "TAKEN_ROWS", 3)


def test_rows_are_taken_in_the_order_asked_for_and_keep_their_levels():
    frame = pd.DataFrame({"n": np.arange(10.0), "t": pd.Categorical(list("abcabcabca"))})
    rows = np.array([7, 0, 9, 3, 3])
    taken = take_rows(frame, rows, STORAGE)
    assert taken["n"].tolist() == [7, 0, 9, 3, 3]
    assert taken["t"].tolist() == ["b", "a", "a", "a", "a"]
    assert taken["t"].cat.categories.tolist() == ["a", "b", "c"]
    assert take(frame["n"].to_numpy(), rows, STORAGE).tolist() == [7, 0, 9, 3, 3]


def test_the_numbers_of_the_chosen_rows():
    chosen = np.random.default_rng(0).random(200_000) < 0.3
    assert np.array_equal(indices(chosen, STORAGE), np.flatnonzero(chosen))


def test_a_sample_is_of_the_chosen_rows_in_order_and_as_large_as_asked():
    chosen = np.arange(10_000) % 2 == 0
    found = sampled(chosen, 500, 0)
    assert len(found) == 500
    assert chosen[found].all()
    assert (np.diff(found) > 0).all()
    assert np.array_equal(sampled(chosen, 5_000, 0), np.flatnonzero(chosen))


def test_extremes_are_those_of_the_chosen_values():
    values = np.array([-9.0, 2.0, 5.0, 99.0])
    assert extremes(values, np.array([False, True, True, False])) == (2.0, 5.0)


def test_columns_are_joined_whatever_their_levels():
    first, second = pd.Series(pd.Categorical(["a", None])), pd.Series(pd.Categorical(["c", "a"]))
    assert joined(first, second).tolist()[2:] == ["c", "a"]
    assert joined(first, second).isna().tolist() == [False, True, False, False]
    assert joined(pd.Series([1.0]), pd.Series([2.0])).tolist() == [1.0, 2.0]

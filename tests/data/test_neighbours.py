"""Rows made from rows lie where rows lie."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlpcli.data import neighbours as room
from mlpcli.data.neighbours import mixed_rows, neighbours


def table(n):
    """Rows whose cells all name the row, and a place far from that of the next one for every hundred."""
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((n, 3)) + 1000 * (np.arange(n) % 2)[:, None]).astype(np.float32)
    frame = pd.DataFrame({f"n{i}": np.arange(n, dtype=np.float64) for i in range(20)})
    frame["text"] = pd.Categorical([str(i) for i in range(n)])
    return frame, x


def test_a_mixed_row_has_about_half_of_its_cells_from_one_other_row_like_it():
    frame, x = table(60)
    mixed = mixed_rows(frame, x, np.random.default_rng(1))
    numbers = mixed.drop(columns="text").to_numpy()
    is_other = numbers != np.arange(60)[:, None]
    assert 0.4 < is_other.mean() < 0.6
    for i, cells in enumerate(numbers):
        others = set(cells) - {i}
        assert len(others) == 1
        assert others.pop() % 2 == i % 2  # never from the places far away
        assert int(mixed["text"][i]) in {i, *cells}
    assert mixed["text"].dtype == frame["text"].dtype


def test_missing_cells_are_mixed_like_others():
    frame = pd.DataFrame({"a": [1.0, np.nan] * 20, "b": pd.Categorical([None, "x"] * 20)})
    mixed = mixed_rows(frame, np.zeros((40, 1), np.float32), np.random.default_rng(0))
    assert 0 < mixed["a"].isna().sum() < 40
    assert set(mixed["b"].dropna()) == {"x"}


@pytest.mark.parametrize("n", [1, 2, 3, 11])
def test_a_neighbour_is_one_of_the_nearest_of_few_rows_too(n, monkeypatch):
    monkeypatch.setattr(room, "SEARCHED_ROWS", 10)  # of eleven rows one is alone
    x = np.arange(n, dtype=np.float32)[:, None]
    found = neighbours(x, np.random.default_rng(0))
    assert set(found) <= set(range(n))
    assert (found == np.arange(n)).sum() == (n in (1, 11))

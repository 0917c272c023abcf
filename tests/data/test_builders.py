"""Columns that come block by block."""

from __future__ import annotations

import pandas as pd

from mlpcli.data import builders as columns
from mlpcli.data.records import IN_MEMORY


def test_texts_beyond_the_most_that_are_told_apart_are_all_the_same(monkeypatch):
    monkeypatch.setattr(columns, "MAX_LEVELS", 3)
    column = columns.TextBuilder(6, IN_MEMORY)
    column.add(0, pd.Series(pd.Categorical(["b", "a", None])))
    column.add(3, pd.Series(pd.Categorical(["d", "e", "c"])))
    assert column.values.tolist()[:2] == ["b", "a"]
    assert column.values.isna().tolist() == [False, False, True, False, False, False]
    assert column.values.categories.tolist() == ["a", "b", "c", columns.OTHER]
    assert column.values.tolist()[3:] == [columns.OTHER, columns.OTHER, "c"]

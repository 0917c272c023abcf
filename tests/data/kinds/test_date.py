"""A column of dates or times as inputs: its parts."""

from __future__ import annotations

import pandas as pd
from data.schemas import fitted


def test_dates_become_their_parts():
    days = pd.date_range("2024-01-01", periods=400).strftime("%Y-%m-%d")
    schema = fitted(pd.DataFrame({"d": pd.Categorical(days)}))
    (column,) = schema.columns
    assert column.kind == "date"
    assert {"elapsed days", "year"} <= {p.name for p in column.parts}

"""A column of dates or times as inputs: its parts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from data.schemas import fitted

from mlpcli.data.formats.dates import TimeFormat


def test_dates_become_their_parts():
    seconds = np.arange(400) * 86_400.0
    (column,) = fitted(pd.DataFrame({"d": seconds}), formats={"d": TimeFormat("date", ("y-m-d",))}).columns
    assert column.kind == "date"
    assert {"elapsed days", "year"} <= {p.name for p in column.parts}

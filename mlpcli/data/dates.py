"""Dates and times: the one format of a column, and the parts of a time that a network can use."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from mlpcli.data.values import used_texts
from mlpcli.engine.arrays import Floats

DATE_SHAPE = re.compile(r"[0-9]{1,4}[-/.:][0-9]{1,2}([-/.:][0-9]{1,4})?([T ][0-9].*)?")


DATE_FORMATS = (
    "ISO8601", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y",
    "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%H:%M", "%H:%M:%S",
)  # fmt: skip


MINUTES_A_DAY = 24 * 60
ELAPSED = "elapsed days"  # the part of a time that grows without end


def date_format(values: pd.Categorical) -> str | None:
    """The one format in which every value is a date or time, or None; month before day where both fit."""
    present = [str(c) for c in values.categories]
    if len(present) < 2 or not all(DATE_SHAPE.fullmatch(v.strip()) for v in present[:100]):
        return None
    for form in DATE_FORMATS:
        if not parse_dates(values, form)[values.codes >= 0].isna().any():
            return form
    return None


def parse_dates(values: pd.Categorical, form: str) -> pd.DatetimeIndex:
    """n values -> n times in UTC; NaT where a value is missing or not in this format."""
    texts, codes = used_texts(values)
    parsed = pd.to_datetime(pd.Series([t.strip() for t in texts], dtype=object), format=form, errors="coerce", utc=True)
    return pd.DatetimeIndex([*parsed, pd.NaT])[codes]


def date_parts(times: pd.DatetimeIndex) -> dict[str, Floats]:
    """Name of the part -> (n,) values, NaN where there is no time."""
    minute = (times.hour * 60 + times.minute).to_numpy(np.float64)
    circles = {
        "month": (times.month.to_numpy(np.float64) - 1) / 12,
        "day": (times.day.to_numpy(np.float64) - 1) / 31,
        "weekday": times.day_of_week.to_numpy(np.float64) / 7,
        "hour": minute / MINUTES_A_DAY,
    }
    elapsed = (times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
    parts = {ELAPSED: elapsed.to_numpy(np.float64), "year": times.year.to_numpy(np.float64)}
    for name, turn in circles.items():
        parts[f"{name} on a circle, sine"] = np.sin(2 * np.pi * turn)
        parts[f"{name} on a circle, cosine"] = np.cos(2 * np.pi * turn)
    return parts

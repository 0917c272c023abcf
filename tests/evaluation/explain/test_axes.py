"""Positions are written as in the file; what they are and in which order: test_effects.py."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlpcli.data.formats.dates import TimeFormat
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.evaluation.explain.axes import order_of_levels, position_text, written

DAY = 86400.0


@pytest.mark.parametrize(
    ("place", "form", "text"),
    [
        (0.123456, NumberFormat(), "0.1235"),
        (2007.0, None, "2007"),
        (123456.7, NumberFormat(), "123457"),
        (-1e20, NumberFormat(), "-1e+20"),
        (19.5, NumberFormat(currency="$"), "$19.5"),
        (30000.0, NumberFormat(currency="원"), "30000 원"),
        (12.0, NumberFormat(unit=("%",)), "12%"),
        (3.25, NumberFormat(unit=("kg",)), "3.25 kg"),
        (20000 * DAY, TimeFormat("date", ("y-m-d",)), "2024-10-04"),
        (20000 * DAY + 3600, TimeFormat("date", ("y-m-d",)), "2024-10-04T01:00:00"),
        (9.5 * 3600, TimeFormat("clock", ("clock",)), "09:30:00"),
        (-90.0, TimeFormat("duration", ("clock",)), "-00:01:30"),
        ("red", None, "red"),
        (None, None, "(missing)"),
    ],
)
def test_a_position_is_written_as_in_the_file(place, form, text):
    assert position_text(place, form) == text


def test_a_program_gets_numbers_and_texts_of_times():
    assert written(0.5, NumberFormat()) == 0.5
    assert written(0.0, TimeFormat("date", ("y-m-d",))) == "1970-01-01"
    assert written(None, None) is None


def test_levels_are_in_an_order_in_which_neighbours_are_alike():
    """Levels 0, 1, 2, 3 lie at 0, 2, 1, 3 in another column: 0 2 1 3 or 3 1 2 0 is the order."""
    rng = np.random.default_rng(0)
    level = rng.integers(4, size=2000)
    others = pd.DataFrame({
        "x": np.array([0.0, 2.0, 1.0, 3.0])[level] + rng.normal(0, 0.7, 2000),
        "c": pd.Categorical(np.where(rng.random(2000) < np.array([0.1, 0.6, 0.4, 0.9])[level], "p", "q")),
        "gap": np.full(2000, np.nan),
    })  # fmt: skip
    assert order_of_levels(others, level).tolist() in ([0, 2, 1, 3], [3, 1, 2, 0])

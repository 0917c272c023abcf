"""A row's inputs are the same alone, where columns are encoded side by side, and among many, one after another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from data.schemas import CLASSIFIER, REGRESSOR, fitted

from mlpcli.data.formats.dates import LAYOUTS, TimeFormat
from mlpcli.data.schema import FEW_ROWS

N = 300
ODD = [0.0, -0.0, 5e-324, 1e-40, -1e308, 1e308, 1e300, np.nan, 1e6, 3.0, 2**53 + 2.0]
CUTS = {"large": (-1e12, 0.0, 1e11), "small": (1e-40, 2e-4)}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    small, large = rng.normal(size=N) * 1e-3, rng.normal(size=N) * 1e12
    small[::7] = np.nan
    return pd.DataFrame({
        "small": small, "large": large, "whole": rng.integers(-3, 4, N).astype(float), "same": np.ones(N),
        "day": rng.uniform(0, 2e9, N).round(), "level": pd.Categorical(rng.choice(["p", "q", "r"], N)),
    })  # fmt: skip


@pytest.mark.parametrize("settings", [CLASSIFIER, REGRESSOR], ids=["classification", "regression"])
def test_a_few_rows_are_encoded_as_many_to_the_last_bit(settings, frame):
    formats = {"day": TimeFormat("date", tuple(LAYOUTS["date"])[:1])}
    schema = fitted(frame, settings, settings.task, formats)
    with_cuts = [replace(c, cuts=CUTS[c.name]) if c.name in CUTS else c for c in schema.columns]
    schema = replace(schema, columns=tuple(with_cuts))
    odd = pd.concat([frame.assign(**{name: value}).iloc[:2] for value in ODD for name in ("small", "large", "whole")])
    edges = [c.edges for c in schema.features if getattr(c, "edges", ())]
    rows = pd.concat([frame, odd, *(frame.iloc[: len(e)].assign(large=e) for e in edges)])
    assert edges
    whole = schema.encode(rows)
    assert len(whole) > FEW_ROWS
    for size in (1, 3, FEW_ROWS):
        parts = [schema.encode(rows.iloc[i : i + size]) for i in range(0, len(rows), size)]
        assert np.concatenate(parts).tobytes() == whole.tobytes()

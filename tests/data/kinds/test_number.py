"""A column of numbers as inputs: by the recipe's formula, and always finite."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data.schemas import REGRESSOR, fitted

from mlpcli.config.settings import Config
from mlpcli.files.jsonable import to_json


def test_numbers_are_encoded_as_the_recipe_says():
    x = np.random.default_rng(0).normal(size=400) * 7 + 3
    x[::10] = np.nan
    schema = fitted(pd.DataFrame({"x": x}), REGRESSOR, "regression")
    found = schema.encode(pd.DataFrame({"x": x}))
    full = np.where(np.isnan(x), np.nanmedian(x), x)
    q25, q50, q75 = np.quantile(full, [0.25, 0.5, 0.75])
    z = (full - q50) / (q75 - q25)
    assert found[:, 0] == pytest.approx(z / np.sqrt(1 + (z / 3) ** 2), abs=1e-5)
    edges = np.unique(np.quantile(full, np.linspace(0, 1, 33)))
    share = np.clip((full[:, None] - edges[:-1]) / np.diff(edges), 0, 1)
    assert found[:, 2:] == pytest.approx(0.5 * 2 * (share - 0.5), abs=1e-5)
    assert len(np.unique(found[:, 1])) == 2


@pytest.mark.parametrize("scale", ["robust", "clipped", "standard", "none"])
@pytest.mark.parametrize("values", [[1e300, -1e300, 0.0], [1e-300, 2e-300, 0.0], [5.0, 5.0, 6.0], [0.0, 0.0, 1e6]])
def test_extreme_numbers_never_give_a_number_that_is_not_finite(values, scale):
    frame = pd.DataFrame({"x": np.array(values * 20)})
    config = Config(scale=scale).resolve("classification")
    schema = fitted(frame, config)
    assert np.isfinite(schema.encode(frame)).all()
    to_json(schema)  # refuses what is not finite

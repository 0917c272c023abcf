"""What is fitted on the columns comes back from JSON as it was."""

from __future__ import annotations

import numpy as np
import pandas as pd
from data.schemas import fitted

from mlpcli.data.schema import Schema
from mlpcli.files.jsonable import from_json, to_json


def test_a_schema_comes_back_from_json_as_it_was():
    frame = pd.DataFrame({
        "x": np.random.default_rng(0).normal(size=60), "c": pd.Categorical(["p", "q", None] * 20),
        "d": pd.Categorical(pd.date_range("2024-01-01", periods=60).strftime("%d.%m.%Y")),
    })  # fmt: skip
    schema = fitted(frame)
    assert from_json(Schema, to_json(schema)) == schema

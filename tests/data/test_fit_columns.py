"""Which kind each column gets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data.schemas import fitted

from mlpcli.data.kinds.left_out import LeftOut


def test_columns_that_tell_nothing_are_left_out_with_the_reason():
    frame = pd.DataFrame({
        "same": np.ones(50), "none": np.full(50, np.nan), "id": np.arange(50.0) * 3,
        "name": pd.Categorical([f"n{i}" for i in range(50)]), "x": np.random.default_rng(0).normal(size=50),
    })  # fmt: skip
    columns = fitted(frame).columns
    assert [isinstance(c, LeftOut) for c in columns] == [True, True, True, True, False]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("u{0:05d}", "left out"), ("{0:08x}-e29b-41d4-a716-446655440000", "left out"), ("Ann{0} Lee{0}", "left out"),
        ("192.168.{1}.{2} 80 443", "left out"),
        ("day {0} of month {1}", "text"), ("a fine day nr {3}", "category"),
    ],
)  # fmt: skip
def test_only_mostly_distinct_sentences_are_free_text(value, kind):
    values = [value.format(i, i % 28 + 1, i // 28, i % 5) for i in range(300)]
    columns = fitted(pd.DataFrame({"c": pd.Categorical(values), "x": np.arange(300.0) % 7})).columns
    assert columns[0].kind == kind

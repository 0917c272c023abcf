"""Which kind each column gets."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

import numpy as np
import pandas as pd
import pytest
from data.schemas import CLASSIFIER, fitted

from mlpcli.data.fit_columns import fit_columns
from mlpcli.data.formats.dates import TimeFormat
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


@pytest.mark.parametrize("scale", ["standard", "robust", "clipped"])
def test_statistics_of_a_row_of_weight_2_are_those_of_two_rows(scale):
    rng, n = np.random.default_rng(0), 200
    x = rng.normal(size=n)
    frame = pd.DataFrame({
        "number": np.where(rng.random(n) < 0.3, np.nan, x), "day": np.round(x * 1e8),
        "level": pd.Categorical(rng.choice(list("abc"), n, p=[0.6, 0.3, 0.1])),
        "rare": pd.Categorical(np.where(rng.random(n) < 0.4, "a", [f"l{i}" for i in range(n)])),
        "text": pd.Categorical([f"{a} {b} {i}x" for i, (a, b) in enumerate(rng.choice(["red", "big", "old"], (n, 2)))]),
    })  # fmt: skip
    formats = {"day": TimeFormat("date", ("y-m-d",))}
    config = replace(CLASSIFIER, scale=scale, embed_categories="none")
    weights = rng.integers(1, 3, n)
    weighted = fit_columns(frame, config, "classification", {}, formats, weights.astype(float))
    repeated = fit_columns(frame.loc[frame.index.repeat(weights)], config, "classification", {}, formats)
    without = fit_columns(frame, config, "classification", {}, formats)
    for column, expected, other in zip(weighted, repeated, without, strict=True):
        assert statistics(column) == pytest.approx(statistics(expected), rel=1e-12)
        if column.kind != "category" or scale == "clipped":  # in which alone they rest on exact shares
            assert statistics(column) != pytest.approx(statistics(other), rel=1e-3)


def statistics(column) -> list[float]:
    """All numbers of a column but counts of rows."""
    found = [getattr(column, f.name) for f in fields(column) if f.name not in ("n_missing", "n_distinct")]
    numbers = [statistics(value) if is_dataclass(value) else value for value in pd.core.common.flatten(found)]
    return [x for x in pd.core.common.flatten(numbers) if isinstance(x, float)]

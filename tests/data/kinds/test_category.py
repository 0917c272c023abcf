"""A column of categories as inputs: the rare, the unseen, and those of many levels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data.schemas import fitted

import mlpcli
from mlpcli.config.settings import Config
from mlpcli.training.prepare import prepare


def test_categories_group_the_rare_and_know_the_unseen():
    values = ["a"] * 50 + ["b"] * 30 + ["c"] * 20 + ["d"] * 2 + [None] * 8
    frame = pd.DataFrame({"c": pd.Categorical(values)})
    schema = fitted(frame)
    (column,) = schema.columns
    assert column.levels == ("a", "b", "c", None)
    assert column.has_rare
    seen = schema.encode(frame)
    unseen = schema.encode(pd.DataFrame({"c": pd.Categorical(["new"])}))
    assert unseen[0].tolist() == seen[100].tolist()  # as the rare one


def test_an_ordering_of_categories_makes_no_difference():
    values = ["b", "a", "c"] * 20
    frame = pd.DataFrame({"c": pd.Categorical(values)})
    turned = pd.DataFrame({"c": pd.Categorical(values, categories=["c", "b", "a"])})
    assert (fitted(frame).encode(frame) == fitted(frame).encode(turned)).all()


@pytest.fixture(scope="module")
def shops(tmp_path_factory) -> tuple[str, pd.DataFrame]:
    """What is sold depends on the shop, one of 120."""
    rng = np.random.default_rng(11)
    shop, effect, n = rng.integers(0, 120, 2400), rng.normal(0, 1, 120), 2400
    frame = pd.DataFrame({"shop": [f"s{s}" for s in shop], "size": rng.normal(0, 1, n).round(3)})
    frame["sold"] = (effect[shop] + frame["size"] + rng.normal(0, 0.3, n)).round(3)
    path = str(tmp_path_factory.mktemp("shops") / "table.csv")
    frame.to_csv(path, index=False)
    return path, frame


@pytest.mark.slow
def test_a_category_of_many_levels_is_embedded_and_that_tells_more_than_grouping(shops, tmp_path):
    path, frame = shops
    models = [mlpcli.fit(path, epochs=15, ensemble=2, embed_categories=kind) for kind in ("learned", "none")]
    column = models[0].schema.columns[0]
    assert (column.kind, len(column.levels), column.n_inputs["plain"]) == ("embedded", 120, 1)
    learned, grouped = (m.record.validation["rmse"] for m in models)
    assert learned < 0.7 * grouped
    models[0].save(str(tmp_path / "m.npz"))
    again = mlpcli.load(str(tmp_path / "m.npz"))
    np.testing.assert_array_equal(again.predict(frame), models[0].predict(frame))


def test_numbers_of_levels_are_exact_and_others_share_number_0(shops):
    path, frame = shops
    column = prepare(path, Config(test="0")).schema.columns[0]
    order = frame.shop.value_counts()
    assert [order[level] for level in column.levels] == sorted(order, reverse=True)
    seen = pd.Categorical([*frame.shop[:50], "nowhere", None])
    plain = np.empty((52, 1), np.float32)
    column.encode(seen, {"plain": plain})
    assert [column.levels[int(i) - 1] for i in plain[:50, 0]] == frame.shop[:50].tolist()
    assert plain[50:, 0].tolist() == [0, 0]


def test_a_category_of_few_levels_keeps_an_input_each(shops):
    path, _ = shops
    columns = prepare(path, Config(test="0", max_categories=120)).schema.columns
    assert (columns[0].kind, columns[0].n_inputs["plain"]) == ("category", 120)

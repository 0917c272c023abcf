"""Effects are the shape of the law: also where columns depend on each other, and of categories, times and pairs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

import mlpcli
from mlpcli.errors import UsageError
from mlpcli.evaluation.explain.effects import Effect, effects, joint_effect, main_effects
from mlpcli.evaluation.explain.importance import importance
from mlpcli.evaluation.explain.rows import explained_rows
from mlpcli.files.jsonable import to_json


def test_the_effect_of_a_number_is_its_part_of_an_additive_law(laws):
    model = laws(lambda c: np.sin(3 * c["a"]) + 5 * c["b"])
    rows = explained_rows(model)
    (found,) = effects(model, rows, ["a"])
    at, values = np.asarray(found.at), np.asarray(found.values[0])
    assert values - values[0] == pytest.approx(np.sin(3 * at) - np.sin(3 * at[0]), abs=0.02)
    assert found.mean[0] == pytest.approx(model.outputs(rows.frame).mean())
    assert found.outputs == ("y",)
    assert found.is_ordered
    assert sum(found.rows) == len(rows) == found.n_rows
    # The mean effect over the rows is none.
    assert np.interp(rows.frame.a, at, values).mean() == pytest.approx(0, abs=1e-9)
    json.dumps(to_json(found), allow_nan=False)


def test_a_column_that_follows_another_keeps_its_own_effect(laws):
    """Where a and twin differ much there is no row; the law is wild there, and partial dependence would ask it."""
    model = laws(lambda c: c["a"] + 100 * (np.abs(c["a"] - c["twin"]) > 0.5))
    (found,) = effects(model, explained_rows(model), ["a"])
    slope = np.polyfit(found.at, found.values[0], 1)[0]
    assert slope == pytest.approx(1, abs=0.01)


def test_levels_of_a_category_have_the_effects_of_the_law(laws):
    of_level = {"red": 1.0, "green": 3.0, "blue": -2.0}
    model = laws(lambda c: c["a"] + c["c"] @ [1.0, 3.0, -2.0])
    rows = explained_rows(model)
    (found,) = effects(model, rows, ["c"])
    assert set(found.at) == set(of_level)
    values = np.asarray(found.values[0])
    assert values - values[0] == pytest.approx([of_level[level] - of_level[found.at[0]] for level in found.at])
    assert dict(zip(found.at, found.rows, strict=True)) == rows.frame.c.value_counts().to_dict()
    assert not found.is_ordered


def test_each_class_has_an_effect_and_two_add_up_to_none(laws):
    model = laws(lambda c: 0.5 + 0.4 * c["a"], "is")
    (found,) = effects(model, explained_rows(model), ["a"])
    assert found.outputs == ("no", "yes")
    assert np.asarray(found.values).sum(axis=0) == pytest.approx(np.zeros(len(found.at)))
    assert np.polyfit(found.at, found.values[1], 1)[0] == pytest.approx(0.4)


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a"), ("a", "c"), ("c", "b")])
def test_a_map_is_the_law_of_two_columns(laws, names):
    def of(c):
        level = np.asarray(c["c"]) @ [1.0, 3.0, -2.0]
        return (2 * c["a"] * c["b"] + c["a"]) if set(names) == {"a", "b"} else 0.4 * (c["a"] + c["b"] + 1) * level

    model = laws(of)
    rows = explained_rows(model)
    found = joint_effect(model, rows, names)
    first, second = (place.ravel() for place in np.meshgrid(*found.at, indexing="ij"))
    inputs = {name: np.full(len(first), float(rows.frame[name].mean())) for name in "ab"}
    inputs["c"] = np.tile([0.5, 0.3, 0.2], (len(first), 1))
    for name, places in zip(names, (first, second), strict=True):
        inputs[name] = np.asarray([[p == level for level in ("red", "green", "blue")] for p in places]) * 1.0 if (
            name == "c"
        ) else places.astype(float)  # fmt: skip
    expected = of(inputs).reshape(len(found.at[0]), len(found.at[1]))
    values = np.asarray(found.values)
    assert np.corrcoef(values.ravel(), expected.ravel())[0, 1] > 0.99
    assert found.interaction > 0.3
    assert found.mean == pytest.approx(model.outputs(rows.frame).mean())
    json.dumps(to_json(found), allow_nan=False)


def test_a_map_of_two_columns_that_add_up_has_no_interaction(laws):
    model = laws(lambda c: np.sin(3 * c["a"]) + c["b"])
    assert joint_effect(model, explained_rows(model), ("a", "b")).interaction == pytest.approx(0, abs=1e-6)


@dataclass(frozen=True)
class Law:
    """Stands in for an ensemble: outputs are a function of the encoded rows."""

    outputs: Callable
    networks: tuple = ()


WORDS = ["good", "bad", "ugly", "fine", "poor", "rich", "slow", "fast"]


@pytest.fixture(scope="module")
def odd_columns():
    """A model of a date, words, a number that is often missing, and ids with few rows each; and its frame."""
    rng = np.random.default_rng(0)
    n = 400
    frame = pd.DataFrame({
        "day": pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D"),
        "words": [" ".join(rng.choice(WORDS, 7)) + f" {i % 97}" for i in range(n)],
        "gappy": np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n)).round(3),
        "town": [f"town {i}" for i in rng.integers(0, 20, n)],
    })  # fmt: skip
    frame["y"] = rng.normal(size=n)
    return mlpcli.fit(frame, "y", preset="classic", epochs=1, ensemble=1), frame


def test_times_are_in_seconds_and_rows_without_a_position_are_counted(odd_columns):
    model, frame = odd_columns
    rows = explained_rows(model, frame)
    day, gappy, town = effects(model, rows, ["day", "gappy", "town"])
    assert pd.Timestamp(day.at[0], unit="s") >= frame.day.min()
    assert pd.Timestamp(day.at[-1], unit="s") <= frame.day.max()
    assert gappy.n_missing == rows.frame.gappy.isna().sum() > 0
    assert len(town.at) == 12
    assert town.n_missing == len(rows) - sum(town.rows)


def test_a_missing_level_is_one(odd_columns):
    model, frame = odd_columns
    found = effects(model, explained_rows(model, frame.assign(town=frame.town.mask(frame.town > "town 4"))), ["town"])
    assert None in found[0].at


def test_what_has_no_effect_to_show_is_refused_and_passed_over(odd_columns, laws):
    model, frame = odd_columns
    rows = explained_rows(model, frame)
    with pytest.raises(UsageError, match="'words' is free text"):
        effects(model, rows, ["words"])
    with pytest.raises(UsageError, match="'gappy' has no value in 400 rows"):
        effects(model, explained_rows(model, frame.assign(gappy=np.nan)), ["gappy"])
    with pytest.raises(UsageError, match="'town' has one value"):
        effects(model, explained_rows(model, frame.assign(town="town 1")), ["town"])
    with pytest.raises(UsageError, match="'gappy' has one value"):
        effects(model, explained_rows(model, frame.assign(gappy=1.5)), ["gappy"])
    shown = main_effects(model, rows, importance(model, rows))
    assert {one.column for one in shown} == {"day", "gappy", "town"}


def test_levels_are_followed_where_rows_are():
    """Each level has its own stretch of x, in an order that names and counts do not tell; beyond, the law is wild."""
    rng = np.random.default_rng(0)
    names, where = np.array(["d", "a", "c", "b"]), {"a": 2.0, "b": 0.0, "c": 3.0, "d": 1.0}
    level = rng.choice(names, 800, p=[0.3, 0.28, 0.22, 0.2])
    x = np.array([where[one] for one in level]) + rng.uniform(-0.5, 0.5, 800)
    frame = pd.DataFrame({"x": x, "level": level, "y": rng.uniform(-500, 500, 800)})
    model = mlpcli.fit(frame, "y", preset="classic", scale="none", embed_numbers="none", epochs=1, hidden=())
    (column,) = (c for c in model.schema.features if c.name == "level")
    at = model.schema.inputs_of["level"]["plain"]
    homes = np.array([where[one] for one in column.levels])

    def law(inputs, pool=None):
        home = inputs[:, at] @ homes
        return home + 100 * (np.abs(inputs[:, model.schema.inputs_of["x"]["plain"].start] - home) > 1.51)

    (found,) = effects(replace(model, ensemble=Law(law)), explained_rows(model, frame), ["level"])
    assert "".join(found.at) in ("bdac", "cadb")
    assert np.diff(found.values[0]) == pytest.approx(np.diff([where[one] for one in found.at]), abs=1e-6)


def test_the_classes_on_which_a_column_acts_most_are_the_ones_to_show():
    values = ((0.0, 0.3), (0.1, 0.2), (-0.4, 0.4), (0.2, 0.2))
    found = Effect("x", "number", "ale", tuple("abcd"), (0.25,) * 4, (0.0, 1.0), values, (3, 4), 7, 0)
    assert found.main_outputs(2) == [0, 2]
    two = Effect("x", "number", "ale", ("no", "yes"), (0.5,) * 2, (0.0, 1.0), values[:2], (3, 4), 7, 0)
    assert two.main_outputs(5) == [1]

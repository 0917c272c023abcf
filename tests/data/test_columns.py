"""Splits, kinds of columns and their encoding."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlpcli
from mlpcli.config import Config
from mlpcli.data import splits
from mlpcli.data.fit_columns import TEXT_INPUTS, fit_columns
from mlpcli.data.kinds.left_out import LeftOut
from mlpcli.data.kinds.text import FreeText
from mlpcli.data.schema import Schema
from mlpcli.data.target import choose_target, choose_task, fit_target
from mlpcli.data.words import grams
from mlpcli.files.jsonable import from_json, to_json

CLASSIFIER, REGRESSOR = Config().resolve("classification"), Config().resolve("regression")


def fitted(frame, config=CLASSIFIER, task="classification"):
    target = fit_target("y", task, pd.Categorical(["a", "b"]) if task == "classification" else np.arange(3.0))
    return Schema(fit_columns(frame, config, task, {}), target)


@pytest.mark.parametrize("n", [20, 137, 1000])
def test_shares_are_exact_to_a_row_in_every_stratum_and_in_every_prefix(n):
    strata = np.random.default_rng(0).integers(0, 3, n)
    sets = splits.assign(strata, ["a", "b", "c"], 0.15, 0.15, seed=1)
    for s in range(3):
        tested = sets[strata == s] == splits.TEST
        prefix = np.cumsum(tested) - 0.15 * np.arange(1, len(tested) + 1)
        assert np.abs(prefix).max() <= 1


def test_rows_appended_later_never_move_old_ones():
    strata = np.random.default_rng(0).integers(0, 2, 500)
    whole = splits.assign(strata, ["a", "b"], 0.15, 0.15, seed=7)
    assert (splits.assign(strata[:200], ["a", "b"], 0.15, 0.15, seed=7) == whole[:200]).all()
    renamed = splits.assign(1 - strata, ["b", "a"], 0.15, 0.15, seed=7)
    assert (renamed == whole).all()  # the class's name counts, not its number


def test_the_latest_rows_are_the_test_rows():
    times = np.random.default_rng(0).permutation(100).astype(float)
    sets = splits.assign_time(times, 0.15, 0.15)
    assert times[sets == splits.TRAIN].max() < times[sets == splits.VALIDATION].min()
    assert times[sets == splits.VALIDATION].max() < times[sets == splits.TEST].min()


def test_folds_are_even_and_stratified():
    strata = np.repeat([0, 1], [90, 30])
    fold = splits.folds(strata, 6, seed=0)
    assert np.bincount(fold).tolist() == [20] * 6
    assert np.bincount(fold[strata == 1]).tolist() == [5] * 6


def test_sets_and_folds_do_not_depend_on_how_many_rows_are_looked_at_together(monkeypatch):
    strata = np.random.default_rng(0).integers(0, 3, 1000)
    names = ["a", "b", "c"]
    sets, fold = splits.assign(strata, names, 0.2, 0.15, seed=3), splits.folds(strata, 6, seed=3)
    monkeypatch.setattr(splits.blocks, "__defaults__", (37,))
    assert (splits.assign(strata, names, 0.2, 0.15, seed=3) == sets).all()
    assert (splits.folds(strata, 6, seed=3) == fold).all()


@pytest.mark.parametrize(("n", "block"), [(1, 1), (10, 100), (1000, 7), (1001, 250), (5000, 999)])
def test_dealt_rows_are_in_an_order_of_which_every_stretch_is_a_sample(n, block):
    deal = splits.RowShuffler(n, block, seed=0)
    positions = np.concatenate([deal.positions(start, min(33, n - start)) for start in range(0, n, 33)])
    assert sorted(positions.tolist()) == list(range(n))
    row_at = np.argsort(positions)
    for start in range(0, n - block, block // 2 + 1):
        stretch = np.sort(row_at[start : start + block])
        # However the file is sorted, no long run of its rows is left out.
        assert np.diff(stretch).max() <= 4 * deal.n_blocks


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


def test_columns_that_tell_nothing_are_left_out_with_the_reason():
    frame = pd.DataFrame({
        "same": np.ones(50), "none": np.full(50, np.nan), "id": np.arange(50.0) * 3,
        "name": pd.Categorical([f"n{i}" for i in range(50)]), "x": np.random.default_rng(0).normal(size=50),
    })  # fmt: skip
    columns = fitted(frame).columns
    assert [isinstance(c, LeftOut) for c in columns] == [True, True, True, True, False]


def test_dates_become_their_parts():
    days = pd.date_range("2024-01-01", periods=400).strftime("%Y-%m-%d")
    schema = fitted(pd.DataFrame({"d": pd.Categorical(days)}))
    (column,) = schema.columns
    assert column.kind == "date"
    assert {"elapsed days", "year"} <= {p.name for p in column.parts}


@pytest.mark.parametrize("scale", ["robust", "clipped", "standard", "none"])
@pytest.mark.parametrize("values", [[1e300, -1e300, 0.0], [1e-300, 2e-300, 0.0], [5.0, 5.0, 6.0], [0.0, 0.0, 1e6]])
def test_extreme_numbers_never_give_a_number_that_is_not_finite(values, scale):
    frame = pd.DataFrame({"x": np.array(values * 20)})
    config = Config(scale=scale).resolve("classification")
    schema = fitted(frame, config)
    assert np.isfinite(schema.encode(frame)).all()
    to_json(schema)  # refuses what is not finite


def test_a_schema_comes_back_from_json_as_it_was():
    frame = pd.DataFrame({
        "x": np.random.default_rng(0).normal(size=60), "c": pd.Categorical(["p", "q", None] * 20),
        "d": pd.Categorical(pd.date_range("2024-01-01", periods=60).strftime("%d.%m.%Y")),
    })  # fmt: skip
    schema = fitted(frame)
    assert from_json(Schema, to_json(schema)) == schema


@pytest.mark.parametrize(
    ("distinct", "task"),
    [
        (["a", "b"], "classification"),
        (["0", "1"], "classification"),
        (["1", "2", "3"], "classification"),
        ([str(i) for i in range(11)], "regression"),
        (["1.5", "2", "3"], "regression"),
    ],
)
def test_the_rule_for_the_task(distinct, task):
    assert choose_task(distinct, "auto")[0] == task


def test_the_rule_for_the_target():
    assert choose_target(["a", "Class", "z"], None)[0] == "Class"
    assert choose_target(["a", "b"], None)[0] == "b"
    assert choose_target(["a", "b"], "a") == ("a", "")


# --- free text --------------------------------------------------------------------------------------------


def reviews(n=600, seed=0):
    """Sentences of which a few words, and a pair of words, tell the class; none occurs twice."""
    rng = np.random.default_rng(seed)
    filler = np.array([f"word{i}" for i in range(400)])
    texts, labels = [], []
    for i in range(n):
        label = int(rng.random() < 0.5)
        mood = rng.choice(["fine", "superb"] if label else ["poor", "awful"])
        if rng.random() < 0.3:
            mood = "not " + rng.choice(["poor", "awful"] if label else ["fine", "superb"])
        words = [*rng.choice(filler, 6), mood, *rng.choice(filler, 4), f"nr{i}"]
        texts.append(" ".join(words))
        labels.append(label)
    return texts, np.array(labels)


def test_free_text_becomes_hashed_words_of_fixed_width_and_comes_back_from_json():
    texts, _ = reviews()
    frame = pd.DataFrame({"t": pd.Categorical([*texts, None])})
    schema = fitted(frame)
    (column,) = schema.columns
    assert isinstance(column, FreeText)
    assert column.n_plain == schema.n_inputs == TEXT_INPUTS
    assert column.n_missing == 1
    assert np.isfinite(schema.encode(frame)).all()
    assert from_json(Schema, to_json(schema)) == schema
    words = schema.encode(pd.DataFrame({"t": pd.Categorical(["", "Fine,", "fine", "not fine", "fine not"])}))
    assert (words[1] == words[2]).all()  # neither case nor punctuation counts
    assert not (words[2] == words[0]).all()
    assert not (words[3] == words[4]).all()  # the order does


def test_text_is_encoded_by_the_row_alone_wherever_it_stands():
    texts, _ = reviews()
    frame = pd.DataFrame({"t": pd.Categorical(texts)})
    schema = fitted(frame)
    whole = schema.encode(frame)
    for rows in (slice(3), slice(100, 101), slice(590, 600)):
        assert (schema.encode(frame[rows]) == whole[rows]).all()
        assert (schema.encode(pd.DataFrame({"t": pd.Categorical(texts[rows])})) == whole[rows]).all()


def test_the_hash_of_words_is_the_same_on_every_machine():
    text, slot = grams(["Der Käse", "", "한국 text"])
    assert text.tolist() == [0, 0, 2, 2, 0, 2]
    assert slot.tolist() == [
        62147,
        38197,
        35301,
        37550,
        19999,
        22808,
    ]  # a change here makes older models read text as noise


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("u{0:05d}", "left out"), ("{0:08x}-e29b-41d4-a716-446655440000", "left out"), ("Ann{0} Lee{0}", "left out"),
        ("2024-01-{1:02d} 10:{2:02d}:00", "date"), ("192.168.{1}.{2} 80 443", "left out"),
        ("day {0} of month {1}", "text"), ("a fine day nr {3}", "category"),
    ],
)  # fmt: skip
def test_only_mostly_distinct_sentences_are_free_text(value, kind):
    values = [value.format(i, i % 28 + 1, i // 28, i % 5) for i in range(300)]
    columns = fitted(pd.DataFrame({"c": pd.Categorical(values), "x": np.arange(300.0) % 7})).columns
    assert columns[0].kind == kind


def test_category_asked_for_is_no_text():
    frame = pd.DataFrame({"t": pd.Categorical(reviews()[0])})
    assert fitted(frame, Config(category=("t",)).resolve("classification")).columns[0].kind == "category"


def test_free_text_pays(tmp_path):
    texts, labels = reviews()
    frame = pd.DataFrame({"t": texts, "x": np.arange(len(texts)) % 9, "y": np.where(labels, "good", "bad")})
    frame.to_csv(tmp_path / "d.csv", index=False)
    model = mlpcli.fit(str(tmp_path / "d.csv"), epochs=12, ensemble=1)
    assert (
        model.evaluate(str(tmp_path / "d.csv")).metrics["test"]["accuracy"].low > 0.75
    )  # 0.5 by chance, and without the text

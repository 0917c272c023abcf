"""What was promised beside what holds on test rows; a promise that is surely missed is said."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from samples import DIABETES, IRIS

import mlpcli
from mlpcli.evaluation.coverage import COVERAGE_LEVELS, TrustInRows
from mlpcli.evaluation.evaluate import evaluate
from mlpcli.metrics.conformal import ConformalIntervals


def numbers(n, seed, noise=1.0):
    rng = np.random.default_rng(seed)
    x, z = rng.standard_normal((2, n))
    return pd.DataFrame({"x": x, "z": z, "y": x + noise * np.exp(z / 2) * rng.standard_normal(n)})


@pytest.fixture(scope="module")
def model():
    return mlpcli.fit(numbers(600, 0), target="y", task="regression", preset="fast", epochs=5)


def test_coverage_is_counted_by_hand(model):
    new = numbers(500, 1)
    found = evaluate(model, new).coverage
    assert [one.level for one in found] == list(COVERAGE_LEVELS)
    for one in found:
        low, high = model.predict_interval(new, one.level).T
        assert one.held.value == pytest.approx(((new.y >= low) & (new.y <= high)).mean())
        assert one.size == pytest.approx((high - low).mean())
        assert one.n == 500
        assert one.held.low < one.level < one.held.high
        assert not one.is_missed


def test_rows_unlike_those_of_training_miss_and_it_is_said(model, call, here):
    model.save("m.npz")
    numbers(300, 2, noise=4).to_csv("wild.csv", index=False)
    code, out, _ = call("evaluate", "m.npz", "wild.csv")
    assert code == 0
    assert "warning: intervals hold fewer rows than promised" in out
    shown = json.loads(call("evaluate", "m.npz", "wild.csv", "--json")[1])
    assert all(one["is_missed"] for one in shown["coverage"])
    assert shown["coverage"][1]["held"]["value"] < 0.7
    numbers(300, 3).to_csv("calm.csv", index=False)
    assert "warning" not in call("evaluate", "m.npz", "calm.csv")[1]


def test_evaluate_shows_the_promise_and_the_worth_of_sure_answers(model, call, here):
    model.save("m.npz")
    numbers(400, 4).to_csv("d.csv", index=False)
    out = call("evaluate", "m.npz", "d.csv")[1]
    assert "\n90 % intervals held " in out
    assert "of 400 rows, mean width " in out
    assert "if only the surest rows get an answer" in out
    assert "--max-width" in out
    verbose = call("evaluate", "m.npz", "d.csv", "-v")[1]
    assert "\n80 % intervals held " in verbose


def test_the_surest_rows_err_least(model):
    found = evaluate(model, numbers(3000, 5)).answered
    assert [one.share for one in found] == [share / 20 for share in range(20, 9, -1)]
    values = [one.value for one in found]
    assert values[-1] < 0.8 * values[0]
    new = numbers(3000, 5)
    low, high = model.predict_interval(new, 0.9).T
    surest = np.argsort(high - low, kind="stable")[: len(new) // 2]  # rows may have the same width
    assert (high - low)[surest].max() == pytest.approx(found[-1].bound)
    assert np.abs(model.predict(new) - new.y)[surest].mean() == pytest.approx(values[-1], rel=1e-6)


def test_sets_and_confidence_of_classes():
    model = mlpcli.fit(str(IRIS), target="species", preset="fast", epochs=6)
    frame = pd.read_csv(IRIS)
    found = evaluate(model, frame.iloc[::2])
    sets = model.predict_label_set(frame.iloc[::2], 0.9)
    assert found.coverage[1].held.value == np.mean([y in one for y, one in zip(frame.species[::2], sets, strict=True)])
    assert found.coverage[1].size == np.mean([len(one) for one in sets])
    bounds = [one.bound for one in found.answered]
    assert bounds == sorted(bounds)
    assert found.answered[-1].value >= found.answered[0].value


def test_a_few_rows_have_no_curve(model):
    assert evaluate(model, numbers(8, 6)).answered == ()
    assert [one.share for one in evaluate(model, numbers(12, 6)).answered][-1] == 0.8


def test_a_model_that_promises_nothing_shows_nothing(model):
    silent = mlpcli.Model(replace(model.record, conformal="not kept"), model.ensemble)
    found = evaluate(silent, numbers(100, 7))
    assert (found.coverage, found.answered) == ((), ())


def test_levels_out_of_reach_are_left_out(model):
    found = model.record.conformal
    assert isinstance(found, ConformalIntervals)
    few = replace(found, quantiles=replace(found.quantiles, n=9, scores=found.quantiles.scores[:41]))
    short = replace(model, record=replace(model.record, conformal=few))
    assert [one.level for one in evaluate(short, numbers(100, 8)).coverage] == [0.8, 0.9]


def test_rows_of_a_group_count_as_one(model):
    frame = numbers(200, 9, noise=4)
    outputs = model.predict(frame)
    misses = {}
    for n_units in (200, 1, 0):
        trust = TrustInRows.of(model, frame[["x", "z"]], outputs, frame.y.to_numpy(), n_units)
        assert trust is not None
        misses[n_units] = [one.is_missed for one in trust.coverage()]
    assert all(misses[200])
    assert not any(misses[1] + misses[0])


def test_test_rows_of_groups_are_as_many_as_their_groups(call, here):
    (here / "d.csv").write_bytes(DIABETES.read_bytes())
    flags = ("-t", "progression", "--group", "age", "--preset", "classic", "--ensemble", "3", "--epochs", "2", "-q")
    assert call("train", "d.csv", *flags)[0] == 0
    whole = json.loads(call("evaluate", "model.npz", "--json")[1])["coverage"]
    by_rows = mlpcli.load("model.npz").evaluate("d.csv").coverage
    assert whole[0]["held"]["value"] == by_rows[0].held.value
    assert whole[0]["held"]["high"] - whole[0]["held"]["low"] > 0.2

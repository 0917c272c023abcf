"""Networks of a regression begin at the line of ridge regression, and never lose it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.engine.activations import ACTIVATIONS
from mlpcli.engine.layers import Dense
from mlpcli.engine.losses import LOSSES
from mlpcli.engine.network import CARRIERS
from mlpcli.model.assemble import assemble
from mlpcli.model.trained import load
from mlpcli.studies.start import prepare_from
from mlpcli.training.events import History
from mlpcli.training.linear_start import MAX_TERMS, RIDGES, add_sums, line_of, line_sums, products, solve, solve_lines
from mlpcli.training.loop import MemberTrainer, Rows
from mlpcli.training.prepare import prepare

N = 300


def table(tmp_path, law, n: int = N, seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    a, b, skewed = rng.standard_normal(n), rng.uniform(-1, 1, n), rng.exponential(1, n) ** 2
    frame = pd.DataFrame({"a": a, "b": b, "skewed": skewed, "kind": rng.choice(["x", "y", "z"], n)})
    frame["when"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D")
    frame["target"] = law(frame, rng)
    path = str(tmp_path / f"table{seed}.csv")
    frame.to_csv(path, index=False)
    return path


def linear(frame: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    return 3 * frame.a - 2 * frame.skewed + 5 * (frame.kind == "y") + 4


def bent(frame: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    return linear(frame, rng) + 3 * np.sin(4 * frame.b) + rng.normal(0, 0.5, len(frame))


def config(**settings) -> Config:
    return Config(target="target", task="regression", **{"epochs": 3, "ensemble": 3} | settings)


def trained(path: str, **settings):
    prepared = prepare(path, config(**settings))
    return assemble(prepared, History.of(prepared.events()))


@pytest.mark.parametrize("activation", ["relu", "silu", "gelu", "leaky_relu", "softplus"])
def test_a_network_answers_its_line_before_the_first_step(tmp_path, activation):
    prepared = prepare(table(tmp_path, bent), config(activation=activation))
    for member in prepared.members:
        assert member.line is not None
        x = prepared.encoded.x[:50]
        answers = member.network.predict(x)[:, 0]
        np.testing.assert_allclose(answers, x @ member.line.weights + member.line.bias, rtol=1e-4, atol=1e-4)


def test_what_is_linear_in_the_columns_is_exact_from_the_first_step_on(tmp_path):
    prepared = prepare(table(tmp_path, linear), config(epochs=1))
    assert all(member.line.rest < 1e-3 for member in prepared.members)
    model = assemble(prepared, History.of(prepared.events()))
    assert model.record.validation["rmse"] < 2e-3 * model.schema.target.std


def test_training_moves_all_but_what_carries_the_line(tmp_path):
    prepared = prepare(table(tmp_path, bent), config())
    member = prepared.members[0]
    dense = [layer for layer in member.network.layers if isinstance(layer, Dense)]
    before = [{name: p.copy() for name, p in layer.p.items()} for layer in dense]
    trainer = MemberTrainer(member, LOSSES["squared_error"](), replace(prepared.settings, weight_decay=0.1, l2=1e-3))
    trainer.epoch()
    for i, (layer, old) in enumerate(zip(dense, before, strict=True)):
        carried = np.zeros(layer.p["w"].shape, bool)
        if i < len(dense) - 1:
            carried[:, :CARRIERS] = True
            np.testing.assert_array_equal(layer.p["b"][:CARRIERS], old["b"][:CARRIERS])
        else:
            carried[:CARRIERS] = True
        np.testing.assert_array_equal(layer.p["w"][carried], old["w"][carried])
        assert np.mean(layer.p["w"][~carried] != old["w"][~carried]) > 0.8
    assert np.any(dense[0].p["a"] != 1)


def test_a_saved_model_carries_the_same_line_and_gives_the_same_answers(tmp_path):
    path = table(tmp_path, bent)
    model = trained(path)
    model.save(str(tmp_path / "model.npz"))
    frame = pd.read_csv(path, dtype=str)
    np.testing.assert_array_equal(load(str(tmp_path / "model.npz")).predict(frame), model.predict(frame))


def test_a_training_that_goes_on_keeps_the_line(tmp_path):
    model = trained(table(tmp_path, bent))
    model.save(str(tmp_path / "model.npz"))
    old = load(str(tmp_path / "model.npz"))
    prepared = prepare_from(old, table(tmp_path, bent, seed=1), config(), ReadOptions())
    x = prepared.encoded.x[:50]
    for member, before in zip(prepared.members, old.ensemble.lead, strict=True):
        assert 0 < member.line.rest < 1
        np.testing.assert_array_equal(member.network.predict(x), before.predict(x))
    for _ in prepared.events():
        pass
    for member in prepared.members:
        after = line_of(member.network, (member.train, member.valid))
        np.testing.assert_array_equal(np.float32(after.weights), np.float32(member.line.weights))


@pytest.mark.parametrize(
    "settings",
    [{"init": "he_normal"}, {"activation": "tanh"}, {"loss": "huber"}, {"dropout": 0.1}, {"hidden": (4, 4)},
     {"normalization": "batch"}, {"preset": "classic"}, {"max_norm": 2.0}, {"validation": "0", "ensemble": 1}],
    ids=lambda settings: next(iter(settings)),
)  # fmt: skip
def test_networks_that_cannot_carry_a_line_have_none(tmp_path, settings):
    prepared = prepare(table(tmp_path, bent), config(**settings))
    assert all(member.line is None for member in prepared.members)
    assert all(line_of(member.network, (member.train, member.valid)) is None for member in prepared.members)


def test_noise_has_no_line(tmp_path):
    prepared = prepare(table(tmp_path, lambda frame, rng: rng.standard_normal(len(frame)), n=60), config())
    assert all(member.line is None for member in prepared.members)


def test_each_kind_has_a_line_of_the_inputs_that_it_sees(tmp_path):
    prepared = prepare(table(tmp_path, bent), config(kinds=("mlp", "plain", "linear")))
    for group in prepared.groups:
        for member in group.members:
            answers = member.network.predict(prepared.encoded.x)[:, 0]
            left = prepared.encoded.y - answers
            assert np.std(left) < 0.8
            assert member.line.rest == pytest.approx(np.std(left), rel=0.1)


@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_regression_is_that_of_scikit_learn(weighted):
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    x, weights = rng.standard_normal((80, 5)) * [1, 2, 3, 1, 1] + 1, rng.uniform(0.5, 2, 80)
    y = x @ [1, 0, -1, 2, 0.5] + rng.standard_normal(80)
    sample = weights if weighted else None
    rows = Rows(x, y, sample, np.arange(80))
    found = solve(products(rows, np.arange(5), np.eye(5)))
    mean, deviation = np.average(x, axis=0, weights=sample), None
    deviation = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=sample))
    for ridge, (*coefficients, intercept, minus_one) in zip(RIDGES, found, strict=True):
        theirs = linear_model.Ridge(alpha=ridge).fit((x - mean) / deviation, y, sample)
        np.testing.assert_allclose(coefficients, theirs.coef_ / deviation, rtol=1e-6)
        assert intercept == pytest.approx(theirs.intercept_ - mean @ (theirs.coef_ / deviation))
        assert minus_one == -1


def test_sums_of_parts_give_the_lines_of_all_rows(tmp_path):
    prepared = prepare(table(tmp_path, bent), config())
    schema, settings, whole = prepared.schema, prepared.settings, [(m.train, m.valid) for m in prepared.members]
    parts = [
        [tuple(replace(rows, index=rows.index[part::2]) for rows in of_member) for of_member in whole]
        for part in (0, 1)
    ]
    sums = add_sums([line_sums(part, schema, settings, "mlp") for part in parts])
    for together, alone in zip(solve_lines(sums, schema, "mlp"), [m.line for m in prepared.members], strict=True):
        np.testing.assert_allclose(together.weights, alone.weights, rtol=1e-6, atol=1e-9)
        assert together.rest == pytest.approx(alone.rest)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_slope_of_an_activation_says_whether_two_units_give_their_sum_back(name):
    activation, z = ACTIVATIONS[name], np.linspace(-8, 8, 101)
    up, down, kept = np.empty_like(z), np.empty_like(z), np.empty_like(z)
    activation.forward(z, up, kept)
    activation.forward(-z, down, kept)
    slope = np.polyfit(z, up - down, 1)[0] if activation.slope is None else activation.slope
    assert np.allclose(up - down, slope * z, atol=1e-6) == (activation.slope is not None)


def test_too_many_columns_have_no_line_and_no_matrix_of_their_terms(tmp_path, monkeypatch):
    rng, n_columns = np.random.default_rng(0), MAX_TERMS + 1
    frame = pd.DataFrame(rng.standard_normal((60, n_columns)).round(3)).add_prefix("x")
    frame["target"] = frame.x0 * 2
    frame.to_csv(tmp_path / "wide.csv", index=False)
    monkeypatch.setattr("mlpcli.training.linear_start.terms_of", None)
    prepared = prepare(str(tmp_path / "wide.csv"), config(hidden=(8,)))
    assert all(member.line is None for member in prepared.members)


def test_first_rows_without_weight_have_no_line(tmp_path):
    prepared = prepare(table(tmp_path, bent), config())
    sums = line_sums([(m.train, m.valid) for m in prepared.members], prepared.schema, prepared.settings, "mlp")
    nothing = tuple((0 * fit, valid) for fit, valid in sums)
    assert solve_lines(sums, prepared.schema, "mlp")
    assert solve_lines(nothing, prepared.schema, "mlp") == []

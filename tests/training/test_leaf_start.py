"""Networks of classes begin with leaves of small trees where these surely lead, and as ever where they do not."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.model.assemble import assemble
from mlpcli.studies.start import prepare_from
from mlpcli.training.events import History
from mlpcli.training.leaf_start import (
    DEPTH,
    MIN_LEAF_ROWS,
    PULL,
    STEEPNESS,
    best_inputs,
    grow_trees,
    leaves_of,
    may_start,
    places_of,
    two_valued,
)
from mlpcli.training.prepare import prepare

N = 1500


def rules(rng: np.random.Generator) -> pd.DataFrame:
    """A few thresholds in the tails and flags decide, as in a medical screening."""
    frame = pd.DataFrame({f"m{i}": rng.lognormal(0, 1, N) for i in range(6)})
    for i in range(8):
        frame[f"flag{i}"] = rng.choice(["no", "yes"], N, p=[0.8, 0.2])
    is_high = (frame.m0 > 5) & (frame.flag0 == "no") & (frame.flag2 == "no")
    is_low = (frame.m1 < 0.2) & (frame.flag1 == "no") & (frame.flag2 == "no")
    frame["target"] = np.where(is_high, "high", np.where(is_low, "low", "none"))
    return frame


def smooth(rng: np.random.Generator) -> pd.DataFrame:
    """A ball of two inputs, in noise."""
    frame = pd.DataFrame({f"m{i}": rng.standard_normal(N) for i in range(4)})
    frame["flag"] = rng.choice(["no", "yes"], N)
    frame["target"] = np.where(frame.m0**2 + frame.m1**2 + rng.normal(0, 0.3, N) > 1.4, "out", "in")
    return frame


def written(folder, law, seed: int = 0) -> str:
    path = str(folder / f"{law.__name__}{seed}.csv")
    law(np.random.default_rng(seed)).to_csv(path, index=False)
    return path


def config(**settings) -> Config:
    return Config(target="target", task="classification", **{"epochs": 9, "ensemble": 3} | settings)


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> str:
    return written(tmp_path_factory.mktemp("leaves"), rules)


@pytest.fixture(scope="module")
def prepared(table):
    return prepare(table, config())


def test_each_leaf_is_a_unit_that_only_its_rows_pass(prepared):
    assert prepared.groups[0].starts_at_leaves
    assert "networks start from small trees" in prepared.notes[-1]
    for member in prepared.members:
        leaves = leaves_of(member, two_valued(prepared.members[0].train), 3)
        x = prepared.encoded.x
        middle = (x.min(axis=0) + x.max(axis=0)) / 2
        is_in = ((x[:, leaves.places] > middle[leaves.places]) == leaves.is_high).all(axis=2)
        first = member.network.layers[0]
        z = (x[:, places_of(member.network)] @ first.p["w"] + first.p["b"])[:, : len(leaves.places)]
        np.testing.assert_allclose(z[is_in], STEEPNESS / 2, rtol=1e-4)
        assert (z[~is_in] < -0.99 * STEEPNESS / 2).all()
        assert (is_in[member.train.index].sum(axis=0) >= MIN_LEAF_ROWS).all()
        assert 3 * first.n_out // 8 < len(leaves.places) <= first.n_out // 2


def test_leaves_are_found_without_the_rows_that_validate(prepared):
    member = prepared.members[0]
    two = two_valued(member.train)
    y = prepared.encoded.y.copy()
    y[member.valid.index] = np.random.default_rng(0).permutation(y[member.valid.index])
    again = leaves_of(replace(member, train=replace(member.train, y=y)), two, 3)
    np.testing.assert_array_equal(again.places, leaves_of(member, two, 3).places)


@pytest.mark.slow
def test_rules_are_met_sooner(table):
    losses = []
    for init in ("auto", "lecun_normal"):
        prepared = prepare(table, config(init=init, epochs=7))
        losses.append(assemble(prepared, History.of(prepared.events())).record.validation["log_loss"])
    assert losses[0] < 0.8 * losses[1]


def test_a_race_that_is_lost_leaves_no_trace(tmp_path):
    path = written(tmp_path, smooth)
    prepared, without = prepare(path, config()), prepare(path, config(init="lecun_normal"))
    assert not prepared.groups[0].starts_at_leaves
    assert not any("small trees" in note for note in prepared.notes)
    for member, other in zip(prepared.members, without.members, strict=True):
        np.testing.assert_array_equal(member.network.params, other.network.params)
        assert member.rng.bit_generator.state == other.rng.bit_generator.state


@pytest.mark.slow
def test_weighted_rows_are_asked_too(table, tmp_path):
    frame = pd.read_csv(table)
    frame["w"] = np.random.default_rng(1).choice([1.0, 2.0], N)
    path = str(tmp_path / "weighted.csv")
    frame.to_csv(path, index=False)
    assert prepare(path, config(weight="w")).groups[0].starts_at_leaves


def test_one_network_asks_its_validation_rows(table):
    assert prepare(table, config(ensemble=1)).groups[0].starts_at_leaves


@pytest.mark.slow
def test_a_training_that_goes_on_keeps_its_weights(table):
    prepared = prepare(table, config(ensemble=2))
    model = assemble(prepared, History.of(prepared.events()))
    again = prepare_from(model, table, config(ensemble=2), ReadOptions())
    assert not again.groups[0].starts_at_leaves


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": 0.1}, {"input_noise": 0.1}, {"max_norm": 1.0}, {"init": "lecun_normal"}, {"epochs": 6},
        {"normalization": "layer"}, {"parametrization": "standard"}, {"hidden": (4, 4)}, {"hidden": ()},
        {"activation": "tanh"}, {"kinds": ("plain",)}, {"loss": "binary_cross_entropy"},
    ],
)  # fmt: skip
def test_other_settings_start_as_they_say(settings):
    assert may_start(config().resolve("classification", N), "mlp")
    resolved = config(**settings).resolve("classification", N)
    assert not may_start(resolved, resolved.lead)


def test_learned_vectors_of_levels_come_first(tmp_path):
    frame = rules(np.random.default_rng(0))
    frame["shop"] = np.random.default_rng(1).integers(0, 80, N).astype(str)
    path = str(tmp_path / "shops.csv")
    frame.to_csv(path, index=False)
    assert not prepare(path, config(category=("shop",), max_categories=8)).groups[0].starts_at_leaves


def test_few_inputs_of_two_values_are_not_asked(tmp_path):
    frame = pd.DataFrame({"a": np.random.default_rng(0).standard_normal(N)})
    frame["target"] = np.random.default_rng(1).choice(["x", "y"], N)
    path = str(tmp_path / "noise.csv")
    frame.to_csv(path, index=False)
    assert not prepare(path, config()).groups[0].starts_at_leaves


def parted(is_high, sums, inputs) -> float:
    """How well the leaves of these inputs part the sums, by the definition."""
    total = 0.0
    for sides in itertools.product([0, 1], repeat=len(inputs)):
        g = sums[(is_high[:, list(inputs)] == sides).all(axis=1)].sum(axis=0)
        total += float(np.square(g[:-1]).sum() / (g[-1] + PULL))
    return total


def test_each_input_of_a_tree_parts_best_by_its_definition():
    rng = np.random.default_rng(0)
    is_high = (rng.random((200, 7)) < 0.4).astype(np.float32)
    sums = np.column_stack([rng.standard_normal((200, 3)), rng.uniform(0.5, 2, 200)]).astype(np.float32)
    chosen = best_inputs(is_high, sums).tolist()
    for depth in range(DEPTH):
        others = [i for i in range(7) if i not in chosen[:depth]]
        best = max(others, key=lambda i: parted(is_high, sums, [*chosen[:depth], i]))
        assert chosen[depth] == best


def test_a_tree_asks_no_input_twice():
    is_high, sums = np.zeros((20, 3), np.float32), np.ones((20, 3), np.float32)
    is_high[:10, 0] = sums[:10, 0] = 1
    sums[10:, 0] = -1
    assert len(set(best_inputs(is_high, sums).tolist())) == DEPTH


def test_a_row_of_weight_2_counts_as_two_rows_in_trees():
    rng = np.random.default_rng(0)
    is_high, y = (rng.random((300, 6)) < 0.4).astype(np.float32), rng.integers(0, 3, 300)
    y[(is_high[:, 2] > 0) & (is_high[:, 4] > 0)] = 1
    times = rng.choice([1, 2], 300)
    weighted = [inputs.tolist() for inputs, _ in grow_trees(is_high, y, times.astype(np.float32), 3, 8)]
    doubled = np.repeat(np.arange(300), times)
    assert weighted == [inputs.tolist() for inputs, _ in grow_trees(is_high[doubled], y[doubled], None, 3, 8)]
    assert sorted(weighted[0]) == [2, 4]

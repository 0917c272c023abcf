"""Kinds of network in one ensemble: their weights, what they see, and that the first kind is as it would be alone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from command_line import mlpcli as mlpcli_command

import mlpcli
from mlpcli.config.presets import KIND_NAMES
from mlpcli.config.settings import Config
from mlpcli.errors import ModelError
from mlpcli.files.jsonable import to_json
from mlpcli.model.assemble import assemble
from mlpcli.model.checks import check_header
from mlpcli.studies import remedies
from mlpcli.training.ensemble import SELECTION_STEPS as STEPS
from mlpcli.training.ensemble import Component, HeldOut, OutOfFold, select
from mlpcli.training.events import EpochEnded, History
from mlpcli.training.kinds import KINDS
from mlpcli.training.networks import layer_widths
from mlpcli.training.prepare import prepare

SMALL = {"target": "y", "epochs": 40, "patience": 3, "hidden": (5,), "ensemble": 3}
ALL = ("mlp", "wide", "plain", "linear")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes and a number to predict from two numbers and a category; the number is a straight law of them."""
    folder = tmp_path_factory.mktemp("blend")
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 150)).round(3)
    lines = [f"{x},{z},{'uvw'[i % 3]}" for i, (x, z) in enumerate(zip(a, b, strict=True))]
    for name, y in (("classes", np.where(a * b > 0, "p", "q")), ("number", (2 * a - b).round(3))):
        text = "\n".join(f"{line},{value}" for line, value in zip(lines, y, strict=True))
        (folder / f"{name}.csv").write_text(f"a,b,c,y\n{text}\n")
    return folder


@pytest.fixture(scope="module", params=["classes", "number"])
def models(request, folder):
    """One kind alone, and all four, on the same table."""
    path = str(folder / f"{request.param}.csv")
    return mlpcli.fit(path, **SMALL), mlpcli.fit(path, **SMALL, kinds=ALL)


# --- the weights ------------------------------------------------------------------------------------------


def squares(y):
    return lambda outputs: np.square(outputs - y)


def test_a_kind_that_is_right_gets_all_but_the_first_step():
    y = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    right, even = y, np.full(5, 0.5)
    assert select([even, right], squares(y)) == [1 / STEPS, 1 - 1 / STEPS]
    assert select([right, even], squares(y)) == [1.0, 0.0]
    assert select([even], squares(y)) == [1.0]


def test_kinds_whose_errors_cancel_share_the_weight():
    y = np.array([1.0, 2.0, 5.0])
    assert select([y + 1, y - 1], squares(y)) == [0.5, 0.5]
    assert select([y + 1, y - 3], squares(y)) == [0.75, 0.25]


def test_the_rows_weights_count():
    y = np.array([0.0, 0.0])
    here, there = np.array([0.0, 1.0]), np.array([1.0, 0.0])
    assert select([here, there], squares(y), np.array([1.0, 0.0])) == [1.0, 0.0]
    assert select([here, there], squares(y), np.array([0.0, 1.0])) == [1 / STEPS, 1 - 1 / STEPS]


def out_of_fold(prepared, index):
    """As if one member had validated these rows."""
    held_out = {prepared.settings.lead: [HeldOut(index, np.zeros((len(index), 1)))]}
    return OutOfFold(prepared.settings, prepared.schema.target, prepared.encoded.y, None, held_out)


def test_losses_of_an_ensemble_are_those_of_the_setting(folder):
    by_loss = {}
    for loss in ("squared_error", "absolute_error"):
        prepared = prepare(str(folder / "number.csv"), Config(**SMALL, loss=loss))
        target, index = prepared.schema.target, np.array([1, 3])
        truth = prepared.encoded.y[index].astype(np.float64) * target.std + target.mean
        by_loss[loss] = out_of_fold(prepared, index).losses(truth + np.array([1.0, -2.0]) * target.std).tolist()
    assert by_loss["squared_error"] == pytest.approx([0.5, 2.0], rel=1e-5)
    assert by_loss["absolute_error"] == pytest.approx([1.0, 2.0], rel=1e-5)
    prepared = prepare(str(folder / "classes.csv"), Config(**SMALL))
    certain = np.eye(2)[prepared.encoded.y[:2]]
    first_two = out_of_fold(prepared, np.arange(2))
    assert first_two.losses(certain).tolist() == [0, 0]
    assert first_two.losses(1 - certain) == pytest.approx([-np.log(1e-7)] * 2)  # much, and not infinite


# --- what a kind sees and has -----------------------------------------------------------------------------


def test_every_kind_has_its_inputs_and_layers(folder):
    prepared = prepare(str(folder / "classes.csv"), Config(**SMALL, kinds=ALL))
    n_plain, n_all = prepared.schema.width(["plain"]), prepared.schema.n_inputs
    assert n_plain < n_all
    assert layer_widths(prepared.settings, prepared.schema, "wide") == [n_all, 256, 256, 2]
    assert tuple(group.kind for group in prepared.groups) == ALL
    firsts = [group.members[0].network for group in prepared.groups]
    assert [(n.layers[0].n_in, n.n_layers) for n in firsts] == [(n_all, 2), (n_all, 3), (n_plain, 2), (n_plain, 1)]
    x = np.random.default_rng(0).standard_normal((7, n_all)).astype(np.float32)
    for network in firsts:
        network.params += 0.1
        seen, changed = network.layers[0].n_in, x.copy()
        changed[:, seen:] = 9
        assert np.array_equal(network.predict(x), network.predict(changed))
        changed[:, seen - 1] += 1
        assert not np.array_equal(network.predict(x), network.predict(changed))


def test_the_choices_are_the_kinds():
    assert tuple(KINDS) == KIND_NAMES


def test_outputs_are_the_weighted_means_of_the_kinds(models):
    model = models[1]
    parts, each = model.record.components, 3
    rng = np.random.default_rng(0)
    logits = [[rng.standard_normal((6, 2 if model.labels else 1)) for _ in range(each)] for _ in parts]
    expected = 0.0
    for part, of_part in zip(parts, logits, strict=True):
        for z in of_part:
            powers = np.exp(z / part.temperature)
            expected += part.weight / each * (powers / powers.sum(axis=1, keepdims=True) if model.labels else z[:, 0])
    if not model.labels:
        target = model.schema.target
        expected = np.clip(expected * target.std + target.mean, target.low, target.high)
    assert np.allclose(model.ensemble.combine(logits), expected, rtol=1e-12)


def test_the_first_kind_is_what_it_is_alone(models):
    alone, blended = models
    assert len(alone.networks) == len(blended.lead) == 3
    for one, other in zip(alone.networks, blended.lead, strict=True):
        assert np.array_equal(one.params, other.params)
    told, also = to_json(alone.record.history), to_json(blended.record.history)
    assert told == also
    assert alone.record.evidence == blended.record.evidence


def test_the_model_holds_the_kinds_with_a_weight_and_tells_the_rows_apart_better(models):
    alone, blended = models
    parts = blended.record.components
    assert parts[0].kind == "mlp"
    assert sum(part.weight for part in parts) == pytest.approx(1)
    assert all(part.weight >= 1 / STEPS for part in parts)
    assert len(blended.networks) == 3 * len(parts)
    assert alone.record.components[0].weight == 1
    loss = "log_loss" if blended.labels else "rmse"
    assert len(parts) > 1
    assert blended.record.validation[loss] < 0.9 * alone.record.validation[loss]


def test_a_model_of_kinds_is_read_as_it_was_written(models, tmp_path):
    path = str(tmp_path / "m.npz")
    models[1].save(path)
    read = mlpcli.load(path)
    assert read.record == models[1].record
    for one, other in zip(models[1].networks, read.networks, strict=True):
        assert np.array_equal(one.saved(), other.saved())


def test_without_validation_rows_the_first_kind_is_trained_alone_and_that_is_said(folder):
    config = Config(**(SMALL | {"ensemble": 1}), kinds=("plain", "mlp"), validation="0")
    prepared = prepare(str(folder / "classes.csv"), config)
    assert len(prepared.members) == 1
    assert any("plain alone (--kinds)" in note for note in prepared.notes)
    model = assemble(prepared, History.of(prepared.events()))
    assert [(part.kind, part.weight) for part in model.record.components] == [("plain", 1.0)]


def test_of_kinds_that_outlast_the_first_no_loss_is_told(folder):
    """The curve, and all that is found in it, is that of the first kind."""
    prepared = prepare(str(folder / "number.csv"), Config(**SMALL, kinds=("linear", "mlp")))
    events = list(prepared.events())
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    n_told = sum(not event.others_only for event in epochs)
    assert 0 < n_told < len(epochs) == events[-1].epochs
    assert [event.others_only for event in epochs] == [False] * n_told + [True] * (len(epochs) - n_told)
    history = History.of(events)
    assert len(history.train_loss) == len(history.valid_loss) == n_told
    assert history.stopped_by == "patience"
    assert history.seconds >= epochs[-1].seconds


def test_a_network_that_diverges_is_named_by_its_kind(folder):
    prepared = prepare(str(folder / "number.csv"), Config(**SMALL, kinds=("mlp", "linear")))
    training = prepared.training()
    names = [list(training.names())[i] for i in (0, 2, 3, 5)]
    assert names == ["mlp network 1", "mlp network 3", "linear network 1", "linear network 3"]
    assert list(prepare(str(folder / "number.csv"), Config(**SMALL)).training().names())[2] == "network 3"


def test_a_temperature_is_sharper_only_for_several_networks_of_a_kind(folder):
    path = str(folder / "classes.csv")
    one = SMALL | {"ensemble": 1}
    alone, blended = mlpcli.fit(path, **one), mlpcli.fit(path, **one, kinds=("mlp", "linear"))
    assert alone.record.components[0].temperature == blended.record.components[0].temperature


def test_remedies_are_tried_on_the_first_kind(folder, monkeypatch):
    monkeypatch.chdir(folder)
    model = mlpcli.fit("classes.csv", **SMALL, kinds=("linear", "mlp"))
    trials = remedies.plan(model).trials
    assert {trial.config.kinds for trial in trials} == {("linear",), ("mlp",)}
    for trial in trials:
        assert ("--hidden" in trial.flags) == (trial.config.kinds == ("mlp",))
        assert ("--kinds mlp" in trial.flags) == ("--hidden" in trial.flags)


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (Component("wide", 1.0, 1.0),),  # not the first of the kinds
        (Component("mlp", 0.5, 1.0), Component("mlp", 0.5, 1.0)),
        (Component("mlp", 0.5, 1.0), Component("tree", 0.5, 1.0)),
        (Component("mlp", 0.5, 1.0), Component("linear", 0.25, 1.0), Component("wide", 0.25, 1.0)),  # in another order
        (Component("mlp", 0.5, 1.0), Component("wide", 0.4, 1.0)),
        (Component("mlp", 1.5, 1.0), Component("wide", -0.5, 1.0)),
        (Component("mlp", 1.0, 1.0), Component("wide", 0.0, 1.0)),
        (Component("mlp", float("nan"), 1.0),),
        (Component("mlp", 0.5, 1.0), Component("wide", 0.5, 0.0)),
    ],
)
def test_a_header_with_parts_that_no_training_writes_is_refused(models, parts):
    record = models[1].record
    with pytest.raises(ModelError, match="cannot be"):
        check_header(replace(record, components=parts))


# --- what is told -----------------------------------------------------------------------------------------


def test_train_and_inspect_tell_the_weights_of_the_kinds(folder, tmp_path):
    model = str(tmp_path / "m.npz")
    settings = "-t", "y", "--kinds", ",".join(ALL), "--ensemble", 2, "--epochs", 9
    done = mlpcli_command("train", "number.csv", *settings, "-o", model, "--json", cwd=folder)
    assert done.returncode == 0
    weights = json.loads(done.stdout)["kinds"]
    assert 1 < len(weights) <= 4
    assert sum(weights.values()) == pytest.approx(1)
    told = ", ".join(f"{kind} {weights.get(kind, 0):.0%}" for kind in ALL)
    assert f"weights of the kinds of network, from validation rows: {told}\n" in done.stderr
    assert "curves are means over 2 mlp networks" in done.stderr
    shown = mlpcli_command("inspect", model, cwd=folder).stdout
    for kind, weight in weights.items():
        assert f"{kind}, {weight:.0%} of the answer: 2 of " in shown

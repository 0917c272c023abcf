"""One small network that answers as the model does whose answers it learned."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import mlpcli
from mlpcli.data import splits
from mlpcli.errors import DataError, ModelError, TrainingError, UsageError
from mlpcli.evaluation.evaluate import evaluate, read_trained
from mlpcli.model import trained
from mlpcli.studies import distill
from mlpcli.studies.distill import plan
from mlpcli.studies.reproduce import plan as reproduce
from mlpcli.training.events import History

QUICK = {"preset": "fast", "epochs": 8, "ensemble": 3, "hidden": (32,)}
TASKS = {
    "classes": {"target": "kind"},
    "two": {"target": "two", "threshold": "f1", "weight": "weight", "loss": "binary_cross_entropy"},
    "numbers": {"target": "y", "group": "town"},
    "counts": {"target": "n", "task": "regression", "loss": "poisson", "test": "0"},
    "costs": {"target": "two", "cost": ("yes:no=5",), "ensemble": 1},
}


def rows(n=500):
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(2, n))
    town = rng.choice([f"t{i}" for i in range(40)], n)
    y = x * 2 + z**2 + rng.normal(0, 0.3, n)
    x[::9] = np.nan
    return pd.DataFrame({
        "x": x.round(4), "z": z.round(4), "town": town, "weight": rng.integers(1, 4, n), "y": y.round(3),
        "n": rng.poisson(np.exp(z / 2)), "two": np.where(y > 1, "yes", "no"),
        "kind": np.select([y < 0, y < 2], ["low", "middle"], "high"),
    })  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Few rows, epochs and measurements."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("TAUGHT_ROWS", 3000), ("EPOCHS", 10), ("MEASURED_SECONDS", 0.01)):
            patch.setattr(distill, name, value)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("distill")
    rows().to_csv(folder / "rows.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def models(folder):
    """Name of a task -> the model, the small one, and how that was made."""
    others, found = {"kind", "two", "y", "n"}, {}
    for name, settings in TASKS.items():
        drop = tuple(others - {settings["target"]})
        path, small = str(folder / f"{name}.npz"), str(folder / f"{name}-small.npz")
        mlpcli.fit(str(folder / "rows.csv"), **QUICK | settings, drop=drop).save(path)
        teacher = trained.load(path)
        study = plan(teacher)
        study.assemble(History.of(study.events())).save(small)
        found[name] = teacher, trained.load(small), study
    return found


@pytest.mark.parametrize("name", TASKS)
def test_it_answers_nearly_as_the_model_does(models, name):
    large, small, _ = models[name]
    frame = read_trained(large).frame
    theirs, ours = large.outputs(frame), small.outputs(frame)
    if large.labels:
        assert np.abs(theirs - ours).mean() < 0.05
    else:
        assert np.corrcoef(theirs, ours)[0, 1] > 0.97
    assert np.isfinite(ours).all()


@pytest.mark.parametrize("name", TASKS)
def test_it_is_one_network_on_the_same_columns_and_a_model_file_like_any_other(models, name, folder):
    large, small, _ = models[name]
    columns = [(c.name, c.kind, c.is_input) for c in large.schema.columns]
    assert [(c.name, c.kind, c.is_input) for c in small.schema.columns] == columns
    assert (small.schema.target, len(small.networks)) == (large.schema.target, 1)
    assert small.schema.n_inputs < large.schema.n_inputs or not large.labels
    assert small.config.hidden == ((64, 32) if large.labels else (32, 32))
    file = (folder / f"{name}.npz").read_bytes()
    assert small.record.distilled_from == hashlib.sha256(file).hexdigest()
    assert small.record.threshold == large.record.threshold
    assert (small.config.cost, small.config.test) == (large.config.cost, large.config.test)
    assert large.record.distilled_from is None


@pytest.mark.parametrize("name", TASKS)
def test_it_never_sees_the_test_rows_and_is_evaluated_on_those_of_the_model(models, name):
    large, small, study = models[name]
    before, now = read_trained(large), read_trained(small)
    np.testing.assert_array_equal(before.sets == splits.TEST, now.sets == splits.TEST)
    is_taught = np.zeros(len(before.sets), bool)
    is_taught[study.prepared.encoded.rows] = True
    np.testing.assert_array_equal(is_taught, before.sets != splits.TEST)
    assert study.prepared.dataset.count(splits.VALIDATION) == 0  # the model learned from them, so may it


def test_evaluations_say_nothing_of_validation_rows_and_count_them_as_training(models):
    _, small, _ = models["classes"]
    found = evaluate(small, linear=False)
    assert "validation" not in found.metrics
    table = read_trained(small)
    seen = table.take(np.flatnonzero(table.sets != splits.TEST))
    hits = small.predict(seen.frame) == seen.y_cells.astype(str).to_numpy()
    assert found.metrics["train"]["accuracy"].value == pytest.approx(hits.mean())


def test_the_same_model_gives_the_same_bytes(models):
    large, small, _ = models["classes"]
    study = plan(large)
    assert study.assemble(History.of(study.events())).sha256 == small.sha256


@pytest.mark.parametrize("name", ["classes", "numbers"])
def test_it_is_shown_beside_the_model_on_the_same_test_rows_with_what_each_takes(models, name):
    large, small, study = models[name]
    found = study.result(small)
    metric = "log_loss" if large.labels else "rmse"
    ours, theirs = (evaluate(model, linear=False).metrics["test"][metric].value for model in (small, large))
    assert found.comparison.metrics[metric].new == pytest.approx(ours)
    assert found.comparison.metrics[metric].old == pytest.approx(theirs)
    assert found.speed_before.n_parameters == sum(len(network.params) for network in large.networks)
    assert found.speed.n_parameters == len(small.networks[0].params)
    assert min(found.speed.rows_per_second, found.speed_before.rows_per_second) > 0


def test_without_test_rows_it_says_why_there_is_no_evaluation(models):
    _, small, study = models["counts"]
    assert "rows to compare on" in study.result(small).comparison


def test_hidden_layers_are_as_asked_for(models):
    settings = plan(models["numbers"][0], ()).prepared.settings
    assert (settings.hidden, settings.ensemble, settings.kinds) == ((), 1, ("mlp",))
    with pytest.raises(UsageError, match="--hidden"):
        plan(models["numbers"][0], (0,))


def test_rows_are_as_many_as_asked_for_their_weights_with_them(models, monkeypatch):
    large, _, study = models["two"]
    n = len(study.prepared.encoded.rows)
    assert n_rows(study) == 3000 // n * n
    weights = study.prepared.encoded.weights
    np.testing.assert_array_equal(np.sort(study.students[0].taught.weights), np.sort(np.tile(weights, 3000 // n)))
    monkeypatch.setattr(distill, "MAX_TAUGHT_ROWS", 100)
    assert n_rows(plan(large)) == 100  # of a large table a sample of 50, and a row made from each
    monkeypatch.setattr(distill, "MAX_TAUGHT_INPUTS", 10 * large.schema.n_inputs)
    assert n_rows(plan(large)) == 10


def n_rows(study):
    """All that a network is taught, and what is held back to compare it with others."""
    (n,) = {len(student.taught) + len(student.held) for student in study.students}
    return n


@pytest.mark.parametrize("more", [0.0, 1e9])
def test_the_network_without_bins_is_kept_where_it_answers_as_well(more, models, monkeypatch):
    large, small, study = models["classes"]
    first, plain = study.students
    assert not set(plain.taught.index) & set(plain.held.index)
    assert plain.loss() > first.loss()  # the classes lie between bounds of a sum with a square
    monkeypatch.setattr(distill, "MAX_MORE_LOSS", more)
    found = study.assemble(History(train_loss=[1.0]))
    kept = plain if more else first
    assert found.schema == kept.prepared.schema
    assert found.schema.width(["ple", "cuts"]) < small.schema.n_inputs
    assert bool(found.schema.width(["ple"])) == (not more)
    assert found.record.history == replace(kept.history, seconds=0.0)
    frame = read_trained(large).frame
    assert np.abs(found.outputs(frame) - large.outputs(frame)).mean() < 0.1


def test_columns_without_numbers_make_one_network(folder):
    path = str(folder / "towns.csv")
    rows().filter(["town", "kind"]).to_csv(path, index=False)
    mlpcli.fit(path, **QUICK, target="kind").save(str(folder / "towns.npz"))
    assert len(plan(trained.load(str(folder / "towns.npz"))).students) == 1


def test_without_an_epoch_there_is_no_model(models):
    with pytest.raises(TrainingError, match="no model was written"):
        models["classes"][2].assemble(History())


def test_it_promises_nothing_and_says_so(models):
    small = mlpcli.load(models["classes"][1].path)
    with pytest.raises(ModelError, match="a distilled model makes no label sets"):
        small.predict_label_set(rows(20), 0.9)


def test_it_cannot_be_reproduced_from_its_own_file(models):
    with pytest.raises(ModelError, match="distilled from another model"):
        reproduce(models["classes"][1])


def test_another_file_than_that_of_the_training_is_refused(models, folder):
    rows(100).to_csv(folder / "other.csv", index=False)
    with pytest.raises(DataError, match="not the file that the model was trained on"):
        plan(models["classes"][0], data=str(folder / "other.csv"))
    assert plan(models["classes"][0], data=str(folder / "rows.csv")).prepared.dataset.n_rows == 500

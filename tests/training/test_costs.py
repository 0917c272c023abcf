"""Costs and orders of classes do, from the CSV to the prediction, what they say."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from samples import DIABETES

import mlpcli
from mlpcli.errors import ModelError, UsageError
from mlpcli.evaluation.evaluate import CHEAPEST
from mlpcli.files import archive
from mlpcli.model.trained import load

QUICK = {"preset": "classic", "epochs": 20}
ORDER = ("low", "medium", "high")


def ranked(n=900, seed=0):
    """Rows whose size is one of three ordered classes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    size = np.digitize(x + rng.normal(size=n), [-0.7, 0.7])
    return pd.DataFrame({"x": x.round(4), "z": rng.normal(size=n).round(4), "size": np.asarray(ORDER)[size]})


@pytest.fixture(scope="module")
def ordered(tmp_path_factory):
    """A folder with size.csv and a model of it, ranks.npz."""
    folder = tmp_path_factory.mktemp("ordered")
    ranked().to_csv(folder / "size.csv", index=False)
    mlpcli.fit(str(folder / "size.csv"), order=ORDER, **QUICK).save(str(folder / "ranks.npz"))
    return folder


@pytest.mark.slow
def test_costs_of_a_rare_class_lower_the_mean_cost_of_test_rows(rare):
    path, frame = rare
    plain, costly = (mlpcli.fit(path, **QUICK, **more) for more in ({}, {"cost": ("yes:no=30",)}))
    assert np.array_equal(plain.predict_proba(frame), costly.predict_proba(frame))
    found = costly.compare(plain, path).metrics["mean_cost"]
    assert found.new < 0.8 * found.old
    result = costly.evaluate(path)
    assert result.metrics["test"]["mean_cost"].value == pytest.approx(found.new)
    always = [30 * np.mean(result.y == 1), np.mean(result.y == 0)]
    assert result.baselines[CHEAPEST]["mean_cost"] == pytest.approx(min(always))
    assert np.mean(costly.predict(frame) == "yes") > 2 * np.mean(plain.predict(frame) == "yes")
    fresh = frame.iloc[::2].reset_index(drop=True)
    assert costly.evaluate(fresh).baselines[CHEAPEST]["mean_cost"] == pytest.approx(
        min(30 * np.mean(fresh.sick == "yes"), np.mean(fresh.sick == "no"))
    )


def test_ordered_classes_are_not_further_from_the_truth(ordered):
    model = load(str(ordered / "ranks.npz"))
    assert model.labels == ORDER
    new = ranked(4000, seed=1)
    plain = mlpcli.fit(str(ordered / "size.csv"), **QUICK)
    truth = new["size"].map(ORDER.index)
    errors = [np.abs(pd.Series(m.predict(new)).map(ORDER.index) - truth).mean() for m in (model, plain)]
    assert errors[0] <= errors[1] + 0.005
    shares = dict(zip(plain.labels, plain.predict_proba(new).T, strict=True))
    distance = np.abs(np.column_stack([shares[label] for label in ORDER]) - model.predict_proba(new))
    assert distance.mean() < 0.05  # each column is of the class that its place says


@pytest.mark.slow
def test_models_with_and_without_an_order_are_compared_on_the_same_rows(ordered):
    model, plain = mlpcli.load(str(ordered / "ranks.npz")), mlpcli.fit(str(ordered / "size.csv"), **QUICK)
    for new, old in ((model, plain), (plain, model)):
        assert "rank_error" in new.compare(old, ranked(300, seed=2)).metrics


@pytest.mark.slow
def test_the_command_line_shows_classes_in_their_order_everywhere(ordered, call, monkeypatch):
    monkeypatch.chdir(ordered)
    code, _, err = call("train", "size.csv", "--order", "low,medium,high", "--preset", "classic", "--epochs", "5")
    assert code == 0
    assert "rank_error" in err
    out = call("evaluate", "ranks.npz")[1]
    assert "rank_error" in out
    assert [line.split()[0] for line in out.split("and prediction (columns)")[1].splitlines()[3:6]] == list(ORDER)
    answer = json.loads(call("evaluate", "ranks.npz", "--json")[1])
    assert answer["metrics"]["test"]["rank_error"]["low"] < answer["metrics"]["test"]["rank_error"]["high"]
    header = call("predict", "ranks.npz", "size.csv", "--proba")[1].splitlines()[0]
    assert header == "prediction,p_low,p_medium,p_high"
    shown = call("inspect", "ranks.npz")[1]
    assert "classes: low, medium, high" in shown
    assert "--order low,medium,high" in shown
    assert call("evaluate", "ranks.npz", "--metric", "rank_error")[0] == 0
    assert call("evaluate", "ranks.npz", "--metric", "mean_cost")[0] == 2


@pytest.mark.slow
def test_reports_and_explanations_tell_of_the_answers_given(ordered, call, monkeypatch):
    monkeypatch.chdir(ordered)
    assert call("report", "ranks.npz", "-o", "ranks.html")[0] == 0
    assert "rank_<wbr/>error" in (ordered / "ranks.html").read_text(encoding="utf-8")
    ranked(2).to_csv("two.csv", index=False)
    assert call("predict", "ranks.npz", "two.csv", "--explain", "1")[0] == 0


@pytest.mark.slow
def test_the_command_line_answers_by_costs(rare, call, here):
    path, _ = rare
    costs = ("--cost", "yes:no=30", "--cost", "no:yes=2")
    assert call("train", path, *costs, "--preset", "classic", "--epochs", "5", "-q")[0] == 0
    shown = call("inspect", "model.npz")[1]
    assert "--cost yes:no=30,no:yes=2" in shown
    out = call("evaluate", "model.npz")[1]
    assert "mean_cost" in out
    assert "cheapest" in out
    code, _, err = call("predict", "model.npz", path, "--threshold", "0.3")
    assert (code, "costs it was trained with" in err) == (2, True)
    assert call("evaluate", "model.npz", "--fail-under", "mean_cost=0.01")[0] == 3


@pytest.mark.parametrize("given", [("--cost", "yes:no=5"), ("--order", "yes,no")])
def test_a_regression_has_neither(given, call, here):
    code, _, err = call("train", DIABETES, *given)
    assert (code, f"{given[0]} is for classes, and this is regression" in err) == (2, True)


def test_classes_that_are_not_there_are_refused_before_any_work(rare, call, here):
    for given, what in (
        (("--cost", "yse:no=5"), "no class 'yse'; did you mean 'yes'?"), (("--order", "no,maybe"), "no class 'maybe'"),
        (("--order", "no,yes,maybe"), "no class 'maybe'"),
    ):  # fmt: skip
        code, out, err = call("train", rare[0], *given)
        assert (code, out) == (2, "")
        assert what in err


def test_a_model_goes_on_in_the_order_of_its_classes(ordered, tmp_path):
    new = ranked(300, seed=7)
    old = mlpcli.load(str(ordered / "ranks.npz"))
    again = mlpcli.fit(new[new["size"] != "medium"], start_from=old, epochs=1)
    assert (again.labels, again.config.order) == (ORDER, ORDER)
    with pytest.raises(UsageError, match="--order"):
        mlpcli.fit(new, start_from=old, order=ORDER[::-1])


def test_validation_and_test_files_have_the_same_order(tmp_path):
    files = {}
    for seed, name in enumerate(("train", "validation", "test")):
        files[name] = str(tmp_path / f"{name}.csv")
        ranked(150, seed).to_csv(files[name], index=False)
    model = mlpcli.fit(files["train"], order=ORDER, validation=files["validation"], test=files["test"], **QUICK)
    assert model.labels == ORDER
    assert 0 < model.record.validation["rank_error"] < 0.6


def test_a_model_without_costs_says_nothing_of_them(rare):
    header = mlpcli.fit(rare[0], **QUICK | {"epochs": 1}).parts()[0]
    assert not {"cost", "order"} & set(header["config"])


@pytest.mark.parametrize(
    "change",
    [
        {"order": ["low", "medium"]}, {"order": ["high", "medium", "low"]}, {"order": ["low", "medium", "high", "x"]},
        {"order": ["low", "low", "high"]}, {"order": []}, {"order": "low"}, {"order": [1, 2, 3]}, {"order": None},
        {"cost": []}, {"cost": ["low:x=5"]}, {"cost": ["low:high"]}, {"cost": ["low:high=-1"]}, {"cost": [5]},
        {"cost": ["low:low=1"]}, {"threshold": "f1"}, {"cost": ["low:high=nan"]},
    ],
    ids=str,
)  # fmt: skip
def test_M14_costs_and_orders_that_cannot_be_are_refused(change, ordered, tmp_path):
    header, own = archive.load(str(ordered / "ranks.npz"))
    header["config"].update(change)
    path = str(tmp_path / "m.npz")
    archive.save(path, header, own)
    with pytest.raises(ModelError):
        load(path)

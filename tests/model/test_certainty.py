"""How sure an answer is, as `predict` writes it and the library gives it; and what a model cannot say is one line."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from samples import DIABETES, PENGUINS

import mlpcli
from mlpcli.errors import ModelError, UsageError
from mlpcli.metrics.conformal import ConformalIntervals, ConformalSets
from mlpcli.model.certainty import Certainty, label_sets
from mlpcli.model.trained import load

BEFORE = Path(__file__).parents[1] / "files" / "golden" / "model-without-conformal.npz"  # written by 0.1.0 of November
QUICK = {"preset": "fast", "epochs": 6}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """numbers.npz and classes.npz, and numbers.csv and classes.csv, to which they are models."""
    found = tmp_path_factory.mktemp("certainty")
    (found / "numbers.csv").write_bytes(DIABETES.read_bytes())
    (found / "classes.csv").write_bytes(PENGUINS.read_bytes())
    mlpcli.fit(str(DIABETES), target="progression", **QUICK).save(str(found / "numbers.npz"))
    mlpcli.fit(str(PENGUINS), target="species", **QUICK).save(str(found / "classes.npz"))
    return found


@pytest.fixture
def numbers(folder):
    return mlpcli.load(str(folder / "numbers.npz"))


@pytest.fixture
def classes(folder):
    return mlpcli.load(str(folder / "classes.npz"))


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_predict_writes_the_interval_that_the_library_gives(call, folder, numbers):
    code, out, err = call("predict", folder / "numbers.npz", folder / "numbers.csv", "--interval", "0.8")
    rows = table(out)
    assert (code, err) == (0, "columns the model does not use: \n" if "use: \n" in err else err)
    assert list(rows[0]) == ["prediction", "low", "high"]
    ends = numbers.predict_interval(str(folder / "numbers.csv"), 0.8)
    assert np.allclose([(float(r["low"]), float(r["high"])) for r in rows], ends, rtol=1e-7)
    middle = [float(r["prediction"]) for r in rows]
    assert np.allclose(middle, ends.mean(axis=1), rtol=1e-6)
    wider = numbers.predict_interval(pd.read_csv(folder / "numbers.csv"), 0.95)
    assert (wider[:, 0] < ends[:, 0]).all()
    assert (wider[:, 1] > ends[:, 1]).all()


def test_predictions_are_the_same_with_and_without(call, folder):
    plain = call("predict", folder / "numbers.npz", folder / "numbers.csv")[1]
    more = call("predict", folder / "numbers.npz", folder / "numbers.csv", "--interval", "0.9")[1]
    assert [r["prediction"] for r in table(more)] == [r["prediction"] for r in table(plain)]


def test_a_row_has_its_interval_alone_as_among_others(call, folder):
    args = ("--interval", "0.9", "--keep", "bmi")
    whole = call("predict", folder / "numbers.npz", folder / "numbers.csv", *args)[1].splitlines()
    head, *lines = (folder / "numbers.csv").read_text().splitlines()
    for i in (0, 100, 441):
        (folder / "one.csv").write_text(f"{head}\n{lines[i]}\n")
        assert call("predict", folder / "numbers.npz", folder / "one.csv", *args)[1].splitlines()[1] == whole[i + 1]


def test_predict_writes_sets_as_json_lists(call, folder, classes):
    args = (folder / "classes.npz", folder / "classes.csv", "--label-set", "0.98", "--keep", "island")
    rows = table(call("predict", *args)[1])
    assert list(rows[0]) == ["island", "prediction", "labels", "n_labels"]
    sets = classes.predict_label_set(str(folder / "classes.csv"), 0.98)
    assert [json.loads(r["labels"]) for r in rows] == sets
    assert [int(r["n_labels"]) for r in rows] == [len(one) for one in sets]
    assert all(r["prediction"] in one for r, one in zip(rows, sets, strict=True))
    lines = call("predict", *args, "--format", "jsonl")[1].splitlines()
    assert [json.loads(line)["labels"] for line in lines] == sets
    assert {type(json.loads(line)["n_labels"]) for line in lines} == {int}


def test_labels_that_are_numbers_stay_numbers_in_a_set(call, here):
    (here / "d.csv").write_text("x,y\n" + "".join(f"{i % 10},{i % 2}\n" for i in range(80)))
    mlpcli.fit("d.csv", preset="classic", epochs=3).save("m.npz")
    rows = table(call("predict", "m.npz", "d.csv", "--label-set", "0.6")[1])
    assert all(set(json.loads(r["labels"])) <= {0, 1} for r in rows)


def test_unsure_answers_are_left_empty_and_counted(call, folder, classes):
    _, out, err = call("predict", folder / "classes.npz", folder / "classes.csv", "--min-confidence", "0.97", "--proba")
    rows = table(out)
    shares = classes.predict_proba(str(folder / "classes.csv")).max(axis=1)
    assert [r["prediction"] == "" for r in rows] == (shares < 0.97).tolist()
    assert f"{(shares < 0.97).sum()} of 344 rows without a prediction: too unsure (--min-confidence)" in err
    assert 0 < (shares < 0.97).sum() < 100
    assert all(r["p_Adelie"] for r in rows)


@pytest.mark.parametrize("level", [None, 0.6])
def test_wide_answers_are_left_empty(level, call, folder, numbers):
    flags = [] if level is None else ["--interval", str(level)]
    ends = numbers.predict_interval(str(folder / "numbers.csv"), level or 0.9)
    widths = ends[:, 1] - ends[:, 0]
    bound = round(float(np.median(widths)), 2)
    out, err = call("predict", folder / "numbers.npz", folder / "numbers.csv", "--max-width", str(bound), *flags)[1:]
    assert [r["prediction"] == "" for r in table(out)] == (widths > bound).tolist()
    assert "too unsure (--max-width)" in err
    assert ("low" in out.splitlines()[0]) == (level is not None)


def test_a_row_left_out_has_no_interval_and_is_not_counted_as_unsure(call, folder):
    head, *lines = (folder / "numbers.csv").read_text().splitlines()
    (folder / "bad.csv").write_text("\n".join([head, *lines[:3], "heavy" + lines[3][lines[3].index(",") :]]) + "\n")
    flags = ("--bad-cells", "empty", "--interval", "0.9", "--max-width", "0")
    out, err = call("predict", folder / "numbers.npz", folder / "bad.csv", *flags)[1:]
    assert [bool(r["low"]) for r in table(out)] == [True, True, True, False]
    assert "3 of 4 rows without a prediction" in err


# --- what cannot be said ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "flags", "message"),
    [
        ("numbers", ["--interval", "1.5"], "--interval: expected a level from 0.5 to 0.999, found 1.5"),
        ("numbers", ["--interval", "90"], "--interval: expected a level"),
        ("numbers", ["--interval", "0.999"], "--interval: 0.999 is out of reach of a model validated on 375 rows"),
        ("numbers", ["--max-width", "-1"], "--max-width: expected a number from 0, found -1"),
        ("numbers", ["--label-set", "0.9"], "--label-set is for classes, and this model predicts numbers"),
        ("numbers", ["--min-confidence", "0.9"], "--min-confidence is for classes"),
        ("numbers", ["--mondrian"], "--mondrian is for label sets"),
        ("classes", ["--interval", "0.9"], "--interval is for numbers, and this model predicts classes"),
        ("classes", ["--max-width", "9"], "--max-width is for numbers"),
        ("classes", ["--label-set", "0.4"], "--label-set: expected a level from 0.5"),
        ("classes", ["--min-confidence", "2"], "--min-confidence: expected a probability from 0 to 1, found 2"),
    ],
)
def test_what_no_model_or_not_this_one_can_say_is_wrong_usage(model, flags, message, call, folder):
    code, out, err = call("predict", folder / f"{model}.npz", folder / f"{model}.csv", *flags)
    assert (code, out) == (2, "")
    assert message in err
    assert "hint: " in err or "expected a" in err


def test_the_level_that_the_hint_names_works(call, folder):
    _, _, err = call("predict", folder / "numbers.npz", folder / "numbers.csv", "--interval", "0.999")
    level = err.split("hint: --interval ")[1].split(",")[0]
    assert level == "0.997"
    assert call("predict", folder / "numbers.npz", folder / "numbers.csv", "--interval", level)[0] == 0


def test_a_model_without_validation_rows_says_what_to_do(call, here):
    flags = ("-t", "progression", "--preset", "classic", "--epochs", "1", "--validation", "0", "-q")
    assert call("train", DIABETES, *flags)[0] == 0
    code, out, err = call("predict", "model.npz", DIABETES, "--interval", "0.9")
    assert (code, out) == (1, "")
    assert "trained without validation rows, from which intervals are made" in err
    assert "hint: train it again, with validation rows" in err


def test_a_model_of_an_earlier_version_predicts_and_says_that_it_knows_no_intervals(call, tmp_path):
    model = mlpcli.load(str(BEFORE))
    assert np.allclose(model.predict(str(DIABETES))[:3], [206.20723243, 76.0960419115, 222.442013203])
    code, out, err = call("predict", BEFORE, DIABETES, "--interval", "0.9")
    assert (code, out) == (1, "")
    assert "the model was trained before intervals existed\nhint: train it again" in err
    code, _, err = call("drift", BEFORE, DIABETES)
    assert (code, "trained before drift could be measured\nhint: train it again" in err) == (1, True)
    model.save(str(tmp_path / "again.npz"))
    assert load(str(tmp_path / "again.npz")).record == model.record


def test_labels_of_an_earlier_model_are_no_sets_either(classes):
    old = mlpcli.Model(replace(classes.record, conformal="not kept"), classes.ensemble)
    with pytest.raises(ModelError, match="before label sets existed"):
        old.predict_label_set(str(PENGUINS))


# --- classes that are rare --------------------------------------------------------------------------------


@pytest.fixture
def rare_model(rare):
    path, _ = rare
    return mlpcli.fit(path, target="sick", preset="classic", ensemble=4, epochs=4)


def test_sets_hold_within_rare_classes_unless_told_otherwise(rare_model, rare, call, here):
    path, frame = rare
    rare_model.save("m.npz")
    sizes, notes = {}, {}
    for flag in ((), ("--mondrian",), ("--no-mondrian",)):
        _, out, err = call("predict", "m.npz", path, "--label-set", "0.8", *flag)
        sizes[flag] = [r["n_labels"] for r in table(out)]
        notes[flag] = err
    assert sizes[()] == sizes[("--mondrian",)] != sizes[("--no-mondrian",)]
    assert "classes are rare: label sets hold within each class" in notes[()]
    assert "rare" not in notes[("--mondrian",)] + notes[("--no-mondrian",)]
    sets = rare_model.predict_label_set(frame, 0.8)
    held = np.array([y in one for y, one in zip(frame.sick, sets, strict=True)])
    assert held[frame.sick == "yes"].mean() > 0.7


def test_classes_of_too_few_rows_are_named(rare_model):
    found = rare_model.record.conformal
    assert isinstance(found, ConformalSets)
    few = replace(found, by_class=(found.by_class[0], replace(found.by_class[1], n=3, scores=())))
    model = replace(rare_model, record=replace(rare_model.record, conformal=few))
    assert Certainty(label_set=0.8, by_class=True).notes(model) == [
        "too few validation rows for label sets that hold within: yes"
    ]
    none = replace(rare_model, record=replace(rare_model.record, conformal=replace(found, by_class=())))
    assert "all classes" in Certainty(label_set=0.8, by_class=True).notes(none)[0]
    outputs = np.array([[0.7, 0.3], [0.2, 0.8]])
    assert (label_sets(none, outputs, 0.8, True) == label_sets(none, outputs, 0.8, False)).all()


def test_a_model_of_rows_in_the_order_of_time_says_what_its_promise_rests_on(call, here):
    flags = ("-t", "progression", "--time", "age", "--preset", "classic", "--epochs", "2", "-q")
    assert call("train", DIABETES, *flags)[0] == 0
    err = call("predict", "model.npz", DIABETES, "--interval", "0.8")[2]
    assert "the promise comes from the latest validation rows" in err
    assert "promise" not in call("predict", "model.npz", DIABETES)[2]


def test_counts_have_no_interval_below_zero(here):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 2, 300)
    frame = pd.DataFrame({"x": x, "y": rng.poisson(np.exp(x - 1))})
    model = mlpcli.fit(frame, target="y", task="regression", loss="poisson", ensemble=4, preset="classic", epochs=4)
    ends = model.predict_interval(frame, 0.95)
    assert ends.min() == 0


# --- the header -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("numbers", lambda c: c.update(ensemble_factor=0)),
        ("numbers", lambda c: c.update(ensemble_factor=1.1)),
        ("numbers", lambda c: c["quantiles"].update(n=9)),
        ("numbers", lambda c: c["quantiles"].update(scores=c["quantiles"]["scores"][::-1])),
        ("numbers", lambda c: c["scale"].update(base=99)),
        ("numbers", lambda c: c["scale"]["steps"].append({"input": 99, "cut": 0, "below": 0, "above": 0})),
        ("numbers", lambda c: c["scale"].update(steps="none")),
        ("numbers", lambda c: c.update(kind="sets")),
        ("numbers", lambda c: c.update(kind="bands")),
        ("numbers", lambda c: c.update(more=1)),
        ("classes", lambda c: c["by_class"].pop()),
        ("classes", lambda c: c["by_class"][0].update(n=-1)),
        ("classes", lambda c: c.pop("by_class")),
    ],
)
def test_M16_a_promise_that_no_training_makes_is_refused(where, change, folder, tmp_path):
    from mlpcli.files import archive

    header, arrays = archive.load(str(folder / f"{where}.npz"))
    change(header["conformal"])
    path = str(tmp_path / "m.npz")
    archive.save(path, header, arrays)
    with pytest.raises(ModelError, match=r"intervals or label sets cannot be|entry header\.conformal"):
        load(path)


@pytest.mark.parametrize("other", ["later", None, 3, []])
def test_M16_a_word_for_no_promise_is_one_of_two(other, folder, tmp_path):
    from mlpcli.files import archive

    header, arrays = archive.load(str(folder / "numbers.npz"))
    path = str(tmp_path / "m.npz")
    archive.save(path, header | {"conformal": other}, arrays)
    with pytest.raises(ModelError, match=r"entry header\.conformal"):
        load(path)


def test_a_promise_of_another_task_is_refused(numbers, classes, tmp_path):
    assert isinstance(numbers.record.conformal, ConformalIntervals)
    for model, other in ((numbers, classes), (classes, numbers)):
        swapped = mlpcli.Model(replace(model.record, conformal=other.record.conformal), model.ensemble)
        swapped.save(str(tmp_path / "m.npz"))
        with pytest.raises(ModelError, match="intervals or label sets cannot be"):
            load(str(tmp_path / "m.npz"))


def test_inspect_tells_what_is_promised(call, folder, numbers):
    shown = {name: call("inspect", folder / f"{name}.npz")[1] for name in ("numbers", "classes")}
    assert "promises: intervals up to level 0.997, from 375 validation rows" in shown["numbers"]
    assert "promises: label sets up to level 0.996, from 293 validation rows" in shown["classes"]
    assert "promises: none: not kept" in call("inspect", BEFORE)[1]


def test_the_library_checks_its_level(numbers):
    with pytest.raises(UsageError, match="expected a level"):
        numbers.predict_interval(str(DIABETES), 1.0)

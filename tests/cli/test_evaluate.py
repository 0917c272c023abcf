"""`evaluate` as a user meets it: which rows it judges, what it shows, and its gates."""

from __future__ import annotations

import json
import re

import pytest
from command_line import mlpcli
from samples import DIABETES, IRIS, PENGUINS, csv_of

QUICK = ("--preset", "classic", "--epochs", "2")


def test_a_model_without_test_rows_asks_for_a_file(call, here):
    (here / "iris.csv").write_bytes(IRIS.read_bytes())
    assert call("train", "iris.csv", *QUICK, "--test", "0", "-q")[0] == 0
    code, _, err = call("evaluate", "model.npz")
    assert (code, "kept no test rows" in err) == (1, True)
    shown = call("diagnose", "model.npz")
    assert shown[0] == 0


def test_a_regression_is_judged_by_its_residuals(call, here):
    assert call("train", DIABETES, "--target", "progression", *QUICK, "-q")[0] == 0
    out = call("evaluate", "model.npz", DIABETES)[1]
    assert "residuals (prediction - truth)" in out


@pytest.mark.slow
def test_many_classes_show_their_worst_mistakes(call, here):
    data = csv_of(here / "d.csv", "x,y\n" + "".join(f"{i % 29},c{i * 5 % 17}\n" for i in range(340)))
    assert call("train", data, *QUICK, "-q")[0] == 0
    assert "most frequent mistakes" in call("evaluate", "model.npz", data)[1]


def test_evaluate_alone_scores_the_test_rows_as_train_did(trained):
    folder, done = trained
    again = json.loads(mlpcli("evaluate", "model.npz", "--json", cwd=folder).stdout)
    assert again["metrics"]["test"] == json.loads(done.stdout)["metrics"]["test"]
    number = mlpcli("evaluate", "model.npz", "--metric", "auc", cwd=folder).stdout
    assert re.fullmatch(r"[01](\.\d+)?\n", number)


def test_a_model_is_never_judged_on_rows_it_trained_on(trained, tmp_path):
    folder, done = trained
    (tmp_path / "copy.csv").write_bytes((folder / "penguins.csv").read_bytes())
    named = json.loads(mlpcli("evaluate", "model.npz", tmp_path / "copy.csv", "--json", cwd=folder).stdout)
    assert named["metrics"]["test"] == json.loads(done.stdout)["metrics"]["test"]
    shown = mlpcli("evaluate", "model.npz", tmp_path / "copy.csv", cwd=folder).stdout
    assert "only its test rows are evaluated" in shown


def test_evaluate_refuses_a_data_file_that_changed(trained, tmp_path):
    folder, _ = trained
    (tmp_path / "model.npz").write_bytes((folder / "model.npz").read_bytes())
    (tmp_path / "penguins.csv").write_text(PENGUINS.read_text() + "Dream,40,18,190,3500,male,2009,Adelie\n")
    done = mlpcli("evaluate", "model.npz", cwd=tmp_path)
    assert done.returncode == 1
    assert "has changed" in done.stderr


# --- against another model --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rival(trained, tmp_path_factory):
    """A folder with penguins.csv, its model and a poor one of the same rows, poor.npz."""
    folder = tmp_path_factory.mktemp("rival")
    for name in ("penguins.csv", "model.npz"):
        (folder / name).write_bytes((trained[0] / name).read_bytes())
    flags = ("--preset", "classic", "--epochs", "1", "--drop", "bill_length_mm,bill_depth_mm,flipper_length_mm")
    done = mlpcli("train", "penguins.csv", *flags, "-q", "-o", "poor.npz", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_worse_model_is_named_and_fails_the_gate(rival):
    done = mlpcli("evaluate", "poor.npz", "--against", "model.npz", "--fail-on", "worse", cwd=rival)
    assert done.returncode == 3
    assert re.search(r"accuracy .* worse", done.stdout)
    assert "left out: 293 rows that the new model was trained on" in done.stdout
    assert "rows to look at" in done.stdout
    assert "worse in accuracy" in done.stderr
    good = mlpcli("evaluate", "model.npz", "--against", "poor.npz", "--fail-on", "worse", "-q", cwd=rival)
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")


def test_a_comparison_is_json_and_its_rows_a_csv(rival):
    args = ("evaluate", "poor.npz", "--against", "model.npz", "--disagreements", "rows.csv", "--json")
    found = json.loads(mlpcli(*args, cwd=rival).stdout)
    assert (found["rows"], found["left_out"]) == (51, {"that the new model was trained on": 293})
    accuracy = found["metrics"]["accuracy"]
    assert accuracy["verdict"] == "worse"
    assert accuracy["difference"]["high"] < 0
    assert found["metrics"]["ece"]["difference"]["low"] is None
    head, *rows = (rival / "rows.csv").read_text().splitlines()
    assert head == PENGUINS.read_text().partition("\n")[0] + ",new,old"
    assert len(rows) == found["disagreements"]["rows"] > 0
    n_old_right = sum(row.split(",")[-3] == row.split(",")[-1] for row in rows)
    assert n_old_right == found["disagreements"]["old_better"]


def test_numbers_are_compared_by_their_distance(call, here):
    (here / "d.csv").write_bytes(DIABETES.read_bytes())
    for name, epochs in (("a", "1"), ("b", "30")):
        assert call("train", "d.csv", "--preset", "classic", "--epochs", epochs, "-q", "-o", f"{name}.npz")[0] == 0
    code, out, _ = call("evaluate", "a.npz", "--against", "b.npz", "--disagreements", "rows.csv")
    assert code == 0
    assert "the median error of the new model" in out
    rows = (here / "rows.csv").read_text().splitlines()
    assert rows[0].endswith("progression,new,old")
    same = call("evaluate", "a.npz", "--against", "a.npz", "--verbose")[1]
    assert "they disagree on none of 67 rows" in same


BAD = {
    "a gate that there is not": (("--fail-on", "better"), 2, "--fail-on: no such choice 'better'"),
    "one number of two models": (("--metric", "auc"), 2, "are for one model"),
    "a gate of one model": (("--fail-under", "auc=0.5"), 2, "are for one model"),
    "an output that is an input": (("--disagreements", "model.npz"), 2, "is an input too"),
    "rows too few": (("few.csv",), 1, "2 rows to compare on, and 6 are needed"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_comparison_that_cannot_be_is_one_line(name, rival):
    flags, code, message = BAD[name]
    lines = PENGUINS.read_text().splitlines()
    fresh = [line.replace(",19", ",18").replace(",20", ",21") for line in (lines[1], lines[3])]
    (rival / "few.csv").write_text("\n".join([lines[0], *fresh]) + "\n")
    done = mlpcli("evaluate", "poor.npz", *flags, "--against", "model.npz", cwd=rival)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_what_compares_two_models_needs_the_other_one(rival):
    for flags in (("--fail-on", "worse"), ("--disagreements", "rows.csv")):
        done = mlpcli("evaluate", "poor.npz", *flags, cwd=rival)
        assert (done.returncode, "name the other one with --against" in done.stderr) == (2, True)

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

"""`inspect` as a user meets it: a table, or a model and its settings."""

from __future__ import annotations

import json
import re
import shlex

from command_line import mlpcli
from samples import IRIS


def test_inspect_answers_json_for_a_table_too(call):
    answer = json.loads(call("inspect", IRIS, "--json")[1])
    assert answer["target"]["name"] == "species"
    assert {"columns", "notes", "findings"} <= answer.keys()


def test_the_settings_that_inspect_shows_train_the_same_model(trained):
    folder, _ = trained
    shown = mlpcli("inspect", "model.npz", cwd=folder).stdout
    flags = shlex.split(re.search(r"^settings: (.*)$", shown, re.M)[1])
    assert "--hidden" in flags
    assert mlpcli("train", "penguins.csv", *flags, "-q", "-o", "again.npz", cwd=folder).returncode == 0
    assert (folder / "again.npz").read_bytes() == (folder / "model.npz").read_bytes()


def test_inspect_tells_the_findings_without_the_training_file(perceptron, tmp_path):
    folder, _ = perceptron
    (tmp_path / "model.npz").write_bytes((folder / "model.npz").read_bytes())
    assert "underfitting:" in mlpcli("inspect", "model.npz", cwd=tmp_path).stdout
    answer = json.loads(mlpcli("inspect", "model.npz", "--json", cwd=tmp_path).stdout)
    assert "underfitting" in [f["code"] for f in answer["findings"]]
    assert mlpcli("diagnose", "model.npz", "-q", cwd=tmp_path).stderr == ""
    shown = mlpcli("diagnose", "model.npz", cwd=tmp_path)
    assert "the test rows are not evaluated" in shown.stderr
    assert "underfitting (warning)" in shown.stdout
    assert mlpcli("diagnose", "model.npz", "--try", cwd=tmp_path).returncode == 1

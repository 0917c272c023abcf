"""`diagnose` as a user meets it: the findings with their numbers, and the remedies that were tried."""

from __future__ import annotations

import json
import os
import signal

import pytest
from command_line import mlpcli
from samples import IRIS, csv_of

from mlpcli.diagnosis.codes import NUMBERS
from mlpcli.diagnosis.findings import CHECKS

QUICK = ("--preset", "classic", "--epochs", "2")


@pytest.mark.slow
def test_diagnose_tries_remedies_and_shows_them_as_table_and_json(call, here, monkeypatch):
    (here / "iris.csv").write_bytes(IRIS.read_bytes())
    assert call("train", "iris.csv", *QUICK, "-q")[0] == 0
    answer = json.loads(call("diagnose", "model.npz", "--try", "--json")[1])
    assert {"flags", "verdict"} <= answer["remedies"][0].keys()
    code, out, err = call("diagnose", "model.npz", "--try")
    assert code == 0
    assert "verdict" in out
    assert "1/" in err
    from mlpcli.studies import remedies

    real = remedies.RemedyPlan.outcomes

    def stopped(self, jobs):
        for i, one in enumerate(real(self, jobs)):
            if i == 2:
                os.kill(os.getpid(), signal.SIGINT)
            yield one

    monkeypatch.setattr(remedies.RemedyPlan, "outcomes", stopped)
    assert call("diagnose", "model.npz", "--try", "-q")[0] == 130
    without = call("train", "iris.csv", *QUICK, "--validation", "0", "-q")
    assert without[0] == 0
    code, _, err = call("diagnose", "model.npz", "--try")
    assert (code, "no validation rows" in err) == (1, True)


def test_a_remedy_that_diverges_is_said_to(call, here, monkeypatch):
    from mlpcli.studies import remedies

    monkeypatch.setattr(
        remedies, "REMEDIES", {"a mad rate": lambda patient: {"lr": 1000.0, "hidden": (300, 300, 300, 300)}}
    )
    path = csv_of(here / "d.csv", "a,b,y\n" + "".join(f"{i % 23},{i % 5},{i % 23 + i % 5}\n" for i in range(80)))
    wild = ("--activation", "identity", "--init", "normal", "--hidden", "4")
    train = ("train", path, *QUICK, *wild, "--task", "regression", "-q", "-o", "m.npz")
    assert call(*train)[0] == 0
    code, out, err = call("diagnose", "m.npz", "--try", "--jobs", "1")
    assert code == 0, err
    assert "diverged" in out


def test_diagnose_explains_numbers_and_remedies(perceptron):
    folder, _ = perceptron
    shown = mlpcli("diagnose", "model.npz", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    assert "underfitting (warning)" in shown.stdout
    assert "--hidden 64,64" in shown.stdout
    assert "mlpcli guide underfitting" in shown.stdout
    assert "Looked for and not found: overfitting" in shown.stdout
    answer = json.loads(mlpcli("diagnose", "model.npz", "--json", cwd=folder).stdout)
    codes = [f["code"] for f in answer["findings"]]
    assert "underfitting" in codes
    assert "remedies" not in answer
    for found in answer["findings"]:
        assert set(found["numbers"]) <= set(NUMBERS)
        assert found["code"] in CHECKS


def test_a_gate_on_a_finding_exits_three(perceptron):
    folder, _ = perceptron
    flags = ["--preset", "classic", "--hidden", "", "--epochs", "12", "-q", "-o", "g.npz"]
    assert mlpcli("train", "xor.csv", *flags, "--fail-on", "overfitting", cwd=folder).returncode == 0
    assert mlpcli("train", "xor.csv", *flags, "--fail-on", "underfitting", cwd=folder).returncode == 3


@pytest.mark.slow
def test_what_helps_does_not_depend_on_jobs(perceptron):
    folder, _ = perceptron
    one, two = (mlpcli("diagnose", "model.npz", "--try", "--json", "--jobs", n, cwd=folder) for n in (1, 2))
    assert one.returncode == 0, one.stderr
    assert one.stdout == two.stdout
    assert json.loads(one.stdout)["remedies"][0]["verdict"] == "helps"


@pytest.mark.slow
def test_try_finds_the_files_of_a_training_beside_the_model(call, tmp_path, monkeypatch):
    header, *rows = IRIS.read_text().splitlines(keepends=True)
    (tmp_path / "d.csv").write_text("".join([header, *rows[::2]]))
    (tmp_path / "v.csv").write_text("".join([header, *rows[1::2]]))
    monkeypatch.chdir(tmp_path)
    quick = ("--preset", "classic", "--hidden", "4", "--epochs", "2", "-q")
    assert call("train", "d.csv", "--validation", "v.csv", *quick, "-o", "m.npz")[0] == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    code, _, err = call("diagnose", "../m.npz", "--try")
    assert code == 0, err
    (tmp_path / "d.csv").unlink()
    assert "hint: put it beside the model" in call("diagnose", "../m.npz", "--try")[2]

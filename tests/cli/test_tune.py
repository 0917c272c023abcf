"""`tune` as a user meets it: the best settings and their model, going on after a stop, and without Optuna."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from command_line import ENV, interrupted, mlpcli
from samples import IRIS, csv_of

QUICK = ("--preset", "classic", "--epochs", "2")
ROWS = "".join(f"{i * 7 % 23},{'abc'[i % 3]},{i % 2}\n" for i in range(60))
TUNE = ("tune", IRIS, "--preset", "classic", "--epochs", 4, "--folds", 2, "--space", "lr=0.001..1")


@pytest.mark.slow
def test_tune_goes_on_is_quiet_when_asked_and_needs_rows_to_choose_by(call, here):
    search = ("tune", IRIS, *QUICK, "--folds", "2", "--space", "lr=0.01,0.1", "-o", "b.toml")
    assert call(*search, "--trials", "2", "-q") == (0, "", "")
    assert "goes on after 2 trials" in call(*search, "--trials", "3")[2]
    for flags, message in (
        (("--validation", "0", "--time", "sepal_length"), "without validation rows"),
        (("--space", "hidden=1..2"), "has no range"),
        (("--space", "lr=0.1,1", "--space", "lr=1,2"), "each setting once"),
        (("--folds", "1"), "--folds: expected a number from 2"),
    ):
        code, _, err = call("tune", IRIS, *QUICK, "--trials", "1", *flags, "-o", "c.toml")
        assert (code, message in err) == (2, True), err


def test_a_range_of_words_is_no_range(call, here):
    code, _, err = call("tune", IRIS, *QUICK, "--trials", "1", "--space", "batch-size=auto..full")
    assert (code, "expected two numbers" in err) == (2, True)


def test_tune_keeps_groups_together(call, here):
    rows = "".join(f"{i * 7 % 23},g{i % 12},{i % 2}\n" for i in range(96))
    path = csv_of(here / "d.csv", "a,who,y\n" + rows)
    code, out, err = call(
        "tune", path, *QUICK, "--group", "who", "--trials", "1", "--folds", "2", "-o", "b.toml", "--json"
    )
    assert code == 0, err
    assert json.loads(out)["trials"]


def test_tune_takes_a_validation_file_for_its_one_fold(call, here):
    data, held = (
        csv_of(here / "d.csv", "a,b,y\n" + ROWS),
        csv_of(here / "v.csv", "a,b,y\n" + "".join(ROWS.splitlines(True)[:20])),
    )
    code, out, err = call("tune", data, *QUICK, "--validation", held, "--trials", "1", "-o", "b.toml", "--json")
    assert code == 0, err
    assert json.loads(out)["trials"]


def test_tune_writes_the_best_settings_and_the_model_that_train_makes_of_them(tmp_path):
    done = mlpcli(*TUNE, "--trials", 4, "--json", "-o", "out.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["schema"], found["trials"], found["model"], found["config"]) == (1, 4, "out.npz", "out.toml")
    assert found["best"]["validation"] == min(t["validation"] for t in found["top"]) <= found["given"]
    assert found["optimism"] == pytest.approx(found["test_of_one_network"] - found["best"]["validation"])
    assert found["test"]["low"] <= found["test"]["value"] <= found["test"]["high"]
    again = mlpcli("train", IRIS, "--config", "out.toml", "-q", "-o", "again.npz", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "out.npz").read_bytes()
    judged = json.loads(mlpcli("evaluate", "out.npz", IRIS, "--json", cwd=tmp_path).stdout)
    assert judged["schema"] == 1


@pytest.mark.slow
def test_tune_goes_on_where_it_was_stopped(tmp_path):
    first = interrupted(*TUNE, "--trials", 5000, cwd=tmp_path, after="trial 9")
    assert first.returncode == 130
    assert "the same command goes on" in first.stderr
    assert "best log_loss so far" in first.stdout
    assert "optimism" not in first.stdout  # the test rows were not touched
    assert not (tmp_path / "best.npz").exists()
    assert "lr" in (tmp_path / "best.toml").read_text()
    second = mlpcli(*TUNE, "--trials", 10, cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert "goes on after" in second.stderr
    for shown in ("importance", "validation log_loss", "optimism", "best log_loss so far"):
        assert shown in second.stdout
    assert (tmp_path / "best.npz").is_file()


@pytest.mark.slow
def test_an_interrupted_tune_answers_one_json_value_without_test_rows(tmp_path):
    done = interrupted(*TUNE, "--trials", 5000, "--json", cwd=tmp_path, after="trial 9")
    assert done.returncode == 130
    found = json.loads(done.stdout)
    assert (found["model"], found["test"], found["optimism"]) == (None, None, None)
    assert found["best"]["validation"] == min(t["validation"] for t in found["top"])


# What `python -m mlpcli` does where Optuna is not installed.
WITHOUT_OPTUNA = """
import sys
from importlib.machinery import PathFinder
found = PathFinder.find_spec
PathFinder.find_spec = lambda name, *more: None if name.partition(".")[0] == "optuna" else found(name, *more)
from mlpcli.__main__ import main
main()
"""


@pytest.mark.slow
def test_tune_without_optuna_is_the_same_command(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_OPTUNA, *map(str, TUNE), "--trials", "9"], cwd=tmp_path, env=ENV,
        capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "random search with successive halving" in done.stderr
    assert "pip install 'mlpcli[tune]'" in done.stderr
    assert "pruned" in done.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"best.npz", "best.toml", "best.random.journal"}

"""`cv`, `compare`, `learning-curve` and `tune` as a user meets them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ENV, mlpcli

SAMPLES = Path(__file__).parents[2] / "sample_data"
QUICK = ("--preset", "classic", "--hidden", "8", "--epochs", "3")


def interrupted(*args, cwd, after):
    """The process, stopped by Ctrl-C when `after` has been written to standard error."""
    command = [sys.executable, "-m", "mlpcli", *map(str, args)]
    with subprocess.Popen(command, cwd=cwd, env=ENV, stdout=-1, stderr=-1, text=True, start_new_session=True) as run:
        assert run.stderr is not None
        seen = ""
        while after not in seen:
            seen += (line := run.stderr.readline())
            assert line, seen
        os.killpg(run.pid, signal.SIGINT)
        out, rest = run.communicate(timeout=60)
    return subprocess.CompletedProcess(command, run.returncode, out, seen + rest)


def without_seconds(text):
    value = json.loads(text)
    value.pop("seconds")
    return value


def test_cv_answers_one_json_value_that_does_not_depend_on_jobs(tmp_path):
    one, two = (
        mlpcli("cv", SAMPLES / "iris.csv", *QUICK, "--folds", 3, "--json", "--jobs", jobs, cwd=tmp_path)
        for jobs in (1, 2)
    )
    assert one.returncode == 0, one.stderr
    assert without_seconds(one.stdout) == without_seconds(two.stdout)
    found = json.loads(one.stdout)
    assert (found["schema"], found["split"], found["rows"], len(found["scores"])) == (1, "stratified", 128, 3)
    accuracy = found["metrics"]["accuracy"]
    assert accuracy["low"] < accuracy["value"] < accuracy["high"] <= 1
    assert "3/3" in one.stderr
    assert list(tmp_path.iterdir()) == []


def test_cv_shows_a_table_on_stdout_and_all_else_on_stderr(tmp_path):
    done = mlpcli("cv", SAMPLES / "iris.csv", *QUICK, "--folds", 2, "--repeats", 2, cwd=tmp_path)
    assert "accuracy" in done.stdout
    assert "Nadeau & Bengio" in done.stdout
    assert "22 test rows do not" in done.stderr
    assert "4/4  repeat 2, fold 2" in done.stderr
    assert mlpcli("cv", SAMPLES / "iris.csv", *QUICK, "-q", cwd=tmp_path).stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_cv_keeps_the_folds_that_were_done(tmp_path, jobs):
    done = interrupted(
        "cv", SAMPLES / "iris.csv", "--preset", "classic", "--patience", 0, "--repeats", 200, "--jobs", jobs,
        cwd=tmp_path, after="3/1000",
    )  # fmt: skip
    assert done.returncode == 130
    assert "accuracy" in done.stdout
    assert "interrupted; the figures are of" in done.stderr
    assert "Traceback" not in done.stderr


def test_compare_draws_a_curve_for_each_value_and_names_the_best(tmp_path):
    args = ("compare", SAMPLES / "iris.csv", "--preset", "classic", "--epochs", 12, "--vary", "hidden=,8,16x4")
    shown = mlpcli(*args, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    for name in ("hidden=''", "hidden=8", "hidden=16x4"):
        assert shown.stdout.count(name) >= 2
    one, two = (json.loads(mlpcli(*args, "--json", "-q", "--jobs", jobs, cwd=tmp_path).stdout) for jobs in (1, 2))
    for found in (one, two):
        for run in found["runs"]:
            assert run.pop("seconds") > 0
    assert one == two
    assert [len(run["valid_loss"]) for run in one["runs"]] == [12, 12, 12]
    scores = {run["name"]: run["metrics"]["validation"]["log_loss"] for run in one["runs"]}
    assert one["best"] == min(scores, key=scores.get)
    assert f"best on validation rows: {one['best']}" in shown.stdout


TUNE = ("tune", SAMPLES / "iris.csv", "--preset", "classic", "--epochs", 4, "--folds", 2, "--space", "lr=0.001..1")


def test_tune_writes_the_best_settings_and_the_model_that_train_makes_of_them(tmp_path):
    done = mlpcli(*TUNE, "--trials", 4, "--json", "-o", "out.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["schema"], found["trials"], found["model"], found["config"]) == (1, 4, "out.npz", "out.toml")
    assert found["best"]["validation"] == min(t["validation"] for t in found["top"]) <= found["given"]
    assert found["optimism"] == pytest.approx(found["test_of_one_network"] - found["best"]["validation"])
    assert found["test"]["low"] <= found["test"]["value"] <= found["test"]["high"]
    again = mlpcli("train", SAMPLES / "iris.csv", "--config", "out.toml", "-q", "-o", "again.npz", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "out.npz").read_bytes()
    judged = json.loads(mlpcli("evaluate", "out.npz", SAMPLES / "iris.csv", "--json", cwd=tmp_path).stdout)
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


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("tune", "--space", "hiden=1,2"), "did you mean 'hidden'?"),
        (("tune", "--space", "lr=1..0.1"), "a lower and a higher number"),
        (("tune", "--folds", "1"), "--folds"),
        (("tune", "-o", "missing/best.npz"), "no such folder"),
        (("compare", "--vary", "optmizer=sgd,adam"), "did you mean 'optimizer'?"),
        (("compare", "--vary", "hidden=8"), "two values at least"),
        (("compare", "--vary", "lr=1,1"), "appears twice"),
        (("compare", "--vary", "lr=1,fast"), "--lr: expected a number"),
        (("compare", "--vary", "target=a,b"), "do not compare"),
        (("compare", "--vary", "lr=1,2", "--validation", "0"), "nothing to compare by"),
        (("cv", "--folds", "1"), "--folds: expected a number from 2"),
        (("cv", "--test", "0.7", "--folds", "50"), "too few rows for 50 folds"),
    ],
)
def test_mistakes_are_told(tmp_path, args, message):
    done = mlpcli(args[0], SAMPLES / "iris.csv", *args[1:], cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_quiet_learning_curve_prints_nothing(tmp_path):
    done = mlpcli("learning-curve", SAMPLES / "penguins.csv", *QUICK, "--repeats", 2, "--sizes", 3, "-q", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_learning_curve_says_what_each_remedy_buys(tmp_path):
    args = ("learning-curve", SAMPLES / "penguins.csv", *QUICK, "--repeats", 2, "--sizes", 3)
    shown = mlpcli(*args, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    for text in ("power law", "twice the rows (468)", "more regularisation (--weight-decay", "gap", "advice: "):
        assert text in shown.stdout
    one, two = (mlpcli(*args, "--json", "-q", "--jobs", jobs, cwd=tmp_path) for jobs in (1, 2))
    found = [json.loads(done.stdout) for done in (one, two)]
    for one_of_both in found:
        for point in one_of_both["points"]:
            assert point.pop("seconds") > 0
    assert found[0] == found[1]
    assert [p["rows"] for p in found[0]["points"]][-1] == 234
    assert found[0]["doubling"]["low"] <= found[0]["doubling"]["value"] <= found[0]["doubling"]["high"]

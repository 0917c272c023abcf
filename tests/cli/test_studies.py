"""`cv`, `compare` and `learning-curve` as a user meets them, and what every study has in common with `tune`."""

from __future__ import annotations

import json
import signal

import pytest
from command_line import interrupted, mlpcli
from samples import IRIS, PENGUINS, csv_of

QUICK = ("--preset", "classic", "--hidden", "8", "--epochs", "3")
TWO_EPOCHS = ("--preset", "classic", "--epochs", "2")
EXPLODES = ("--preset", "classic", "--epochs", "3", "--lr", "1000", "--activation", "identity", "--init", "normal",
            "--hidden", "200,200,200", "--optimizer", "sgd")  # fmt: skip


def without_seconds(text):
    value = json.loads(text)
    value.pop("seconds")
    return value


@pytest.mark.slow
def test_cv_answers_one_json_value_that_does_not_depend_on_jobs(tmp_path):
    one, two = (mlpcli("cv", IRIS, *QUICK, "--folds", 3, "--json", "--jobs", jobs, cwd=tmp_path) for jobs in (1, 2))
    assert one.returncode == 0, one.stderr
    assert without_seconds(one.stdout) == without_seconds(two.stdout)
    found = json.loads(one.stdout)
    assert (found["schema"], found["split"], found["rows"], len(found["scores"])) == (1, "stratified", 128, 3)
    accuracy = found["metrics"]["accuracy"]
    assert accuracy["low"] < accuracy["value"] < accuracy["high"] <= 1
    assert "3/3" in one.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_cv_shows_a_table_on_stdout_and_all_else_on_stderr(tmp_path):
    done = mlpcli("cv", IRIS, *QUICK, "--folds", 2, "--repeats", 2, cwd=tmp_path)
    assert "accuracy" in done.stdout
    assert "Nadeau & Bengio" in done.stdout
    assert "22 test rows do not" in done.stderr
    assert "4/4  repeat 2, fold 2" in done.stderr
    assert mlpcli("cv", IRIS, *QUICK, "-q", cwd=tmp_path).stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_cv_keeps_the_folds_that_were_done(tmp_path, jobs):
    done = interrupted(
        "cv", IRIS, "--preset", "classic", "--patience", 0, "--repeats", 200, "--jobs", jobs,
        cwd=tmp_path, after="3/1000",
    )  # fmt: skip
    assert done.returncode == 130
    assert "accuracy" in done.stdout
    assert "interrupted; the figures are of" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_compare_draws_a_curve_for_each_value_and_names_the_best(tmp_path):
    args = ("compare", IRIS, "--preset", "classic", "--epochs", 12, "--vary", "hidden=,8,16x4")
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


@pytest.mark.slow
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
    done = mlpcli(args[0], IRIS, *args[1:], cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_quiet_learning_curve_prints_nothing(tmp_path):
    done = mlpcli("learning-curve", PENGUINS, *QUICK, "--repeats", 2, "--sizes", 3, "-q", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_learning_curve_says_what_each_remedy_buys(tmp_path):
    args = ("learning-curve", PENGUINS, *QUICK, "--repeats", 2, "--sizes", 3)
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


@pytest.mark.slow
def test_studies_whose_trainings_all_diverge_say_so(call, here):
    for command in (("cv", IRIS, "--folds", "2"), ("compare", IRIS, "--vary", "seed=1,2")):
        code, _, err = call(*command, *EXPLODES)
        assert code in (0, 1)
        assert "Traceback" not in err


@pytest.mark.slow
def test_a_study_shows_a_bar_on_a_terminal(call, here, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    for command in (("cv", IRIS, "--folds", "2"), ("tune", IRIS, "--trials", "2", "--folds", "2", "-o", "b.toml")):
        code, _, err = call(*command, *TWO_EPOCHS)
        assert code == 0
        assert "\x1b" in err


@pytest.mark.slow
def test_studies_take_a_validation_file_of_their_own(call, here):
    lines = IRIS.read_text().splitlines(keepends=True)
    judge = csv_of(here / "v.csv", "".join(lines[:1] + lines[1::3]))
    big = csv_of(here / "d.csv", "".join(lines) + "".join(lines[1:]))
    assert call("cv", big, "--folds", "2", *TWO_EPOCHS, "--validation", judge)[0] == 0
    assert call("learning-curve", big, "--repeats", "2", "--sizes", "3", *TWO_EPOCHS, "--validation", judge)[0] == 0
    code, _, err = call("learning-curve", big, "--time", "sepal_length", *TWO_EPOCHS)
    assert (code, "leave out --time" in err) == (2, True)


def test_what_was_never_told_to_end_has_no_figures(call, here, monkeypatch):
    """A study stopped before anything came of it."""
    from mlpcli.cli.app import StoppedError
    from mlpcli.studies import comparison, cross_validation, tuning

    def stopped(*args, **more):
        raise StoppedError(signal.SIGTERM)
        yield

    for module in (comparison, cross_validation, tuning):
        monkeypatch.setattr(module, "run", stopped)
    for command in (
        ("cv", IRIS, "--folds", "2"),
        ("compare", IRIS, "--vary", "seed=1,2"),
        ("tune", IRIS, "--trials", "2", "-o", "b.toml"),
    ):
        code, _, err = call(*command, *TWO_EPOCHS)
        assert code == 143, err
        assert "there is nothing to" in err

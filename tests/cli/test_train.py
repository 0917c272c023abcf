"""`train` as a user meets it: what it writes and says, and what is kept when it is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from command_line import ENV, mlpcli
from samples import DIABETES, IRIS, PENGUINS, csv_of

from mlpcli.model.trained import load

QUICK = ("--preset", "classic", "--epochs", "2")


def test_a_stop_before_the_first_epoch_and_one_after_it_are_told_apart(call, here, monkeypatch):
    from mlpcli.cli.app import StoppedError
    from mlpcli.training.loop import MemberTrainer

    epoch = MemberTrainer.epoch

    def stopped_after(n):
        def run(self):
            if self.done == n:
                raise StoppedError(signal.SIGINT)
            return epoch(self)

        return run

    monkeypatch.setattr(MemberTrainer, "epoch", stopped_after(0))
    code, _, err = call("train", IRIS, *QUICK, "-o", "m.npz")
    assert (code, "interrupted before the first epoch ended" in err, os.path.exists("m.npz")) == (130, True, False)
    monkeypatch.setattr(MemberTrainer, "epoch", stopped_after(1))
    code, _, err = call("train", IRIS, *QUICK, "-o", "m.npz", "--checkpoint", "r.ckpt")
    assert (code, "go on with the same command and --resume r.ckpt" in err) == (130, True)
    assert "best model (epoch 1) saved to m.npz" in err


def test_an_ensemble_without_validation_rows_tells_the_spread_of_its_training_losses_alone(call, here):
    code, _, err = call("train", IRIS, *QUICK, "--ensemble", "2", "--validation", "0", "--time", "sepal_length")
    assert code == 0, err
    assert "their training losses" in err
    assert "their validation losses" not in err


def test_a_regression_takes_a_validation_file_of_its_own(call, here):
    lines = DIABETES.read_text().splitlines(keepends=True)
    data, judge = csv_of(here / "d.csv", "".join(lines[:301])), csv_of(here / "v.csv", lines[0] + "".join(lines[301:]))
    code, _, err = call("train", data, *QUICK, "--target", "progression", "--validation", judge, "-o", "m.npz")
    assert code == 0, err
    model = load("m.npz")
    assert model.record.data.n_validation == len(lines) - 301
    assert not model.labels


def test_train_writes_one_json_value_to_stdout_and_plain_lines_to_stderr(trained):
    folder, done = trained
    answer = json.loads(done.stdout)
    assert answer["schema"] == 1
    assert answer["metrics"]["test"]["accuracy"]["value"] > 0.9
    assert set(answer["rows"]) == {"train", "validation", "test"}
    assert "\x1b" not in done.stderr
    assert "training loss" in done.stderr
    assert (folder / "model.npz").is_file()


def test_train_says_how_far_the_networks_are_apart_and_that_validation_is_out_of_fold(trained):
    folder, done = trained
    history = load(str(folder / "model.npz")).record.history
    at = history.best_epoch - 1
    assert history.valid_spread[at] > 0
    assert f"curves are means over {history.n_members} networks" in done.stderr
    assert f"validation losses {history.valid_loss[at]:.3g} ± {history.valid_spread[at]:.2g}" in done.stderr
    assert "each row by the network that never saw it" in done.stderr


def test_the_same_command_gives_the_same_bytes(trained, tmp_path):
    folder, _ = trained
    for name, jobs in (("a.npz", 1), ("b.npz", 2)):
        mlpcli("train", "penguins.csv", "--epochs", "5", "-q", "--jobs", jobs, "-o", tmp_path / name, cwd=folder)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_stop_keeps_the_best_model_so_far(number, code, trained, tmp_path):
    folder, _ = trained
    log, model = tmp_path / "run.jsonl", tmp_path / "m.npz"
    command = ["train", "penguins.csv", "--epochs", "100000", "--patience", "0", "--log", log, "-o", model]
    with subprocess.Popen(
        [sys.executable, "-m", "mlpcli", *map(str, command)], cwd=folder, env=ENV, stderr=subprocess.PIPE, text=True
    ) as run:
        for _ in range(300):
            time.sleep(0.1)
            if log.exists() and log.read_text().count("\n") >= 3:
                break
        run.send_signal(number)
        _, shown = run.communicate(timeout=20)
    assert run.returncode == code
    assert "interrupted; best model" in shown
    assert mlpcli("predict", model, PENGUINS, cwd=tmp_path).returncode == 0


def test_a_test_file_of_its_own_is_what_is_judged(tmp_path):
    lines = IRIS.read_text().splitlines(keepends=True)
    (tmp_path / "fit.csv").write_text("".join(lines[:1] + lines[1::2]))
    (tmp_path / "judge.csv").write_text("".join(lines[:1] + lines[2::2]))
    done = mlpcli("train", "fit.csv", "--test", "judge.csv", "--json", "-q", cwd=tmp_path)
    answer = json.loads(done.stdout)
    assert answer["rows"]["test"] == 75
    assert answer["metrics"]["test"]["accuracy"]["value"] > 0.9


# --- going on from a model --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """A folder with the penguins in two files, old.csv and new.csv, and a model of the first, old.npz."""
    folder = tmp_path_factory.mktemp("halves")
    head, *lines = PENGUINS.read_text().splitlines()
    for name, rows in (("old", lines[::2]), ("new", lines[1::2])):
        (folder / f"{name}.csv").write_text("\n".join([head, *rows]) + "\n")
    done = mlpcli("train", "old.csv", "--preset", "fast", "--epochs", "5", "-q", "-o", "old.npz", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_training_goes_on_from_a_model_and_shows_what_it_forgot(halves):
    done = mlpcli("train", "new.csv", "--start-from", "old.npz", "--epochs", "3", "-o", "on.npz", "--json", cwd=halves)
    assert done.returncode == 0, done.stderr
    assert "goes on from the columns and weights of old.npz" in done.stderr
    assert "the test rows of the old model:" in done.stderr
    found = json.loads(done.stdout)["old_test_rows"]
    assert (found["model"], found["against"], found["data"]) == ("on.npz", "old.npz", "old.csv")
    assert found["rows"] == 25
    quiet = mlpcli("train", "new.csv", "--start-from", "old.npz", "--epochs", "1", "-q", "-o", "q.npz", cwd=halves)
    assert (quiet.returncode, quiet.stderr) == (0, "")


def test_without_the_old_rows_it_is_said_that_forgetting_is_not_seen(halves, tmp_path):
    for name in ("new.csv", "old.npz"):
        (tmp_path / name).write_bytes((halves / name).read_bytes())
    args = ("train", "new.csv", "--start-from", "old.npz", "--epochs", "1", "-o", "on.npz", "--json")
    done = mlpcli(*args, cwd=tmp_path)
    assert "what was forgotten is not known" in done.stderr
    assert json.loads(done.stdout)["old_test_rows"] is None


BAD_STARTS = {
    "no model": (("new.csv", "--start-from", "new.csv"), 1, "not an mlpcli model"),
    "another width": (
        ("new.csv", "--start-from", "old.npz", "--hidden", "7"),
        2,
        "--hidden 7: the model to start from",
    ),
    "other columns": (("iris.csv", "--start-from", "old.npz"), 1, "no column"),
    "the old model as output": (("new.csv", "--start-from", "old.npz", "-o", "old.npz"), 2, "is an input too"),
}


@pytest.mark.parametrize("name", BAD_STARTS)
def test_a_start_that_cannot_be_is_one_line(name, halves):
    args, code, message = BAD_STARTS[name]
    (halves / "iris.csv").write_bytes(IRIS.read_bytes())
    done = mlpcli("train", *args, cwd=halves)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 2

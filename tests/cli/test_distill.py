"""`distill` as a user meets it."""

from __future__ import annotations

import json

import pytest
from command_line import mlpcli
from samples import IRIS

from mlpcli.studies import distill


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with iris.csv, a model of it, m.npz, and small.npz, distilled from it."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "iris.csv").write_bytes(IRIS.read_bytes())
    done = mlpcli("train", "iris.csv", "--preset", "fast", "-q", "-o", "m.npz", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(autouse=True)
def few_rows(monkeypatch):
    monkeypatch.setattr(distill, "TAUGHT_ROWS", 2000)
    monkeypatch.setattr(distill, "MEASURED_SECONDS", 0.01)


def test_the_small_model_is_shown_beside_the_large_one_and_works_like_any_other(folder):
    done = mlpcli("distill", "m.npz", "-o", "small.npz", cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "small.npz beside m.npz, on 22 rows of iris.csv"
    names = [line.split("  ")[0] for line in lines[4:]]
    assert names[:5] == ["accuracy", "balanced_accuracy", "f1", "auc", "log_loss"]
    assert names[5:] == ["parameters", "file, kB", "rows a second"]
    assert "distilled from: sha256 " in mlpcli("inspect", "small.npz", cwd=folder).stdout
    for command in ("evaluate", "explain", "diagnose"):
        done = mlpcli(command, "small.npz", "-q" if command == "evaluate" else "--json", cwd=folder)
        assert done.returncode == 0, done.stderr
    assert len(mlpcli("predict", "small.npz", "iris.csv", "--proba", cwd=folder).stdout.splitlines()) == 151
    done = mlpcli("reproduce", "small.npz", cwd=folder)
    assert (done.returncode, "distilled from another model" in done.stderr) == (1, True)


def test_the_answer_is_one_json_value(folder):
    args = ("m.npz", "iris.csv", "-o", "layers.npz", "--hidden", "8", "--json", "-q")
    answer = json.loads(mlpcli("distill", *args, cwd=folder).stdout)
    assert (answer["model"], answer["distilled_from"], answer["evaluated"]["rows"]) == ("layers.npz", "m.npz", 22)
    assert answer["speed"]["n_parameters"] < answer["before"]["n_parameters"]
    assert answer["speed"]["n_bytes"] == (folder / "layers.npz").stat().st_size
    assert answer["before"]["n_bytes"] == (folder / "m.npz").stat().st_size


def test_without_test_rows_only_size_and_speed_are_shown(folder):
    args = ("train", "iris.csv", "--preset", "classic", "--epochs", "2", "--test", "0", "-q", "-o", "all.npz")
    assert mlpcli(*args, cwd=folder).returncode == 0
    done = mlpcli("distill", "all.npz", "-o", "few.npz", cwd=folder)
    assert "not evaluated beside all.npz" in done.stdout
    assert "rows a second" in done.stdout
    assert "not_evaluated" in json.loads(mlpcli("distill", "all.npz", "-o", "few.npz", "--json", cwd=folder).stdout)


@pytest.mark.parametrize(("args", "code", "message"), [
    (("m.npz", "-o", "m.npz"), 2, "m.npz"),
    (("m.npz", "-o", "s.npz", "--hidden", "x"), 2, "--hidden"),
    (("iris.csv", "-o", "s.npz"), 1, "not an mlpcli model"),
    (("m.npz", "none.csv", "-o", "s.npz"), 1, "none.csv"),
    (("m.npz",), 2, "-o"),
])  # fmt: skip
def test_what_cannot_be_is_one_line_and_no_file(folder, args, code, message):
    done = mlpcli("distill", *args, cwd=folder)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert not (folder / "s.npz").exists()


def test_a_model_of_other_columns_is_not_replaced(folder):
    (folder / "wide.csv").write_text((folder / "iris.csv").read_text().replace("petal_width", "width"))
    args = ("train", "wide.csv", "--preset", "classic", "--epochs", "2", "-q", "-o", "wide.npz")
    assert mlpcli(*args, cwd=folder).returncode == 0
    done = mlpcli("distill", "m.npz", "-o", "wide.npz", cwd=folder)
    assert (done.returncode, "has other columns" in done.stderr) == (2, True)

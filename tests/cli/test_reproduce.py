"""`reproduce` as a user meets it."""

from __future__ import annotations

import json

import pytest
from command_line import mlpcli
from samples import IRIS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with iris.csv, a model of it, m.npz, and other.csv, which has a row less."""
    folder = tmp_path_factory.mktemp("again")
    (folder / "iris.csv").write_bytes(IRIS.read_bytes())
    (folder / "other.csv").write_text("".join(IRIS.read_text().splitlines(keepends=True)[:-1]))
    done = mlpcli("train", "iris.csv", "--preset", "classic", "--epochs", "3", "-q", "-o", "m.npz", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_same_model_is_exit_0(folder):
    done = mlpcli("reproduce", "m.npz", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "m.npz: the same, bit for bit, trained again on iris.csv\n")


def test_another_model_is_exit_3_with_the_cause(folder):
    done = mlpcli("reproduce", "m.npz", "other.csv", "-q", cwd=folder)
    assert (done.returncode, done.stdout) == (3, "")
    assert "not the same model" in done.stderr
    shown = mlpcli("reproduce", "m.npz", "other.csv", cwd=folder).stdout
    assert "data: the file is another one" in shown
    assert "the answers to 149 rows differ to 1e-06" in shown


def test_other_columns_are_said(folder):
    (folder / "wide.csv").write_text((folder / "iris.csv").read_text().replace("petal_width", "width"))
    assert "the answers cannot be compared" in mlpcli("reproduce", "m.npz", "wide.csv", cwd=folder).stdout


def test_the_answer_is_one_json_value(folder):
    same = json.loads(mlpcli("reproduce", "m.npz", "--json", cwd=folder).stdout)
    assert (same["same"], same["differences"], same["largest_difference"]) == (True, {}, 0.0)
    done = mlpcli("reproduce", "m.npz", "other.csv", "--json", cwd=folder)
    assert done.returncode == 3
    assert json.loads(done.stdout)["differences"] == {"data": "the file is another one, or has changed"}


def test_what_cannot_be_made_again_is_one_line(folder):
    for args, message in ((("iris.csv",), "not an mlpcli model"), (("m.npz", "none.csv"), "none.csv")):
        done = mlpcli("reproduce", *args, cwd=folder)
        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr

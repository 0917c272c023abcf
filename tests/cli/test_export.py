"""`mlpcli export`: the file, what is said of it, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mlpcli.cli.export import LANGUAGES
from mlpcli.export.languages import TARGETS


def test_every_language_has_its_name_on_the_command_line():
    assert set(LANGUAGES) == TARGETS.keys()


def test_a_model_is_written_and_checked_on_its_test_rows(small, here, call):
    code, out, err = call("export", small / "iris.npz", "--to", "python", "-o", "model.py")
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first.startswith("model.py: ")
    assert second.startswith("checked on 22 rows (test rows): largest difference ")
    rows = (small / "iris.csv").read_bytes()
    done = subprocess.run([sys.executable, "-I", "model.py"], input=rows, capture_output=True, check=True)
    labels = [line.split(b",")[0] for line in done.stdout.splitlines()]
    assert b"\n".join(labels).decode() + "\n" == call("predict", small / "iris.npz", small / "iris.csv", "-q")[1]


def test_it_is_checked_on_the_rows_that_are_named_and_answers_in_json(small, here, call):
    code, out, _ = call(
        "export", small / "iris.npz", "--to", "python", "-o", "m.py", "--data", small / "iris.csv", "--json"
    )
    found = json.loads(out)
    assert (code, found["language"], found["file"], found["checked"]["n_rows"]) == (0, "python", "m.py", 150)
    assert found["bytes"] == (here / "m.py").stat().st_size
    assert 0 < found["checked"]["largest"] < 1e-6
    assert found["checked"]["n_others"] == 0


def test_without_the_training_file_it_says_that_it_was_not_checked(small, here, call):
    (here / "alone.npz").write_bytes((small / "iris.npz").read_bytes())
    code, out, _ = call("export", "alone.npz", "--to", "python", "-o", "m.py", "--json")
    assert code == 0
    assert "--data" in json.loads(out)["not_checked"]
    assert "not checked: " in call("export", "alone.npz", "--to", "python", "-o", "m.py")[1]
    assert (here / "m.py").exists()
    assert call("export", "alone.npz", "--to", "python", "-o", "m.py", "-q")[1] == ""


def test_a_model_without_test_rows_is_not_checked(here, small, call):
    (here / "iris.csv").write_bytes((small / "iris.csv").read_bytes())
    assert call("train", "iris.csv", "--test", 0, "--preset", "classic", "--epochs", 1, "-q", "-o", "m.npz")[0] == 0
    assert "not checked: the model kept no test rows" in call("export", "m.npz", "--to", "python", "-o", "m.py")[1]


@pytest.mark.parametrize(("options", "code", "message"), [
    (("--to", "rust", "-o", "m"), 2, "--to: no such choice 'rust'"),
    (("--to", "python", "-o", "m", "--single"), 2, "--single is for another language"),
    (("--to", "python", "-o", "m", "--table", "x"), 2, "--table is for another language"),
    (("--to", "python", "-o", "m", "--dialect", "oracle"), 2, "--dialect: no such choice 'oracle'"),
    (("--to", "python", "-o", "m", "--interval", 0.9), 2, "--interval is for numbers"),
    (("--to", "python", "-o", "none/m"), 1, "no such folder"),
    (("--to", "python", "-o", "m", "--data", "none.csv"), 1, "none.csv"),
    (("--to", "python"), 2, "Missing option '--output'"),
])  # fmt: skip
def test_what_cannot_be_done_is_refused(options, code, message, small, here, call):
    done = call("export", small / "iris.npz", *options)
    assert (done[0], done[1]) == (code, "")
    assert message in done[2]
    assert not (here / "m").exists()

"""`drift` and `predict --drift` as a user meets them."""

from __future__ import annotations

import json

import pytest
from command_line import mlpcli
from samples import DIABETES


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with same.csv, a model of it, m.npz, and inch.csv, in which bmi has another unit."""
    folder = tmp_path_factory.mktemp("drift")
    (folder / "same.csv").write_bytes(DIABETES.read_bytes())
    head, *lines = DIABETES.read_text().splitlines()
    place = head.split(",").index("bmi")

    def in_inches(line):
        cells = line.split(",")
        return ",".join([*cells[:place], f"{float(cells[place]) * 2.54:g}", *cells[place + 1 :]])

    (folder / "inch.csv").write_text("\n".join([head, *map(in_inches, lines)]) + "\n")
    done = mlpcli("train", "same.csv", "--preset", "fast", "--epochs", "5", "-q", "-o", "m.npz", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_training_rows_themselves_do_not_drift(folder):
    done = mlpcli("drift", "m.npz", "same.csv", "--fail-on", "drift", cwd=folder)
    assert done.returncode == 0
    assert "no drift in 13 things compared" in done.stdout
    assert "promised" in done.stdout


def test_another_unit_is_drift_and_fails_the_gate(folder):
    done = mlpcli("drift", "m.npz", "inch.csv", "--fail-on", "drift", cwd=folder)
    assert done.returncode == 3
    assert "column bmi" in done.stdout
    assert "column age" not in done.stdout
    assert "worse than promised" in done.stdout
    assert "drift in bmi" in done.stderr
    assert "column age" in mlpcli("drift", "m.npz", "inch.csv", "--verbose", cwd=folder).stdout
    quiet = mlpcli("drift", "m.npz", "inch.csv", "-q", cwd=folder)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_drift_is_json(folder):
    found = json.loads(mlpcli("drift", "m.npz", "inch.csv", "--json", cwd=folder).stdout)
    assert (found["drift"], found["rows"], found["data"]) == (True, 442, "inch.csv")
    bmi = next(shift for shift in found["shifts"] if shift["name"] == "bmi")
    assert (bmi["what"], bmi["drift"]) == ("column", True)
    assert bmi["unseen"]["here"] > 0.9
    assert found["metrics"]["rmse"]["worse"]
    assert found["metrics"]["rmse"]["promised"] < found["metrics"]["rmse"]["low"]


def test_a_stream_is_counted_as_it_comes(folder):
    head, *lines = (folder / "same.csv").read_text().splitlines()
    whole = "\n".join([head, *lines * 6]) + "\n"
    done = mlpcli("drift", "m.npz", "-", cwd=folder, stdin=whole)
    assert done.returncode == 0
    assert "<stdin>: 2,652 rows" in done.stdout
    assert "2,652 rows so far: no drift" in done.stderr


def test_a_cell_that_is_not_written_like_its_column_counts_as_missing(folder):
    head, *lines = (folder / "same.csv").read_text().splitlines()
    odd = [line.replace(line.split(",")[0], "old", 1) if i % 3 == 0 else line for i, line in enumerate(lines)]
    done = mlpcli("drift", "m.npz", "-", cwd=folder, stdin="\n".join([head, *odd]) + "\n")
    assert "column age: 148 cells not written like the column: missing here" in done.stdout
    assert "drift in" in done.stdout.splitlines()[-1]
    assert "age" in done.stdout.splitlines()[-1]


def test_predict_tells_of_drift_once_and_only_when_asked(folder):
    done = mlpcli("predict", "m.npz", "inch.csv", "--drift", "warn", cwd=folder)
    assert done.stderr.count("drift: column bmi: distance") == 1
    assert len(done.stdout.splitlines()) == 443
    plain = mlpcli("predict", "m.npz", "inch.csv", cwd=folder)
    assert (plain.stdout, "drift" in plain.stderr) == (done.stdout, False)
    assert "drift" not in mlpcli("predict", "m.npz", "same.csv", "--drift", "warn", cwd=folder).stderr
    assert mlpcli("predict", "m.npz", "inch.csv", "--drift", "warn", "-q", cwd=folder).stderr == ""


BAD = {
    "another gate": (("drift", "m.npz", "same.csv", "--fail-on", "worse"), 2, "--fail-on: no such choice 'worse'"),
    "another choice": (("predict", "m.npz", "same.csv", "--drift", "stop"), 2, "--drift: no such choice 'stop'"),
    "no model": (("drift", "same.csv", "same.csv"), 1, "not an mlpcli model"),
    "no file": (("drift", "m.npz", "none.csv"), 1, "cannot read"),
    "no rows": (("drift", "m.npz", "head.csv"), 1, "no data rows"),
    "a column that is not there": (("drift", "m.npz", "few.csv"), 1, "no column"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_compared_is_one_line(name, folder):
    args, code, message = BAD[name]
    (folder / "head.csv").write_text((folder / "same.csv").read_text().partition("\n")[0] + "\n")
    (folder / "few.csv").write_text("age,progression\n1,2\n")
    done = mlpcli(*args, cwd=folder)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 2

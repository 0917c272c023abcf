"""One bad cell costs no other row its answer; what is odd is counted by column and name."""

from __future__ import annotations

import json

import pytest

import mlpcli

ROWS = [f"{i % 9},{'red' if i % 2 else 'blue'},{'yes' if i % 9 > 4 else 'no'}" for i in range(60)]
HEADER = "size,word,y"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("cells") / "m.npz"
    (path.parent / "fit.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    mlpcli.fit(str(path.parent / "fit.csv"), target="y", preset="classic", hidden=(4,), epochs=20).save(str(path))
    return path


@pytest.fixture
def data(tmp_path):
    """The table with a bad cell in line 12 and one in line 40."""
    rows = [HEADER, *ROWS]
    rows[11], rows[39] = "heavy,red,no", "inf,blue,yes"
    (tmp_path / "d.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "good.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    return tmp_path / "d.csv"


def test_r12_a_bad_cell_stops_predict_behind_the_rows_before_it_and_their_number_is_said(call, model, data):
    code, out, err = call("predict", model, data)
    _, good, _ = call("predict", model, data.parent / "good.csv")
    assert code == 1
    assert out == "".join(good.splitlines(keepends=True)[:11])
    assert "d.csv:12: column 'size': expected a number, found 'heavy' (10 rows were written)" in err
    assert "--bad-cells missing" in err
    code, out, err = call("predict", model, data, "-o", data.parent / "out.csv")
    assert (code, out) == (1, "")
    assert "(0 rows were written)" in err
    assert not (data.parent / "out.csv").exists()


@pytest.mark.parametrize("choice", ["missing", "empty"])
def test_r12_every_other_row_is_answered_when_asked(choice, call, model, data):
    code, out, err = call("predict", model, data, "--bad-cells", choice, "--proba")
    _, good, _ = call("predict", model, data.parent / "good.csv", "--proba")
    found, expected = out.splitlines(), good.splitlines()
    assert code == 0
    assert [i for i in range(61) if found[i] != expected[i]] in ([11, 39], [11] if choice == "missing" else [])
    for line in (found[11], found[39]):
        assert (line == ",,") == (choice == "empty")
    assert "column size: 2 cells not written like the column" in err


@pytest.mark.parametrize("choice", ["error", "missing", "empty"])
def test_r12_errors_lists_each_bad_cell(choice, call, model, data, tmp_path):
    call("predict", model, data, "--bad-cells", choice, "--errors", tmp_path / "bad.jsonl")
    found = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_text().splitlines()]
    expected = [
        {"line": 12, "column": "size", "cell": "heavy", "reason": "expected a number"},
        {"line": 40, "column": "size", "cell": "inf", "reason": "the number is infinite or too large"},
    ]
    assert found == expected[: 1 if choice == "error" else 2]


def test_r12_errors_is_empty_when_all_is_well_and_replaces_no_input(call, model, data, tmp_path):
    assert call("predict", model, tmp_path / "good.csv", "--errors", tmp_path / "bad.jsonl")[0] == 0
    assert (tmp_path / "bad.jsonl").read_bytes() == b""
    code, _, err = call("predict", model, data, "--errors", data)
    assert (code, "is an input too" in err) == (2, True)
    code, _, err = call("predict", model, data, "--bad-cells", "drop")
    assert (code, "one of error, missing, empty" in err) == (2, True)


def test_v15_levels_never_seen_are_counted_by_name_and_rows_without_a_value_too(call, model, tmp_path):
    (tmp_path / "new.csv").write_text("size,word\n1,green\n2,green\n3,pink\n,\nNA,\n4,red\n")
    code, out, err = call("predict", model, tmp_path / "new.csv")
    assert (code, out.count("\n")) == (0, 7)
    assert "column word: 5 values" in err or "column word: 3 values" in err
    assert "'green' (2), 'pink' (1)" in err
    assert "2 rows without any value" in err


def test_json_lines_have_numbers_as_numbers_and_all_keeps_the_target(call, model, tmp_path):
    (tmp_path / "new.csv").write_text("id,size,word,y\n007,1,red,no\n8, 2.50 ,red,no\n9,NA,3,yes\n")
    code, out, _ = call("predict", model, tmp_path / "new.csv", "--keep", "all", "--proba", "--format", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert list(rows[0]) == ["id", "size", "word", "y", "prediction", "p_no", "p_yes"]
    assert [row["size"] for row in rows] == [1, 2.5, None]
    assert [row["id"] for row in rows] == ["007", "8", "9"]
    assert rows[2]["word"] == "3"
    assert all(isinstance(row["p_no"], float) and row["y"] in ("no", "yes") for row in rows)


def test_json_lines_of_a_regression_and_of_labels_that_are_numbers_are_numbers(call, tmp_path):
    for task, target in (("regression", lambda i: i * 0.5), ("classification", lambda i: i % 2)):
        rows = "".join(f"{i % 9},{target(i)}\n" for i in range(60))
        (tmp_path / "d.csv").write_text("x,y\n" + rows)
        fitted = mlpcli.fit(str(tmp_path / "d.csv"), target="y", task=task, preset="classic", hidden=(4,), epochs=2)
        fitted.save(str(tmp_path / "n.npz"))
        code, out, _ = call("predict", tmp_path / "n.npz", tmp_path / "d.csv", "--format", "jsonl", "--keep", "all")
        assert code == 0
        assert all(isinstance(value, int | float) for line in out.splitlines() for value in json.loads(line).values())


@pytest.mark.slow
def test_it_says_that_it_reads_rows_from_the_terminal(model):
    """A terminal on standard input, as when the file was forgotten."""
    import os
    import pty
    import subprocess
    import sys

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "mlpcli", "predict", str(model)], stdin=theirs, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        assert process.stderr is not None
        assert "rows from the terminal" in process.stderr.readline()
        os.write(ours, b"size,word\n1,red\n\x04")
        out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert out.splitlines()[0] == "prediction"
    assert out.count("\n") == 2

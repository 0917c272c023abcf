"""Files answered into a folder: bytes of `predict`, broken files named, done ones left alone."""

from __future__ import annotations

import os

import pytest
from samples import IRIS

from mlpcli.errors import UsageError
from mlpcli.studies.file_scoring import is_newer, outputs_of


@pytest.fixture
def parts(here, small):
    """A model and ten parts of a table, one of them broken."""
    (here / "iris.npz").write_bytes((small / "iris.npz").read_bytes())
    (here / "in").mkdir()
    header, *rows = IRIS.read_text().splitlines()
    for number in range(10):
        part = rows[number::10]
        if number == 7:
            part[3] = "a,b"
        (here / "in" / f"part-{number}.csv").write_text("\n".join([header, *part, ""]))
    return here


def test_each_file_has_the_bytes_of_predict_and_a_broken_one_is_named(call, parts):
    code, out, err = call("predict", "iris.npz", "in/*.csv", "-o", "out/", "--proba")
    assert (code, out) == (1, "")
    assert "mlpcli: in/part-7.csv:5: " in err
    assert "in/part-3.csv: 15 rows" in err
    assert len(os.listdir("out")) == 9
    for name in os.listdir("out"):
        call("predict", "iris.npz", f"in/{name}", "-o", "one.csv", "--proba")
        assert (parts / "out" / name).read_bytes() == (parts / "one.csv").read_bytes()


def test_resume_leaves_what_is_done(call, parts):
    call("predict", "iris.npz", "in/*.csv", "-o", "out/")
    first = (parts / "out" / "part-0.csv").stat().st_mtime_ns
    text = (parts / "in" / "part-7.csv").read_text()
    (parts / "in" / "part-7.csv").write_text(text.replace("a,b\n", ""))
    code, _, err = call("predict", "iris.npz", "in/*.csv", "-o", "out", "--resume")
    assert code == 0, err
    assert "9 files are done already (--resume)" in err
    assert (parts / "out" / "part-0.csv").stat().st_mtime_ns == first
    assert (parts / "out" / "part-7.csv").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("-o", "out/", "--drift", "warn"), "--errors and --drift are for one file"),
        (("-o", "one.csv", "--resume"), "--resume is for files answered into a folder"),
        (("-o", "in/"), "the output 'in/part-0.csv' is an input too"),
        (("-o", "iris.npz/"), "cannot make the folder"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(call, parts, args, message):
    code, _, err = call("predict", "iris.npz", "in/*.csv", *args)
    assert code in (1, 2)
    assert message in err


def test_standard_input_is_no_file_for_a_folder(call, parts):
    assert "standard input is no file" in call("predict", "iris.npz", "-", "-o", "out/")[2]


def test_two_files_of_one_name_are_refused():
    assert outputs_of(["a/x.csv.gz", "a/y.tsv"], "out", "jsonl") == ["out/x.jsonl", "out/y.jsonl"]
    with pytest.raises(UsageError, match=r"'a/x\.csv' and 'b/x\.csv' would both be answered in out/x\.csv"):
        outputs_of(["a/x.csv", "b/x.csv"], "out", "csv")


def test_an_answer_is_done_when_it_is_as_new_as_its_rows_and_the_model(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for path, seconds in ((old, 1), (new, 2)):
        path.write_text("")
        os.utime(path, (seconds, seconds))
    assert is_newer(str(new), [str(old), str(new)])
    assert not is_newer(str(old), [str(new)])
    assert not is_newer(str(tmp_path / "none"), [str(old)])

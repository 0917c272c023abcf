"""What predict writes: whatever stands in a cell comes back, and a spreadsheet runs none of it when asked."""

from __future__ import annotations

import csv
import io
import json

import pytest

import mlpcli
from mlpcli.config.settings import ReadOptions
from mlpcli.data.raw import parts_of
from mlpcli.model.writing import FORMATS

FORMULAS = ["=HYPERLINK(1)", "+cmd", "-2+3", "@SUM", "\tTAB", "\rCR", "＝1", "-x"]
HARMLESS = ["-2", "+3.5", "-.5e3", "a=b", "yes", "NA", "a,b", 'say "x"', "two\nlines", " a ", "é한"]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table whose labels are odd cells, told apart by x, and a model of it that knows them all."""
    folder = tmp_path_factory.mktemp("odd")
    labels = FORMULAS + HARMLESS
    out = io.StringIO()
    rows = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    rows.writerow(["x", "=id", "y"])
    for i in range(12 * len(labels)):
        label = labels[i % len(labels)]
        rows.writerow([i % len(labels), f"{label}", label])
    (folder / "d.csv").write_bytes(out.getvalue().encode())
    model = mlpcli.fit(str(folder / "d.csv"), target="y", ensemble=1, epochs=40, lr=0.05, drop=("=id",))
    assert set(model.labels) == set(labels)
    model.save(str(folder / "m.npz"))
    return folder


def parsed(text, delimiter=","):
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl"])
def test_labels_and_kept_cells_come_back_byte_for_byte(form, call, table):
    code, out, _ = call("predict", table / "m.npz", table / "d.csv", "--keep", "=id,x", "--format", form)
    assert code == 0
    given = [row[1] for row in parsed((table / "d.csv").read_bytes().decode())][1:]
    if form == "jsonl":
        rows = [json.loads(line) for line in out.split("\n")[:-1]]
        kept, said = [r["=id"] for r in rows], [r["prediction"] for r in rows]
    else:
        header, *body = parsed(out, "," if form == "csv" else "\t")
        assert header == ["=id", "x", "prediction"]
        kept, said = [r[0] for r in body], [r[2] for r in body]
    assert kept == given
    assert set(said) <= set(FORMULAS + HARMLESS)
    assert len(set(said)) > len(FORMULAS)


def test_excel_safe_disarms_formulas_and_nothing_else(call, table):
    code, out, _ = call("predict", table / "m.npz", table / "d.csv", "--keep", "=id", "--proba", "--excel-safe")
    assert code == 0
    header, *body = parsed(out)
    assert header[0] == "'=id"
    assert {row[0] for row in body} == {"'" + cell for cell in FORMULAS} | set(HARMLESS)
    assert not {cell for row in body for cell in row} & set(FORMULAS)


def test_bom_comes_first_and_once(call, table):
    _, plain, _ = call("predict", table / "m.npz", table / "d.csv")
    _, marked, _ = call("predict", table / "m.npz", table / "d.csv", "--bom")
    assert marked == "\ufeff" + plain


@pytest.mark.parametrize("flag", ["--bom", "--excel-safe"])
def test_json_lines_take_neither(flag, call, table):
    code, out, err = call("predict", table / "m.npz", table / "d.csv", "--format", "jsonl", flag)
    assert (code, out) == (2, "")
    assert "are for csv and tsv" in err


@pytest.mark.parametrize("form", FORMATS)
def test_a_row_left_out_is_a_row_in_every_format(form, call, table, tmp_path):
    lines = (table / "d.csv").read_bytes().split(b"\n")
    (tmp_path / "d.csv").write_bytes(b"\n".join([*lines[:3], b"1", *lines[3:]]))
    flags = ("--keep", "x", "--format", form)
    _, whole, _ = call("predict", table / "m.npz", table / "d.csv", *flags)
    code, out, err = call("predict", table / "m.npz", tmp_path / "d.csv", *flags, "--bad-rows", "skip")
    at = 2 if form == "jsonl" else 3
    expected = whole.split("\n")
    expected.insert(at, {"csv": ",", "tsv": "\t", "jsonl": '{"x":null,"prediction":null}'}[form])
    assert (code, out.split("\n")) == (0, expected)
    assert "1 row that does not fit the header has an empty prediction" in err


def test_defaults_of_the_library_are_those_of_the_command(call, table, tmp_path):
    from mlpcli.model.prediction import Predictor

    with open(table / "d.csv", "rb") as file:
        parts = Predictor(mlpcli.load(str(table / "m.npz"))).predict(parts_of(file.fileno()), "d.csv", ReadOptions())
        assert b"".join(parts).decode() == call("predict", table / "m.npz", table / "d.csv")[1]

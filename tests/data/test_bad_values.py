"""Odd cells and odd targets: how a table with them is prepared for training. The ids are the rows of a checklist."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pytest
from data.cells import N, at, cycle, label, table

import mlpcli
from mlpcli.config.settings import Config, ReadOptions
from mlpcli.errors import DataError
from mlpcli.training.prepare import prepare

# The cells of column b -> the kind it gets, and what is said about it.
ACCEPTED = {
    "V01": (cycle("", "NA", "N/A", "null", "?", "-", "1", "2.5"), "number", ""),
    "V03": (cycle("1e308", "-1e308", "0"), "number", ""),
    "V04": (cycle("1e-320", "2e-320", "0"), "number", ""),
    "V05": (lambda i: 9007199254740993 + i * 1000 % 7919, "number", "whole numbers beyond 2^53 lose their last digits"),
    "V05 beyond 2^64": (lambda i: 2**70 + i % 50 * 2**30, "number", "b: whole numbers beyond 2^53"),
    "V06": (lambda i: f"{i % 9:05d}", "category", "b: a category, because a cell begins with 0 (--numeric b)"),
    "V07 decimal": (lambda i: f"{i % 9},5", "number", "b: decimal comma read (200 cells)"),
    "V07 apostrophe": (lambda i: f"1'{200 + i % 50}", "number", "b: thousands apostrophes read"),
    "V07 space": (lambda i: f"1 {200 + i % 50}", "number", "b: thousands spaces read"),
    "V07 currency": (lambda i: f"${i % 9}", "number", "b: $ read"),
    "V07 per cent": (lambda i: f"{i % 9}%", "number", "b: percent signs read"),
    "V08 some": (lambda i: "unknown" if i % 20 == 0 else i % 90 * 1.5, "category", "10 cells are no numbers"),
    "V10": (cycle("True", "False"), "category", ""),
    "V10 mixed": (cycle("True", "no", "0", "1", "t"), "category", ""),
    "V11 dates": (lambda i: f"2024-{i % 12 + 1:02d}-{i % 28 + 1:02d}", "date", ""),
    "V11 zones": (lambda i: f"2024-{i % 12 + 1:02d}-{i % 28 + 1:02d}T10:{i % 60:02d}:00+09:00", "date", ""),
    "V11 times": (lambda i: f"{i % 24:02d}:{i % 60:02d}", "date", ""),
    "V12 constant": (lambda i: 7, "left out", "b is left out: the same value in all rows"),
    "V12 all missing": (lambda i: "", "left out", "b is left out: no values"),
    "V14 text": (lambda i: f"u{i:05d}", "left out", "like an id (--category b)"),
    "V17 hexadecimal": (lambda i: hex(i % 9), "category", ""),
    "V17 underscores": (lambda i: f"{i % 9}_000", "category", ""),
    "V18": (lambda i: f"\t{i % 7} ", "number", ""),
    "V19": (lambda i: "x" * 1_000_000 if i == 5 else '{"k": 1}' if i % 2 else "two\nlines", "category", ""),
    "V20": (cycle("1", "1.0", "01"), "category", "because a cell begins with 0"),
    "V20 numbers": (cycle("1", "1.0", "2"), "number", ""),
}  # fmt: skip


@pytest.mark.parametrize("row", ACCEPTED)
def test_cells_get_their_kind_and_it_is_said(row, tmp_path):
    cell, kind, says = ACCEPTED[row]
    prepared = prepare(table(tmp_path, cell), Config(target="y"))
    (column,) = [c for c in prepared.schema.columns if c.name == "b"]
    assert column.kind == kind
    assert says in "\n".join(prepared.notes)
    assert np.isfinite(prepared.encoded.x).all()


REFUSED = {
    "V02": (at(50, "inf"), r"d.csv:52: column 'b': the number is infinite or too large \(inf\)"),
    "V02 too large": (at(50, "1e999"), r"d.csv:52: column 'b': .*1e999"),
    "V07 thousands": (lambda i: f"{i % 9 + 1},{i % 900:03d}", r"column 'b': the comma may be the decimal mark"),
    **{f"V08 row {row}": (at(row, "unknown"), rf"d.csv:{row + 2}: column 'b': expected a number, found 'unknown'")
       for row in (0, 100, N - 1)},
}  # fmt: skip


@pytest.mark.parametrize("row", REFUSED)
def test_cells_that_are_refused_are_named(row, tmp_path):
    cell, message = REFUSED[row]
    with pytest.raises(DataError, match=message):
        prepare(table(tmp_path, cell), Config(target="y"))


HINTED = {
    "V02": (at(50, "inf"), ReadOptions(inf="missing"), "1 infinite values are missing"),
    "V07 decimal": (lambda i: f"{i % 9},5", ReadOptions(decimal=","), ""),
    "V07 thousands": (lambda i: f"{i % 9 + 1},{i % 900:03d}", ReadOptions(thousands=","), ""),
    "V08": (at(100, "unknown"), ReadOptions(missing=("unknown",)), ""),
}


@pytest.mark.parametrize("row", HINTED)
def test_the_flag_of_the_hint_makes_them_numbers(row, tmp_path):
    cell, options, says = HINTED[row]
    prepared = prepare(table(tmp_path, cell), Config(target="y"), options)
    assert [c.kind for c in prepared.schema.columns if c.name == "b"] == ["number"]
    assert says in "\n".join(prepared.notes)


@pytest.mark.parametrize("first", [0, 100_000])
def test_v09_the_kind_is_that_of_the_whole_column_in_whatever_part_text_first_stands(first, tmp_path, monkeypatch):
    monkeypatch.setattr("mlpcli.data.text.PART", 50_000)
    path = table(tmp_path, lambda i: "none" if i % 30 == 0 and i >= first else i % 50, n=150_000 if first else 9000)
    prepared = prepare(path, Config(target="y"))
    assert prepared.schema.columns[1].kind == "category"


# --- targets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [5.5, 1e300, -1e-300])
def test_t09_a_constant_target_of_numbers_is_learned(value, tmp_path):
    path = table(tmp_path, lambda i: i % 7, lambda i: value)
    model = mlpcli.fit(path, task="regression", epochs=2, ensemble=1)
    assert model.outputs(prepare(path, model.config).dataset.frame) == pytest.approx(value)


def test_t08_classes_that_memory_would_not_hold_are_refused_with_an_estimate(tmp_path, monkeypatch):
    monkeypatch.setattr("mlpcli.training.prepare.free_memory", lambda: 100_000_000)
    path = table(tmp_path, lambda i: i % 7, lambda i: f"c{i // 3}", n=6000)
    with pytest.raises(DataError, match="2000 classes in 6000 rows need about 1 GB of memory"):
        prepare(path)


def test_t04_a_class_of_one_row_is_told_and_does_not_stop(tmp_path):
    model = mlpcli.fit(table(tmp_path, lambda i: i % 7, at(7, "solo", label)), epochs=2)
    assert model.labels == ("no", "solo", "yes")


ODD_LABELS = (
    "NA",
    "nan",
    "None",
    "True",
    "1",
    "1.0",
    "a",
    "a ",
    "\x1b[31mred",
    "[b]x[/b]",
    "a,b",
    'q"q',
    "two\nlines",
    "é",
)


def test_t07_t12_labels_are_what_stands_in_the_file(tmp_path, call):
    path = table(tmp_path, lambda i: i % 7, lambda i: ODD_LABELS[i * 5 % 17 % len(ODD_LABELS)], n=1700)
    model = mlpcli.fit(path, epochs=30, ensemble=1, lr=0.05)
    model.save(str(tmp_path / "m.npz"))
    assert set(model.labels) == set(ODD_LABELS)
    code, out, _ = call("predict", tmp_path / "m.npz", path, "--keep", "y")
    found = list(csv.reader(io.StringIO(out, newline="")))[1:]
    assert code == 0
    right = sum(kept == said for kept, said in found)
    assert right > 0.9 * len(found)
    assert {said for _, said in found} == set(ODD_LABELS)


def test_v15_what_predict_has_never_seen_is_counted_and_a_column_that_is_missing_is_named(tmp_path, call):
    path = table(tmp_path, lambda i: f"k{i % 3}", header="age,kind,y")
    mlpcli.fit(path, epochs=2, ensemble=1).save(str(tmp_path / "m.npz"))
    (tmp_path / "new.csv").write_text("more,kind,age\n1,k1,3\n2,other,4\n3,k2,1e9\n")
    code, out, err = call("predict", tmp_path / "m.npz", tmp_path / "new.csv")
    assert (code, out.count("\n")) == (0, 4)
    assert "column kind: 1 value never seen in training" in err
    assert "column age: 1 value far outside the training range" in err
    assert "columns the model does not use: more" in err
    (tmp_path / "turned.csv").write_text("age,kind,more\n3,k1,1\n4,other,2\n1e9,k2,3\n")
    assert call("predict", tmp_path / "m.npz", tmp_path / "turned.csv")[1] == out
    (tmp_path / "renamed.csv").write_text("Age,kind\n3,k1\n")
    code, out, err = call("predict", tmp_path / "m.npz", tmp_path / "renamed.csv")
    assert (code, out) == (1, "")
    assert "no column 'age'; did you mean 'Age'?" in err


@pytest.mark.parametrize("odd", ["heavy", "inf"])
def test_v16_text_in_a_number_column_stops_predict_behind_the_rows_before_it(odd, tmp_path, call, monkeypatch):
    path = table(tmp_path, lambda i: i % 7 + 0.5)
    mlpcli.fit(path, epochs=2, ensemble=1).save(str(tmp_path / "m.npz"))
    table(tmp_path, at(150, odd, lambda i: i % 7 + 0.5))
    monkeypatch.setattr("mlpcli.data.raw.PART", 512)
    code, out, err = call("predict", tmp_path / "m.npz", path)
    assert code == 1
    assert re.search(r"d\.csv:152: column 'b'", err)
    assert 1 < out.count("\n") <= 151
    assert out.endswith("\n")

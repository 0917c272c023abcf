"""Cells as each format writes them."""

from __future__ import annotations

import csv
import io
import json

import pytest

from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.model.writing import Delimited, JsonLines

FORMULAS = ["=HYPERLINK(1)", "+cmd", "-2+3", "@SUM", "\tTAB", "\rCR", "＝1", "-x"]
HARMLESS = ["-2", "+3.5", "-.5e3", "a=b", "yes", "NA", "a,b", 'say "x"', "two\nlines", " a ", "é한"]


def parsed(text):
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("cell", FORMULAS)
def test_each_formula_gets_an_apostrophe(cell):
    assert next(csv.reader([Delimited(",", excel_safe=True).text(cell)])) == ["'" + cell]


@pytest.mark.parametrize("cell", HARMLESS)
def test_numbers_and_plain_text_never_do(cell):
    assert parsed(Delimited(",", excel_safe=True).text(cell)) == parsed(Delimited(",").text(cell)) == [[cell]]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("7", 7), ("-2.50", -2.5), (" 7 ", 7), ("+3.5", 3.5), (".5", 0.5), ("1e3", 1000), ("007", 7), ("", None),
     ("NA", None), ("heavy", "heavy"), ("inf", "inf"), ("9007199254740993", "9007199254740993")],
)  # fmt: skip
def test_json_has_the_number_of_a_cell_null_for_none_and_text_for_what_is_no_number(cell, value):
    assert json.loads(JsonLines().number(cell, NumberFormat("."), ("", "NA"))) == value


@pytest.mark.parametrize("cell", ["1", "-2.50", "1e3", "0"])
def test_what_is_a_number_in_json_stands_as_it_was(cell):
    assert JsonLines().number(cell, NumberFormat("."), ()) == JsonLines().number_or_text(cell) == cell


@pytest.mark.parametrize("cell", ["01", "+1", "1.", ".5", "1_000", "nan", "", "1" * 400])
def test_other_text_is_text(cell):
    assert json.loads(JsonLines().number_or_text(cell)) == cell

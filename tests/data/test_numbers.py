"""What a number is."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.config import ReadOptions
from mlpcli.data.numbers import as_number, is_number, to_floats
from mlpcli.data.source import open_table


@pytest.mark.parametrize("text", ["1", "-1.5", "+.5", "5.", "1e5", " 7 ", "0"])
def test_v17_numbers(text):
    assert is_number(text)


@pytest.mark.parametrize("text", ["1_000", "0x10", "nan", "inf", "infinity", ".", "", "1,5", "１", "1e", "--1"])
def test_v17_what_is_no_number(text):
    assert not is_number(text)


def test_x13_a_long_cell_is_judged_in_linear_time():
    assert not is_number("1" * 1_000_000 + "x")


@pytest.mark.parametrize(
    ("cell", "thousands", "decimal", "found"),
    [
        ("1,234.5", ",", ".", "1234.5"), ("12,34", ",", ".", None), ("1.234,5", ".", ",", "1234.5"),
        ("1.5", None, ",", None),
        ("1,5", None, ",", "1.5"), ("x", None, ".", None), (" 7 ", None, ".", "7"),
    ],
)  # fmt: skip
def test_a_number_is_what_its_marks_make_of_it(cell, thousands, decimal, found, tmp_path):
    (tmp_path / "d.csv").write_text("a;b\n1;2\n")
    options = ReadOptions(delimiter=";", thousands=thousands, decimal=decimal)
    assert as_number(cell, open_table(str(tmp_path / "d.csv"), options).dialect) == found


def test_no_numbers_are_no_floats():
    assert to_floats([]).tolist() == []
    assert to_floats(["1e999", "0.1"]).tolist() == [np.inf, 0.1]

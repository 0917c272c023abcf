"""What a number is."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.data.numbers import is_number, to_floats


@pytest.mark.parametrize("text", ["1", "-1.5", "+.5", "5.", "1e5", " 7 ", "0"])
def test_v17_numbers(text):
    assert is_number(text)


@pytest.mark.parametrize("text", ["1_000", "0x10", "nan", "inf", "infinity", ".", "", "1,5", "１", "1e", "--1"])
def test_v17_what_is_no_number(text):
    assert not is_number(text)


def test_x13_a_long_cell_is_judged_in_linear_time():
    assert not is_number("1" * 1_000_000 + "x")


def test_no_numbers_are_no_floats():
    assert to_floats([]).tolist() == []
    assert to_floats(["1e999", "0.1"]).tolist() == [np.inf, 0.1]

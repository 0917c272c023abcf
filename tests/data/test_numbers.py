"""What a number is."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.numbers import is_number, to_floats
from mlpcli.data.reading import SHORT, written_values


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


@pytest.mark.parametrize("mark", [".", ","])
def test_short_numbers_are_read_as_whole_columns_are_to_the_last_bit(mark):
    rng = np.random.default_rng(0)
    digits = ["".join(map(str, rng.integers(0, 10, n))) for n in rng.integers(1, 16, 3000)]
    cut = [int(rng.integers(0, len(d) + 1)) for d in digits]
    texts = [f"{rng.choice(['', '-', '+'])}{d[:i]}{mark}{d[i:]}" for d, i in zip(digits, cut, strict=True)]
    texts += [*list(digits), "-0", "007", f"5{mark}", f"{mark}5", "999999999999999"]
    assert all(SHORT[NumberFormat(mark)].fullmatch(text) for text in texts)
    whole = to_floats([text.replace(",", ".") for text in texts])
    assert written_values(texts, NumberFormat(mark)).tobytes() == whole.tobytes()


@pytest.mark.parametrize("text", ["", ".", "-", "+.", "1e5", "１", " 1", "1_0", "1\n", "1.2.3", "1234567890123456"])
def test_what_is_long_or_no_plain_number_is_left_to_the_parser_of_columns(text):
    assert not SHORT[NumberFormat(".")].fullmatch(text)
    values = written_values([text, "2"], NumberFormat("."))
    assert np.array_equal(values[:1], written_values([text], NumberFormat(".")), equal_nan=True)
    assert values[1] == 2

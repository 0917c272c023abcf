"""Numbers below a picture are those on it, a row an x where lines share them."""

from __future__ import annotations

import pytest

from mlpcli.reporter.chart import Series
from mlpcli.reporter.html.document import Chart, coordinate, line_numbers, line_picture, percent, sentence


def test_lines_over_the_same_x_share_rows():
    lines = [Series("a", [1, 2], [0.5, 0.25]), Series("b", [1, 2], [3, 4], [2, 3], [4, 5])]
    grid = line_numbers(Chart("epoch", "loss", lines))
    assert list(grid.columns) == ["epoch", "a", "b", "b, low", "b, high"]
    assert [list(row) for row in grid.rows] == [["1", "0.5", "3", "2", "4"], ["2", "0.25", "4", "3", "5"]]


def test_other_lines_have_a_row_a_point():
    lines = [Series("a", [0, 0.5], [0, 1]), Series("b", [0.25], [0.75])]
    picture = line_picture("ROC", "d", Chart("x", "y", lines))
    assert list(picture.numbers.columns) == ["line", "x", "y"]
    assert [list(row) for row in picture.numbers.rows] == [["a", "0", "0"], ["a", "0.5", "1"], ["b", "0.25", "0.75"]]


@pytest.mark.parametrize(("value", "text"), [(12_345.0, "12345"), (0.12345, "0.1235"), (1e12, "1.000e+12"), (-3, "-3")])
def test_coordinates_are_short(value, text):
    assert coordinate(value) == text


def test_words_become_sentences():
    assert sentence("the loss fell") == "The loss fell."
    assert sentence("가나다.") == "가나다."
    assert (percent(1.0), percent(0.9549), percent(0.5, 0), percent(-0.081)) == ("100 %", "95.5 %", "50 %", "-8.1 %")

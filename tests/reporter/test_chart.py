"""Charts in letters: round ticks, every width, every encoding, and axes that say what they are."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from screens import drawn

from mlpcli.reporter.chart import LineChart, Series, loss_chart, round_ticks


def test_ticks_are_round():
    assert round_ticks(0.0, 1.0, 5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert round_ticks(1, 97, 4) == [20, 40, 60, 80]
    assert round_ticks(1, 43, 2) == [20, 40]


@pytest.mark.parametrize("width", [10, 20, 40, 80, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp949"])
def test_a_chart_fits_every_width_and_encoding(width, encoding):
    text = drawn([loss_chart([1.0, 0.5, float("nan"), 0.2], [1.1, 0.6, 0.5, 0.6], 3)], width, encoding)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert ("training loss 0.2" in text.replace("\n", " ")) or width < 40


def test_an_ascii_chart_stands_as_drawn():
    text = drawn([LineChart([Series("loss", [1, 2, 3], [3.0, 2.0, 1.0])], mark=3, height=3)], 24, "ascii")
    assert [line.rstrip() for line in text.splitlines()] == [
        " 3 |******             :",
        " 2 |      *********    :",
        " 1 |               *****",
        "   +--------------------",
        "    1         2        3",
        "    * loss 1",
        "    : best epoch 3",
    ]


def test_losses_from_a_tenfold_range_on_stand_on_a_logarithmic_axis():
    text = drawn([LineChart([Series("loss", [1, 2, 3], [1.0, 0.1, 0.01])], height=5)], 24, "ascii")
    assert [line.rstrip() for line in text.splitlines()[:5]] == [
        "    1 |***",
        "      |   ***",
        "  0.1 |      *****",
        "      |           ***",
        " 0.01 |              ***",
    ]


def test_a_logarithmic_axis_says_so():
    falling = [Series("loss", [1, 10, 100], [1.0, 0.1, 0.01])]
    assert "(log y axis)" in drawn([LineChart(falling)], 60, "utf-8")
    assert "(log x axis)" in drawn([LineChart(falling, x_label="rows", log_x=True)], 60, "utf-8")
    assert "log" not in drawn([LineChart([Series("loss", [1, 2], [2.0, 1.0])])], 60, "utf-8")


@pytest.mark.parametrize("height", [3, 5, 12])
def test_no_two_ticks_have_the_same_label(height):
    losses = [0.693147 + 1e-5 * i for i in range(9)]
    text = drawn([LineChart([Series("loss", range(9), losses)], height=height)], 60, "utf-8")
    ticks = [label for line in text.splitlines() if "│" in line and (label := line.partition("│")[0].strip())]
    assert len(ticks) >= 2
    assert len(set(ticks)) == len(ticks)


def test_intervals_stand_about_their_points_and_rows_lie_on_a_logarithmic_axis():
    series = [
        Series("validation", [10, 100, 1000], [3.0, 2.0, 2.0], [2.0, 1.0, 2.0], [4.0, 3.0, 2.0]),
        Series("training", [10, 100, 1000], [1.0, 1.0, 1.0]),
    ]
    text = drawn([LineChart(series, height=4, x_label="rows", log_x=True)], 25, "utf-8")
    assert [line.rstrip() for line in text.splitlines()] == [
        " 4 │|",
        "   │*****     |",
        " 2 │|    ****************",
        "   │ooooooooooooooooooooo",
        "   └─────────────────────",
        "    10        100    1000",
        "    * validation 2",
        "    o training 1",
        "    (log x axis)",
    ]


def test_an_interval_keeps_all_its_dots():
    around = Series("loss", [1, 2], [2.0, 2.0], [1.0, 1.0], [3.0, 3.0])
    text = drawn([LineChart([around], height=3)], 30, "utf-8")
    column = [line.split("│")[1][:1] for line in text.splitlines()[:3]]
    assert all(0x2800 < ord(sign) <= 0x28FF for sign in column)
    assert min((ord(sign) - 0x2800).bit_count() for sign in column) >= 2


def test_a_partner_is_dashed_in_the_sign_and_colour_of_its_series():
    series = [
        Series("lr=1", [1, 2, 3], [3.0, 3.0, 3.0]), Series("training", [1, 2, 3], [2.0, 2.0, 2.0], partner=0),
        Series("lr=2", [1, 2, 3], [1.0, 1.0, 1.0]),
    ]  # fmt: skip
    text = drawn([LineChart(series, height=3)], 24, "ascii")
    assert [line.rstrip() for line in text.splitlines()] == [
        " 3 |********************",
        " 2 |**  **  **  **  **",
        " 1 |oooooooooooooooooooo",
        "   +--------------------",
        "    1         2        3",
        "    * lr=1 3",
        "    * * training 2",
        "    o lr=2 1",
    ]
    braille = drawn([LineChart(series[:2], height=3)], 40, "utf-8")
    assert "* * training 2" in braille  # without colour the lines are told apart by their signs

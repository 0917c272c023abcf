"""A map shows where values are low and high, in colour or letters, and leaves out where no row is."""

from __future__ import annotations

import numpy as np
import pytest
from rich.cells import cell_len
from screens import drawn

from mlpcli.reporter.heatmap import Heatmap, MapAxis

X, Y = MapAxis("x", [0.0, 1.0, 4.0], str), MapAxis("y", [0.0, 2.0, 3.0], str)
VALUES = np.add.outer([0.0, 1.0, 4.0], [0.0, 2.0, 3.0])
NONE = np.zeros((2, 2), bool)


def plain(chart, width, encoding="ascii"):
    return [line.rstrip() for line in drawn([chart], width, encoding).splitlines()]


def test_letters_rise_with_the_values():
    assert plain(Heatmap(X, Y, VALUES, NONE, height=4), 15) == [
        "y",
        "3.0 =++**##%%@@",
        "    -==++**##%%",
        "    ::--==++**#",
        "0.0 ..::--==++*",
        "    0.0  x  4.0",
        "    0 to 7",
    ]


def test_nothing_is_drawn_where_no_row_is():
    empty = np.array([[False, False], [False, True]])
    lines = plain(Heatmap(X, Y, VALUES, empty, height=4), 15)
    assert lines[1] == "3.0 =++"
    assert lines[4] == "0.0 ..::--==++*"


def test_levels_have_fields_of_their_own_with_their_names():
    levels = MapAxis("c", range(2), lambda place: ["red", "blue"][int(place)], is_ordered=False)
    lines = plain(Heatmap(levels, Y, VALUES[:2], NONE[:1], height=3), 24)
    assert lines[1] == "3.0 ######" + "####@@@@@@@@@@"
    assert lines[4] == "    red       blue       c"[: len(lines[4])]
    lines = plain(Heatmap(Y, levels, VALUES[:2].T, NONE[:, :1], height=4), 24)
    assert [line.split()[0] for line in lines[1:5] if line[:4].strip()] == ["blue", "red"]


@pytest.mark.parametrize("width", [10, 40, 80])
def test_in_colour_half_blocks_go_from_dark_to_bright(terminal, width):
    out, console = terminal(width)
    console.print(Heatmap(X, Y, VALUES, np.array([[False, True], [False, False]])))
    text = out.getvalue()
    assert ("▀" in text) == (width > 10)
    if width > 10:
        assert "254;232;56" in text or "38;5" in text  # the brightest


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp949"])
def test_wide_names_fit(encoding):
    axis = MapAxis("지역 이름이 아주 긴 열", [0.0, 1.0], lambda place: "아주 긴 값의 이름" * 3)
    lines = plain(Heatmap(axis, axis, np.eye(2), np.zeros((1, 1), bool)), 40, encoding)
    assert all(cell_len(line) <= 40 for line in lines) or encoding == "ascii"

"""Bars share one scale and one zero, and fit every width and encoding."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from screens import drawn

from mlpcli.reporter.bars import Bar, Bars

BARS = Bars([Bar("수도권과 강원", 2.0, "+2"), Bar("b", -1.0, "-1"), Bar("a\x1b[31m", 0.55, "+0.55")])


@pytest.mark.parametrize("width", [10, 20, 40, 80, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp949"])
def test_they_fit_every_width_and_encoding(width, encoding):
    text = drawn([BARS], width, encoding)
    assert "\x1b" not in text
    assert all(cell_len(line) <= width for line in text.splitlines()) or encoding == "ascii"
    assert "+0.55" in text


def test_they_stand_as_drawn():
    bars = Bars([Bar("up", 2.0, "2"), Bar("down", -1.0, "-1"), Bar("none", 0.0, "0")])
    assert [line.rstrip() for line in drawn([bars], 22).splitlines()] == [
        "up     2      ████████",
        "down  -1  ████",
        "none   0",
    ]
    assert [line.rstrip() for line in drawn([bars], 22, "ascii").splitlines()][:2] == [
        "up     2      ########",
        "down  -1  ####",
    ]


def test_long_names_stand_above_and_bars_that_do_not_fit_are_left_out():
    bars = Bars([Bar("a very long name of a column", 1.0, "1")])
    assert drawn([bars], 30).splitlines()[0].rstrip() == "a very long name of a column"
    assert "█" not in drawn([bars], 10)

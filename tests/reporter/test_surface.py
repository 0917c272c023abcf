"""The map of a network: what each cell shows in colour and in letters, at every size."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len
from screens import drawn

from mlpcli.reporter.colour import mixed
from mlpcli.reporter.surface import SurfaceMap, number_colour
from mlpcli.training.events import DIGITS, MapAxes, Surface

CLASSES = ("0000111122", "0000111122", "0000111122", "0000000000")
LEVELS = ("zzz00zzzzz",) * 4
AXES = MapAxes(
    ("a", "b\x1b[31m"), (0.0, 9.0), (-1.0, 1.0), ("no", "수도권", "[red]"), (1 / 3, 1.0), ((0, 0, 0), (9, 3, 2))
)
NUMBERS = MapAxes(("a", "b"), (0.0, 9.0), (-1.0, 1.0), (), (10.0, 20.0), ((0, 0, 0), (9, 3, 35), (4, 0, 18)))
RISING = Surface((), ("05afklpuxz",) * 4)
BY_CLASS = SurfaceMap(AXES, Surface(CLASSES, LEVELS), 9)


def plain(view, width, encoding="utf-8"):
    return [line.rstrip() for line in drawn([view], width, encoding).splitlines()]


def test_areas_and_rows_of_classes_are_letters_without_colour():
    assert plain(BY_CLASS, 60) == [
        "b\\x1b[31m -1 to 1, upwards",
        "A...::::--",
        ".........C",
        "a 0 to 9",
        "A, area . no   B, area : 수도권   C, area - [red]",
    ]


def test_numbers_are_a_ramp_and_their_rows_digits():
    assert plain(SurfaceMap(NUMBERS, RISING, 9), 60, "ascii") == [
        "b -1 to 1, upwards",
        "0:-=5*#%@@",
        ".:-=**#%@9",
        "a 0 to 9",
        "'.:-=+*#%@' 10 to 20; rows 0 to 9",
    ]


@pytest.mark.parametrize("view", [BY_CLASS, SurfaceMap(NUMBERS, RISING, 9)], ids=["classes", "numbers"])
@pytest.mark.parametrize("width", [7, 9, 20, 40])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp949"])
def test_a_map_fits_every_width_and_encoding(view, width, encoding):
    lines = plain(view, width, encoding)
    assert bool(lines) == (width > 7)
    assert all(cell_len(line) <= width for line in lines[:4])  # an entry of the legend below is never cut


def test_half_blocks_hold_two_cells_with_an_escape_for_each_run(terminal):
    out, console = terminal(60)
    console.print(BY_CLASS)
    text = out.getvalue()
    upper, lower = text.splitlines()[1:3]
    assert re.sub(r"\x1b\[[\d;]*m", "", upper) == "▀" * 10
    assert upper.count("\x1b") <= 2 * 7  # runs: a row above, sure, unsure twice, and three areas
    assert lower.count("\x1b") > 4
    assert "\x1b[31m" not in text


def test_rows_of_numbers_show_on_which_side_of_the_surface_they_lie(terminal):
    out, console = terminal(60)
    console.print(SurfaceMap(NUMBERS, Surface((), ("zzzzi00000",) * 4), 9))
    text = re.sub(r"\x1b\[[\d;]*m", "", out.getvalue())
    upper, lower = text.splitlines()[1:3]
    assert (upper[0], upper[4], lower[9]) == ("▼", "·", "▲")


def test_a_map_is_no_higher_than_asked():
    tall = SurfaceMap(NUMBERS, Surface((), RISING.levels * 8), 5)
    assert len(plain(tall, 60)) == 5 + 3


def test_colours_of_numbers_go_from_dark_to_light():
    found = [number_colour(level) for level in range(len(DIGITS))]
    assert (found[0], found[-1]) == ("#00224e", "#fee838")
    assert len(set(found)) == len(DIGITS)
    assert mixed("#000000", "#ffffff", 0.5) == "#808080"

"""Colours that are legible on a black and on a white screen, and lines of cells with an escape for each run of a style.

Between black and white there is one narrow band of luminance that has a contrast of 4.5 with both (WCAG 2.1, success
criterion 1.4.3). All of these lie in it, and in the 256 colours of older terminals too, so that none is rounded out.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from rich.text import Text

COLOURS = ("#5f5fff", "#af5f5f", "#00875f", "#d700af", "#875fd7")
BLUE = COLOURS[0]
# Lowest to highest: Cividis (Nunez et al. 2018), told apart by every eye, and in greys.
CIVIDIS = (
    "#00224e",
    "#003371",
    "#2a3f6c",
    "#424d6b",
    "#575c6d",
    "#6a6a72",
    "#7d7c78",
    "#928d78",
    "#a89f73",
    "#bfb26b",
    "#d6c55d",
    "#efd947",
    "#fee838",
)
SHADES = ".:-=+*#%@"  # the same in letters
GREY = "#767676"  # of axes and marks; a terminal would halve the contrast of what is dimmed


def colour(number: int) -> str:
    """The colour of the series, class or line of this number."""
    return COLOURS[number % len(COLOURS)]


def mixed(one: str, other: str, share: float) -> str:
    """A colour between two, `share` of the way from the first to the second."""
    parts = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in parts)


def scale_colour(share: float) -> str:
    """The colour of a number, `share` of the way from the lowest to the highest."""
    place = share * (len(CIVIDIS) - 1)
    first = min(int(place), len(CIVIDIS) - 2)
    return mixed(CIVIDIS[first], CIVIDIS[first + 1], place - first)


def line_of(cells: Iterable[tuple[str, str]]) -> Text:
    """Cells of text and style as one line; a blank cell without style goes on in the style before it."""
    last = ""
    styled = []
    for text, style in cells:
        last = style or last
        styled.append((text, last))
    line = Text(no_wrap=True)
    for style, run in groupby(styled, key=lambda cell: cell[1]):
        line.append("".join(text for text, _ in run), style)
    return line

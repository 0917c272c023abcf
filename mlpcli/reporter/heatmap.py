"""A map of values over two axes: two rows of cells to a line by half-blocks in colour, or a shade of letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mlpcli.engine.arrays import Bools, Floats, Ints
from mlpcli.reporter.colour import GREY, SHADES, line_of, scale_colour
from mlpcli.reporter.text import safe

STEPS = 48  # of colour from the lowest to the highest value, so that neighbours share an escape
MAX_WIDTH, HEIGHT = 64, 12  # cells; lines
MIN_INSIDE = 8


@dataclass(frozen=True)
class MapAxis:
    """The positions along one side: their places on it, ascending, and their texts."""

    name: str
    places: Sequence[float]
    text: Callable[[float], str]
    is_ordered: bool = True  # between two positions lies something; a category has none

    def at(self, n: int) -> tuple[Ints, Floats]:
        """n pixels from the first place to the last -> the position below each, and the share of the way to the next"""
        places = np.asarray(self.places, np.float64)
        if not self.is_ordered:
            return np.arange(n) * len(places) // n, np.zeros(n)
        pixels = np.linspace(places[0], places[-1], n)
        below = np.clip(np.searchsorted(places, pixels, "right") - 1, 0, len(places) - 2)
        return below, (pixels - places[below]) / np.diff(places)[below]


@dataclass(frozen=True)
class Heatmap:
    """Values (P, Q) of P positions across and Q upward; where no row is, `is_empty` (P - 1, Q - 1), nothing is drawn.

    Steps of a category are between its levels: there nothing is left out.
    """

    x: MapAxis
    y: MapAxis
    values: Floats
    is_empty: Bools
    height: int = HEIGHT

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        tops, bottoms = self.y.text(self.y.places[-1]), self.y.text(self.y.places[0])
        labels = {0: safe(tops, 16), self.height - 1: safe(bottoms, 16)}
        if not self.y.is_ordered:
            labels = {
                self.height - 1 - int((i + 0.5) * self.height / len(self.y.places)): safe(self.y.text(place), 16)
                for i, place in enumerate(self.y.places)
            }
        gutter = max(map(cell_len, labels.values()))
        width = min(options.max_width, MAX_WIDTH) - gutter - 1
        if width < MIN_INSIDE:
            return
        is_plain = options.ascii_only or console.color_system is None or console.no_color
        shares = self.pixels(width, self.height * (1 if is_plain else 2))
        yield Text(safe(self.y.name, options.max_width), style=GREY)
        for line in range(self.height):
            label = labels.get(line, "")
            text = Text(" " * (gutter - cell_len(label)) + label + " ", style=GREY, no_wrap=True)
            if is_plain:
                text.append("".join(shade(share) for share in shares[:, line]), style="default")
            else:
                text.append_text(line_of(map(half_block, shares[:, 2 * line], shares[:, 2 * line + 1])))
            yield text
        yield Text(" " * (gutter + 1) + self.x_labels(width), style=GREY, no_wrap=True)
        low, high = f"{self.values.min():.3g}", f"{self.values.max():.3g}"
        legend = scale(low, high, is_plain)
        room = options.max_width - gutter - 1
        yield Text(" " * (gutter + 1)).append_text(legend if legend.cell_len <= room else Text(f"{low} to {high}"))

    def pixels(self, width: int, height: int) -> Floats:
        """(width, height) shares from the lowest value to the highest, top row first; NaN where nothing is drawn"""
        (i, s), (j, t) = self.x.at(width), self.y.at(height)
        after_i, after_j = np.minimum(i + 1, len(self.x.places) - 1), np.minimum(j + 1, len(self.y.places) - 1)
        s, t, v = s[:, None], t[None], self.values
        found = (1 - s) * ((1 - t) * v[np.ix_(i, j)] + t * v[np.ix_(i, after_j)])
        found = found + s * ((1 - t) * v[np.ix_(after_i, j)] + t * v[np.ix_(after_i, after_j)])
        if self.x.is_ordered and self.y.is_ordered:
            found = np.where(self.is_empty[np.ix_(i, j)], np.nan, found)
        low, high = float(self.values.min()), float(self.values.max())
        return np.asarray(((found - low) / ((high - low) or 1.0))[:, ::-1])

    def x_labels(self, width: int) -> str:
        """Both ends of the axis, or its levels, and its name between them where it fits."""
        if self.x.is_ordered:
            left, right = safe(self.x.text(self.x.places[0]), 16), safe(self.x.text(self.x.places[-1]), 16)
            name = safe(self.x.name, max(width - cell_len(left) - cell_len(right) - 4, 1))
            gap = width - cell_len(left) - cell_len(name) - cell_len(right)
            return left + " " * max(gap // 2, 1) + name + " " * max(gap - gap // 2, 1) + right
        each = width // len(self.x.places)
        cut = [safe(self.x.text(place), max(each - 1, 1)) for place in self.x.places]
        return "".join(text + " " * (each - cell_len(text)) for text in cut) + " " + safe(self.x.name, 16)


def shade(share: float) -> str:
    return " " if np.isnan(share) else SHADES[min(int(share * len(SHADES)), len(SHADES) - 1)]


def scale(low: str, high: str, is_plain: bool) -> Text:
    """What is lowest and what highest, between them all shades."""
    if is_plain:
        return Text(f"{low} {SHADES} {high}")
    shades = [half_block(share, share) for share in np.linspace(0, 1, 12).tolist()]
    return Text(low + " ").append_text(line_of(shades)).append(" " + high)


def half_block(top: float, bottom: float) -> tuple[str, str]:
    """A cell whose halves have the colours of these shares; none where there is no number."""
    above, below = (None if np.isnan(one) else scale_colour(round(one * STEPS) / STEPS) for one in (top, bottom))
    if above is None:
        return (" ", "default") if below is None else ("▄", below)
    return "▀", above if below is None else f"{above} on {below}"

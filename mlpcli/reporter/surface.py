"""The map of a network on a terminal: half-blocks in colour, letters where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mlpcli.reporter.chart import legend
from mlpcli.reporter.colour import GREY, SHADES, colour, line_of, mixed, scale_colour
from mlpcli.reporter.text import safe
from mlpcli.training.events import DIGITS, MapAxes, Surface

AREAS = ".:-=+%"  # of the classes in letters; their rows are A, B, ...
PALE = (0.15, 0.35, 0.55, 0.65)  # how much colour an area has, from where no class is sure to where one is
DARK = 0.45  # of a class's colour that its rows keep
SAME = 4  # levels of 36 within which a row of numbers counts as met
MIN_CELLS = 8
Paint = Callable[[int, int], tuple[str, str]]  # cell from the left and from the top -> text and style


def number_colour(level: int) -> str:
    """The colour of a level, from dark to light."""
    return scale_colour(level / (len(DIGITS) - 1))


@dataclass(frozen=True)
class SurfaceMap:
    """A surface over its axes with the rows on it, at most `height` lines high, and what its signs mean."""

    axes: MapAxes
    surface: Surface
    height: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        n_right, n_up = len(self.surface.levels[0]), len(self.surface.levels)
        width = min(options.max_width, n_right)
        if width < MIN_CELLS:
            return
        is_plain = console.color_system is None or console.no_color or options.ascii_only
        n_lines = min(self.height, n_up // 2)
        (right, up), (name, name_up) = (self.axes.right, self.axes.up), self.axes.columns
        yield Text(
            f"{safe(name_up, 30)} {up[0]:.3g} to {up[1]:.3g}, upwards", style=GREY, no_wrap=True, overflow="crop"
        )
        paint = self.letters(width, n_lines) if is_plain else self.blocks(width, 2 * n_lines)
        for line in range(n_lines):
            yield line_of(paint(i, line) for i in range(width))
        yield axis_text(f"{safe(name, 30)} {right[0]:.3g} to {right[1]:.3g}")
        yield from legend(list(self.key(is_plain)), 0, options.max_width)

    def cell(self, i: int, j: int, width: int, height: int) -> tuple[int, int]:
        """The class, or 0, and the level of a cell of a map of this size."""
        x = (2 * i + 1) * len(self.surface.levels[0]) // (2 * width)
        y = (2 * j + 1) * len(self.surface.levels) // (2 * height)
        which = DIGITS.index(self.surface.classes[y][x]) if self.axes.labels else 0
        return which, DIGITS.index(self.surface.levels[y][x])

    def rows(self, width: int, height: int) -> dict[tuple[int, int], int]:
        """Cell of a map of this size -> class or level of the last row that lies in it."""
        n_right, n_up = len(self.surface.levels[0]), len(self.surface.levels)
        return {(i * width // n_right, j * height // n_up): kind for i, j, kind in self.axes.rows}

    def letters(self, width: int, height: int) -> Paint:
        """Without colour: a sign for each area or level, a letter or digit for each row."""
        rows, is_class = self.rows(width, height), bool(self.axes.labels)

        def paint(i: int, j: int) -> tuple[str, str]:
            which, level = self.cell(i, j, width, height)
            kind = rows.get((i, j))
            if kind is not None:
                return (letter(kind) if is_class else str(kind * 10 // len(DIGITS))), ""
            return (AREAS[which % len(AREAS)] if is_class else SHADES[level * len(SHADES) // len(DIGITS)]), ""

        return paint

    def blocks(self, width: int, height: int) -> Paint:
        """In colour: two cells in one, the upper the colour of a half-block, the lower its ground."""
        rows = self.rows(width, height)
        if not self.axes.labels:
            return self.marked_blocks(width, height, self.rows(width, height // 2))

        def fill(i: int, j: int) -> str:
            kind = rows.get((i, j))
            if kind is not None:
                return mixed("#000000", colour(kind), DARK)
            which, level = self.cell(i, j, width, height)
            return mixed("#ffffff", colour(which), PALE[level * len(PALE) // len(DIGITS)])

        return lambda i, j: ("▀", f"{fill(i, 2 * j)} on {fill(i, 2 * j + 1)}")

    def marked_blocks(self, width: int, height: int, rows: dict[tuple[int, int], int]) -> Paint:
        """Numbers: a row is a triangle where the truth lies above or below the surface, a dot where it is met."""

        def paint(i: int, j: int) -> tuple[str, str]:
            upper, lower = (self.cell(i, 2 * j + half, width, height)[1] for half in (0, 1))
            kind = rows.get((i, j))
            if kind is None:
                return "▀", f"{number_colour(upper)} on {number_colour(lower)}"
            sign = "▲" if kind > lower + SAME else "▼" if kind < lower - SAME else "·"
            return sign, f"{'#000000' if lower > len(DIGITS) // 2 else '#ffffff'} on {number_colour(lower)}"

        return paint

    def key(self, is_plain: bool) -> Iterator[tuple[str, str]]:
        """Text and style of each entry below the map."""
        if self.axes.labels:
            for number, label in enumerate(self.axes.labels):
                sign = f"{letter(number)}, area {AREAS[number % len(AREAS)]}" if is_plain else "■"
                yield f"{sign} {safe(label, 20)}", "" if is_plain else colour(number)
            return
        low, high = self.axes.range
        if is_plain:
            yield f"'{SHADES}' {low:.3g} to {high:.3g}; rows 0 to 9", ""
            return
        yield f"{low:.3g} to {high:.3g}, dark to light", ""
        yield "rows: ▲ above it  ▼ below  · on it", ""


def axis_text(text: str) -> Text:
    return Text(text, style=GREY, no_wrap=True, overflow="crop")


def letter(kind: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[kind % 26]

"""A line chart in the terminal: braille dots in colour, or a glyph for each line where there is none of either."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mlpcli.reporter.colour import GREY, colour, line_of

GLYPHS = "*o+x#@"  # of lines where there is no colour
DASH = {True: 2, False: 6}  # dots of a dash and of the gap after it, of lines in glyphs and in braille
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # bits of a braille cell, by row and column
POINT, BAR = 1, 2  # what a cell holds where lines are drawn in glyphs: part of a line, of an interval
MIN_WIDTH, MAX_WIDTH = 20, 100  # cells
LOG_RANGE = 10.0  # largest over smallest value from which on the axis is logarithmic


Lines = Sequence[Sequence[tuple[float, ...]]]  # of each series: points (x, y), or intervals (x, low, high)


@dataclass(frozen=True)
class Series:
    """A line, and an interval about each of its points when `low` and `high` are given."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    partner: int | None = None  # number of the series whose colour and glyph it has, dashed


def round_ticks(low: float, high: float, n: int) -> list[float]:
    """About n round values from low to high."""
    span = (high - low) or abs(high) or 1.0
    step = 10 ** math.floor(math.log10(span / n))
    for times in (1, 2, 5, 10):
        first, last = math.ceil(low / (step * times) - 1e-9), math.floor(high / (step * times) + 1e-9)
        if last - first <= n:
            break
    return [k * step * times for k in range(first, last + 1)]


def log_ticks(low: float, high: float, n: int) -> list[float]:
    """About n values 1, 2 or 5 times a power of ten, or powers of ten alone, from low to high."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [m * 10.0**k for k in powers for m in steps if low <= m * 10.0**k <= high]
        if len(found) <= n:
            break
    return found


@dataclass(frozen=True)
class Axis:
    """One direction of a chart: which of `n` dots a value falls on; `low` and `high` are of the scaled values."""

    low: float
    high: float
    n: int
    is_log: bool

    @classmethod
    def of(cls, values: Sequence[float], n: int, is_log: bool, margin: float = 0.0) -> Axis:
        """An axis on which all values fit; `margin` is left free at both ends, as a share of their range."""
        scale = math.log10 if is_log else float
        low, high = scale(min(values)), scale(max(values))
        room = (high - low) * margin or (abs(high) * 0.1 or 1.0 if margin else 0.0)
        return cls(low - room, high + room, n, is_log)

    def scaled(self, value: float) -> float:
        return math.log10(value) if self.is_log else value

    def forward(self, value: float) -> int:
        """0 at the low end, n - 1 at the high end."""
        return round((self.scaled(value) - self.low) / (self.high - self.low) * (self.n - 1))

    def backward(self, value: float) -> int:
        """0 at the high end, as rows of a screen are counted."""
        return round((self.high - self.scaled(value)) / (self.high - self.low) * (self.n - 1))


def labelled(ticks: Sequence[float]) -> dict[float, str]:
    """Ticks -> labels with as few digits as tell them apart."""
    for digits in range(3, 10):
        labels = {tick: f"{tick:.{digits}g}" for tick in ticks}
        if len(set(labels.values())) == len(ticks):
            break
    return labels


@dataclass(frozen=True)
class Plot:
    """The finite points and intervals of each series, and the axes they lie on."""

    points: Lines
    intervals: Lines
    width: int  # cells inside the axes
    height: int
    is_glyphs: bool  # a glyph for each line, in place of braille dots in colour
    x: Axis
    y: Axis
    labels: Mapping[float, str]  # tick of y -> text
    partners: Sequence[int | None]  # of each series

    @property
    def cell(self) -> tuple[int, int]:
        """Dots across and down a cell."""
        return (1, 1) if self.is_glyphs else (2, 4)

    @property
    def gutter(self) -> int:
        return max(map(len, self.labels.values()), default=1) + 1

    def column(self, x: float) -> int:
        return self.x.forward(x) // self.cell[0]

    def cells(self) -> dict[tuple[int, int], tuple[int, int]]:
        """(row, column) -> what the cell holds, and the number of the series it belongs to."""
        found: dict[tuple[int, int], tuple[int, int]] = {}
        for which, (line, around) in enumerate(zip(self.points, self.intervals, strict=True)):
            step = 1 if self.is_glyphs else 2
            spread = {
                (self.x.forward(x), j)
                for x, low, high in around
                for j in range(self.y.backward(high), self.y.backward(low) + 1, step)
            }
            for i, j in spread:
                row, column, bit = self.dot(i, j, BAR)
                if (row, column) not in found:  # an interval gives way to every line
                    found[row, column] = (bit, which)
                elif found[row, column][1] == which:
                    found[row, column] = (found[row, column][0] | bit, which)
            drawn = dots([(self.x.forward(x), self.y.backward(y)) for x, y in line])
            if self.partners[which] is not None:
                size = DASH[self.is_glyphs]
                drawn = [dot for n, dot in enumerate(drawn) if n // size % 2 == 0]
            for i, j in drawn:
                row, column, bit = self.dot(i, j, POINT)
                found[row, column] = (found.get((row, column), (0, 0))[0] | bit, which)
        return found

    def owner(self, which: int) -> int:
        """The number of the colour and glyph of a series: its own among those without a partner, or its partner's."""
        partner = self.partners[which]
        return [p is None for p in self.partners[: which if partner is None else partner]].count(True)

    def sign(self, which: int, bits: int) -> str:
        if not self.is_glyphs:
            return chr(0x2800 + bits)
        return GLYPHS[self.owner(which) % len(GLYPHS)] if bits & POINT else "|"

    def key(self, which: int) -> str:
        """The sign of a line in the legend."""
        is_dashed = self.partners[which] is not None
        if not self.is_glyphs:
            return "╍" if is_dashed else "━"
        sign = GLYPHS[self.owner(which) % len(GLYPHS)]
        return f"{sign} {sign}" if is_dashed else sign

    def dot(self, i: int, j: int, glyph: int) -> tuple[int, int, int]:
        """A dot -> row and column of its cell, and its bit in it."""
        return (j, i, glyph) if self.is_glyphs else (j // 4, i // 2, DOTS[j % 4][i % 2])

    def body(self, mark: float | None, ascii_only: bool) -> Iterator[Text]:
        """The rows from the top, each with its tick, and the floor."""
        cells, at_mark = self.cells(), None if mark is None else self.column(mark)
        ticks = {self.y.backward(tick) // self.cell[1]: text for tick, text in self.labels.items()}
        axis, corner, floor, at = ("|", "+", "-", ":") if ascii_only else ("│", "└", "─", "┊")
        for row in range(self.height):
            line = [(ticks.get(row, "").rjust(self.gutter) + " " + axis, GREY)]
            for column in range(self.width):
                bits, which = cells.get((row, column), (0, 0))
                if bits:
                    line.append((self.sign(which, bits), colour(self.owner(which))))
                else:
                    line.append((at, GREY) if column == at_mark else (" ", ""))
            yield line_of(line)
        yield Text(" " * self.gutter + " " + corner + floor * self.width, style=GREY, no_wrap=True)

    def x_ticks(self, low: float, high: float, text: Callable[[float], str]) -> str:
        """The ticks below the floor."""
        line = [" "] * (self.width + self.gutter + 12)
        n_ticks = max(self.width // 12, 2)
        for tick in log_ticks(low, high, n_ticks) if self.x.is_log else round_ticks(low, high, n_ticks):
            name = text(tick)
            place = min(self.gutter + 2 + self.column(tick), self.gutter + 2 + self.width - len(name))
            if line[place - 1] == " ":
                line[place : place + len(name)] = name
        return "".join(line).rstrip()


def tick_text(tick: float) -> str:
    return f"{tick:g}" if tick < 1e5 else f"{tick:.0e}"


@dataclass(frozen=True)
class LineChart:
    """Series over a common x axis, a mark at one x, a legend with last values; skips values that are not finite."""

    series: Sequence[Series]
    mark: float | None = None
    height: int = 12
    x_label: str = "epoch"
    log_x: bool = False
    x_text: Callable[[float], str] = tick_text
    rows: Sequence[int] = ()  # in equal parts of the x axis: drawn below it
    last_values: bool = True  # in the legend

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        points, intervals = self.finite()
        xs = [point[0] for line in (*points, *intervals) for point in line]
        if not xs or options.max_width < MIN_WIDTH:
            return
        # Lines without colour are told apart by their glyphs.
        is_plain = console.color_system is None or console.no_color
        is_glyphs = options.ascii_only or (len(self.series) > 1 and is_plain)
        width = min(options.max_width, MAX_WIDTH)
        ends = (min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1)
        plot = self.plot(points, intervals, ends, width, is_glyphs)
        yield from plot.body(self.mark, options.ascii_only)
        if self.rows:
            shown = density(self.rows, plot.width, options.ascii_only)
            yield Text(" " * (plot.gutter + 2) + shown, style=GREY, no_wrap=True)
        ticks = plot.x_ticks(*ends, self.x_text)
        label = f"  {self.x_label}"
        yield Text(ticks + (label if len(ticks) + len(label) <= width else ""), style=GREY, no_wrap=True)
        yield from legend(self.entries(plot, options.ascii_only), plot.gutter + 2, options.max_width)

    def finite(self) -> tuple[Lines, Lines]:
        """The points and the intervals of each series, without what is not finite."""
        points = [[(float(x), float(y)) for x, y in zip(s.x, s.y, strict=True)] for s in self.series]
        intervals = [
            [(float(x), float(a), float(b)) for x, a, b in zip(s.x, s.low, s.high, strict=True)] if len(s.low) else []
            for s in self.series
        ]
        return (
            [[p for p in line if all(map(math.isfinite, p))] for line in points],
            [[p for p in line if all(map(math.isfinite, p))] for line in intervals],
        )

    def plot(self, points: Lines, intervals: Lines, ends: tuple[float, float], width: int, is_glyphs: bool) -> Plot:
        """The axes that suit the values, and what is left of the width beside the labels."""
        ys = [y for line in (*points, *intervals) for point in line for y in point[1:]]
        log_y, log_x = min(ys) > 0 and max(ys) / min(ys) > LOG_RANGE, self.log_x and ends[0] > 0
        labels = labelled((log_ticks if log_y else round_ticks)(min(ys), max(ys), max(self.height // 2, 2)))
        inside = max(width - max(map(len, labels.values()), default=1) - 3, 8)
        across, down = (1, 1) if is_glyphs else (2, 4)
        x = Axis.of(ends, across * inside, log_x)
        y = Axis.of(ys, down * self.height, log_y, margin=0.02)
        partners = [s.partner for s in self.series]
        return Plot(points, intervals, inside, self.height, is_glyphs, x, y, labels, partners)

    def entries(self, plot: Plot, ascii_only: bool) -> list[tuple[str, str]]:
        """Text and style of each entry of the legend: lines with their last values, the mark, a logarithmic axis."""
        found = [
            (
                f"{plot.key(which)} {s.name}" + (f" {line[-1][1]:.3g}" if self.last_values else ""),
                colour(plot.owner(which)),
            )
            for which, (s, line) in enumerate(zip(self.series, plot.points, strict=True))
            if line
        ]
        if self.mark is not None:
            found.append((f"{':' if ascii_only else '┊'} best {self.x_label} {self.mark:g}", GREY))
        found += [(f"(log {name} axis)", GREY) for name, axis in (("x", plot.x), ("y", plot.y)) if axis.is_log]
        return found


LEVELS = {False: " ▁▂▃▄▅▆▇█", True: " .:-=+*#@"}  # of how many rows there are, none to most; in ASCII or not


def density(rows: Sequence[int], width: int, ascii_only: bool) -> str:
    """How many rows there are in equal parts -> a line of this width, the more the higher or darker."""
    levels, most = LEVELS[ascii_only], max(rows) or 1
    counts = [rows[i * len(rows) // width] for i in range(width)]
    return "".join(levels[math.ceil(n / most * (len(levels) - 1))] for n in counts)


def legend(entries: Sequence[tuple[str, str]], indent: int, max_width: int) -> Iterator[Text]:
    """Text and style of each entry, as many on a line as fit whole."""
    line = Text(" " * indent)
    for text, style in entries:
        if len(line) > indent and line.cell_len + cell_len(text) > max_width:
            line.rstrip()
            yield line
            line = Text(" " * indent)
        line.append(text, style).append("   ")
    line.rstrip()
    yield line


def dots(points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Every grid point on the straight lines between neighbours, once, in the order of the line."""
    found = dict.fromkeys(points[:1])
    for (x0, y0), (x1, y1) in pairwise(points):
        n = max(abs(x1 - x0), abs(y1 - y0), 1)
        found |= dict.fromkeys((round(x0 + (x1 - x0) * k / n), round(y0 + (y1 - y0) * k / n)) for k in range(n + 1))
    return list(found)


def loss_chart(train: Sequence[float], valid: Sequence[float], best_epoch: int, height: int = 12) -> LineChart:
    """Of the losses so far: the chart does not grow with the lists."""
    series = [Series("training loss", range(1, len(train) + 1), tuple(train))]
    if valid:
        series.append(Series("validation loss", range(1, len(valid) + 1), tuple(valid)))
    return LineChart(series, best_epoch if valid and best_epoch else None, height)

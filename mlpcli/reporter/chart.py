"""A line chart in the terminal: braille dots in colour, or a glyph for each line where there is none of either."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")  # told apart by the colour-blind
GLYPHS = "*o+x#@"  # the same in ASCII
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # bits of a braille cell, by row and column
POINT, BAR = 1, 2  # what a cell holds where lines are drawn in glyphs: part of a line, of an interval
NARROWEST, WIDEST = 20, 100
LOG_RANGE = 10.0  # largest over smallest value from which on the axis is logarithmic


@dataclass(frozen=True)
class Series:
    """A line, and an interval about each of its points when `low` and `high` are given."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


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
class LineChart:
    """Series over a common x axis, a mark at one x, a legend with last values; skips values that are not finite."""

    series: Sequence[Series]
    mark: float | None = None
    height: int = 12
    x_label: str = "epoch"
    log_x: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        points = [
            [(float(x), float(y)) for x, y in zip(s.x, s.y, strict=True) if math.isfinite(x) and math.isfinite(y)]
            for s in self.series
        ]
        intervals = [
            [(float(x), float(a), float(b)) for x, a, b in zip(s.x, s.low, s.high, strict=True)
             if math.isfinite(x) and math.isfinite(a) and math.isfinite(b)]
            if len(s.low) else []
            for s in self.series
        ]  # fmt: skip
        flat = [p for line in points for p in line]
        flat += [(x, end) for line in intervals for x, a, b in line for end in (a, b)]
        if not flat or options.max_width < NARROWEST:
            return
        ascii_only = options.ascii_only
        # Lines without colour are told apart by their glyphs.
        glyphs = ascii_only or (len(self.series) > 1 and (console.color_system is None or console.no_color))
        xs, ys = [p[0] for p in flat], [p[1] for p in flat]
        log = min(ys) > 0 and max(ys) / min(ys) > LOG_RANGE
        scale = math.log10 if log else float
        low, high = scale(min(ys)), scale(max(ys))
        margin = (high - low) * 0.02 or abs(high) * 0.1 or 1.0
        low, high = low - margin, high + margin
        choose = log_ticks if log else round_ticks
        ticks = choose(min(ys), max(ys), max(self.height // 2, 2))
        labels = {t: f"{t:.3g}" for t in ticks}
        gutter = max((len(text) for text in labels.values()), default=1) + 1
        width = max(min(options.max_width, WIDEST) - gutter - 2, 8)
        log_x = self.log_x and min(xs) > 0
        x_scale = math.log10 if log_x else float
        x_low, x_high = min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1
        n_across, n_down = (width, self.height) if glyphs else (2 * width, 4 * self.height)
        a_cell, a_row = (1, 1) if glyphs else (2, 4)

        def across(x: float) -> int:
            return round((x_scale(x) - x_scale(x_low)) / (x_scale(x_high) - x_scale(x_low)) * (n_across - 1))

        def down(y: float) -> int:
            return round((high - scale(y)) / (high - low) * (n_down - 1))

        cells: dict[tuple[int, int], tuple[int, int]] = {}  # (row, column) -> braille bits or 1, series
        for which, (line, around) in enumerate(zip(points, intervals, strict=True)):
            spread = {(across(x), j) for x, a, b in around for j in range(down(b), down(a) + 1, 1 if glyphs else 2)}
            for i, j in spread:  # an interval gives way to every line
                row, column, bit = (j, i, BAR) if glyphs else (j // 4, i // 2, DOTS[j % 4][i % 2])
                if (row, column) not in cells:
                    cells[row, column] = (bit, which)
                elif cells[row, column][1] == which:
                    cells[row, column] = (cells[row, column][0] | bit, which)
            for i, j in dots([(across(x), down(y)) for x, y in line]):
                row, column, bit = (j, i, POINT) if glyphs else (j // 4, i // 2, DOTS[j % 4][i % 2])
                cells[row, column] = (cells.get((row, column), (0, 0))[0] | bit, which)
        at_mark = None if self.mark is None else across(self.mark) // a_cell
        rows_of_ticks = {down(t) // a_row: labels[t] for t in ticks}
        axis, corner, floor = ("|", "+", "-") if ascii_only else ("│", "└", "─")
        for row in range(self.height):
            text = Text(rows_of_ticks.get(row, "").rjust(gutter) + " " + axis, style="dim", no_wrap=True)
            for column in range(width):
                bits, which = cells.get((row, column), (0, 0))
                if bits:
                    sign = GLYPHS[which % 6] if bits & POINT else "|"
                    text.append(sign if glyphs else chr(0x2800 + bits), style=COLOURS[which % 6])
                else:
                    text.append((":" if ascii_only else "┊") if column == at_mark else " ", style="dim")
            yield text
        yield Text(" " * gutter + " " + corner + floor * width, style="dim", no_wrap=True)
        x_text = [" "] * (width + gutter + 12)
        n_ticks = max(width // 12, 2)
        for tick in log_ticks(x_low, x_high, n_ticks) if log_x else round_ticks(x_low, x_high, n_ticks):
            place = gutter + 2 + across(tick) // a_cell
            name = f"{tick:g}" if tick < 1e5 else f"{tick:.0e}"
            place = min(place, gutter + 2 + width - len(name))
            if x_text[place - 1] == " ":
                x_text[place : place + len(name)] = name
        label = self.x_label
        line_text = "".join(x_text).rstrip()
        if len(line_text) + len(label) + 2 <= min(options.max_width, WIDEST):
            line_text += f"  {label}"
        yield Text(line_text, style="dim", no_wrap=True)
        entries = [
            (f"{GLYPHS[which % 6] if glyphs else '━'} {s.name} {line[-1][1]:.3g}", COLOURS[which % 6])
            for which, (s, line) in enumerate(zip(self.series, points, strict=True))
            if line
        ]
        if self.mark is not None:
            entries.append((f"{':' if ascii_only else '┊'} best {self.x_label} {self.mark:g}", "dim"))
        yield from legend(entries, gutter + 2, options.max_width)


def legend(entries: Sequence[tuple[str, str]], indent: int, most: int) -> Iterator[Text]:
    """Text and style of each entry, as many on a line as fit whole."""
    line = Text(" " * indent)
    for text, style in entries:
        if len(line) > indent and line.cell_len + cell_len(text) > most:
            yield line
            line = Text(" " * indent)
        line.append(text, style).append("   ")
    line.rstrip()
    yield line


def dots(points: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Every grid point on the straight lines between neighbours."""
    found = set(points[:1])
    for (x0, y0), (x1, y1) in pairwise(points):
        n = max(abs(x1 - x0), abs(y1 - y0), 1)
        found |= {(round(x0 + (x1 - x0) * k / n), round(y0 + (y1 - y0) * k / n)) for k in range(n + 1)}
    return found


def loss_chart(train: Sequence[float], valid: Sequence[float], best_epoch: int, height: int = 12) -> LineChart:
    """Of the losses so far: the chart does not grow with the lists."""
    series = [Series("training loss", range(1, len(train) + 1), tuple(train))]
    if valid:
        series.append(Series("validation loss", range(1, len(valid) + 1), tuple(valid)))
    return LineChart(series, best_epoch if valid and best_epoch else None, height)

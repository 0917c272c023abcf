"""Charts as inline SVG: no colour, no size and no font stands in it, only classes that the page's style knows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from mlpcli.reporter.chart import LOG_RANGE, Axis, Series, labelled, log_ticks, round_ticks
from mlpcli.reporter.html.document import Bar, Chart, NamedBars, Point
from mlpcli.reporter.html.markup import Html, element
from mlpcli.reporter.tables import number
from mlpcli.reporter.text import safe

WIDTH, HEIGHT = 400, 260  # units of a picture; a letter is 12 of them high
LETTER = 6.6  # width of a cell of text, in the same units, of the widest usual fonts
TOP, RIGHT, BOTTOM, GAP = 26, 12, 40, 6
STRIP = 28  # height of the rows' distribution below a chart
N_COLOURS = 6
BAR, LINE = 12, 16  # height of a named bar, and of a line of its name
MAX_NAME_LINES = 8


def picture(chart: Chart | NamedBars, name: str, title: str, description: str) -> Html:
    """The chart as an image with a title and a description; `name` makes its ids its own."""
    width_height, content = DRAWN[type(chart)](chart)
    return element(
        "svg",
        {"role": "img", "viewBox": f"0 0 {width_height[0]} {width_height[1]}", "aria-labelledby": f"{name}t {name}d"},
        element("title", {"id": f"{name}t"}, title),
        element("desc", {"id": f"{name}d"}, description),
        *content,
    )


def legend(lines: Sequence[Series]) -> Html:
    """Which line is which, where there are several."""
    keys = (
        element(
            "li", {},
            element(
                "svg", {"class": "key", "viewBox": "0 0 24 8", "aria-hidden": "true"},
                element("path", {"class": stroke(lines, i), "d": "M0 4H24"}),
            ),
            " ", line.name,
        )
        for i, line in enumerate(lines)
    )  # fmt: skip
    return element("ul", {"class": "legend"}, *keys) if len(lines) > 1 else Html("")


def stroke(lines: Sequence[Series], i: int) -> str:
    """The classes of line i: a colour with its dashes; of pairs one is whole, and the other, its partner, is dotted."""
    partner = lines[i].partner
    colour = sum(line.partner is None for line in lines[: i if partner is None else partner]) % N_COLOURS + 1
    are_pairs = any(line.partner is not None for line in lines)
    return f"c{colour}" + (f" {'whole' if partner is None else 'partner'}" if are_pairs else "")


# --- charts with two axes ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Frame:
    """Where values lie on the picture."""

    x: Axis
    y: Axis
    left: float
    bottom: float
    x_ticks: Mapping[float, str]
    y_ticks: Mapping[float, str]

    def across(self, value: float) -> str:
        return shown(self.left + self.share(self.x, value) * (WIDTH - RIGHT - self.left))

    def down(self, value: float) -> str:
        return shown(self.bottom - self.share(self.y, value) * (self.bottom - TOP))

    @staticmethod
    def share(axis: Axis, value: float) -> float:
        """0 at the low end of the axis, 1 at its high end; within these."""
        place = (axis.scaled(value) - axis.low) / (axis.high - axis.low)
        return min(max(place, 0.0), 1.0)


def shown(place: float) -> str:
    return f"{place:.1f}".removesuffix(".0")


def chart_content(chart: Chart) -> tuple[tuple[int, int], list[Html]]:
    """Size and elements of a chart."""
    frame = frame_of(chart)
    if frame is None:
        return (WIDTH, 40), [element("text", {"x": 0, "y": 24}, "nothing to draw: no value is finite")]
    height = HEIGHT + (STRIP if chart.strip else 0)
    content = [*grid_lines(frame), *labels(frame, chart)]
    if chart.bars:
        content.append(element("path", {"class": "bar", "d": bars_path(chart.bars, frame.across, frame.down, frame)}))
    if chart.guide:
        content.append(element("path", {"class": "guide", "d": line_path(chart.guide, frame)}))
    if chart.mark is not None:
        at = frame.across(chart.mark)
        content.append(element("path", {"class": "mark", "d": f"M{at} {TOP}V{shown(frame.bottom)}"}))
    content += [element("circle", {"class": "dot", "cx": frame.across(x), "cy": frame.down(y), "r": 2.5})
                for x, y in chart.dots]  # fmt: skip
    for i, line in enumerate(chart.lines):
        content += (drawn_points if chart.are_points else drawn_line)(line, stroke(chart.lines, i), frame)
    if chart.strip:
        top, floor = HEIGHT + 4, HEIGHT + STRIP - 2
        most = max(height for _, _, height in chart.strip) or 1.0
        content.append(element("path", {
            "class": "strip",
            "d": bars_path(chart.strip, frame.across, lambda v: shown(floor - v / most * (floor - top)), frame, floor),
        }))  # fmt: skip
    return (WIDTH, height), content


def frame_of(chart: Chart) -> Frame | None:
    """The axes on which everything fits; None where nothing is finite."""
    points = [p for s in chart.lines for p in zip(s.x, s.y, strict=True)] + [*chart.dots, *chart.guide]
    points += [p for s in chart.lines if len(s.low) for ends in (s.low, s.high) for p in zip(s.x, ends, strict=True)]
    points += [p for low, high, height in chart.bars for p in ((low, 0.0), (high, height))]
    finite = [(float(x), float(y)) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if not finite:
        return None
    xs, ys = (list(side) for side in zip(*finite, strict=True))
    xs += [v for low, high, _ in chart.strip for v in (low, high)]
    log_x = chart.log_x and min(xs) > 0
    log_y = chart.y_range is None and not chart.bars and min(ys) > 0 and max(ys) / min(ys) > LOG_RANGE
    x = axis_of(chart.x_range or (min(xs), max(xs)), log_x, 0.0 if chart.x_range or chart.log_x or chart.bars else 0.02)
    y = axis_of(chart.y_range or (min(ys), max(ys)), log_y, 0.0 if chart.y_range else 0.05)
    if chart.bars:
        y = Axis(0.0, y.high, y.n, False)
    y_ticks = ticks_of(y, 5)
    left = max(map(cell_len, y_ticks.values()), default=1) * LETTER + 2 * GAP
    x_ticks = ticks_of(x, 5) if chart.write_x is None else written_ticks([x for x, _ in finite], chart.write_x)
    return Frame(x, y, left, HEIGHT - BOTTOM, x_ticks, y_ticks)


def axis_of(ends: tuple[float, float], is_log: bool, margin: float) -> Axis:
    """An axis of these ends, wider where they are one."""
    axis = Axis.of(ends, 2, is_log, margin)
    return axis if axis.high > axis.low else Axis(axis.low - 0.5, axis.high + 0.5, 2, is_log)


def ticks_of(axis: Axis, n: int) -> Mapping[float, str]:
    """About n ticks that lie on the axis."""
    if axis.is_log:
        return labelled(log_ticks(10**axis.low, 10**axis.high, n))
    return labelled([t for t in round_ticks(axis.low, axis.high, n) if axis.low <= t <= axis.high])


def written_ticks(places: Sequence[float], write: Callable[[float], str]) -> Mapping[float, str]:
    """Ticks of values that are no plain numbers: the ends, and what is nearest to the middle between them."""
    low, high = min(places), max(places)
    middle = min(places, key=lambda place: abs(place - (low + high) / 2))
    return {place: write(place) for place in (low, middle, high)}


def grid_lines(frame: Frame) -> Iterator[Html]:
    """Lines at the ticks and their labels."""
    right, floor = shown(WIDTH - RIGHT), shown(frame.bottom)
    for tick, text in frame.y_ticks.items():
        at = frame.down(tick)
        yield element("path", {"class": "grid", "d": f"M{shown(frame.left)} {at}H{right}"})
        yield element("text", {"class": "y", "x": shown(frame.left - GAP), "y": shown(float(at) + 4)}, text)
    yield element("path", {"class": "axis", "d": f"M{shown(frame.left)} {floor}H{right}"})
    last = -math.inf
    for tick, text in frame.x_ticks.items():
        half = cell_len(text) * LETTER / 2
        place = max(min(float(frame.across(tick)), WIDTH - half), half)
        if place - half > last:
            yield element("text", {"class": "x", "x": shown(place), "y": shown(frame.bottom + 16)}, text)
            last = place + half + GAP


def labels(frame: Frame, chart: Chart) -> Iterator[Html]:
    """What the axes are, the vertical one's above it."""
    logs = [
        f"{name} (log)" if axis.is_log else name for name, axis in ((chart.x_label, frame.x), (chart.y_label, frame.y))
    ]
    x_label, y_label = (safe(text, int((WIDTH - 2 * GAP) / LETTER)) for text in logs)
    yield element("text", {"class": "label", "x": GAP, "y": 14}, y_label)
    yield element("text", {"class": "label end", "x": WIDTH - RIGHT, "y": shown(frame.bottom + 34)}, x_label)


def drawn_line(line: Series, style: str, frame: Frame) -> Iterator[Html]:
    """The interval of a line, and the line, or a dot where it has one point."""
    points = finite(line.x, line.y)
    if len(line.low) and len(points) > 1:
        around = [*finite(line.x, line.low), *reversed(finite(line.x, line.high))]
        yield element("path", {"class": f"band {style}", "d": line_path(around, frame) + "Z"})
    if len(points) == 1:
        yield from drawn_points(line, style, frame)
    elif points:
        yield element("path", {"class": f"line {style}", "d": line_path(points, frame)})


def drawn_points(line: Series, style: str, frame: Frame) -> Iterator[Html]:
    """A dot for each point, with its interval."""
    for x, low, high in zip(line.x, line.low, line.high, strict=True) if len(line.low) else ():
        at = frame.across(x)
        yield element("path", {"class": "whisker", "d": f"M{at} {frame.down(low)}V{frame.down(high)}"})
    for x, y in finite(line.x, line.y):
        yield element("circle", {"class": f"point {style}", "cx": frame.across(x), "cy": frame.down(y), "r": 4})


def finite(xs: Sequence[float], ys: Sequence[float]) -> list[Point]:
    """The points that can be drawn."""
    points = zip(map(float, xs), map(float, ys), strict=True)
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]


def line_path(points: Sequence[Point], frame: Frame) -> str:
    """Path data through the points."""
    return "M" + "L".join(f"{frame.across(x)} {frame.down(y)}" for x, y in points)


def bars_path(
    bars: Sequence[Bar], across: Callable[[float], str], down: Callable[[float], str], frame: Frame,
    floor: float | None = None,
) -> str:  # fmt: skip
    """Path data of upright bars."""
    ground = shown(frame.bottom if floor is None else floor)
    return "".join(
        f"M{across(low)} {ground}V{down(height)}H{across(high)}V{ground}Z" for low, high, height in bars if height
    )


# --- bars with names --------------------------------------------------------------------------------------


def bars_content(chart: NamedBars) -> tuple[tuple[int, int], list[Html]]:
    """Size and elements of bars, each below its name."""
    ends = [0.0, *(v for _, *values in chart.rows for v in values if math.isfinite(v))]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0
    right = WIDTH - 10 * LETTER  # room for the values

    def across(value: float) -> str:
        return shown(4 + (min(max(value, low), high) - low) / span * (right - 4))

    content = [element("text", {"class": "label", "x": 0, "y": 14}, safe(chart.label, int(WIDTH / LETTER)))]
    top = 24
    for name, value, at_least, at_most in chart.rows:
        for text in name_lines(name):
            content.append(element("text", {"x": 0, "y": top + 12}, text))
            top += LINE
        start, end = sorted((0.0, value))
        content.append(element("path", {
            "class": "bar", "d": f"M{across(start)} {top}H{across(end)}V{top + BAR}H{across(start)}Z",
        }))  # fmt: skip
        if at_least < at_most:
            middle = top + BAR / 2
            content.append(element("path", {
                "class": "whisker",
                "d": f"M{across(at_least)} {shown(middle)}H{across(at_most)}M{across(at_least)} {top + 2}v{BAR - 4}"
                f"M{across(at_most)} {top + 2}v{BAR - 4}",
            }))  # fmt: skip
        content.append(element("path", {"class": "axis", "d": f"M{across(0.0)} {top - 2}v{BAR + 4}"}))
        content.append(element("text", {"class": "y", "x": WIDTH - 2, "y": top + 11}, number(value)))
        top += BAR + 8
    return (WIDTH, top + 4), content


def name_lines(name: str) -> list[str]:
    """A name whole, in lines that fit the picture."""
    lines, room = [""], int(WIDTH / LETTER)
    for char in safe(name, room * MAX_NAME_LINES):
        if cell_len(lines[-1] + char) > room:
            lines.append("")
        lines[-1] += char
    return lines


DRAWN: dict[type, Callable[..., tuple[tuple[int, int], list[Html]]]] = {Chart: chart_content, NamedBars: bars_content}

"""What a report is made of, before it is HTML or Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mlpcli.reporter.chart import LineChart, Series
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.tables import number

MAX_POINTS = 120  # of a line
MOSTLY_SHARED = 1.2  # times as many x as the longest line has, up to which lines share a table by x

Point = tuple[float, float]
Bar = tuple[float, float, float]  # from, to, height


@dataclass(frozen=True)
class Chart:
    """Lines, dots and bars over two axes. What is not finite is left out."""

    x_label: str
    y_label: str
    lines: Sequence[Series] = ()
    dots: Sequence[Point] = ()
    bars: Sequence[Bar] = ()
    strip: Sequence[Bar] = ()  # how the rows are spread over x, below the lines
    guide: Sequence[Point] = ()  # a thin line to compare with
    mark: float | None = None  # an x to look at
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    log_x: bool = False
    write_x: Callable[[float], str] | None = None  # how an x is written that is no plain number
    are_points: bool = False  # each point of a line stands for itself, with its interval

    @classmethod
    def of(cls, chart: LineChart, y_label: str) -> Chart:
        """What stands on the terminal, MAX_POINTS points of each line at most."""
        named = [
            s if s.partner is None else replace(s, name=f"{chart.series[s.partner].name}, {s.name}")
            for s in chart.series
        ]
        return cls(chart.x_label, y_label, thinned(named), mark=chart.mark, log_x=chart.log_x)


@dataclass(frozen=True)
class NamedBars:
    """A bar for each name, from 0, with its interval."""

    label: str
    rows: Sequence[tuple[str, float, float, float]]  # name, value, low, high


@dataclass(frozen=True)
class Picture:
    """A chart, what it is called, what is seen on it, and its numbers."""

    title: str
    description: str
    chart: Chart | NamedBars
    numbers: Grid


@dataclass(frozen=True)
class Item:
    """A heading and lines; `kind` is problem, warning or note."""

    kind: str
    title: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Items:
    rows: Sequence[Item]


@dataclass(frozen=True)
class Commands:
    """Lines for a shell."""

    lines: Sequence[str]


Block = str | Grid | Picture | Items | Commands


@dataclass(frozen=True)
class Section:
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """`verdict` is the one sentence for those who read no further."""

    title: str
    verdict: str
    sections: Sequence[Section]
    footer: str


@dataclass(frozen=True)
class Summary:
    """What was found, in a sentence and in blocks: the first section of a report, and what a notebook shows."""

    title: str
    verdict: str
    blocks: Sequence[Block]


def tables_of(picture: Picture) -> list[Grid]:
    """All numbers of a picture: those of its lines or bars, and how the rows are spread."""
    found, chart = [replace(picture.numbers, title=f"{picture.title}: numbers")], picture.chart
    if isinstance(chart, Chart) and chart.strip:
        write = chart.write_x or coordinate
        rows = [(write(low), write(high), coordinate(n)) for low, high, n in chart.strip]
        found.append(Grid(["from", "to", "rows"], rows, texts=(), title=f"{picture.title}: where the rows lie"))
    return found


def coordinate(value: float) -> str:
    """A whole number as it is, any other with four digits."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e9 else number(value)


def thinned(lines: Sequence[Series], *kept: float) -> list[Series]:
    """The lines at about MAX_POINTS x, the same ones where they have the same, and at those to be kept."""
    longest = max((s.x for s in lines), key=len, default=())
    step = max(len(longest) / MAX_POINTS, 1.0)
    chosen = {longest[int(k * step)] for k in range(int(len(longest) / step))} | {*kept}

    def cut(s: Series) -> Series:
        places = [i for i, x in enumerate(s.x) if x in chosen or i == len(s.x) - 1]
        x, y, low, high = ([of[i] for i in places] if len(of) else [] for of in (s.x, s.y, s.low, s.high))
        return replace(s, x=x, y=y, low=low, high=high)

    return [cut(s) for s in lines]


def line_numbers(chart: Chart) -> Grid:
    """The points of the lines: a row for each x where lines share most of them, else a row for each point."""
    lines = [s for s in chart.lines if len(s.x)]
    xs = sorted({x for s in lines for x in s.x})
    if len(xs) > MOSTLY_SHARED * max((len(s.x) for s in lines), default=0):
        rows = [[s.name, coordinate(x), number(y)] for s in lines for x, y in zip(s.x, s.y, strict=True)]
        return Grid(["line", chart.x_label, chart.y_label], rows)
    columns, cells = [chart.x_label], [[coordinate(x)] for x in xs]
    for s in lines:
        parts = [s.y, s.low, s.high] if len(s.low) else [s.y]
        columns += [s.name, f"{s.name}, low", f"{s.name}, high"][: len(parts)]
        known = {x: [number(part[i]) for part in parts] for i, x in enumerate(s.x)}
        for row, x in zip(cells, xs, strict=True):
            row += known.get(x, [""] * len(parts))
    return Grid(columns, cells, texts=())


def line_picture(title: str, description: str, chart: Chart) -> Picture:
    """A picture of lines with their points below."""
    return Picture(title, description, chart, line_numbers(chart))


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    """Words of a message as a sentence."""
    return capitalised(text) + ("" if text.endswith((".", ":")) else ".")


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}".removesuffix(".0") + " %"

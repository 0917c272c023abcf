"""What a report shows of the columns' importance and effects, as the room `explain` measured them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from mlpcli.data.header import shown_some
from mlpcli.data.kinds.protocol import Format
from mlpcli.errors import plural
from mlpcli.evaluation.explain.axes import position_text
from mlpcli.evaluation.explain.effects import Effect
from mlpcli.evaluation.explain.importance import Importance
from mlpcli.reporter.chart import Series
from mlpcli.reporter.explain import MAX_BARS, MAX_NAMED
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.html.document import Bar, Block, Chart, NamedBars, Picture
from mlpcli.reporter.tables import number

MAX_LINES = 6  # classes on one chart, those on which the column acts most


def importance_blocks(found: Importance) -> Iterator[Block]:
    """How much worse the model is without each column."""
    metric = found.metric.replace("_", " ")
    verb = "falls" if found.higher_is_better else "rises"
    first = found.columns[:MAX_BARS]
    shown = "" if len(first) == len(found.columns) else f" The first {len(first)} of {len(found.columns)} are drawn."
    rows = [
        (one.column, number(one.value), f"{one.low:.3g} to {one.high:.3g}", "" if one.is_sure else "no sure effect")
        for one in found.columns
    ]
    yield Picture(
        "Importance of the columns",
        f"By how much the {metric} ({number(found.value)}) {verb} when the cells of a column go to other rows: "
        f"{plural(found.n_rows, 'row')}, shuffled {plural(found.n_repeats, 'time')}; lines are 95 % intervals.{shown}",
        NamedBars(f"{metric}, {verb} by", [(one.column, one.value, one.low, one.high) for one in first]),
        Grid(["column", "value", "interval (95 %)", ""], rows, texts=(0, 3)),
    )
    for group in found.groups:
        yield f"Shuffled together, as they depend strongly on each other: {', '.join(group)}."
    unsure = [one.column for one in found.columns if not one.is_sure]
    if unsure:
        yield f"No sure effect, as the interval holds 0: {shown_some(unsure, MAX_NAMED)}."


def effect_picture(found: Effect, form: Format | None) -> Picture:
    """How the answer changes along a column, whose cells are written in this form."""
    return ordered_picture(found, form) if found.is_ordered else level_picture(found)


def ordered_picture(found: Effect, form: Format | None) -> Picture:
    """Along numbers or times: a line for each output, and the rows' distribution below."""
    xs = [float(place) for place in found.at if place is not None]
    write = partial(position_text, form=form)
    lines = [Series(found.outputs[k], xs, found.values[k]) for k in found.main_outputs(MAX_LINES)]
    rows = [(write(x), *(number(values[i]) for values in found.values)) for i, x in enumerate(xs)]
    edges = np.linspace(xs[0], xs[-1], len(found.rows) + 1).tolist()
    strip: list[Bar] = list(zip(edges[:-1], edges[1:], map(float, found.rows), strict=True))
    return Picture(
        f"Effect of {found.column}",
        f"{changes(found, lines[0].name)} Below the line: where the {plural(found.n_rows, 'row')} lie.",
        Chart(found.column, "difference from the mean answer", lines, strip=strip, guide=((xs[0], 0), (xs[-1], 0)),
              write_x=write),
        Grid([found.column, *found.outputs], rows, texts=()),
    )  # fmt: skip


def level_picture(found: Effect) -> Picture:
    """Along the levels of a category: a bar each, of the output on which it acts most."""
    names = [position_text(place, None) for place in found.at]
    drawn = found.main_outputs(1)[0]
    bars = [
        (f"{name} ({plural(n, 'row')})", value, value, value)
        for name, n, value in zip(names, found.rows, found.values[drawn], strict=True)
    ]
    rows = [
        (name, str(n), *(number(values[i]) for values in found.values))
        for i, (name, n) in enumerate(zip(names, found.rows, strict=True))
    ]
    return Picture(
        f"Effect of {found.column}", changes(found, found.outputs[drawn]),
        NamedBars("difference from the mean answer", bars), Grid([found.column, "rows", *found.outputs], rows),
    )  # fmt: skip


def changes(found: Effect, output: str) -> str:
    """What the differences are."""
    mean = ", ".join(f"{name} {number(value)}" for name, value in zip(found.outputs, found.mean, strict=True))
    if len(found.outputs) == 1:
        return f"How the prediction differs from the mean one ({mean}), by {found.method}."
    if len(found.outputs) == 2:
        return f"How the probability of {output} differs from the mean one ({mean}), by {found.method}."
    return f"How the probability of each class differs from the mean one, by {found.method}."

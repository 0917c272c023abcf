"""What `explain` shows: ranked bars, curves with the rows below them, a map of two columns, and one answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from rich.console import RenderableType
from rich.text import Text

from mlpcli.data.header import shown_some
from mlpcli.data.kinds.protocol import Format
from mlpcli.errors import plural
from mlpcli.evaluation.explain.axes import Position, position_text
from mlpcli.evaluation.explain.effects import Effect, JointEffect
from mlpcli.evaluation.explain.importance import Importance
from mlpcli.evaluation.explain.row import RowExplanation
from mlpcli.evaluation.explain.rows import ExplainedRows
from mlpcli.model.trained import TrainedModel
from mlpcli.reporter.bars import Bar, Bars
from mlpcli.reporter.chart import LineChart, Series
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.heatmap import Heatmap, MapAxis
from mlpcli.reporter.tables import number
from mlpcli.reporter.text import safe

MAX_BARS = 20  # columns with a bar
MAX_NAMED = 50  # columns without sure effect
MAX_CURVES = 5  # classes with a curve, those on which the column acts most; as many as there are colours
MAX_CONTRIBUTIONS = 10  # of one answer
CURVE_HEIGHT = 7
METHOD_NOTE = (
    "effects are accumulated local effects: each row is moved only to neighbouring values, so that columns which "
    "depend on each other stay as they occur together"
)


def importance_view(model: TrainedModel, rows: ExplainedRows, found: Importance) -> Iterator[RenderableType]:
    """How much worse the metric gets without each column, the most important first."""
    yield f"{rows.name}: explained on {rows.description}, target {model.schema.target.name}"
    what = f"{'fall' if found.higher_is_better else 'rise'} of {found.metric} ({number(found.value)})"
    many = f"{found.n_repeats} times" + (f" on {found.n_rows:,} of these rows" if found.n_rows < len(rows) else "")
    yield Text("\nimportance", style="bold")
    yield f"{what} where a column is shuffled, {many}; 95 % interval"
    sure = [one for one in found.columns if one.is_sure]
    if sure:
        texts = [f"{number(one.value)} ({one.low:.3g} to {one.high:.3g})" for one in sure]
        yield Bars([Bar(one.column, one.value, text) for one, text in zip(sure, texts, strict=True)][:MAX_BARS])
    if len(sure) > MAX_BARS:
        yield f"and {plural(len(sure) - MAX_BARS, 'column')} of less importance (--json lists all)"
    unsure = [one.column for one in found.columns if not one.is_sure]
    if unsure:
        yield f"no sure effect: {shown_some(unsure, MAX_NAMED)}"
    for group in found.groups:
        yield f"shuffled together, for they depend on each other: {', '.join(group)} (--group-correlated 1 parts them)"


def effects_view(model: TrainedModel, found: Sequence[Effect]) -> Iterator[RenderableType]:
    """The effect of each column, numbers and times as curves, levels as bars."""
    for effect in found:
        chosen = effect.main_outputs(MAX_CURVES)
        means = ", ".join(f"{effect.outputs[i]} (mean {number(effect.mean[i])})" for i in chosen)
        what = "the probability of " if model.labels else ""
        yield Text("\n" + safe(f"effect of {effect.column} on {what}{means}", 400), style="bold")
        if effect.is_ordered:
            yield curve(model, effect, chosen)
        else:
            yield levels(effect, chosen)
        if effect.n_missing:
            yield f"without {plural(effect.n_missing, 'row')} of another value or of none"


def curve(model: TrainedModel, effect: Effect, chosen: Sequence[int]) -> LineChart:
    """Curves above the distribution of the rows."""
    at, form = [float(place or 0) for place in effect.at], form_of(model, effect.column)
    series = [Series(safe(effect.outputs[i], 30), at, effect.values[i]) for i in chosen]
    return LineChart(
        series, height=CURVE_HEIGHT, x_label=safe(effect.column, 20), rows=effect.rows, last_values=False,
        x_text=lambda tick: position_text(tick, form).partition("T")[0],
    )  # fmt: skip


def levels(effect: Effect, chosen: Sequence[int]) -> Bars | Grid:
    """A bar for each level, or a table where there are several outputs."""
    names = [position_text(place, None) for place in effect.at]
    if len(chosen) == 1:
        values = effect.values[chosen[0]]
        rows = zip(names, values, effect.rows, strict=True)
        return Bars([Bar(name, value, f"{signed(value)}  {plural(n, 'row')}") for name, value, n in rows])
    columns = [[signed(value) for value in effect.values[i]] for i in chosen]
    cells = [(name, f"{n:,}", *each) for name, n, *each in zip(names, effect.rows, *columns, strict=True)]
    return Grid([effect.column, "rows", *(effect.outputs[i] for i in chosen)], cells)


def signed(value: float) -> str:
    return f"{value:+.3g}"


def form_of(model: TrainedModel, name: str) -> Format | None:
    return model.schema.formats()[name]


def joint_view(model: TrainedModel, found: JointEffect) -> Iterator[RenderableType]:
    """The map of two columns."""
    values = np.asarray(found.values)
    what = f"probability of {found.output}" if model.labels else f"answer {found.output}"
    yield Text("\n" + safe(f"{found.columns[0]} and {found.columns[1]}: {what}", 400), style="bold")
    across, up = (map_axis(model, name, at) for name, at in zip(found.columns, found.at, strict=True))
    yield Heatmap(across, up, values, np.asarray(found.rows) == 0)
    yield (
        f"mean {number(found.mean)}; together they do up to {number(found.interaction)} more than the sum of both "
        "effects; nothing is drawn where no rows are"
    )


def map_axis(model: TrainedModel, name: str, at: Sequence[Position]) -> MapAxis:
    form = form_of(model, name)
    if form is None:
        return MapAxis(name, range(len(at)), lambda place: position_text(at[int(place)], None), is_ordered=False)
    return MapAxis(name, [float(place or 0) for place in at], lambda place: position_text(place, form))


def row_view(model: TrainedModel, found: RowExplanation) -> Iterator[RenderableType]:
    """What made one answer."""
    target = model.schema.target.name
    answer = f"{found.answer}, probability {number(found.output)}" if model.labels else number(found.output)
    yield f"row {found.row} (line {found.line} of {found.file}): {target} {answer}"
    yield f"mean {number(found.mean)} of {found.background}, and what each column adds to it:"
    shown, rest = found.contributions[:MAX_CONTRIBUTIONS], found.contributions[MAX_CONTRIBUTIONS:]
    bars = [Bar(f"{one.column} = {one.cell or '(missing)'}", one.value, signed(one.value)) for one in shown]
    if rest:
        total = sum(one.value for one in rest)
        bars.append(Bar(plural(len(rest), "other column"), total, signed(total)))
    yield Bars(bars)
    error = max(one.error for one in found.contributions)
    yield f"together {signed(found.output - found.mean)}; sampled, each to about {error:.1g} (95 %)"
    yield change_line(model, found)


def change_line(model: TrainedModel, found: RowExplanation) -> str:
    """What would have to change for another answer."""
    change = found.change
    turned = "another answer" if model.labels else "an answer on the other side of the mean"
    if change is None:
        return f"no change of one column alone gives {turned}"
    # All digits: a rounded number might not turn it.
    to = position_text(change.to, form_of(model, change.column), 15)
    answer = f"{change.answer}, probability {number(change.output)}" if model.labels else number(change.output)
    return f"nearest change of one column that gives {turned}: {change.column} to {to}: {answer}"

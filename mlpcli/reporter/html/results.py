"""What a notebook shows of a result of the library: the pieces of a report, and what a command shows beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from mlpcli.diagnosis.findings import CHECKS, Finding
from mlpcli.errors import plural
from mlpcli.evaluation.comparison import ModelComparison
from mlpcli.evaluation.details import details_of
from mlpcli.evaluation.drift import Drift
from mlpcli.evaluation.evaluate import Evaluation
from mlpcli.evaluation.explain.axes import position_text
from mlpcli.evaluation.explain.effects import JointEffect
from mlpcli.evaluation.explain.explanation import Explanation
from mlpcli.evaluation.explain.row import RowExplanation
from mlpcli.model.trained import TrainedModel
from mlpcli.reporter.drift import drift_line, promised_grid, shifts_grid
from mlpcli.reporter.explain import METHOD_NOTE, change_line
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.html.document import Block, NamedBars, Picture, Summary, sentence
from mlpcli.reporter.html.explanation import effect_picture, importance_blocks
from mlpcli.reporter.html.model import curve_blocks, details_blocks, findings_blocks, goodness
from mlpcli.reporter.html.verdict import verdict
from mlpcli.reporter.model import model_facts
from mlpcli.reporter.model_comparison import disagreement_line, metrics_grid, rows_grid
from mlpcli.reporter.tables import columns_table, number


def model_summary(model: TrainedModel) -> Summary:
    """What a model is, how it learned, and what becomes of each column."""
    facts = model_facts(model)
    blocks = [Grid(["what", "value"], [*facts.items()], (0, 1)), *curve_blocks(model)]
    columns = columns_table(model.schema.columns)
    blocks.append(Grid(columns.columns, columns.rows, columns.texts, "What the model does with each column"))
    made = f"trained on {model.record.data.path}: {facts['rows']}; validation: {facts['validation']}"
    return Summary(f"a model of {model.schema.target.name}", sentence(made), blocks)


def evaluation_summary(model: TrainedModel, found: Evaluation, findings: Sequence[Finding]) -> Summary:
    """How good a model is, what to know of it, and which mistakes it makes."""
    blocks = [*goodness(found)] if found.metrics else []
    blocks += findings_blocks(findings, CHECKS)
    details = details_of(model, found)
    if details is not None:
        blocks += details_blocks(model, details)
    return Summary(f"evaluation on {found.data}", verdict(model, found, findings), blocks)


def model_comparison_summary(found: ModelComparison) -> Summary:
    """Two models on the same rows."""
    blocks: list[Block] = [sentence(f"left out: {plural(n, 'row')} {why}") for why, n in found.left_out.items()]
    blocks += [*map(sentence, found.notes), metrics_grid(found, verbose=True)]
    if len(found.disagreements.rows):
        blocks.append(rows_grid(found.disagreements))
    title = f"the new model against the old one on {plural(found.n_rows, 'row')} of {found.data}"
    return Summary(title, sentence(disagreement_line(found)), blocks)


def drift_summary(found: Drift) -> Summary:
    """How new rows stand to the training rows."""
    blocks: list[Block] = [*map(sentence, found.notes), shifts_grid(found.shifts)]
    if found.metrics and found.promised:
        blocks.append(promised_grid(found, verbose=True))
    title = f"{plural(found.n_rows, 'row')} of {found.data} beside the training rows"
    return Summary(title, sentence(drift_line(found)), blocks)


def explanation_summary(model: TrainedModel, found: Explanation) -> Summary:
    """Everything that was asked for, as `explain` shows it."""
    rows = "" if found.rows is None else f" on {found.rows.description} of {found.rows.name}"
    return Summary(f"{model.schema.target.name} explained{rows}", spoken(model, found), [*explained(model, found)])


def spoken(model: TrainedModel, found: Explanation) -> str:
    """The first thing that was found, in a sentence."""
    if found.explained:
        one = found.explained[0]
        first = one.contributions[0]
        answer = f"{one.answer}, probability {number(one.output)}" if model.labels else number(one.output)
        most = f"{first.column} ({first.cell or 'missing'}) contributes most, {first.value:+.3g}"
        return sentence(f"the answer to row {one.row} is {answer}; {most}")
    if found.importance is not None:
        sure = [one.column for one in found.importance.columns if one.is_sure]
        return sentence(f"the answers depend most on {sure[0]}" if sure else "no column has a sure effect")
    return sentence(f"how the answer changes along {' and '.join(one.column for one in found.effects)}")


def explained(model: TrainedModel, found: Explanation) -> Iterator[Block]:
    formats = model.schema.formats()
    if found.importance is not None:
        yield from importance_blocks(found.importance)
    yield from (effect_picture(one, formats[one.column]) for one in found.effects)
    if found.joint is not None:
        yield joint_grid(model, found.joint)
    if found.effects:
        yield sentence(METHOD_NOTE)
    for one in found.explained:
        yield contribution_picture(one)
        yield sentence(change_line(model, one))


def joint_grid(model: TrainedModel, found: JointEffect) -> Grid:
    """The answer at each pair of positions."""
    forms = [model.schema.formats()[name] for name in found.columns]
    down, across = ([position_text(place, form) for place in at] for at, form in zip(found.at, forms, strict=True))
    rows = [(name, *map(number, values)) for name, values in zip(down, found.values, strict=True)]
    title = f"{found.output} by {found.columns[0]} (down) and {found.columns[1]} (across)"
    return Grid([found.columns[0], *across], rows, title=title)


def contribution_picture(found: RowExplanation) -> Picture:
    """What each column contributes to one answer."""
    named = [(f"{one.column} = {one.cell or '(missing)'}", one) for one in found.contributions]
    bars = [(name, one.value, one.value - one.error, one.value + one.error) for name, one in named]
    rows = [(name, number(one.value), f"{one.error:.2g}") for name, one in named]
    return Picture(
        f"Row {found.row}: contributions",
        f"From the mean answer {number(found.mean)} of {found.background} to {number(found.output)}.",
        NamedBars("contribution", bars), Grid(["column", "contribution", "error (95 %)"], rows),
    )  # fmt: skip


def predictions_summary(target: str, answers: pd.Series, frame: pd.DataFrame) -> Summary:
    """Answers row by row, and how often which, or from where to where."""
    if answers.dtype.kind == "f":
        low, high = (number(float(end)) for end in (answers.min(), answers.max())) if len(answers) else ("", "")
        said = f"{plural(len(answers), 'row')}: {low} to {high}, median {number(float(answers.median()))}"
    else:
        counts = answers.value_counts(sort=False).sort_values(ascending=False, kind="stable")
        each = ", ".join(f"{n:,} {label}" for label, n in counts.items())
        said = f"{plural(len(answers), 'row')}: {each}"
    texts = [0, *(i for i, name in enumerate(frame.columns, 1) if frame[name].dtype.kind not in "fiu")]
    cells = [
        (str(i), *(number(float(cell)) if isinstance(cell, float | np.floating) else str(cell) for cell in row))
        for i, row in enumerate(frame.itertuples(index=False), 1)
    ]
    return Summary(f"predictions of {target}", sentence(said), [Grid(["row", *map(str, frame.columns)], cells, texts)])

"""What `evaluate` shows: metrics beside baselines, and which mistakes the model makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from mlpcli.diagnosis.findings import Finding
from mlpcli.errors import plural
from mlpcli.evaluation.coverage import Answered
from mlpcli.evaluation.details import residual_quantiles
from mlpcli.evaluation.evaluate import Evaluation
from mlpcli.metrics.confusion import confusion, per_class
from mlpcli.metrics.scoring import decide
from mlpcli.model.certainty import USUAL_LEVEL
from mlpcli.model.trained import TrainedModel
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.tables import confusion_table, finding_lines, metrics_table, number


def evaluation_view(
    model: TrainedModel, found: Evaluation, findings: Sequence[Finding], is_named: bool, verbose: bool
) -> Iterator[RenderableType]:
    """`is_named`: the user named the file that was scored."""
    yield f"{found.data}: evaluated on {plural(len(found.y), 'row')}, target {model.schema.target.name}"
    if is_named and "train" in found.metrics:
        yield "this is the file the model was trained on: only its test rows are evaluated"
    yield metrics_table(found.metrics, found.baselines, verbose)
    yield from found.notes
    yield from trust_lines(model, found, verbose)
    yield from class_tables(model, found) if model.labels else [residual_table(found)]
    yield from ["", *finding_lines(findings)] if findings else []


def class_tables(model: TrainedModel, found: Evaluation) -> Iterator[Grid]:
    """Which class is taken for which, and precision and recall of each."""
    counts = confusion(found.y.astype(int), decide(found.outputs, model.record.rule), len(model.labels))
    yield confusion_table(model.labels, counts.tolist())
    rows = [
        (label, f"{p:.3f}", f"{r:.3f}", f"{f:.3f}", str(n))
        for label, p, r, f, n in zip(model.labels, *per_class(counts), strict=True)
    ]
    yield Grid(["class", "precision", "recall", "f1", "rows"], rows)


def trust_lines(model: TrainedModel, found: Evaluation, verbose: bool) -> Iterator[RenderableType]:
    """What was promised beside what held, and what the surest answers are worth."""
    what, size = ("label sets", "labels") if model.labels else ("intervals", "width")
    for one in found.coverage:
        if verbose or one.level == USUAL_LEVEL:
            low, high = (round(100 * end) for end in (one.held.low, one.held.high))
            yield (
                f"{100 * one.level:.0f} % {what} held {100 * one.held.value:.0f} % ({low} to {high} %) of "
                f"{plural(one.n, 'row')}, "
                f"mean {size} {number(one.size)}"
            )
    if any(one.is_missed for one in found.coverage):
        yield f"warning: {what} hold fewer rows than promised: these are not like the rows that validated the model"
    if found.answered:
        yield answered_table(model, found.answered, verbose)


def answered_table(model: TrainedModel, found: Sequence[Answered], verbose: bool) -> Grid:
    """The metric of the surest rows, and the flag that leaves the others without an answer."""
    metric, flag = ("accuracy", "--min-confidence") if model.labels else ("mae", "--max-width")
    shown = found if verbose else found[::2]
    rows = [(metric, *(number(one.value) for one in shown)), (flag, *(number(one.bound) for one in shown))]
    return Grid(
        ["answered", *(f"{100 * one.share:.0f} %" for one in shown)],
        rows,
        title="if only the surest rows get an answer",
    )


def residual_table(found: Evaluation) -> Grid:
    cuts = residual_quantiles(found)
    rows = [("residual", *map(number, cuts.values()))]
    return Grid(["", *cuts], rows, title="residuals (prediction - truth), quantiles")

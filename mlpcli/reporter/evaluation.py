"""What `evaluate` shows: metrics beside baselines, and which mistakes the model makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from rich.console import RenderableType

from mlpcli.diagnosis.findings import Finding
from mlpcli.errors import plural
from mlpcli.evaluation.evaluate import Evaluation
from mlpcli.metrics.scoring import confusion, decide, per_class
from mlpcli.model.trained import TrainedModel
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.tables import confusion_table, finding_lines, metrics_table, number

RESIDUALS = {"5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95}


def evaluation_view(
    model: TrainedModel, found: Evaluation, findings: Sequence[Finding], is_named: bool, verbose: bool
) -> Iterator[RenderableType]:
    """`is_named`: the user named the file that was scored."""
    yield f"{found.data}: evaluated on {plural(len(found.y), 'row')}, target {model.schema.target.name}"
    if is_named and "train" in found.metrics:
        yield "this is the file the model was trained on: only its test rows are evaluated"
    yield metrics_table(found.metrics, found.baselines, verbose)
    yield from found.notes
    yield from class_tables(model, found) if model.labels else [residual_table(found)]
    yield from ["", *finding_lines(findings)] if findings else []


def class_tables(model: TrainedModel, found: Evaluation) -> Iterator[Grid]:
    """Which class is taken for which, and precision and recall of each."""
    counts = confusion(found.y.astype(int), decide(found.outputs, model.record.threshold), len(model.labels))
    yield confusion_table(model.labels, counts.tolist())
    rows = [
        (label, f"{p:.3f}", f"{r:.3f}", f"{f:.3f}", str(n))
        for label, p, r, f, n in zip(model.labels, *per_class(counts), strict=True)
    ]
    yield Grid(["class", "precision", "recall", "f1", "rows"], rows)


def residual_table(found: Evaluation) -> Grid:
    cuts = np.quantile(found.outputs - found.y, list(RESIDUALS.values()))
    return Grid(["", *RESIDUALS], [("residual", *map(number, cuts))], title="residuals (prediction - truth), quantiles")

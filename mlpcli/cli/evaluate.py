"""`mlpcli evaluate`: the honest numbers of a model."""

from __future__ import annotations

import json as jsonlib
import sys
from typing import Annotated, Any

import typer

from mlpcli.cli.answers import answer, check_gates, read_gates
from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.options import Gates, Json, ModelFile, OtherData, Quiet, Sectioned, Verbose, settings_of, with_settings
from mlpcli.config import ReadOptions
from mlpcli.errors import DataError, UsageError


@app.command(cls=Sectioned, short_help="Score a model on its test rows, or on another CSV file.")
@with_error_boundary
@with_settings(ReadOptions)
def evaluate(
    model: ModelFile,
    data: OtherData = None,
    *,
    metric: Annotated[str | None, typer.Option("--metric", help="Print this one number and nothing else.")] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    fail_under: Gates = None,
    **settings: Any,
) -> None:
    """Score a model on the test rows it never saw, or on another CSV file.

    \b
    mlpcli evaluate model.npz
    mlpcli evaluate model.npz other.csv --fail-under accuracy=0.9
    mlpcli evaluate model.npz --metric auc
    """
    _, options = settings_of(None, settings)
    gates = read_gates(fail_under)
    from mlpcli.diagnosis.findings import findings
    from mlpcli.evaluation.evaluate import evaluate as evaluated
    from mlpcli.metrics.scoring import confusion, decide, metrics_of, per_class
    from mlpcli.model.trained import load
    from mlpcli.training.networks import build_loss

    loaded = load(model)
    known = metrics_of(build_loss(loaded.config))
    if metric is not None and metric not in known:
        raise UsageError(f"--metric: no metric '{metric}' for {loaded.task}", "one of " + ", ".join(known))
    result = evaluated(loaded, data, options, linear=metric is None)
    if "test" not in result.metrics:
        raise DataError("the model kept no test rows", "name a CSV: mlpcli evaluate MODEL DATA", file=model)
    if metric is not None:
        print(f"{result.metrics['test'][metric].value:.6g}")
    elif json:
        history = loaded.record.history
        print(jsonlib.dumps(answer(loaded, result, findings(loaded, result), model, history), allow_nan=False))
    elif not quiet:
        from mlpcli.reporter.grid import Grid
        from mlpcli.reporter.tables import confusion_table, finding_lines, metrics_table
        from mlpcli.reporter.text import make_console, safe

        console = make_console(sys.stdout)
        console.print(f"{safe(result.data)}: {len(result.y)} rows judged, target {safe(loaded.schema.target.name)}")
        if data is not None and "train" in result.metrics:
            console.print("this is the file the model was trained on: only its test rows are judged", soft_wrap=True)
        console.print(metrics_table(result.metrics, result.baselines, verbose))
        if loaded.labels:
            counts = confusion(
                result.y.astype(int), decide(result.outputs, loaded.record.threshold), len(loaded.labels)
            )
            console.print(confusion_table(loaded.labels, counts.tolist()))
            found = per_class(counts)
            rows = [
                (label, f"{p:.3f}", f"{r:.3f}", f"{f:.3f}", str(n))
                for label, p, r, f, n in zip(loaded.labels, *found, strict=True)
            ]
            console.print(Grid(["class", "precision", "recall", "f1", "rows"], rows))
        else:
            import numpy as np

            errors = result.outputs - result.y
            cuts = np.quantile(errors, [0.05, 0.25, 0.5, 0.75, 0.95])
            names = ["residual (prediction - truth)", "5 %", "25 %", "median", "75 %", "95 %"]
            console.print(Grid(names, [("", *(f"{c:.4g}" for c in cuts))]))
        for line in ["", *finding_lines(findings(loaded, result))]:
            console.print(line, soft_wrap=True)
    check_gates(gates, result)

"""`mlpcli evaluate`: the honest numbers of a model."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.gates import read_gates
from mlpcli.cli.options import (
    FailUnder,
    Json,
    ModelFile,
    OtherData,
    Quiet,
    Sectioned,
    Verbose,
    settings_of,
    with_settings,
)
from mlpcli.config.settings import ReadOptions
from mlpcli.errors import DataError, UsageError

if TYPE_CHECKING:
    from mlpcli.model.trained import TrainedModel


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
    fail_under: FailUnder = None,
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
    from mlpcli.evaluation import evaluate as evaluation
    from mlpcli.model.trained import load
    from mlpcli.reporter.answers import model_answer, print_answer
    from mlpcli.reporter.evaluation import evaluation_view
    from mlpcli.reporter.text import make_console

    loaded = load(model)
    check_metric(metric, loaded)
    result = evaluation.evaluate(loaded, data, options, linear=metric is None)
    if "test" not in result.metrics:
        raise DataError("the model kept no test rows", "name a CSV: mlpcli evaluate MODEL DATA", file=model)
    if metric is not None:
        print(f"{result.metrics['test'][metric].value:.6g}")
    elif json:
        print_answer(model_answer(loaded, result, findings(loaded, result), model, loaded.record.history))
    else:
        view = evaluation_view(loaded, result, findings(loaded, result), data is not None, verbose)
        make_console(sys.stdout, quiet).show(view)
    gates.check(result)


def check_metric(metric: str | None, model: TrainedModel) -> None:
    """UsageError where a model of this loss has no such metric."""
    from mlpcli.metrics.scoring import metrics_of
    from mlpcli.training.networks import build_loss

    known = metrics_of(build_loss(model.config))
    if metric is not None and metric not in known:
        raise UsageError(f"--metric: no metric '{metric}' for {model.task}", "one of " + ", ".join(known))

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
    check_choice,
    cluster_of,
    settings_of,
    with_settings,
)
from mlpcli.cli.workers import cluster_for, on_workers
from mlpcli.config.cluster import ClusterOptions
from mlpcli.config.settings import ReadOptions
from mlpcli.errors import DataError, GateFailed, UsageError

if TYPE_CHECKING:
    from mlpcli.evaluation.comparison import ModelComparison

Against = Annotated[
    str | None, typer.Option("--against", metavar="OLD", help="Compare with this model on the same rows.")
]
DisagreementsFile = Annotated[
    str | None,
    typer.Option("--disagreements", metavar="FILE", help="With --against: write the rows they disagree on as CSV."),
]
FailOnWorse = Annotated[
    str | None,
    typer.Option("--fail-on", metavar="worse", help="With --against: exit 3 when the new model is reliably worse."),
]


@app.command(cls=Sectioned, short_help="Score a model on its test rows, or on another CSV file.")
@with_error_boundary
@with_settings(ReadOptions, ClusterOptions)
def evaluate(
    model: ModelFile,
    data: OtherData = None,
    *,
    metric: Annotated[str | None, typer.Option("--metric", help="Print this one number and nothing else.")] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    fail_under: FailUnder = None,
    against: Against = None,
    disagreements: DisagreementsFile = None,
    fail_on: FailOnWorse = None,
    **settings: Any,
) -> None:
    """Score a model on the test rows it never saw, or on another CSV file.

    \b
    mlpcli evaluate model.npz
    mlpcli evaluate model.npz other.csv --fail-under accuracy=0.9
    mlpcli evaluate new.npz --against old.npz --fail-on worse
    """
    cluster, (_, options) = cluster_of(settings), settings_of(None, settings)
    if against is not None:
        if metric is not None or fail_under:
            raise UsageError("--metric and --fail-under are for one model", "leave out --against")
        compare_models(model, against, data, options, disagreements, fail_on, json, quiet, verbose)
        return
    if disagreements is not None or fail_on is not None:
        raise UsageError("--disagreements and --fail-on compare two models", "name the other one with --against")
    gates = read_gates(fail_under)
    from mlpcli.diagnosis.findings import findings
    from mlpcli.evaluation import evaluate as evaluation
    from mlpcli.metrics.scoring import check_metric
    from mlpcli.model.trained import load
    from mlpcli.reporter.answers import model_answer, print_answer
    from mlpcli.reporter.evaluation import evaluation_view
    from mlpcli.reporter.text import make_console
    from mlpcli.training.networks import build_loss

    loaded = load(model)
    check_metric(build_loss(loaded.config), loaded.record.rule, metric)
    with cluster_for(cluster, None, make_console(sys.stderr, quiet or json or metric is not None)) as there:
        run = evaluation.here if there is None else on_workers(there)
        result = evaluation.evaluate(loaded, data, options, linear=metric is None, run=run)
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


def compare_models(
    new: str, old: str, data: str | None, options: ReadOptions, disagreements: str | None, fail_on: str | None,
    json: bool, quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Two models on the same rows, and the gate on the new one."""
    from mlpcli.evaluation.comparison import compare
    from mlpcli.files.atomic import check_output
    from mlpcli.model.trained import load
    from mlpcli.reporter.answers import model_comparison_answer, print_answer
    from mlpcli.reporter.model_comparison import model_comparison_view
    from mlpcli.reporter.text import make_console

    check_choice("--fail-on", fail_on, ["worse"])
    if disagreements is not None:
        check_output(disagreements, [new, old, *([data] if data else [])])
    found = compare(load(new), load(old), data, options)
    if disagreements is not None:
        write_rows(found, disagreements)
    if json:
        print_answer(model_comparison_answer(found, new, old))
    else:
        make_console(sys.stdout, quiet).show(model_comparison_view(found, new, old, verbose))
    if fail_on and found.worse:
        raise GateFailed(f"the new model is worse in {', '.join(found.worse)} (--fail-on worse)")


def write_rows(found: ModelComparison, path: str) -> None:
    """The rows that two models disagree on, as CSV."""
    from mlpcli.files.atomic import write_atomically
    from mlpcli.model.writing import FORMATS, written

    form, table = FORMATS["csv"], found.disagreeing_rows()
    names = [str(name) for name in table.columns]
    columns = [written(table[name].to_numpy(object), lambda cell: form.text(as_cell(cell))) for name in names]
    with write_atomically(path) as file:
        file.write((form.header(names) + "".join(line + "\n" for line in form.lines(names, columns))).encode())


def as_cell(value: object) -> str:
    """A cell of text, a label or a number, as text; NaN, a cell without a value, as nothing."""
    if isinstance(value, float):
        return "" if value != value else f"{value:.9g}"
    return str(value)

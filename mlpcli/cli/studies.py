"""`mlpcli cv`, `compare`, `learning-curve`: studies of many trainings."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.documents import ReportFile, check_report, command_line, write_report
from mlpcli.cli.options import (
    ConfigFile,
    DataFile,
    Jobs,
    Json,
    Quiet,
    Sectioned,
    cluster_of,
    settings_of,
    with_settings,
)
from mlpcli.cli.stops import collect, leave, result_of
from mlpcli.cli.workers import cluster_for, status_of
from mlpcli.config.cluster import ClusterOptions
from mlpcli.config.settings import Config, ReadOptions

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mlpcli.reporter.html.document import Summary
    from mlpcli.studies.tasks import Study


def conduct(
    planned: Callable[[], Study[Any]], note: Callable[[Any], str], answer: Callable[[Any, Any], dict[str, Any]],
    view: Callable[[Any], Iterable[RenderableType]], summary: Callable[[Any], Summary], command: str, *,
    report: str | None, jobs: int | None, cluster: ClusterOptions, json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Runs a study as all of them run: says what it will do, shows progress, then answers or shows what was found.

    Workers of a cluster are asked for before the rows are read, and get ready meanwhile.
    After an interruption the figures are those of the trainings that were finished; no report is written then.
    """
    from mlpcli.reporter.answers import print_answer
    from mlpcli.reporter.html.studies import study_document
    from mlpcli.reporter.progress import progress, task_line
    from mlpcli.reporter.studies import duration_note
    from mlpcli.reporter.text import make_console
    from mlpcli.studies.duration import expected_seconds, jobs_for

    aside = make_console(sys.stderr, quiet)
    with cluster_for(cluster, jobs, aside) as there:
        study = planned()
        total = len(study.tasks)
        aside.say(*study.table.notes, note(study))
        if there is None:
            seconds = expected_seconds(study.tasks)
            jobs = jobs or jobs_for(seconds, total)
            aside.say(*duration_note(seconds, jobs))
        outcomes = study.outcomes(there or jobs or 1)
        done, stopped = collect(progress(outcomes, total, aside, task_line, workers=status_of(there)))
    found = result_of(lambda: study.result(done), stopped)
    if json:
        print_answer(answer(study, found))
    else:
        make_console(sys.stdout, quiet).show(view(found))
    leave(stopped, f"interrupted; the figures are of {len(done)} of {total} trainings")
    if report is not None:
        write_report(study_document(study.table, study.seed, summary(found), command), report)
        aside.say(f"report: {report}")


@app.command(cls=Sectioned, short_help="Cross-validate; the test rows stay unseen.")
@with_error_boundary
@with_settings(Config, ReadOptions, ClusterOptions)
def cv(
    data: DataFile,
    *,
    folds: Annotated[int, typer.Option("--folds", help="Parts of the rows, each the validation rows once.")] = 5,
    repeats: Annotated[int, typer.Option("--repeats", min=1, max=1000, help="Times the folds are drawn anew.")] = 1,
    config: ConfigFile = None,
    jobs: Jobs = None,
    report: ReportFile = None,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Cross-validate: train on all folds but one, evaluate on that one, for each; the test rows stay unseen.

    \b
    mlpcli cv data.csv
    mlpcli cv data.csv --folds 10 --repeats 3 --jobs 4
    mlpcli cv data.csv --group patient --preset classic
    """
    cluster = cluster_of(settings)
    chosen, options = settings_of(config, settings)
    check_report(report, [data, chosen.validation, chosen.test])
    from mlpcli.data.dataset import DataSet
    from mlpcli.reporter.answers import cross_validation_answer
    from mlpcli.reporter.html.studies import cross_validation_summary
    from mlpcli.reporter.studies import cross_validation_note, cross_validation_view
    from mlpcli.studies.cross_validation import plan

    own = f"--folds {folds} --repeats {repeats}"
    command = command_line("cv", data, own, chosen, options)
    conduct(
        lambda: plan(DataSet.read(data, chosen, options), chosen, folds, repeats),
        cross_validation_note, cross_validation_answer, cross_validation_view, cross_validation_summary, command,
        report=report, jobs=jobs, cluster=cluster, json=json, quiet=quiet,
    )  # fmt: skip


@app.command(cls=Sectioned, short_help="Train once for each value of a setting, on one chart.")
@with_error_boundary
@with_settings(Config, ReadOptions, ClusterOptions)
def compare(
    data: DataFile,
    *,
    vary: Annotated[
        list[str],
        typer.Option("--vary", metavar="OPTION=A,B", help="A setting and the values to compare; two make a grid."),
    ],
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, max=1000, help="Times each value is trained, for intervals.")
    ] = 1,
    config: ConfigFile = None,
    jobs: Jobs = None,
    report: ReportFile = None,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Train the same network once for each value of a setting and draw the loss curves on one chart.

    \b
    mlpcli compare data.csv --vary batch-size=full,1,32
    mlpcli compare data.csv --vary hidden=,8,64x64 --repeats 5
    mlpcli compare data.csv --vary optimizer=sgd,adam --vary lr=0.01,0.1
    """
    cluster = cluster_of(settings)
    chosen, options = settings_of(config, settings)
    check_report(report, [data, chosen.validation, chosen.test])
    from mlpcli.reporter.answers import comparison_answer
    from mlpcli.reporter.html.studies import comparison_summary
    from mlpcli.reporter.studies import comparison_note, comparison_view
    from mlpcli.studies.comparison import parse_grid, plan

    grid = parse_grid(vary)
    own = " ".join([*(f"--vary {shlex.quote(one)}" for one in vary), f"--repeats {repeats}"])
    command = command_line("compare", data, own, chosen, options)
    conduct(
        lambda: plan(data, chosen, options, grid, repeats),
        comparison_note, comparison_answer, comparison_view, comparison_summary, command,
        report=report, jobs=jobs, cluster=cluster, json=json, quiet=quiet,
    )  # fmt: skip


@app.command(
    cls=Sectioned, name="learning-curve", short_help="Say whether more rows or more regularisation would help."
)
@with_error_boundary
@with_settings(Config, ReadOptions, ClusterOptions)
def learning_curve(
    data: DataFile,
    *,
    repeats: Annotated[int, typer.Option("--repeats", help="Times each size is trained, on other rows.")] = 10,
    sizes: Annotated[int, typer.Option("--sizes", help="Points of the curve, each of twice the rows.")] = 6,
    config: ConfigFile = None,
    jobs: Jobs = None,
    report: ReportFile = None,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Say how much more rows would help, and whether more regularisation is the better next step.

    \b
    mlpcli learning-curve data.csv
    mlpcli learning-curve data.csv --jobs 4 --repeats 20
    mlpcli learning-curve data.csv --preset classic --hidden 64
    """
    cluster = cluster_of(settings)
    chosen, options = settings_of(config, settings)
    check_report(report, [data, chosen.validation, chosen.test])
    from mlpcli.data.dataset import DataSet
    from mlpcli.reporter.answers import learning_curve_answer
    from mlpcli.reporter.html.studies import learning_curve_summary
    from mlpcli.reporter.studies import learning_curve_note, learning_curve_view
    from mlpcli.studies.learning_curve import plan

    own = f"--repeats {repeats} --sizes {sizes}"
    command = command_line("learning-curve", data, own, chosen, options)
    conduct(
        lambda: plan(DataSet.read(data, chosen, options), chosen, repeats, sizes),
        learning_curve_note, learning_curve_answer, learning_curve_view, learning_curve_summary, command,
        report=report, jobs=jobs, cluster=cluster, json=json, quiet=quiet,
    )  # fmt: skip

"""`mlpcli tune`: hyper-parameters chosen on validation rows, and the best model."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
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
from mlpcli.studies import TRIALS

if TYPE_CHECKING:
    from mlpcli.studies.tuning import FinalEvaluation, SearchPlan, Tuner

Trials = Annotated[
    int | None,
    typer.Option(
        "--trials", min=1, max=100_000, help=f"Settings to try. Default: {TRIALS}, or none with --time-limit."
    ),
]
Spaces = Annotated[
    list[str] | None, typer.Option("--space", metavar="OPTION=A,B|LOW..HIGH", help="Values to choose from.")
]


@app.command(cls=Sectioned, short_help="Search for the best hyper-parameters on validation rows.")
@with_error_boundary
@with_settings(Config, ReadOptions, ClusterOptions)
def tune(
    data: DataFile,
    *,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Model file.")] = "best.npz",
    trials: Trials = None,
    space: Spaces = None,
    folds: Annotated[int, typer.Option("--folds", help="Folds on which every setting is evaluated.")] = 5,
    config: ConfigFile = None,
    jobs: Jobs = None,
    report: ReportFile = None,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Search for hyper-parameters on validation rows, train the best model, evaluate it once on the test rows.

    \b
    mlpcli tune data.csv --time-limit 5m
    mlpcli tune data.csv --trials 50 --space lr=1e-4..1e-1 --space hidden=32,64x64
    mlpcli train data.csv --config best.toml
    """
    cluster = cluster_of(settings)
    chosen, options = settings_of(config, settings)
    stem = str(Path(output).with_suffix(""))
    toml = f"{stem}.toml"
    check_outputs([data, chosen.validation, chosen.test, *([config] if config else [])], output, toml, report)
    from mlpcli.data.dataset import DataSet
    from mlpcli.reporter.answers import print_answer, tuning_answer
    from mlpcli.reporter.html.studies import study_document, tuning_summary
    from mlpcli.reporter.progress import search_progress
    from mlpcli.reporter.studies import duration_note, tuning_notes, tuning_view
    from mlpcli.reporter.text import make_console
    from mlpcli.studies.tuning import Tuner

    aside = make_console(sys.stderr, quiet)
    with cluster_for(cluster, jobs, aside) as there:  # whose workers get ready while the rows are read
        table = DataSet.read(data, chosen, options)
        tuner = Tuner(table, chosen, options, space or [], folds, stem)
        aside.say(*table.notes, *tuning_notes(tuner, len(tuner.search.trials)))
        search = tuner.plan(trials, there or jobs)
        if isinstance(search.on, int):
            aside.say(*duration_note(search.seconds, search.on))
        events = tuner.events(search.n_trials, search.on)
        _, stopped = collect(search_progress(events, tuner.loss_name, aside, status_of(there)))
        found = result_of(tuner.result, stopped)
        write_toml(tuner, toml)
        final = None if stopped else best_model(tuner, search, output, json or bool(report) or not quiet)
    if json:
        print_answer(tuning_answer(tuner, found, output if stopped is None else None, toml, final))
    else:
        make_console(sys.stdout, quiet).show(tuning_view(found, final))
    leave(stopped, f"interrupted; best so far in {toml}; the same command goes on")
    if not json:
        aside.say(f"model: {output}  settings: {toml}  (mlpcli train {shlex.quote(data)} --config {shlex.quote(toml)})")
    if report is not None and final is not None:
        command = command_line("tune", data, own_flags(trials, space, folds), chosen, options)
        write_report(study_document(table, tuner.seed, tuning_summary(found, final), command), report)
        aside.say(f"report: {report}")


def write_toml(tuner: Tuner, path: str) -> None:
    """The best settings so far, for `train --config`."""
    from mlpcli.files.atomic import write_atomically

    with write_atomically(path) as file:
        file.write(tuner.best_toml().encode())


def best_model(tuner: Tuner, search: SearchPlan, output: str, is_evaluated: bool) -> FinalEvaluation | None:
    """Trains the model of the best settings, writes it, and evaluates it where that is shown."""
    model = tuner.train_best(search.on)
    model.save(output)
    return tuner.evaluate_best(model, search.on) if is_evaluated else None


def check_outputs(inputs: list[str], output: str, toml: str, report: str | None) -> None:
    """UsageError or MachineError before any work where a file to write is an input, another output, or cannot be."""
    from mlpcli.files.atomic import check_output

    for path in (output, toml):
        check_output(path, inputs)
    check_report(report, [*inputs, output, toml])


def own_flags(trials: int | None, space: list[str] | None, folds: int) -> str:
    """The flags that only this command has."""
    flags = [f"--folds {folds}", *(f"--space {shlex.quote(one)}" for one in space or [])]
    return " ".join(flags if trials is None else [*flags, f"--trials {trials}"])

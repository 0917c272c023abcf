"""`mlpcli train`: a CSV file becomes a model file."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.documents import ReportFile, check_report, write_report
from mlpcli.cli.gates import read_gates
from mlpcli.cli.options import (
    ConfigFile,
    DataFile,
    FailUnder,
    Json,
    NetworkJobs,
    Quiet,
    Sectioned,
    Verbose,
    check_choice,
    cluster_of,
    settings_of,
    with_settings,
)
from mlpcli.cli.stops import collect, leave
from mlpcli.cli.workers import cluster_for, status_of
from mlpcli.config.cluster import SCHEDULER, ClusterOptions
from mlpcli.config.settings import Config, ReadOptions
from mlpcli.errors import UsageError

if TYPE_CHECKING:
    from mlpcli.cli.stops import Stop
    from mlpcli.diagnosis.findings import Finding
    from mlpcli.evaluation.evaluate import Evaluation
    from mlpcli.model.trained import TrainedModel
    from mlpcli.reporter.text import Screen
    from mlpcli.studies.cluster import Cluster
    from mlpcli.studies.distributed_rows import DistributedTraining
    from mlpcli.training.events import Event, History
    from mlpcli.training.prepare import PreparedTraining
    from mlpcli.training.watching import Watcher

    Show = Callable[[Iterator[Event]], Iterator[Event]]

Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace a model of another target or with other columns.")
]
Checkpoint = Annotated[
    str | None, typer.Option("--checkpoint", metavar="FILE", help="Keep the training here, to resume it later.")
]
Resume = Annotated[
    str | None, typer.Option("--resume", metavar="FILE", help="Resume a checkpoint of the same command.")
]
StartFrom = Annotated[
    str | None,
    typer.Option("--start-from", metavar="MODEL", help="Go on from the columns and weights of this model."),
]
DISTRIBUTED = ("rows",)
Distribute = Annotated[
    str | None,
    typer.Option(
        "--distribute", metavar="rows",
        help="With --cluster and several CSV files: each worker reads and trains on some of them, for more rows than "
        "one machine has. [rows]",
    ),
]  # fmt: skip
Log = Annotated[str | None, typer.Option("--log", metavar="FILE", help="Write one JSON line per epoch.")]
Watch = Annotated[
    bool, typer.Option("--watch", help="Show layers, learning rate and a map of two columns while it learns.")
]
WatchColumns = Annotated[
    str | None, typer.Option("--watch-columns", metavar="A,B", help="Columns of the map; the others stand still.")
]
Fps = Annotated[
    float | None, typer.Option("--fps", min=0.1, max=60, help="With --watch: show each epoch, so many a second.")
]
FailOn = Annotated[list[str] | None, typer.Option("--fail-on", metavar="CODE", help="Exit 3 on this finding.")]


@app.command(cls=Sectioned)
@with_error_boundary
@with_settings(Config, ReadOptions, ClusterOptions)
def train(
    data: DataFile,
    *,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Model file.")] = "model.npz",
    overwrite: Overwrite = False,
    config: ConfigFile = None,
    jobs: NetworkJobs = None,
    checkpoint: Checkpoint = None,
    resume: Resume = None,
    start_from: StartFrom = None,
    distribute: Distribute = None,
    log: Log = None,
    report: ReportFile = None,
    watch: Watch = False,
    watch_columns: WatchColumns = None,
    fps: Fps = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    fail_under: FailUnder = None,
    fail_on: FailOn = None,
    **settings: Any,
) -> None:
    """Train a network on a CSV file and write it to model.npz.

    \b
    mlpcli train data.csv
    mlpcli train data.csv --target price --output price.npz
    mlpcli train data.csv --preset classic --hidden 16 --activation tanh
    """
    cluster, (chosen, options) = cluster_of(settings), settings_of(config, settings)
    gates = read_gates(fail_under, fail_on)
    check_place(cluster, checkpoint or resume, watch or bool(watch_columns), fps)
    check_distributed(distribute, cluster, start_from)
    check_outputs([data, chosen.validation, chosen.test, start_from], output, checkpoint, log, report)
    from mlpcli.model.assemble import assemble
    from mlpcli.reporter.answers import model_answer, print_answer
    from mlpcli.reporter.text import make_console

    console = make_console(sys.stderr, quiet)
    with cluster_for(cluster, jobs, console) as there:  # whose workers get ready while the rows are read
        shared = rows_on(there, data, chosen, options) if distribute else None
        prepared, old = prepared_for(data, chosen, options, os.path.dirname(output), start_from, shared)
        table_findings = show_plan(prepared, console, None if overwrite else output, verbose)
        watcher, show = shown_by(prepared, console, watch or bool(watch_columns), watch_columns, fps, verbose)
        events = shared.events() if shared else events_of(prepared, there, console, jobs, checkpoint, resume, watcher)
        history, stopped = run(events, log, show)
    model = assemble(prepared, history)
    model.save(output)
    again = [f"go on with the same command and --resume {shlex.quote(checkpoint)}"] if checkpoint else []
    leave(stopped, f"interrupted; best model (epoch {history.best_epoch}) saved to {output}", *again)
    if json or gates or report or not quiet:
        details = bool(json or gates or report or verbose)
        evaluation, found = show_evaluation(
            prepared, model, history, table_findings, console, output, report, verbose, details
        )  # fmt: skip
        forgotten = {} if old is None else shown_on_old_rows(model, old, console, output, verbose)
        if json:
            print_answer(model_answer(model, evaluation, found, output, history) | forgotten)
        gates.check(evaluation, found)


def check_place(cluster: ClusterOptions, kept: str | None, is_watched: bool, fps: float | None) -> None:
    """UsageError for what can be done only with a training on this machine, or only where it is watched."""
    if fps is not None and not is_watched:
        raise UsageError("--fps is for --watch", "--watch")
    if cluster.cluster and (kept or is_watched):
        raise UsageError("--checkpoint, --resume and --watch are for a training on this machine", "leave out --cluster")
    if cluster.data_on_workers:
        raise UsageError("--data-on-workers: the networks of one training get the encoded rows", "leave it out")


def check_distributed(distribute: str | None, cluster: ClusterOptions, start_from: str | None) -> None:
    """UsageError where rows cannot be shared among workers."""
    check_choice("--distribute", distribute, DISTRIBUTED)
    if distribute and not cluster.cluster:
        raise UsageError("--distribute rows is for the workers of --cluster", SCHEDULER)
    if distribute and start_from:
        raise UsageError("--start-from needs all rows on this machine", "leave out --distribute rows")


def rows_on(cluster: Cluster | None, data: str, chosen: Config, options: ReadOptions) -> DistributedTraining:
    """The training whose rows the workers have read, each its own."""
    from mlpcli.studies import distributed_rows

    assert cluster is not None
    return distributed_rows.prepare(data, chosen, options, cluster, cluster.jobs)


def events_of(
    prepared: PreparedTraining, cluster: Cluster | None, console: Screen, jobs: int | None, checkpoint: str | None,
    resume: str | None, watcher: Watcher | None,
) -> Iterator[Event]:  # fmt: skip
    """The events of a training on this machine, or on the workers of a cluster, with a bar of its own."""
    if cluster is None:
        from mlpcli.training.checkpoint import resumable

        return resumable(prepared, jobs or prepared.usual_jobs, checkpoint, resume, watcher)
    from mlpcli.reporter.progress import progress
    from mlpcli.studies.members import TrainedMember, training_events

    def watch(trained: Iterator[TrainedMember], total: int) -> Iterator[TrainedMember]:
        return progress(
            trained, total, console, lambda one: f"{one.name}: {len(one.epochs)} epochs", "networks", status_of(cluster)
        )

    return training_events(prepared, cluster, watch)


def prepared_for(
    data: str,
    chosen: Config,
    options: ReadOptions,
    folder: str,
    start_from: str | None,
    shared: DistributedTraining | None,
) -> tuple[PreparedTraining, TrainedModel | None]:
    """The training, and the model that it goes on from where there is one."""
    if shared is not None:
        return shared.prepared, None
    if start_from is None:
        from mlpcli.training.prepare import prepare

        return prepare(data, chosen, options, folder), None
    from mlpcli.model.trained import load
    from mlpcli.studies.start import prepare_from

    old = load(start_from)
    return prepare_from(old, data, chosen, options, folder), old


def show_plan(
    prepared: PreparedTraining, console: Screen, replaced: str | None, verbose: bool
) -> tuple[Finding, ...]:  # fmt: skip
    """Shows what is to be trained, and what the table checks found. Raises UsageError as `check_replaced` does."""
    from mlpcli.diagnosis.table_checks import check_table
    from mlpcli.model.trained import check_replaced
    from mlpcli.reporter.training import plan_view, table_view

    if replaced is not None:
        check_replaced(replaced, prepared.schema)
    found = check_table(prepared)
    console.show(table_view(prepared, found) if verbose else plan_view(prepared, found))
    return found


def shown_on_old_rows(
    model: TrainedModel, old: TrainedModel, console: Screen, path: str, verbose: bool
) -> dict[str, Any]:
    """Shows what both models make of the old test rows, and what `--json` answers of it."""
    from mlpcli.reporter.answers import model_comparison_answer
    from mlpcli.reporter.model_comparison import model_comparison_view
    from mlpcli.studies.start import on_old_rows

    model.path, old_path = path, old.path or ""
    found = on_old_rows(model, old)
    if isinstance(found, str):
        console.say(found)
        return {"old_test_rows": None}
    console.say("", "the test rows of the old model:")
    console.show(model_comparison_view(found, path, old_path, verbose))
    return {"old_test_rows": model_comparison_answer(found, path, old_path)}


def show_evaluation(
    prepared: PreparedTraining, model: TrainedModel, history: History, table_findings: tuple[Finding, ...],
    console: Screen, path: str, report: str | None, verbose: bool, details: bool,
) -> tuple[Evaluation, tuple[Finding, ...]]:  # fmt: skip
    """Evaluates a model that was just trained and shows and reports what it reached.

    All findings, those of the table first.
    """
    from mlpcli.diagnosis.findings import findings
    from mlpcli.evaluation.evaluate import evaluate_dataset
    from mlpcli.reporter.training import result_view

    evaluation = evaluate_dataset(model, prepared.dataset, linear=True, details=details)
    found = findings(model, evaluation, table_findings)
    kinds = prepared.settings.kinds
    console.show(result_view(model, history, evaluation, found, kinds=kinds, path=path, verbose=verbose))
    if report is not None:
        write_model_report(prepared, model, evaluation, table_findings, path, report)
        console.say(f"report: {report}")
    return evaluation, (*table_findings, *found)


def write_model_report(
    prepared: PreparedTraining, model: TrainedModel, evaluation: Evaluation, table_findings: tuple[Finding, ...],
    path: str, report: str,
) -> None:  # fmt: skip
    """Writes the report on a model that was just trained and saved to `path`."""
    from mlpcli.reporter.html.model import model_document, report_of, test_rows

    rows = test_rows(model, prepared.dataset)
    write_report(model_document(report_of(model, path, evaluation, table_findings, rows)), report)


def check_outputs(
    inputs: list[str | None], output: str, checkpoint: str | None, log: str | None, report: str | None
) -> None:  # fmt: skip
    """UsageError or MachineError before any work where a file to write is an input, another output, or cannot be."""
    from mlpcli.files.atomic import check_output

    taken = [path for path in inputs if path is not None]
    for path, ending in ((output, ".npz"), (checkpoint, ".ckpt"), (log, "")):
        if path is not None:
            check_output(path, taken, ending)
            taken.append(path)
    check_report(report, taken)


def shown_by(
    prepared: PreparedTraining, console: Screen, watch: bool, columns: str | None, fps: float | None, verbose: bool
) -> tuple[Watcher | None, Show]:
    """What looks into the networks, if anything does, and the report on the screen. Raises UsageError for columns."""
    from mlpcli.reporter.live import live

    if not watch:
        return None, partial(live, console=console, verbose=verbose)
    from mlpcli.reporter import watch as watching
    from mlpcli.training.watching import watcher_of

    watcher = watcher_of(prepared, [name.strip() for name in columns.split(",")] if columns else None)
    console.say(*watching.map_notes(watcher.axes, [c.name for c in prepared.schema.features]))
    return watcher, partial(watching.watch, console=console, fps=fps)


def run(events: Iterator[Event], log: str | None, show: Show) -> tuple[History, Stop | None]:
    """Trains, on the screen and in the log; leaves when it is interrupted before there is anything to keep."""
    from mlpcli.training.events import History

    with open(log, "w", encoding="utf-8") if log else nullcontext() as lines:
        if lines is not None:
            from mlpcli.training.run_log import logged

            events = logged(events, lines)
        seen, stopped = collect(show(events))
    history = History.of(seen)
    if stopped is not None:
        if not history.train_loss:
            leave(stopped, "interrupted before the first epoch ended; no model was written")
        history.stopped_by = "interrupted"
    return history, stopped

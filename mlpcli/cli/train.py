"""`mlpcli train`: a CSV file becomes a model file."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.gates import read_gates
from mlpcli.cli.options import (
    ConfigFile,
    DataFile,
    FailUnder,
    Json,
    Quiet,
    Sectioned,
    Verbose,
    settings_of,
    with_settings,
)
from mlpcli.cli.stops import collect, leave
from mlpcli.config import Config, ReadOptions

if TYPE_CHECKING:
    from mlpcli.events import Event
    from mlpcli.reporter.text import Screen


@app.command(cls=Sectioned)
@with_error_boundary
@with_settings(Config, ReadOptions)
def train(
    data: DataFile,
    *,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Model file.")] = "model.npz",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a model of another target or with other columns.")
    ] = False,
    config: ConfigFile = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=256, help="Networks to train in parallel.")] = 1,
    checkpoint: Annotated[
        str | None, typer.Option("--checkpoint", metavar="FILE", help="Keep the training here, to resume it later.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="FILE", help="Resume a checkpoint of the same command.")
    ] = None,
    log: Annotated[str | None, typer.Option("--log", metavar="FILE", help="Write one JSON line per epoch.")] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    fail_under: FailUnder = None,
    fail_on: Annotated[
        list[str] | None, typer.Option("--fail-on", metavar="CODE", help="Exit 3 on this finding.")
    ] = None,
    **settings: Any,
) -> None:
    """Train a network on a CSV file and write it to model.npz.

    \b
    mlpcli train data.csv
    mlpcli train data.csv --target price --output price.npz
    mlpcli train data.csv --preset classic --hidden 16 --activation tanh
    """
    chosen, options = settings_of(config, settings)
    gates = read_gates(fail_under, fail_on)
    check_outputs([data, chosen.validation, chosen.test], output, checkpoint, log)
    from mlpcli.diagnosis.findings import findings
    from mlpcli.diagnosis.table_checks import check_table
    from mlpcli.evaluation.evaluate import evaluate_dataset
    from mlpcli.events import History
    from mlpcli.model.assemble import assemble
    from mlpcli.model.trained import check_replaced
    from mlpcli.reporter.answers import model_answer, print_answer
    from mlpcli.reporter.text import make_console
    from mlpcli.reporter.training import plan_view, result_view, table_view
    from mlpcli.training.checkpoint import resumable
    from mlpcli.training.prepare import prepare

    console = make_console(sys.stderr, quiet)
    prepared = prepare(data, chosen, options, os.path.dirname(output))
    if not overwrite:
        check_replaced(output, prepared.schema)
    suspected = check_table(prepared)
    console.show(table_view(prepared, suspected) if verbose else plan_view(prepared, suspected))
    with open(log, "w", encoding="utf-8") if log else nullcontext() as lines:
        events, stopped = collect(watched(resumable(prepared, jobs, checkpoint, resume), console, lines, verbose))
    history = History.of(events)
    if stopped is not None and not history.train_loss:
        leave(stopped, "interrupted before the first epoch ended; no model was written")
    if stopped is not None:
        history.stopped_by = "interrupted"
    model = assemble(prepared, history)
    model.save(output)
    again = [f"go on with the same command and --resume {shlex.quote(checkpoint)}"] if checkpoint else []
    leave(stopped, f"interrupted; best model (epoch {history.best_epoch}) saved to {output}", *again)
    if quiet and not (json or gates):
        return
    evaluation = evaluate_dataset(model, prepared.table, linear=True)
    found = findings(model, evaluation, suspected)
    console.show(result_view(model, history, evaluation, found, kinds=prepared.kinds, path=output, verbose=verbose))
    found = (*suspected, *found)
    if json:
        print_answer(model_answer(model, evaluation, found, output, history))
    gates.check(evaluation, found)


def check_outputs(inputs: list[str], output: str, checkpoint: str | None, log: str | None) -> None:
    """UsageError or MachineError before any work where a file to write is an input, another output, or cannot be."""
    from mlpcli.files.atomic import check_output

    taken = list(inputs)
    for path, ending in ((output, ".npz"), (checkpoint, ".ckpt"), (log, "")):
        if path:
            check_output(path, taken, ending)
            taken.append(path)


def watched(events: Iterator[Event], console: Screen, log: Any, verbose: bool) -> Iterator[Event]:
    """The events on their way to the screen and the log."""
    from mlpcli.reporter.live import jsonl, live

    return live(events if log is None else jsonl(events, log), console, verbose)

"""`mlpcli train`: a CSV file becomes a model file."""

from __future__ import annotations

import json as jsonlib
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlpcli.cli.answers import answer, check_codes, check_gates, read_gates, show_plan
from mlpcli.cli.app import StoppedError, app, with_error_boundary
from mlpcli.cli.options import ConfigFile, DataFile, Gates, Json, Quiet, Sectioned, Verbose, settings_of, with_settings
from mlpcli.config import Config, ReadOptions
from mlpcli.errors import GateFailed

if TYPE_CHECKING:
    from mlpcli.evaluation.evaluate import Evaluation
    from mlpcli.events import History
    from mlpcli.model.trained import TrainedModel
    from mlpcli.training.prepare import PreparedTraining


@app.command(cls=Sectioned)
@with_error_boundary
@with_settings(Config, ReadOptions)
def train(
    data: DataFile,
    *,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Model file.")] = "model.npz",
    config: ConfigFile = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=256, help="Members trained at once.")] = 1,
    checkpoint: Annotated[
        str | None, typer.Option("--checkpoint", metavar="FILE", help="Keep the training here, to go on later.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="FILE", help="Go on from a checkpoint of the same command.")
    ] = None,
    log: Annotated[str | None, typer.Option("--log", metavar="FILE", help="One JSON line an epoch.")] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    fail_under: Gates = None,
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
    from mlpcli.files.atomic import check_output

    chosen, options = settings_of(config, settings)
    gates = read_gates(fail_under)
    check_codes(fail_on)
    inputs = [data, chosen.validation, chosen.test]
    check_output(output, inputs, ".npz")
    if checkpoint:
        check_output(checkpoint, [*inputs, output], ".ckpt")
    if log:
        check_output(log, [*inputs, output, *([checkpoint] if checkpoint else [])])
    from mlpcli.diagnosis.findings import findings
    from mlpcli.diagnosis.table_checks import check_table
    from mlpcli.evaluation.evaluate import evaluate_dataset
    from mlpcli.events import History
    from mlpcli.model.assemble import assemble
    from mlpcli.reporter.tables import columns_table
    from mlpcli.reporter.text import make_console, safe
    from mlpcli.training.checkpoint import resumable
    from mlpcli.training.prepare import prepare

    console = make_console(sys.stderr)
    prepared = prepare(data, chosen, options, os.path.dirname(output))
    suspected = check_table(prepared)
    if not quiet:
        show_plan(console, prepared, suspected)
        if verbose:
            console.print(columns_table(prepared.schema.columns))
    events = resumable(prepared, jobs, checkpoint, resume)
    history = History()
    interrupted: StoppedError | None = None
    with open(log, "w", encoding="utf-8") if log else nullcontext() as lines:
        try:
            with closing(watched(events, console, lines, quiet, verbose)) as seen:
                for event in seen:
                    history.add(event)
        except StoppedError as error:
            interrupted = error
            history.stopped_by = "interrupted"
    if interrupted is not None and not history.train_loss:
        console.print("interrupted before the first epoch ended; no model was written", soft_wrap=True)
        raise typer.Exit(128 + interrupted.number)
    model = assemble(prepared, history)
    model.save(output)
    if interrupted is not None:
        console.print(f"interrupted; best model (epoch {history.best_epoch}) saved to {safe(output)}", soft_wrap=True)
        if checkpoint:
            console.print(f"go on with the same command and --resume {safe(checkpoint)}", soft_wrap=True)
        raise typer.Exit(128 + interrupted.number)
    if quiet and not (json or gates or fail_on):
        return
    evaluation = evaluate_dataset(model, prepared.table, linear=True)
    found = findings(model, evaluation)
    if not quiet:
        if history.n_members > 1:
            console.print(spread_note(history, prepared), soft_wrap=True)
        if len(prepared.kinds) > 1:
            console.print(kinds_note(model, prepared), soft_wrap=True)
        show_training(console, history, evaluation, found, verbose)
        console.print(
            f"model: {safe(output)}  (mlpcli evaluate {safe(output)}; mlpcli predict {safe(output)} new.csv)",
            soft_wrap=True,
        )
    found = (*suspected, *found)
    if json:
        print(jsonlib.dumps(answer(model, evaluation, found, output, history), allow_nan=False))
    check_gates(gates, evaluation)
    for code in fail_on or []:
        if any(f.code == code for f in found):
            raise GateFailed(f"finding {code}, asked for by --fail-on")


def watched(events: Iterator[Any], console: Any, lines: Any, quiet: bool, verbose: bool) -> Generator[Any]:
    from mlpcli.reporter.live import jsonl, live

    if lines is not None:
        events = jsonl(events, lines)
    yield from events if quiet else live(events, console, verbose)


def show_training(
    console: Any, history: History, evaluation: Evaluation, findings: tuple[Any, ...], verbose: bool
) -> None:
    from mlpcli.reporter.chart import loss_chart
    from mlpcli.reporter.tables import finding_lines, metrics_table

    console.print(loss_chart(history.train_loss, history.valid_loss, history.best_epoch))
    console.print(
        f"{len(history.train_loss)} epochs in {history.seconds:.1f} s; stopped by {history.stopped_by}; "
        f"best epoch {history.best_epoch}", soft_wrap=True,
    )  # fmt: skip
    console.print(metrics_table(evaluation.metrics, evaluation.baselines, verbose))
    for line in ["", *(finding_lines(findings) or ["no warnings"])]:
        console.print(line, soft_wrap=True)


def kinds_note(model: TrainedModel, prepared: PreparedTraining) -> str:
    """The weights of the kinds of network."""
    weights = {part.kind: part.weight for part in model.record.components}
    shares = ", ".join(f"{kind} {weights.get(kind, 0):.0%}" for kind in prepared.kinds)
    return f"weights of the kinds of network, from validation rows: {shares}"


def spread_note(history: History, prepared: PreparedTraining) -> str:
    """How far the members of an ensemble are apart at its best epoch."""
    at = history.best_epoch - 1
    kind = f"{prepared.kinds[0]} " if len(prepared.kinds) > 1 else ""
    note = f"curves are means over {history.n_members} {kind}networks; at epoch {at + 1} their training losses"
    note += f" are {history.train_loss[at]:.3g} ± {history.train_spread[at]:.2g}"
    if history.valid_loss:
        note += f", their validation losses {history.valid_loss[at]:.3g} ± {history.valid_spread[at]:.2g}"
    note += " (standard deviation)"
    return note + "; validation metrics judge each row by the network that never saw it" if prepared.by_fold else note

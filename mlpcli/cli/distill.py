"""`mlpcli distill`: one small network that answers nearly as a whole ensemble does."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.options import Json, ModelFile, Quiet, Verbose
from mlpcli.cli.stops import collect, leave

TrainingData = Annotated[str | None, typer.Argument(metavar="DATA", help="The training file; else where it was.")]
Output = Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where the small model goes.")]
Hidden = Annotated[
    str | None,
    typer.Option("--hidden", metavar="A,B", help="Units of its hidden layers. Default: 64,32; for numbers 32,32."),
]


@app.command(short_help="Make a model small and fast: one network that learns its answers.")
@with_error_boundary
def distill(
    model: ModelFile,
    data: TrainingData = None,
    *,
    output: Output,
    hidden: Hidden = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train one small network on the answers of a model, and evaluate it beside that model on the same test rows.

    \b
    mlpcli distill model.npz -o small.npz
    mlpcli distill model.npz -o small.npz --hidden 32
    """
    from mlpcli.config.flags import from_text
    from mlpcli.config.settings import Config
    from mlpcli.files.atomic import check_output
    from mlpcli.model.trained import check_replaced, load
    from mlpcli.reporter.answers import distillation_answer, print_answer
    from mlpcli.reporter.distill import distillation_view
    from mlpcli.reporter.live import live
    from mlpcli.reporter.text import make_console
    from mlpcli.studies.distill import plan
    from mlpcli.training.events import History

    check_output(output, [model, *([data] if data else [])], ".npz")
    layers = None if hidden is None else from_text(Config, {"hidden": hidden}).hidden
    teacher = load(model)
    if os.path.exists(output):
        check_replaced(output, teacher.schema)
    study = plan(teacher, layers, data)
    seen, stopped = collect(live(study.events(), make_console(sys.stderr, quiet), verbose))
    leave(stopped, "interrupted; no model was written")
    small = study.assemble(History.of(seen))
    small.save(output)
    small.path = output
    if json or not quiet:
        found = study.result(small)
        if json:
            print_answer(distillation_answer(found, output, model))
        else:
            make_console(sys.stdout).show(distillation_view(found, output, model, verbose))

"""`mlpcli reproduce`: a model made again from what its file says."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.options import Json, ModelFile, NetworkJobs, Quiet
from mlpcli.cli.stops import collect, leave
from mlpcli.errors import GateFailed

TrainingData = Annotated[str | None, typer.Argument(metavar="DATA", help="The training file; else where it was.")]


@app.command(short_help="Train a model again and compare bit for bit.")
@with_error_boundary
def reproduce(
    model: ModelFile,
    data: TrainingData = None,
    *,
    jobs: NetworkJobs = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a model again from what its file says, and compare bit for bit. Exit code 3 where it is not the same.

    \b
    mlpcli reproduce model.npz
    mlpcli reproduce model.npz data.csv --json
    """
    from mlpcli.model.trained import load
    from mlpcli.reporter.answers import print_answer, reproduction_answer
    from mlpcli.reporter.live import live
    from mlpcli.reporter.reproduction import reproduction_view
    from mlpcli.reporter.text import make_console
    from mlpcli.studies.reproduce import plan
    from mlpcli.training.events import History

    study = plan(load(model), data)
    seen, stopped = collect(
        live(study.events(jobs or study.prepared.usual_jobs), make_console(sys.stderr, quiet), False)
    )
    leave(stopped, "interrupted; nothing was compared")
    found = study.result(History.of(seen))
    if json:
        print_answer(reproduction_answer(found, model))
    else:
        make_console(sys.stdout, quiet).show(reproduction_view(found, model))
    if not found.is_same:
        raise GateFailed("not the same model", file=model)

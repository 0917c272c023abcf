"""`mlpcli replay`: a training that was logged, shown again."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mlpcli.cli.app import app, with_error_boundary

FPS = 10.0  # epochs a second where nothing else is asked for


@app.command(short_help="Show a logged training again.")
@with_error_boundary
def replay(
    log: Annotated[str, typer.Argument(metavar="LOG", help="A file that mlpcli train --log wrote.")],
    *,
    fps: Annotated[float, typer.Option("--fps", min=0.1, max=60, help="Epochs a second.")] = FPS,
) -> None:
    """Show a training again as it went: the curves, and with train --watch --log the layers and the map.

    \b
    mlpcli train data.csv --watch --log run.jsonl
    mlpcli replay run.jsonl
    mlpcli replay run.jsonl --fps 2
    """
    from mlpcli.reporter.chart import loss_chart
    from mlpcli.reporter.text import make_console
    from mlpcli.reporter.watch import watch
    from mlpcli.training.events import History
    from mlpcli.training.run_log import replayed

    console = make_console(sys.stdout)
    history = History.of(watch(replayed(log), console, fps))
    chart = loss_chart(history.train_loss, history.valid_loss, history.best_epoch)
    console.show(
        [chart, f"{len(history.train_loss)} epochs in {history.seconds:.1f} s; best epoch {history.best_epoch}"]
    )

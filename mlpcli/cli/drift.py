"""`mlpcli drift`: do these rows still look like the training rows?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.options import (
    DataFile,
    Json,
    ModelFile,
    Quiet,
    Sectioned,
    Verbose,
    check_choice,
    settings_of,
    with_settings,
)
from mlpcli.config.settings import ReadOptions
from mlpcli.errors import GateFailed

if TYPE_CHECKING:
    from mlpcli.evaluation.drift import Drift, DriftCounter
    from mlpcli.reporter.text import Screen

FailOnDrift = Annotated[str | None, typer.Option("--fail-on", metavar="drift", help="Exit 3 when there is drift.")]
FIRST_COUNT = 1000  # rows of a stream after which it is first said how they look; then after twice as many


@app.command(cls=Sectioned, short_help="Say whether rows still look like the training rows.")
@with_error_boundary
@with_settings(ReadOptions)
def drift(
    model: ModelFile,
    data: DataFile,
    *,
    fail_on: FailOnDrift = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    **settings: Any,
) -> None:
    """Say whether new rows still look like the rows a model was trained on: columns, answers, and metrics.

    \b
    mlpcli drift model.npz new.csv
    mlpcli drift model.npz new.csv --fail-on drift --json
    tail -n +1 -f log.csv | mlpcli drift model.npz -
    """
    _, options = settings_of(None, settings)
    check_choice("--fail-on", fail_on, ["drift"])
    from mlpcli.evaluation.drift import DriftCounter
    from mlpcli.model.trained import load
    from mlpcli.reporter.answers import drift_answer, print_answer
    from mlpcli.reporter.drift import drift_view
    from mlpcli.reporter.text import make_console

    counter = DriftCounter(load(model))
    found = counted(counter, data, options, make_console(sys.stderr, quiet))
    if json:
        print_answer(drift_answer(found, model))
    else:
        make_console(sys.stdout, quiet).show(drift_view(found, model, verbose))
    if fail_on and found.drifted:
        raise GateFailed(f"drift in {', '.join(shift.name for shift in found.drifted)} (--fail-on drift)")


def counted(counter: DriftCounter, data: str, options: ReadOptions, aside: Screen) -> Drift:
    """All rows of a file counted; of a stream it is said on the way how the rows so far look."""
    from mlpcli.data.raw import opened
    from mlpcli.evaluation.drift import count_parts
    from mlpcli.reporter.drift import drift_line

    due = FIRST_COUNT
    with opened(data) as (parts, name):
        for _ in count_parts(counter, parts, name, options):
            if data == "-" and counter.n_rows >= due:
                aside.say(f"{counter.n_rows:,} rows so far: {drift_line(counter.result(name))}")
                due = 2 * counter.n_rows
    return counter.result(name)

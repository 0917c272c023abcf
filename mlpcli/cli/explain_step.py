"""`mlpcli explain-step`: one forward and backward pass with its numbers."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.options import ConfigFile, DataFile, Json, Sectioned, settings_of, with_settings
from mlpcli.config.settings import Config, ReadOptions


@app.command(cls=Sectioned, name="explain-step", short_help="Show every number of one step on one row.")
@with_error_boundary
@with_settings(Config, ReadOptions)
def explain_step(
    data: DataFile,
    *,
    row: Annotated[int, typer.Option("--row", metavar="N", help="Row of the file, from 1.")] = 1,
    config: ConfigFile = None,
    json: Json = False,
    **settings: Any,
) -> None:
    """Show one forward and backward pass of a small, untrained network on one row: sums, activations, loss, gradients,
    weights before and after. The default is one hidden layer of 2 tanh units.

    \b
    mlpcli explain-step data.csv --row 3
    mlpcli explain-step data.csv --hidden 3 --activation relu --lr 0.5
    """
    chosen, options = settings_of(config, settings)
    from mlpcli.data.dataset import DataSet
    from mlpcli.files.jsonable import to_json
    from mlpcli.reporter.answers import print_answer
    from mlpcli.reporter.one_step import step_view
    from mlpcli.reporter.text import make_console
    from mlpcli.training.one_step import one_step, small

    asked = small(chosen)
    step = one_step(DataSet.read(data, asked, options), asked, row)
    if json:
        print_answer(to_json(step))
    else:
        make_console(sys.stdout).show(step_view(step))

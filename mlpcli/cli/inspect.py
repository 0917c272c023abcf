"""`mlpcli inspect`: what training would do with a CSV, or what is in a model."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.options import ConfigFile, Json, Sectioned, settings_of, with_settings
from mlpcli.config.settings import Config, ReadOptions


@app.command(cls=Sectioned, short_help="Show how a CSV would be read, or what is in a model.")
@with_error_boundary
@with_settings(Config, ReadOptions)
def inspect(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A CSV file or a model file.")],
    *,
    config: ConfigFile = None,
    json: Json = False,
    **settings: Any,
) -> None:
    """Show what training would do with each column of a CSV, or what is in a model.

    \b
    mlpcli inspect data.csv
    mlpcli inspect model.npz
    """
    if is_model(file):
        inspect_model(file, json)
    else:
        inspect_table(file, *settings_of(config, settings), json)


def inspect_model(path: str, json: bool) -> None:
    from mlpcli.diagnosis.findings import findings
    from mlpcli.model.trained import load
    from mlpcli.reporter.answers import print_answer, record_answer
    from mlpcli.reporter.model import model_view
    from mlpcli.reporter.text import make_console

    model = load(path)
    found = findings(model)
    if json:
        print_answer(record_answer(model, found))
    else:
        make_console(sys.stdout).show(model_view(model, found))


def inspect_table(path: str, chosen: Config, options: ReadOptions, json: bool) -> None:
    from mlpcli.diagnosis.table_checks import check_table
    from mlpcli.reporter.answers import print_answer, table_answer
    from mlpcli.reporter.text import make_console
    from mlpcli.reporter.training import table_view
    from mlpcli.training.prepare import prepare

    prepared = prepare(path, chosen, options)
    found = check_table(prepared)
    if json:
        print_answer(table_answer(prepared, found))
    else:
        make_console(sys.stdout).show(table_view(prepared, found))


def is_model(path: str) -> bool:
    if path == "-" or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(64)[:4] == b"PK\x03\x04" and path.endswith(".npz")

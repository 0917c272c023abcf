"""`mlpcli export`: a model that runs without mlpcli."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.options import Json, ModelFile, Quiet, check_choice

LANGUAGES = ("python", "js", "c", "sql", "onnx")  # those of export.languages.TARGETS
DIALECTS = ("sqlite", "duckdb", "postgresql")  # those of export.sql.engines.ENGINES


@app.command(short_help="Write a model in another language, to run without mlpcli.")
@with_error_boundary
def export(
    model: ModelFile,
    *,
    to: Annotated[str, typer.Option("--to", metavar="LANGUAGE", help=f"{', '.join(LANGUAGES)}.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Where the file goes.")],
    data: Annotated[
        str | None, typer.Option("--data", metavar="FILE", help="CSV to check it on; by default the test rows.")
    ] = None,
    interval: Annotated[
        float | None, typer.Option("--interval", metavar="LEVEL", help="Write low and high too, as predict does.")
    ] = None,
    dialect: Annotated[
        str, typer.Option("--dialect", metavar="DIALECT", help=f"SQL: {', '.join(DIALECTS)}.")
    ] = "sqlite",
    table: Annotated[str, typer.Option("--table", metavar="TABLE", help="SQL: the table that it reads.")] = "data",
    single: Annotated[
        bool, typer.Option("--single", help="C: for a microcontroller, numbers in and no texts.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the whole way from a row to its prediction in another language, and check it on rows.

    \b
    mlpcli export model.npz --to python -o model.py
    mlpcli export model.npz --to sql --dialect duckdb --table customers -o model.sql
    """
    check_choice("--to", to, LANGUAGES)
    check_choice("--dialect", dialect, DIALECTS)
    from mlpcli.export import check
    from mlpcli.export.languages import TARGETS
    from mlpcli.export.target import Wishes
    from mlpcli.files.atomic import check_output, write_atomically
    from mlpcli.model.trained import load
    from mlpcli.reporter.answers import export_answer, print_answer
    from mlpcli.reporter.export import export_view
    from mlpcli.reporter.text import make_console

    check_output(output, [model, *([data] if data else [])])
    found = check.export(load(model), TARGETS[to], Wishes(dialect, table, single), interval, data)
    with write_atomically(output) as file:
        file.write(found.content)
    if json:
        print_answer(export_answer(found, output, to))
    elif not quiet:
        make_console(sys.stdout).show(export_view(found, output))

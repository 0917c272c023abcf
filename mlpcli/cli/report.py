"""`mlpcli report`: a model as a page to send."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.documents import STDOUT, check_report, form_of, write_report
from mlpcli.cli.options import Json, ModelFile, OtherData, Quiet, Sectioned, settings_of, with_settings
from mlpcli.config.settings import ReadOptions
from mlpcli.errors import UsageError

Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="The report; - for standard output. Default: report.html."),
]
Form = Annotated[
    str | None,
    typer.Option("--format", metavar="html|md", help="html or md (Markdown). Default: as the file's name ends."),
]


@app.command(cls=Sectioned, short_help="Write a report on a model to send: one HTML file, or Markdown.")
@with_error_boundary
@with_settings(ReadOptions)
def report(
    model: ModelFile,
    data: OtherData = None,
    *,
    output: Output = None,
    form: Form = None,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Write a report on a model: one file to send, which needs neither a network nor a script.

    \b
    mlpcli report model.npz -o report.html
    mlpcli report model.npz new.csv -o new.html
    mlpcli report model.npz --format md -o -
    """
    _, options = settings_of(None, settings)
    path = output or f"report.{form_of('', form)}"
    if path == STDOUT and json:
        raise UsageError("--json and the report cannot both go to standard output", "-o report.html")
    if path != STDOUT:
        check_report(path, [model, *([data] if data else [])], form)
    from mlpcli.model.trained import load
    from mlpcli.reporter.answers import print_answer
    from mlpcli.reporter.html.model import gather, model_document, report_answer
    from mlpcli.reporter.text import make_console

    found = gather(load(model), model, data, options)
    if output or not json:
        write_report(model_document(found), path, form)
    if json:
        print_answer(report_answer(found))
    elif path != STDOUT:
        make_console(sys.stderr, quiet).say(f"report: {path}")

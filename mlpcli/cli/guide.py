"""`mlpcli guide`: short pages on the ideas and on each finding."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from mlpcli.cli.app import app, with_error_boundary


@app.command(short_help="Explain a concept or a finding; show the reference.")
@with_error_boundary
def guide(
    topic: Annotated[
        str | None, typer.Argument(metavar="TOPIC", help="A concept, a finding's code or a reference page.")
    ] = None,
) -> None:
    """Explain a concept or a finding in one screen, with a command that shows it; or show a page of the reference.

    \b
    mlpcli guide
    mlpcli guide overfitting
    mlpcli guide flags
    """
    from mlpcli.guide import PAGES, REFERENCE, commands, fitted, name_of, page, title
    from mlpcli.reporter.text import make_console

    console = make_console(sys.stdout)
    if topic is not None and name_of(topic) in REFERENCE:
        from rich.markdown import Markdown

        console.print(Markdown(page(topic)))
    elif topic is not None:
        console.print(fitted(topic, console.width), soft_wrap=True)
    else:
        width = max(map(len, PAGES))
        for name in PAGES:
            console.print(f"{name:{width}}  {title(name)}", soft_wrap=True)
    if (topic is None or commands(topic)) and not os.path.isdir("sample_data"):
        make_console(sys.stderr).print(
            "The commands use sample_data/, which comes with the source of mlpcli; any CSV of yours does as well.",
            soft_wrap=True,
        )

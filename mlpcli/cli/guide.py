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
    lang: Annotated[
        str | None, typer.Option("--lang", help="Language of the pages, en or ko; by default that of LC_ALL or LANG.")
    ] = None,
) -> None:
    """Explain a concept or a finding in one screen, with a command that shows it; or show a page of the reference.

    \b
    mlpcli guide
    mlpcli guide overfitting
    mlpcli guide flags --lang ko
    """
    from mlpcli.guide import PAGES, REFERENCE, commands, is_translated, language, name_of, page, title
    from mlpcli.reporter.pages import fitted
    from mlpcli.reporter.text import make_console

    lang = language(lang, os.environ)
    console = make_console(sys.stdout)
    if topic is not None and name_of(topic) in REFERENCE:
        from mlpcli.reporter.reference import ReferencePage

        console.print(ReferencePage(page(topic, lang)))
    elif topic is not None:
        console.print(fitted(page(topic, lang), console.width), soft_wrap=True)
    else:
        width = max(map(len, PAGES))
        for name in PAGES:
            console.print(f"{name:{width}}  {title(name, lang)}", soft_wrap=True)
    if topic is not None and not is_translated(topic, lang):
        make_console(sys.stderr).print(f"This page is not written in '{lang}' yet.", soft_wrap=True)
    if (topic is None or commands(topic)) and not os.path.isdir("sample_data"):
        make_console(sys.stderr).print(
            "The commands use sample_data/, which comes with the source of mlpcli; any CSV of yours does as well.",
            soft_wrap=True,
        )

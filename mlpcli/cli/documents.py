"""Reports as files: which form, whether it can be written, and the writing."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from mlpcli.cli.options import check_choice
from mlpcli.config.settings import Config, ReadOptions

if TYPE_CHECKING:
    from mlpcli.reporter.html.document import Document

FORMS = ("html", "md")  # also the endings of their files
STDOUT = "-"

ReportFile = Annotated[
    str | None,
    typer.Option("--report", metavar="FILE", help="Write a report to send as well: FILE.html, or FILE.md."),
]


def form_of(path: str, asked: str | None = None) -> str:
    """The form asked for, else that of the file's ending. Raises UsageError for one that does not exist."""
    check_choice("--format", asked, FORMS)
    return asked or ("md" if path.endswith(".md") else "html")


def check_report(path: str | None, inputs: Sequence[str], asked: str | None = None) -> None:
    """UsageError or MachineError before any work where the report could not be written or would replace an input."""
    from mlpcli.files.atomic import check_output

    if path is not None:
        check_output(path, inputs, f".{form_of(path, asked)}")


def command_line(command: str, data: str, own: str, config: Config, options: ReadOptions) -> str:
    """What does the same again; `own` are the flags of this command alone."""
    from mlpcli.config.flags import as_flags, different
    from mlpcli.data.text import shown_path

    given = as_flags(different(config, Config()) | different(options, ReadOptions()))
    return " ".join(filter(None, ["mlpcli", command, shlex.quote(shown_path(data)), own, given]))


def write_report(document: Document, path: str, asked: str | None = None) -> None:
    """Writes the file whole, or none. Raises MachineError."""
    from mlpcli.files.atomic import write_atomically
    from mlpcli.reporter.html.markdown import markdown
    from mlpcli.reporter.html.page import page

    content = markdown(document) if form_of(path, asked) == "md" else page(document)
    if path == STDOUT:
        sys.stdout.write(content.decode())
    else:
        with write_atomically(path) as file:
            file.write(content)

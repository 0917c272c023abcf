"""`mlpcli predict`: rows in, rows out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.options import ModelFile, OtherData, Quiet, Sectioned, settings_of, with_settings
from mlpcli.config import ReadOptions
from mlpcli.errors import UsageError


@app.command(cls=Sectioned, short_help="Predict the target of each row: rows in, rows out.")
@with_error_boundary
@with_settings(ReadOptions)
def predict(
    model: ModelFile,
    data: OtherData = "-",
    *,
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="Instead of stdout.")] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Add a column p_LABEL for each class.")] = False,
    keep: Annotated[str | None, typer.Option("--keep", metavar="A,B|all", help="Columns to copy before.")] = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", min=0, max=1, help="Of two classes, say the second from here on.")
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="csv, tsv or jsonl.")] = "csv",
    bom: Annotated[bool, typer.Option("--bom", help="Begin with a mark by which Excel knows UTF-8.")] = False,
    excel_safe: Annotated[
        bool, typer.Option("--excel-safe", help="An apostrophe before what a spreadsheet takes for a formula.")
    ] = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Predict the target of each row of a CSV: rows in, rows out, in the same order.

    \b
    mlpcli predict model.npz new.csv > predictions.csv
    cat new.csv | mlpcli predict model.npz - --keep id --proba | head
    tail -f log.csv | mlpcli predict model.npz -
    """
    _, options = settings_of(None, settings)
    from mlpcli.files.atomic import check_output, write_atomically
    from mlpcli.model.prediction import FORMATS, Delimited, Predictor
    from mlpcli.model.trained import load

    if form not in FORMATS:
        raise UsageError(f"--format: no such format '{form}'", "one of " + ", ".join(FORMATS))
    writer = FORMATS[form]
    if isinstance(writer, Delimited):
        writer = replace(writer, excel_safe=excel_safe)
    elif bom or excel_safe:
        raise UsageError(f"--bom and --excel-safe are for csv and tsv, not for --format {form}")
    loaded = load(model)
    if threshold is not None and len(loaded.labels) != 2:
        raise UsageError("--threshold is for models of two classes")
    kept = [] if keep is None else [k.strip() for k in keep.split(",")]
    predictor = Predictor(loaded, kept, proba, threshold, writer, bom)
    if output is not None:
        check_output(output, [model, data or "-"])
    with opened(data or "-") as (descriptor, name):
        parts = predictor.predict(descriptor, name, options)
        if output is None:
            for part in parts:
                sys.stdout.buffer.write(part)
                sys.stdout.buffer.flush()
        else:
            with write_atomically(output) as file:
                for part in parts:
                    file.write(part)
    notes = [] if quiet else predictor.notes()
    if notes:
        from mlpcli.reporter.text import make_console, safe

        console = make_console(sys.stderr)
        for note in notes:
            console.print(safe(note, 300), soft_wrap=True)


@contextmanager
def opened(path: str) -> Iterator[tuple[int, str]]:
    from mlpcli.errors import MachineError

    if path == "-":
        yield 0, "<stdin>"
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if os.path.isdir(path):
            raise MachineError("is a folder", "name a CSV file", file=path)
    except OSError as error:
        raise MachineError(f"cannot read: {error.strerror}", file=path) from error
    try:
        yield descriptor, path
    finally:
        os.close(descriptor)

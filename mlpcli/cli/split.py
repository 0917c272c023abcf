"""`mlpcli split`: the three sets as files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.options import ConfigFile, DataFile, Quiet, Sectioned, settings_of, with_settings
from mlpcli.config.settings import Config, ReadOptions


@app.command(cls=Sectioned, short_help="Write training, validation and test rows to CSV files.")
@with_error_boundary
@with_settings(Config, ReadOptions)
def split(
    data: DataFile,
    *,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FOLDER", help="Where the files go.")] = ".",
    config: ConfigFile = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Write the training, validation and test rows to three CSV files, as they stand in DATA.

    \b
    mlpcli split data.csv -o sets
    mlpcli split data.csv --validation 0.2 --test 0.2 --group patient
    """
    from mlpcli.data.dataset import DataSet
    from mlpcli.data.splits import SETS
    from mlpcli.files.atomic import check_output, write_atomically
    from mlpcli.reporter.text import make_console, safe

    chosen, options = settings_of(config, settings)
    stem = "data" if data == "-" else Path(data).stem
    paths = [os.path.join(output, f"{stem}_{name}.csv") for name in SETS]
    for path in paths:
        check_output(path, [data])
    table = DataSet.read(data, chosen, options)
    for number, path in enumerate(paths):
        with write_atomically(path) as file:
            file.writelines(table.lines(number))
        if not quiet:
            make_console(sys.stderr).print(f"{safe(path)}: {table.count(number)} rows", soft_wrap=True)

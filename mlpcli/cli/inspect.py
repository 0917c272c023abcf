"""`mlpcli inspect`: what training would do with a CSV, or what is in a model."""

from __future__ import annotations

import json as jsonlib
import os
import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlpcli.cli.answers import show_plan
from mlpcli.cli.app import SCHEMA, app, with_error_boundary
from mlpcli.cli.options import ConfigFile, Json, Sectioned, settings_of, with_settings
from mlpcli.config import Config, ReadOptions, flag

if TYPE_CHECKING:
    from mlpcli.model.trained import TrainedModel


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
    from mlpcli.reporter.tables import columns_table
    from mlpcli.reporter.text import make_console, safe

    console = make_console(sys.stdout)
    if is_model(file):
        from mlpcli.diagnosis.findings import findings
        from mlpcli.files.jsonable import to_json
        from mlpcli.model.trained import load
        from mlpcli.reporter.chart import loss_chart
        from mlpcli.reporter.tables import finding_lines

        loaded = load(file)
        found = findings(loaded)
        if json:
            answer = {"schema": SCHEMA, "record": to_json(loaded.record), "findings": to_json(found)}
            print(jsonlib.dumps(answer, allow_nan=False))
            return
        record, history = loaded.record, loaded.record.history
        data = record.data
        facts = {
            "target": f"{loaded.schema.target.name} ({loaded.task})",
            "classes": ", ".join(loaded.labels) or "none",
            "networks": "; ".join(network_facts(loaded)),
            "trained on": f"{data.path}, {data.n_rows} rows, sha256 {data.sha256}",
            "rows": f"{data.n_train} for training, {data.n_validation} for validation, {data.n_test} for testing"
            + (", each network validated on a fold of its own" if record.by_fold else ""),
            "epochs": f"{len(history.train_loss)}, best {history.best_epoch}, stopped by {history.stopped_by}",
            "validation": ", ".join(f"{k} {v:.4g}" for k, v in record.validation.items()) or "none",
            "settings": " ".join(as_flags(loaded.config)),
            "versions": ", ".join(f"{k} {v}" for k, v in record.versions.items()),
        }
        for name, value in facts.items():
            console.print(f"{name}: {safe(value, 2000)}", soft_wrap=True)
        for line in finding_lines(found):
            console.print(line, soft_wrap=True)
        console.print(loss_chart(history.train_loss, history.valid_loss, history.best_epoch))
        console.print(columns_table(loaded.schema.columns))
        return
    from mlpcli.diagnosis.table_checks import check_table
    from mlpcli.training.prepare import prepare

    chosen, options = settings_of(config, settings)
    prepared = prepare(file, chosen, options)
    suspected = check_table(prepared)
    if json:
        from mlpcli.files.jsonable import to_json

        told = {"schema": SCHEMA, "columns": to_json(prepared.schema.columns), "notes": prepared.notes}
        told["suspicions"] = to_json(suspected)
        print(jsonlib.dumps({**told, "target": to_json(prepared.schema.target)}, allow_nan=False))
        return
    console.print(f"{safe(file)}: {prepared.table.source.n_rows} rows, {len(prepared.table.source.names)} columns")
    show_plan(console, prepared, suspected)
    console.print(columns_table(prepared.schema.columns))


def network_facts(model: TrainedModel) -> Iterator[str]:
    """What each kind of network is, and its weight where there are several."""
    from mlpcli.training.networks import layer_widths

    each = len(model.lead)
    for i, part in enumerate(model.record.components):
        network = model.networks[i * each]
        widths = " - ".join(map(str, layer_widths(model.config, model.schema, part.kind)))
        facts = f"{each} of {network.n_layers} layers, {widths} units, {len(network.params):,} parameters"
        yield facts if len(model.record.components) == 1 else f"{part.kind}, {part.weight:.0%} of the answer: {facts}"


def as_flags(config: Config) -> Iterator[str]:
    """Every setting that has a value as it stands on the command line."""
    for name, value in vars(config).items():
        if isinstance(value, bool):
            yield flag(name if value else f"no_{name}")
        elif value is not None and (value != () or name == "hidden"):
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            yield f"{flag(name)} {shlex.quote(text)}"


def is_model(path: str) -> bool:
    if path == "-" or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(64)[:4] == b"PK\x03\x04" and path.endswith(".npz")

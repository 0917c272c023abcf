"""`mlpcli diagnose`: what a training run tells about itself, at length, and which remedies help."""

from __future__ import annotations

import json as jsonlib
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlpcli.cli.app import SCHEMA, StoppedError, app, with_error_boundary
from mlpcli.cli.options import Json, ModelFile, Quiet
from mlpcli.errors import DataError

if TYPE_CHECKING:
    from mlpcli.studies.remedies import RemedyLosses, RemedyPlan


@app.command(short_help="Explain the findings of a model, and try remedies.")
@with_error_boundary
def diagnose(
    model: ModelFile,
    *,
    attempt: Annotated[bool, typer.Option("--try", help="Train with each remedy and see which helps.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=256, help="Remedies tried at once.")] = 1,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Explain the findings of a model: numbers, meaning, remedies.

    \b
    mlpcli diagnose model.npz
    mlpcli diagnose model.npz --try --jobs 2
    """
    from mlpcli.diagnosis.findings import findings
    from mlpcli.evaluation.evaluate import evaluate
    from mlpcli.files.jsonable import to_json
    from mlpcli.model.trained import load
    from mlpcli.reporter.findings import at_length, remedies_line, remedies_table
    from mlpcli.reporter.text import make_console, safe
    from mlpcli.studies.remedies import plan

    loaded = load(model)
    console, aside = make_console(sys.stdout), make_console(sys.stderr)
    study = plan(loaded) if attempt else None
    try:
        evaluation = evaluate(loaded)
    except DataError as error:
        evaluation = None
        if not quiet:
            aside.print(f"the test rows are not looked at: {safe(str(error), 200)}", soft_wrap=True)
    found = findings(loaded, evaluation)
    if not (json or quiet):
        for line in at_length(found, console.width):
            console.print(line, soft_wrap=True)
    tried, stopped = ([], None) if study is None else attempted(study, jobs, quiet)
    outcomes = study.result(tried) if study is not None else ()
    if json:
        value: dict[str, Any] = {"schema": SCHEMA, "model": model, "findings": to_json(found)}
        if study is not None:
            value["remedies"] = to_json(outcomes)
        print(jsonlib.dumps(value, allow_nan=False))
    elif study is not None and not quiet:
        console.print(remedies_table(outcomes))
        console.print(remedies_line(outcomes), soft_wrap=True)
        console.print(
            "loss of validation rows; intervals: paired bootstrap over rows, 95 % for all remedies together. "
            "The row in brackets shows what chance does: it changes only the first weights. A remedy that helps is "
            "better than both.", soft_wrap=True,
        )  # fmt: skip
    if stopped is not None:
        raise typer.Exit(128 + stopped.number)


def attempted(study: RemedyPlan, jobs: int, quiet: bool) -> tuple[list[RemedyLosses], StoppedError | None]:
    """Trials as they end, told; after an interruption those that were finished, and the interruption."""
    from mlpcli.reporter.text import make_console, safe

    console = make_console(sys.stderr)
    done: list[RemedyLosses] = []
    try:
        for one in study.outcomes(jobs):
            done.append(one)
            if not quiet:
                trial = study.trials[one.number]
                console.print(f"{len(done)}/{len(study.trials)} {safe(trial.name)} {safe(trial.flags, 60)}")
    except StoppedError as error:
        return done, error
    return done, None

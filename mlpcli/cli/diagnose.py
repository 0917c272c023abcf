"""`mlpcli diagnose`: the findings of a model at length, and which remedies help."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.options import Jobs, Json, ModelFile, Quiet
from mlpcli.cli.stops import collect, leave
from mlpcli.errors import DataError


@app.command(short_help="Explain the findings of a model, and try remedies.")
@with_error_boundary
def diagnose(
    model: ModelFile,
    *,
    attempt: Annotated[bool, typer.Option("--try", help="Train with each remedy and see which helps.")] = False,
    jobs: Jobs = None,
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
    from mlpcli.model.trained import load
    from mlpcli.reporter.answers import diagnosis_answer, print_answer
    from mlpcli.reporter.findings import at_length, remedies_view
    from mlpcli.reporter.progress import progress
    from mlpcli.reporter.studies import duration_note
    from mlpcli.reporter.text import make_console
    from mlpcli.studies.duration import expected_seconds, jobs_for
    from mlpcli.studies.remedies import plan

    loaded = load(model)
    console, aside = make_console(sys.stdout, quiet or json), make_console(sys.stderr, quiet)
    study = plan(loaded) if attempt else None
    try:
        evaluation = evaluate(loaded)
    except DataError as error:
        evaluation = None
        aside.say(f"the test rows are not evaluated: {error}")
    found = findings(loaded, evaluation)
    console.show(at_length(found, console.width))
    outcomes = stopped = None
    if study is not None:
        seconds = expected_seconds(study.tasks)
        jobs = jobs or jobs_for(seconds, len(study.tasks))
        aside.say(*duration_note(seconds, jobs))
        tried, stopped = collect(progress(study.outcomes(jobs), len(study.trials), aside, study.name))
        outcomes = study.result(tried)
        console.show(remedies_view(outcomes))
    if json:
        print_answer(diagnosis_answer(model, found, outcomes))
    leave(stopped, "interrupted; the remedies shown are those that were finished")

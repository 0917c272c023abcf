"""`mlpcli diagnose`: the findings of a model at length, and which remedies help."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.options import Jobs, Json, ModelFile, Quiet, Sectioned, cluster_of, with_settings
from mlpcli.cli.stops import collect, leave, result_of
from mlpcli.cli.workers import cluster_for, status_of
from mlpcli.config.cluster import ClusterOptions
from mlpcli.errors import DataError


@app.command(cls=Sectioned, short_help="Explain the findings of a model, and try remedies.")
@with_error_boundary
@with_settings(ClusterOptions)
def diagnose(
    model: ModelFile,
    *,
    attempt: Annotated[bool, typer.Option("--try", help="Train with each remedy and see which helps.")] = False,
    jobs: Jobs = None,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Explain the findings of a model: numbers, meaning, remedies.

    \b
    mlpcli diagnose model.npz
    mlpcli diagnose model.npz --try --jobs 2
    """
    cluster = cluster_of(settings)
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
        with cluster_for(cluster, jobs, aside) as there:
            if there is None:
                seconds = expected_seconds(study.tasks)
                jobs = jobs or jobs_for(seconds, len(study.tasks))
                aside.say(*duration_note(seconds, jobs))
            tasks, n_tasks = study.outcomes(there or jobs or 1), len(study.trials)
            tried, stopped = collect(progress(tasks, n_tasks, aside, study.name, workers=status_of(there)))
        outcomes = result_of(lambda: study.result(tried), stopped)
        console.show(remedies_view(outcomes))
    if json:
        print_answer(diagnosis_answer(model, found, outcomes))
    leave(stopped, "interrupted; the remedies shown are those that were finished")

"""`mlpcli cv`, `compare`, `learning-curve`: studies of many trainings."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlpcli.cli.app import SCHEMA, StoppedError, app, with_error_boundary
from mlpcli.cli.options import ConfigFile, DataFile, Json, Quiet, Sectioned, settings_of, with_settings
from mlpcli.config import Config, ReadOptions

if TYPE_CHECKING:
    from mlpcli.data.dataset import DataSet
    from mlpcli.studies.tasks import TaskOutcome

Jobs = Annotated[int, typer.Option("--jobs", min=1, max=256, help="Trainings at once, each on a process of its own.")]


def collect(outcomes: Iterator[TaskOutcome], total: int, quiet: bool) -> tuple[list[TaskOutcome], StoppedError | None]:
    """Outcomes as they come, shown; after an interruption those that were finished, and the interruption."""
    from mlpcli.reporter.studies import progress
    from mlpcli.reporter.text import make_console

    done: list[TaskOutcome] = []
    try:
        for outcome in outcomes if quiet else progress(outcomes, total, make_console(sys.stderr)):
            done.append(outcome)
    except StoppedError as error:
        return done, error
    return done, None


def leave(stopped: StoppedError | None, n_done: int, total: int) -> None:
    """After an interruption: what the figures rest on, and the exit code."""
    if stopped is not None:
        from mlpcli.reporter.text import make_console

        make_console(sys.stderr).print(f"interrupted; the figures are of {n_done} of {total} trainings", soft_wrap=True)
        raise typer.Exit(128 + stopped.number)


def notes(table: DataSet, more: str) -> None:
    from mlpcli.reporter.text import make_console, safe

    for note in [*table.notes, more]:
        make_console(sys.stderr).print(safe(note, 300), soft_wrap=True)


@app.command(cls=Sectioned, short_help="Cross-validate; the test rows stay unseen.")
@with_error_boundary
@with_settings(Config, ReadOptions)
def cv(
    data: DataFile,
    *,
    folds: Annotated[int, typer.Option("--folds", help="Parts that each judge once.")] = 5,
    repeats: Annotated[int, typer.Option("--repeats", min=1, max=1000, help="Times the folds are drawn anew.")] = 1,
    config: ConfigFile = None,
    jobs: Jobs = 1,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Cross-validate: train on all folds but one, judge on that one, for each; the test rows stay unseen.

    \b
    mlpcli cv data.csv
    mlpcli cv data.csv --folds 10 --repeats 3 --jobs 4
    mlpcli cv data.csv --group patient --preset classic
    """
    chosen, options = settings_of(config, settings)
    from mlpcli.data.dataset import read_dataset
    from mlpcli.files.jsonable import to_json
    from mlpcli.reporter.studies import cross_validation_table
    from mlpcli.reporter.text import make_console
    from mlpcli.studies.cross_validation import plan

    table = read_dataset(data, chosen, options)
    study = plan(table, chosen, folds, repeats)
    if not quiet:
        n_test = int((table.sets == 2).sum())
        notes(table, f"{folds} {study.kind} folds, repeats: {repeats}; {len(table.sets) - n_test} rows take part, "
              f"{n_test} test rows do not (--test 0 to use all rows); seed {chosen.seed} (--seed)")  # fmt: skip
    done, stopped = collect(study.outcomes(jobs), len(study.tasks), quiet)
    found = study.result(done)
    if json:
        print(jsonlib.dumps({
            "schema": SCHEMA, "data": table.source.name, "target": table.target, "task": table.task,
            "seed": chosen.seed, "split": found.kind, "folds": folds, "repeats": repeats, "rows": found.n_rows,
            "interval": "corrected resampled t, 95 %",
            "metrics": {k: {"value": v.value, "low": v.low, "high": v.high} for k, v in found.metrics.items()},
            "scores": [to_json({"name": f.name, "rows": f.rows, "metrics": f.metrics["test"]}) for f in found.folds],
            "seconds": sum(f.seconds for f in found.folds),
        }, allow_nan=False))  # fmt: skip
    elif not quiet:
        console = make_console(sys.stdout)
        console.print(cross_validation_table(found))
        console.print("(95 %): corrected resampled t-interval, as folds share training rows (Nadeau & Bengio 2003)",
                      soft_wrap=True)  # fmt: skip
    leave(stopped, len(done), len(study.tasks))


@app.command(cls=Sectioned, short_help="Train once for each value of a setting, on one chart.")
@with_error_boundary
@with_settings(Config, ReadOptions)
def compare(
    data: DataFile,
    *,
    vary: Annotated[str, typer.Option("--vary", metavar="OPTION=A,B", help="The setting, and the values to compare.")],
    config: ConfigFile = None,
    jobs: Jobs = 1,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Train the same network once for each value of a setting and draw the loss curves on one chart.

    \b
    mlpcli compare data.csv --vary batch-size=full,1,32
    mlpcli compare data.csv --vary hidden=,8,64x64 --preset classic
    mlpcli compare data.csv --vary optimizer=sgd,adam --jobs 2
    """
    chosen, options = settings_of(config, settings)
    from mlpcli.files.jsonable import to_json
    from mlpcli.reporter.studies import comparison_chart, comparison_table
    from mlpcli.reporter.text import make_console, safe
    from mlpcli.studies.comparison import parse_vary, plan

    study = plan(data, chosen, options, *parse_vary(vary))
    if not quiet:
        from mlpcli.training.kinds import kinds_of

        are_single = all(t.config.ensemble == 1 and len(kinds_of(t.config)) == 1 for t in study.tasks)
        many = "one network" if are_single else "an ensemble"
        rows = "on the same rows" if study.same_rows else "on other rows each, so that small differences tell nothing"
        notes(study.table, f"{len(study.tasks)} trainings of {many} each, {rows}, alike but for --vary; "
              f"the test rows take no part; seed {chosen.seed} (--seed)")  # fmt: skip
    done, stopped = collect(study.outcomes(jobs), len(study.tasks), quiet)
    found = study.result(done)
    if json:
        print(jsonlib.dumps({
            "schema": SCHEMA, "data": study.table.source.name, "target": study.table.target,
            "task": study.table.task, "seed": chosen.seed, "vary": found.setting, "best": found.best.name,
            "runs": [to_json({
                "name": o.name, "metrics": o.metrics, "train_loss": o.history.train_loss,
                "valid_loss": o.history.valid_loss, "best_epoch": o.history.best_epoch, "error": o.error,
                "seconds": o.seconds,
            }) for o in found.outcomes],
        }, allow_nan=False))  # fmt: skip
    elif not quiet:
        console = make_console(sys.stdout)
        console.print(comparison_chart(found))
        console.print(comparison_table(found))
        if not found.same_loss:
            console.print("the losses differ in kind here; compare the metrics", soft_wrap=True)
        console.print(f"best on validation rows: {safe(found.best.name)} (lowest {found.metric})", soft_wrap=True)
    leave(stopped, len(done), len(study.tasks))


@app.command(
    cls=Sectioned, name="learning-curve", short_help="Say whether more rows or more regularisation would help."
)
@with_error_boundary
@with_settings(Config, ReadOptions)
def learning_curve(
    data: DataFile,
    *,
    repeats: Annotated[int, typer.Option("--repeats", help="Times each size is trained, on other rows.")] = 10,
    sizes: Annotated[int, typer.Option("--sizes", help="Points of the curve, each of twice the rows.")] = 6,
    config: ConfigFile = None,
    jobs: Jobs = 1,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Say what more rows would buy, and whether more regularisation is the better next step.

    \b
    mlpcli learning-curve data.csv
    mlpcli learning-curve data.csv --jobs 4 --repeats 20
    mlpcli learning-curve data.csv --preset classic --hidden 64
    """
    chosen, options = settings_of(config, settings)
    from mlpcli.data.dataset import read_dataset
    from mlpcli.files.jsonable import to_json
    from mlpcli.reporter.studies import learning_chart, learning_lines, learning_table
    from mlpcli.reporter.text import make_console, safe
    from mlpcli.studies.learning_curve import plan

    table = read_dataset(data, chosen, options)
    study = plan(table, chosen, repeats, sizes)
    if not quiet:
        notes(table, f"{len(study.tasks)} trainings on {study.sizes[0]} to {study.sizes[-1]} rows; "
              f"the test rows take no part; seed {chosen.seed} (--seed)")  # fmt: skip
    done, stopped = collect(study.outcomes(jobs), len(study.tasks), quiet)
    found = study.result(done)
    if json:
        points = [
            {"rows": p.rows, "seconds": p.seconds, "train": to_json(p.train), "validation": to_json(p.valid)}
            for p in found.points
        ]
        print(jsonlib.dumps({
            "schema": SCHEMA, "data": table.source.name, "target": table.target, "task": table.task,
            "seed": chosen.seed, "metric": found.metric, "repeats": found.n_repeats, "points": points,
            "power_law": to_json(found.law), "doubling": to_json(found.doubling),
            "regularising": to_json(found.regularising),
            "flags": found.flags, "gap": to_json(found.gap), "advice": found.advice,
        }, allow_nan=False))  # fmt: skip
    elif not quiet:
        console = make_console(sys.stdout)
        console.print(learning_chart(found))
        console.print(learning_table(found))
        for line in learning_lines(found):
            console.print(safe(line, 300), soft_wrap=True)
    leave(stopped, len(done), len(study.tasks))

"""`mlpcli tune`: hyper-parameters chosen on validation rows, and the best model."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlpcli.cli.app import SCHEMA, StoppedError, app, with_error_boundary
from mlpcli.cli.options import ConfigFile, DataFile, Json, Quiet, Sectioned, settings_of, with_settings
from mlpcli.cli.studies import Jobs, notes
from mlpcli.config import Config, ReadOptions

if TYPE_CHECKING:
    from rich.console import Console

    from mlpcli.evaluation.evaluate import Evaluation
    from mlpcli.studies.tuning import Tuning

TRIALS = 50  # without --trials and --time-limit


@app.command(cls=Sectioned, short_help="Search for the best hyper-parameters on validation rows.")
@with_error_boundary
@with_settings(Config, ReadOptions)
def tune(
    data: DataFile,
    *,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Model file.")] = "best.npz",
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, max=100_000, help="Settings to try; without --time-limit 50.")
    ] = None,
    space: Annotated[
        list[str] | None, typer.Option("--space", metavar="OPTION=A,B|LOW..HIGH", help="Values to choose from.")
    ] = None,
    folds: Annotated[int, typer.Option("--folds", help="Folds that every setting is judged on.")] = 5,
    config: ConfigFile = None,
    jobs: Jobs = 1,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Search for hyper-parameters on validation rows, train the best model, judge it once on the test rows.

    \b
    mlpcli tune data.csv --time-limit 5m
    mlpcli tune data.csv --trials 50 --space lr=1e-4..1e-1 --space hidden=32,64x64
    mlpcli train data.csv --config best.toml
    """
    from mlpcli.files.atomic import check_output, write_atomically

    chosen, options = settings_of(config, settings)
    stem = str(Path(output).with_suffix(""))
    toml = f"{stem}.toml"
    for path in (output, toml):
        check_output(path, [data, chosen.validation, chosen.test, *([config] if config else [])])
    from mlpcli.data.dataset import read_dataset
    from mlpcli.evaluation.evaluate import evaluate_dataset
    from mlpcli.events import History
    from mlpcli.model.assemble import assemble
    from mlpcli.reporter.studies import search_progress
    from mlpcli.reporter.text import make_console, safe
    from mlpcli.studies.tuning import Tuner, loss_of_one
    from mlpcli.training.prepare import prepare_dataset

    table = read_dataset(data, chosen, options)
    tuner = Tuner(table, chosen, options, space or [], folds, stem)
    console, known = make_console(sys.stderr), len(tuner.search.trials)
    n_trials = TRIALS if trials is None and tuner.limit is None else trials
    if not quiet:
        shown = "; ".join(f"{d.setting.replace('_', '-')} {d}" for d in tuner.space)
        notes(table, f"{tuner.search.name}, {len(tuner.folds)} folds of {len(tuner.table.sets)} rows; "
              f"the test rows are kept for the end; seed {chosen.seed} (--seed)")  # fmt: skip
        console.print(safe(f"space: {shown} (--space)", 400), soft_wrap=True)
        if tuner.hint:
            console.print(tuner.hint, soft_wrap=True)
        if known:
            console.print(safe(f"goes on after {known} trials in {tuner.search.path}", 300), soft_wrap=True)
    stopped: StoppedError | None = None
    try:
        events = tuner.events(n_trials, jobs)
        for _ in events if quiet else search_progress(events, tuner.metric, console):
            pass
    except StoppedError as error:
        stopped = error
    found = tuner.result()
    with write_atomically(toml) as file:
        file.write(tuner.best_toml().encode())
    evaluation = one = None
    if stopped is None:
        prepared = prepare_dataset(table, tuner.best_config())
        model = assemble(prepared, History.of(prepared.events(jobs)))
        model.save(output)
        if quiet and not json:
            return
        evaluation = evaluate_dataset(model, table, linear=False)
        one = loss_of_one(model, table, tuner.metric) if "test" in evaluation.metrics else None
    if json:
        value = {
            "schema": SCHEMA, "model": output if stopped is None else None, "config": toml, "data": table.source.name,
            "target": table.target, "task": table.task, "seed": chosen.seed,
        }  # fmt: skip
        print(jsonlib.dumps(value | answer(found, evaluation, one), allow_nan=False))
    elif not quiet:
        show(make_console(sys.stdout), found, evaluation, one)
    if stopped is not None:
        console.print(safe(f"interrupted; best so far in {toml}; the same command goes on", 300), soft_wrap=True)
        raise typer.Exit(128 + stopped.number)
    if not json:
        console.print(
            f"model: {safe(output)}  settings: {safe(toml)}  (mlpcli train {safe(data)} --config {safe(toml)})",
            soft_wrap=True,
        )


def answer(found: Tuning, evaluation: Evaluation | None, one: float | None) -> dict[str, Any]:
    """What was found, and of the best model, if it was trained, what the test rows say."""
    from mlpcli.files.jsonable import to_json

    interval = None if evaluation is None else evaluation.metrics.get("test", {}).get(found.metric)
    return {
        "metric": found.metric, "folds": found.n_folds,
        "trials": len(found.trials), "pruned": sum(t.state == "pruned" for t in found.trials),
        "best": {"trial": found.best.number, "settings": found.best.values, "validation": found.best.loss},
        "given": None if found.given is None else found.given.loss,
        "top": [{"trial": t.number, "settings": t.values, "validation": t.loss} for t in found.top],
        "importance": found.importance, "test_of_one_network": one,
        "optimism": None if one is None else one - found.best.loss,
        "test": to_json(interval),
    }  # fmt: skip


def show(console: Console, found: Tuning, evaluation: Evaluation | None, one: float | None) -> None:
    from mlpcli.reporter import studies
    from mlpcli.reporter.tables import metrics_table, number

    if found.top:
        console.print(studies.best_chart(found))
        console.print(studies.best_table(found))
    console.print(studies.importance_table(found))
    console.print("importance: what a setting explains alone of the ranks of the losses, less chance", soft_wrap=True)
    if evaluation is not None:
        console.print(metrics_table(evaluation.metrics, evaluation.baselines))
    if one is not None:
        console.print(
            f"one network: {found.metric} {number(found.best.loss)} on validation rows, as the best of "
            f"{len(found.trials)}, and {number(one)} on test rows: optimism {number(one - found.best.loss)}",
            soft_wrap=True,
        )

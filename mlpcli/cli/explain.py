"""`mlpcli explain`: which columns matter, how each acts, and what made one answer."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.options import (
    Json,
    ModelFile,
    OtherData,
    Quiet,
    Sectioned,
    check_choice,
    cluster_of,
    settings_of,
    with_settings,
)
from mlpcli.cli.workers import cluster_for
from mlpcli.config.cluster import ClusterOptions
from mlpcli.config.settings import ReadOptions
from mlpcli.errors import UsageError
from mlpcli.evaluation.explain import GROUP_CORRELATED

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mlpcli.evaluation.explain.effects import Effect, JointEffect
    from mlpcli.evaluation.explain.importance import ColumnImportance, Importance
    from mlpcli.evaluation.explain.row import RowExplanation
    from mlpcli.evaluation.explain.rows import ExplainedRows
    from mlpcli.model.trained import TrainedModel
    from mlpcli.reporter.explain_tables import Table
    from mlpcli.studies.elsewhere import Elsewhere


ColumnNames = Annotated[
    str | None,
    typer.Option("--column", metavar="A[,B]", help="The effect of this column; of two, also the map of both."),
]
RowNumber = Annotated[
    int | None, typer.Option("--row", metavar="N", help="What each column contributes to the answer to row N, from 1.")
]
OtherMetric = Annotated[str | None, typer.Option("--metric", help="Importance by this metric in place of the loss.")]
GroupCorrelated = Annotated[
    float,
    typer.Option(
        "--group-correlated", min=0, max=1, metavar="SHARE",
        help="Shuffle columns together that depend on each other by more; 1: each alone.",
    ),
]  # fmt: skip
TableFormat = Annotated[
    str | None, typer.Option("--format", metavar="FORMAT", help="csv, tsv or jsonl: a table on standard output.")
]
Threads = Annotated[
    int | None,
    typer.Option("--jobs", min=1, max=256, show_default="1", help="Threads that ask the model."),
]


@dataclass
class Explanation:
    """What was asked for; what was not is None or empty."""

    rows: ExplainedRows | None = None
    importance: Importance | None = None
    effects: tuple[Effect, ...] = ()
    joint: JointEffect | None = None
    explained: list[RowExplanation] = field(default_factory=list)


@app.command(cls=Sectioned, short_help="Show which columns matter, how each acts, and what made one answer.")
@with_error_boundary
@with_settings(ReadOptions, ClusterOptions)
def explain(
    model: ModelFile,
    data: OtherData = None,
    *,
    column: ColumnNames = None,
    row: RowNumber = None,
    metric: OtherMetric = None,
    group_correlated: GroupCorrelated = GROUP_CORRELATED,
    form: TableFormat = None,
    jobs: Threads = None,
    json: Json = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Show which columns matter, how each acts, and what made one answer.

    On the test rows of the training file, or on another CSV file.

    \b
    mlpcli explain model.npz
    mlpcli explain model.npz --column age,income
    mlpcli explain model.npz new.csv --row 3
    """
    cluster, (_, options) = cluster_of(settings), settings_of(None, settings)
    from mlpcli.evaluation.explain.rows import check_columns
    from mlpcli.metrics.scoring import check_metric
    from mlpcli.model.trained import load
    from mlpcli.model.writing import FORMATS
    from mlpcli.reporter.text import make_console
    from mlpcli.studies.elsewhere import Elsewhere
    from mlpcli.training.networks import build_loss

    check_choice("--format", form, FORMATS)
    if data == "-" and column is not None and row is not None:
        raise UsageError("--column and --row: standard input is read once", "name one of them, or a file")
    loaded = load(model)
    names = named(loaded, column)
    check_columns(loaded, names)
    check_metric(build_loss(loaded.config), loaded.record.rule, metric)
    found = Explanation()
    if names:
        explain_columns(found, loaded, data, options, names)
    if row is not None:
        explain_one(found, loaded, data, options, row)
    if not names and row is None:
        with cluster_for(cluster, jobs, make_console(sys.stderr, quiet)) as there:
            on = (jobs or 1) if there is None else Elsewhere(there)
            explain_all(found, loaded, data, options, metric=metric, group=group_correlated, on=on, quiet=quiet)
    show(loaded, found, json, form, quiet)


def show(model: TrainedModel, found: Explanation, json: bool, form: str | None, quiet: bool) -> None:
    """One JSON value, one table, or a view for people."""
    from mlpcli.model.writing import FORMATS
    from mlpcli.reporter.answers import explain_answer, print_answer
    from mlpcli.reporter.text import make_console

    if json:
        shown = (*found.effects, *((found.joint,) if found.joint else ()))
        print_answer(explain_answer(model, found.rows, found.importance, shown, found.explained))
    elif form is not None:
        print(*table_of(model, found).lines(FORMATS[form]), sep="\n")
    else:
        make_console(sys.stdout, quiet).show(view(model, found))


def named(model: TrainedModel, column: str | None) -> tuple[str, ...]:
    """The columns of --column: one whose name holds a comma, or those between commas. Raises UsageError for three."""
    if column is None:
        return ()
    names = (column,) if column in model.schema.formats() else tuple(dict.fromkeys(column.split(",")))
    if len(names) > 2:
        raise UsageError(f"--column: {len(names)} columns", "name one, or two for the map of both")
    return names


def explain_columns(
    found: Explanation, model: TrainedModel, data: str | None, options: ReadOptions, names: tuple[str, ...]
) -> None:
    """The effects of the named columns, and of two their map."""
    from mlpcli.evaluation.explain.effects import effects, joint_effect
    from mlpcli.evaluation.explain.rows import explained_rows

    found.rows = explained_rows(model, data, options, need_target=False)
    found.effects = effects(model, found.rows, names)
    if len(names) == 2:
        found.joint = joint_effect(model, found.rows, (names[0], names[1]))


def explain_one(found: Explanation, model: TrainedModel, data: str | None, options: ReadOptions, number: int) -> None:
    """What made the answer to one row."""
    from mlpcli.evaluation.explain.row import explain_row
    from mlpcli.evaluation.explain.rows import background_rows, one_row

    row = one_row(model, data, options, number)
    found.explained.append(explain_row(model, row, background_rows(model, data, options)))


def explain_all(
    found: Explanation, model: TrainedModel, data: str | None, options: ReadOptions, *, metric: str | None,
    group: float, on: int | Elsewhere, quiet: bool,
) -> None:  # fmt: skip
    """The importance of all columns, and the effects of the most important ones."""
    from mlpcli.evaluation.explain.effects import main_effects
    from mlpcli.evaluation.explain.importance import importance
    from mlpcli.evaluation.explain.rows import explained_rows
    from mlpcli.reporter.live import is_live
    from mlpcli.reporter.progress import progress
    from mlpcli.reporter.text import make_console, safe

    aside = make_console(sys.stderr, quiet)

    def watch(results: Iterator[ColumnImportance], total: int) -> Iterable[ColumnImportance]:
        if not is_live(aside) or quiet:
            return results
        return progress(results, total, aside, lambda one: safe(one.column, 40), "columns")

    found.rows = explained_rows(model, data, options)
    found.importance = importance(
        model, found.rows, metric=metric, group_correlated=group, jobs=on, watch=watch
    )  # fmt: skip
    found.effects = main_effects(model, found.rows, found.importance)


def view(model: TrainedModel, found: Explanation) -> Iterator[RenderableType]:
    """Everything that was asked for, in this order."""
    from mlpcli.reporter.explain import METHOD_NOTE, effects_view, importance_view, joint_view, row_view

    if found.importance is not None and found.rows is not None:
        yield from importance_view(model, found.rows, found.importance)
    yield from effects_view(model, found.effects)
    if found.joint is not None:
        yield from joint_view(model, found.joint)
    if found.effects:
        yield METHOD_NOTE
    for one in found.explained:
        yield from row_view(model, one)


def table_of(model: TrainedModel, found: Explanation) -> Table:
    """Contributions to an answer, or positions of effects, or the importance of columns."""
    from mlpcli.reporter.explain_tables import contribution_table, effect_table, importance_table

    if found.explained:
        return contribution_table(found.explained)
    if found.importance is not None:
        return importance_table(found.importance)
    return effect_table(model, found.effects)

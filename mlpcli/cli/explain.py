"""`mlpcli explain`: which columns matter, how each acts, and what made one answer."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
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
from mlpcli.cli.workers import cluster_for, on_workers
from mlpcli.config.cluster import ClusterOptions
from mlpcli.config.settings import ReadOptions
from mlpcli.errors import UsageError
from mlpcli.evaluation.explain import GROUP_CORRELATED

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mlpcli.evaluation.explain.answers import Watch
    from mlpcli.evaluation.explain.explanation import Explanation
    from mlpcli.evaluation.explain.importance import ColumnImportance
    from mlpcli.model.trained import TrainedModel


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
    from mlpcli.evaluation.explain.explanation import Question
    from mlpcli.evaluation.explain.explanation import explain as explain_model
    from mlpcli.model.trained import load
    from mlpcli.model.writing import FORMATS
    from mlpcli.reporter.text import make_console

    check_choice("--format", form, FORMATS)
    if data == "-" and column is not None and row is not None:
        raise UsageError("--column and --row: standard input is read once", "name one of them, or a file")
    loaded = load(model)
    question = Question(named(loaded, column), row, metric, group_correlated)
    question.check(loaded)
    # Effects and one answer are soon there: no cluster is asked for them.
    asked = cluster if question.is_of_all else ClusterOptions()
    with cluster_for(asked, jobs, make_console(sys.stderr, quiet)) as there:
        on = (jobs or 1) if there is None else on_workers(there)
        found = explain_model(loaded, data, options, question, on, watch_on(quiet))
    show(loaded, found, json, form, quiet)


def show(model: TrainedModel, found: Explanation, json: bool, form: str | None, quiet: bool) -> None:
    """One JSON value, one table, or a view for people."""
    from mlpcli.model.writing import FORMATS
    from mlpcli.reporter.answers import explain_answer, print_answer
    from mlpcli.reporter.explain_tables import explanation_table
    from mlpcli.reporter.text import make_console

    if json:
        shown = (*found.effects, *((found.joint,) if found.joint else ()))
        print_answer(explain_answer(model, found.rows, found.importance, shown, found.explained))
    elif form is not None:
        print(*explanation_table(model, found).lines(FORMATS[form]), sep="\n")
    else:
        make_console(sys.stdout, quiet).show(view(model, found))


def named(model: TrainedModel, column: str | None) -> tuple[str, ...]:
    """The columns of --column: one whose name holds a comma, or those between commas."""
    if column is None:
        return ()
    return (column,) if column in model.schema.formats() else tuple(dict.fromkeys(column.split(",")))


def watch_on(quiet: bool) -> Watch[ColumnImportance]:
    """The columns that were shuffled, on a bar where somebody can see it."""
    from mlpcli.reporter.live import is_live
    from mlpcli.reporter.progress import progress
    from mlpcli.reporter.text import make_console, safe

    aside = make_console(sys.stderr, quiet)

    def watch(results: Iterator[ColumnImportance], total: int) -> Iterable[ColumnImportance]:
        if not is_live(aside) or quiet:
            return results
        return progress(results, total, aside, lambda one: safe(one.column, 40), "columns")

    return watch


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

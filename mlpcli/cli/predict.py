"""`mlpcli predict`: rows in, rows out."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.options import (
    ModelFile,
    OtherData,
    Quiet,
    Sectioned,
    among,
    check_choice,
    cluster_of,
    settings_of,
    with_settings,
)
from mlpcli.cli.stops import collect, leave
from mlpcli.cli.workers import cluster_for, status_of
from mlpcli.config.cluster import ClusterOptions
from mlpcli.config.settings import BAD_CELLS, ReadOptions
from mlpcli.errors import DataError, UsageError, plural

if TYPE_CHECKING:
    from mlpcli.data.bad_cells import BadCell
    from mlpcli.evaluation.explain.predictions import LargestContributions
    from mlpcli.model.prediction import Predictor
    from mlpcli.model.trained import TrainedModel
    from mlpcli.model.writing import Format
    from mlpcli.studies.file_scoring import FileScoring

ExcelSafe = Annotated[
    bool, typer.Option("--excel-safe", help="An apostrophe before what a spreadsheet takes for a formula.")
]
BadCellsChoice = Annotated[
    str,
    typer.Option(
        "--bad-cells",
        metavar="error|missing|empty",
        autocompletion=among(BAD_CELLS),
        help="Cells not written like their column: stop, count them as missing, or leave their rows' prediction empty.",
    ),
]
ErrorsFile = Annotated[
    str | None, typer.Option("--errors", metavar="FILE", help="JSON lines: line, column, cell and reason of each.")
]
DriftChoice = Annotated[
    str | None,
    typer.Option("--drift", metavar="warn", help="Say when the rows no longer look like the training rows."),
]
IntervalLevel = Annotated[
    float | None,
    typer.Option("--interval", metavar="LEVEL", help="Add low and high: this share of truths lies between them."),
]
LabelSetLevel = Annotated[
    float | None,
    typer.Option("--label-set", metavar="LEVEL", help="Add labels and n_labels: classes with this share of truths."),
]
Mondrian = Annotated[
    bool | None,
    typer.Option(
        "--mondrian/--no-mondrian",
        help="Whether label sets hold their share within each class. Default: where a class is rare.",
    ),
]
MinConfidence = Annotated[
    float | None, typer.Option("--min-confidence", metavar="P", help="Leave predictions of a lower probability empty.")
]
MaxWidth = Annotated[
    float | None,
    typer.Option(
        "--max-width", metavar="W", help="Leave predictions with a wider interval (--interval, else 0.9) empty."
    ),
]

Output = Annotated[str | None, typer.Option("--output", "-o", metavar="FILE|FOLDER/", help="Instead of stdout.")]
Threshold = Annotated[
    float | None,
    typer.Option("--threshold", min=0, max=1, help="Of two classes, predict the second from this probability on."),
]
LargestN = Annotated[
    int | None,
    typer.Option("--explain", min=1, metavar="N", help="Add the N columns that contribute most to each answer."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="With -o FOLDER/: leave files that are answered already as they are.")
]


@app.command(cls=Sectioned, short_help="Predict the target of each row: rows in, rows out.")
@with_error_boundary
@with_settings(ReadOptions, ClusterOptions)
def predict(
    model: ModelFile,
    data: OtherData = "-",
    *,
    output: Output = None,
    proba: Annotated[bool, typer.Option("--proba", help="Add a column p_LABEL for each class.")] = False,
    keep: Annotated[str | None, typer.Option("--keep", metavar="A,B|all", help="Columns to copy before.")] = None,
    threshold: Threshold = None,
    explain: LargestN = None,
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="csv, tsv or jsonl.")] = "csv",
    bom: Annotated[bool, typer.Option("--bom", help="Begin with a mark by which Excel knows UTF-8.")] = False,
    excel_safe: ExcelSafe = False,
    bad_cells: BadCellsChoice = "error",
    errors: ErrorsFile = None,
    drift: DriftChoice = None,
    interval: IntervalLevel = None,
    label_set: LabelSetLevel = None,
    mondrian: Mondrian = None,
    min_confidence: MinConfidence = None,
    max_width: MaxWidth = None,
    resume: Resume = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Predict the target of each row of a CSV: rows in, rows out, in the same order.

    \b
    mlpcli predict model.npz new.csv > predictions.csv
    mlpcli predict model.npz 'in/*.csv' -o out/ --resume
    tail -f log.csv | mlpcli predict model.npz - --keep id --interval 0.9
    """
    cluster, (_, options) = cluster_of(settings), settings_of(None, settings)
    from mlpcli.data.storage import n_cores
    from mlpcli.files.atomic import check_output
    from mlpcli.model.certainty import Certainty
    from mlpcli.model.prediction import Predictor
    from mlpcli.model.trained import load

    writer = writer_of(form, bom, excel_safe)
    check_choice("--bad-cells", bad_cells, BAD_CELLS)
    check_choice("--drift", drift, ["warn"])
    loaded = load(model)
    check_threshold(loaded, threshold)
    certainty = Certainty(interval, label_set, mondrian, min_confidence, max_width)
    certainty.check(loaded)
    kept = [] if keep is None else [k.strip() for k in keep.split(",")]
    more = None if explain is None else contributions_of(loaded, explain, options, threshold)
    made = partial(Predictor, loaded, kept, proba, threshold, writer, bom, more, bad_cells, certainty=certainty)
    check_place(output, resume, errors or drift, None if quiet else cluster.cluster)
    if output is not None and is_folder(output):
        from mlpcli.studies.file_scoring import plan

        answer_files(plan(model, data or "-", output, form, resume, made, options), cluster, quiet)
        return
    predictor = made(jobs=n_cores())
    for path, others in ((output, [errors] if errors else []), (errors, [])):
        if path is not None:
            check_output(path, [model, data or "-", *others])
    with watched(predictor, drift is not None and not quiet):
        answer(predictor, data or "-", options, output, errors, quiet)


def check_threshold(model: TrainedModel, threshold: float | None) -> None:
    if threshold is not None and len(model.labels) != 2:
        raise UsageError("--threshold is for models of two classes")
    if threshold is not None and (model.config.cost or model.config.order):
        raise UsageError("--threshold: the model answers by the costs it was trained with", "leave out --threshold")


def is_folder(path: str) -> bool:
    return path.endswith(os.sep) or os.path.isdir(path)


def check_place(output: str | None, resume: bool, for_one: str | None, cluster: str | None) -> None:
    """UsageError, or a note, for what is for one file of answers, or for many in a folder."""
    if output is not None and is_folder(output):
        if for_one is not None:
            raise UsageError("--errors and --drift are for one file of answers", "-o FILE")
        return
    if resume:
        raise UsageError("--resume is for files answered into a folder", "-o FOLDER/")
    if cluster is not None:
        say(["rows of one file are answered here; a cluster answers files into a folder: -o FOLDER/"])


def answer_files(files: FileScoring, options: ClusterOptions, quiet: bool) -> None:
    """Answers each file into a folder, and says so; the problems of those that could not be are raised at the end."""
    from mlpcli.reporter.progress import progress
    from mlpcli.reporter.text import make_console, safe
    from mlpcli.studies.file_scoring import ScoredFile
    from mlpcli.studies.workers import Inline

    def line(one: ScoredFile) -> str:
        reached = plural(one.n_rows, "row") if one.error is None else "failed"
        return "; ".join([f"{safe(one.name, 200)}: {reached}", *(safe(note, 300) for note in one.notes)])

    aside = make_console(sys.stderr, quiet)
    if files.n_done:
        aside.say(f"{plural(files.n_done, 'file is/files are')} done already (--resume)")
    with cluster_for(options, None, aside) as there:
        outcomes = files.outcomes(there or Inline())
        scored, stopped = collect(
            progress(outcomes, len(files.tasks), aside, line, "files", status_of(there))
        )  # fmt: skip
    leave(stopped, f"interrupted; {plural(len(scored), 'file')} of {len(files.tasks)} done; --resume goes on")
    problems = [one.error for one in sorted(scored, key=lambda one: one.number) if one.error is not None]
    if problems:
        problems[0].others = tuple(problems[1:])
        raise problems[0]


def contributions_of(
    model: TrainedModel, n: int, options: ReadOptions, threshold: float | None
) -> LargestContributions:  # fmt: skip
    """The columns of --explain. Raises UsageError, and DataError without the training file."""
    from mlpcli.evaluation.explain.predictions import LargestContributions
    from mlpcli.evaluation.explain.rows import background_rows

    n_columns = len(model.schema.features)
    if n > n_columns:
        raise UsageError(f"--explain: the model has {plural(n_columns, 'column')}", f"--explain {n_columns}")
    if threshold is not None:
        model = replace(model, record=replace(model.record, threshold=threshold))
    try:
        rows = background_rows(model, None, ReadOptions(memory=options.memory))
    except DataError as error:
        hint = "--explain compares with rows of the training file: put it, as it was, beside the model"
        raise DataError(error.message, hint, file=error.file) from error
    return LargestContributions.of(model, rows, n)


def answer(
    predictor: Predictor, data: str, options: ReadOptions, output: str | None, errors: str | None, quiet: bool
) -> None:
    """Writes the answers to the rows of a file, and says what was odd about them."""
    from mlpcli.data.raw import opened

    with opened(data) as (parts, name), written_to(output) as write, listed_in(errors, predictor):
        if name == "<stdin>" and sys.stdin.isatty() and not quiet:
            say(["reads rows from the terminal, a header first; Ctrl-D ends them"])
        try:
            for part in predictor.predict(parts, name, options):
                write(part)
        except DataError as error:
            n = predictor.n_rows if output is None else 0
            error.message += f" ({n} {'row was' if n == 1 else 'rows were'} written)"
            raise
    if not quiet:
        say(predictor.notes())


@contextmanager
def watched(predictor: Predictor, is_asked: bool) -> Iterator[None]:
    """Says on standard error, as soon as it is sure, in what the rows do not look like the training rows."""
    if not is_asked:
        yield
        return
    from mlpcli.evaluation.drift import DriftWatch
    from mlpcli.reporter.drift import shift_line

    watch = DriftWatch(predictor.model, lambda shift: say([shift_line(shift)]))
    predictor.on_rows = watch.add
    yield
    watch.look()


def writer_of(form: str, bom: bool, excel_safe: bool) -> Format:
    """The format that flags ask for. Raises UsageError."""
    from mlpcli.model.writing import FORMATS, Delimited

    check_choice("--format", form, FORMATS)
    writer = FORMATS[form]
    if isinstance(writer, Delimited):
        return replace(writer, excel_safe=excel_safe)
    if bom or excel_safe:
        raise UsageError(f"--bom and --excel-safe are for csv and tsv, not for --format {form}")
    return writer


def say(notes: Sequence[str]) -> None:
    """Notes on standard error."""
    if notes:
        from mlpcli.reporter.text import make_console, safe

        console = make_console(sys.stderr)
        for note in notes:
            console.print(safe(note, 300), soft_wrap=True)


@contextmanager
def written_to(output: str | None) -> Iterator[Callable[[bytes], object]]:
    """What takes the lines: standard output at once, or a file that is there when all are."""
    if output is not None:
        from mlpcli.files.atomic import write_atomically

        with write_atomically(output) as file:
            yield file.write
        return

    def write(part: bytes) -> None:
        sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()

    yield write


@contextmanager
def listed_in(path: str | None, predictor: Predictor) -> Iterator[None]:
    """Writes the bad cells that the predictor finds to a file, whether it goes on or stops at the first."""
    if path is None:
        yield
        return
    from mlpcli.files.atomic import write_atomically

    problem: DataError | None = None
    with write_atomically(path) as file:
        predictor.on_bad_cell = lambda cell: file.write(as_line(cell))
        try:
            yield
        except DataError as error:
            problem = error
    if problem is not None:
        raise problem


def as_line(cell: BadCell) -> bytes:
    found = {"line": cell.line, "column": cell.column, "cell": cell.cell, "reason": cell.reason}
    return (json.dumps(found, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")

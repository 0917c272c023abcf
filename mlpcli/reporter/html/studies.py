"""Reports on studies of many trainings: what the terminal shows, with pictures and what makes it again."""

from __future__ import annotations

from mlpcli.data.dataset import DataSet
from mlpcli.errors import plural
from mlpcli.files.archive import versions
from mlpcli.reporter.chart import Series
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.html.document import (
    Block,
    Chart,
    Commands,
    Document,
    NamedBars,
    Picture,
    Section,
    Summary,
    line_picture,
    sentence,
)
from mlpcli.reporter.studies import (
    ADVICE,
    best_chart,
    best_line,
    best_table,
    comparison_chart,
    comparison_table,
    cross_validation_table,
    importance_table,
    learning_chart,
    learning_lines,
    learning_table,
    repeats_view,
    verdict,
)
from mlpcli.reporter.tables import interval_text, metrics_table, number
from mlpcli.studies.comparison import Comparison
from mlpcli.studies.cross_validation import CrossValidation
from mlpcli.studies.learning_curve import LearningCurve
from mlpcli.studies.tuning import FinalEvaluation, Tuning


def study_document(table: DataSet, seed: int, summary: Summary, command: str) -> Document:
    """A report on a study of a table: what it found, and how to make it again."""
    rows = [(f"version of {package}", version) for package, version in versions().items()]
    rows += [("data file", table.name), ("sha256 of the data", table.sha256), ("seed", str(seed))]
    origin: list[Block] = [Commands([command]), Grid(["what", "value"], rows, (0, 1), "What it was made of")]
    sections = [Section("What was found", summary.blocks), Section("How to make it again", origin)]
    footer = f"Made by mlpcli {versions()['mlpcli']} from {table.name}."
    return Document(f"{table.target}: {summary.title}", summary.verdict, sections, footer)


def without_time(grid: Grid) -> Grid:
    """The table without what would differ if it was made again."""
    kept = [i for i, column in enumerate(grid.columns) if column != "seconds"]
    texts = [k for k, i in enumerate(kept) if i in grid.texts]
    return Grid([grid.columns[i] for i in kept], [[row[i] for i in kept] for row in grid.rows], texts, grid.title)


def cross_validation_summary(found: CrossValidation) -> Summary:
    metric = next(iter(found.metrics))
    mean = found.metrics[metric]
    known = (
        f"{metric.replace('_', ' ')} is {number(mean.value)} (95 %: {interval_text(metric, mean, '.3g')}), the mean "
        f"over {plural(len(found.folds), 'fold')} of {plural(found.n_rows, 'row')}; the test rows took no part"
    )
    scores = Grid(
        ["fold", "rows", *found.metrics],
        [(f.name, str(f.rows["test"]), *(number(f.metrics["test"][name]) for name in found.metrics))
         for f in found.folds],
        title="Metrics of each fold, by a model that never saw its rows",
    )  # fmt: skip
    places = [fold.number + 1 for fold in found.folds]
    line = Series(metric, places, [fold.metrics["test"][metric] for fold in found.folds])
    ends = ((places[0], mean.value), (places[-1], mean.value))
    chart = Chart("fold", metric, [line], guide=ends, are_points=True)
    seen = f"{metric.replace('_', ' ')} of each fold; the dashed line is the mean."
    grid = cross_validation_table(found)
    blocks: list[Block] = [
        Grid(grid.columns, grid.rows, grid.texts, "Mean over the folds"),
        "The interval is that of the corrected resampled t-test, as folds share training rows (Nadeau & Bengio 2003).",
        Picture("Folds", sentence(seen), chart, scores),
    ]
    return Summary("cross-validation", sentence(known), blocks)


def comparison_summary(found: Comparison) -> Summary:
    chart = Chart.of(comparison_chart(found), "loss")
    seen = "The validation losses of each training after each epoch; dashed, in the same colour, its training losses."
    blocks: list[Block] = [without_time(comparison_table(found))]
    if not found.same_loss:
        blocks.append("The losses differ in kind here; compare the metrics.")
    blocks += [sentence(part) if isinstance(part, str) else part for part in repeats_view(found)]
    blocks.append(line_picture("Loss curves", seen, chart))
    return Summary("a comparison", sentence(best_line(found)), blocks)


def learning_curve_summary(found: LearningCurve) -> Summary:
    picture = Picture(
        "Learning curve",
        f"{found.metric.replace('_', ' ')} over the number of training rows, with 95 % intervals, and the power law as "
        "far as twice the rows.",
        Chart.of(learning_chart(found), found.metric), without_time(learning_table(found)),
    )  # fmt: skip
    lines = [sentence(line) for line in learning_lines(found)]
    last = found.points[-1]
    verdict = (
        f"with {last.rows:,} rows the validation {found.metric} is {number(last.valid.value)}; {ADVICE[found.advice]}"
    )
    return Summary("a learning curve", sentence(verdict), [*lines, picture])


def tuning_summary(found: Tuning, final: FinalEvaluation | None) -> Summary:
    """`final` is None when the search was interrupted."""
    settings = ", ".join(f"{n.replace('_', '-')} {v}" for n, v in (found.best.values or found.given_values).items())
    best = f"the best of {plural(len(found.trials), 'trial')} has {settings}"
    best += "" if final is None else f"; {verdict(found, final)}"
    blocks: list[Block] = []
    if found.top:
        chart = Chart.of(best_chart(found), found.loss_name)
        blocks += [best_table(found), line_picture("The search", "The best loss so far, trial by trial.", chart)]
    bars = NamedBars("share of the variation", [(n.replace("_", "-"), s, s, s) for n, s in found.importance.items()])
    shares = importance_table(found)
    blocks.append(Picture(
        "Which settings matter", "Share of the variation in loss due to this setting alone, corrected for chance.",
        bars, Grid(shares.columns[:2], [row[:2] for row in shares.rows]),
    ))  # fmt: skip
    if final is not None:
        grid, title = (
            metrics_table(final.evaluation.metrics, final.evaluation.baselines),
            "The best model, evaluated once",
        )
        blocks.append(Grid(["metric", *grid.columns[1:]], grid.rows, title=f"{title} on test rows"))
    return Summary("a search for settings", sentence(best), blocks)

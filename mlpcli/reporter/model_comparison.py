"""What `evaluate --against` shows: each metric of two models on the same rows, and the rows they disagree on."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from mlpcli.errors import plural
from mlpcli.evaluation.comparison import Disagreements, ModelComparison
from mlpcli.metrics.scoring import METRICS
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.tables import number

SHOWN = 10  # rows


def model_comparison_view(found: ModelComparison, new: str, old: str, verbose: bool) -> Iterator[RenderableType]:
    """`new` and `old` are the files of the models."""
    yield f"{new} (new) against {old} (old) on {plural(found.n_rows, 'row')} of {found.data}"
    if found.left_out:
        yield "left out: " + "; ".join(f"{plural(n, 'row')} {reason}" for reason, n in found.left_out.items())
    yield from found.notes
    yield metrics_grid(found, verbose)
    yield disagreement_line(found)
    if len(found.disagreements.rows):
        yield rows_grid(found.disagreements)


def metrics_grid(found: ModelComparison, verbose: bool) -> Grid:
    rows = [
        (
            name, number(m.new), number(m.old), f"{m.difference.value:+.3g}",
            f"{m.difference.low:+.3g} to {m.difference.high:+.3g}" if METRICS[name].has_interval else "none that holds",
            m.verdict,
        )
        for name, m in found.metrics.items() if verbose or not METRICS[name].is_detail
    ]  # fmt: skip
    drawn = "" if found.group is None else f", groups of {found.group} drawn together"
    columns = ["", "new", "old", "new - old", f"interval (95 %{drawn})", "the new model is"]
    return Grid(columns, rows, texts=(0, 5))


def disagreement_line(found: ModelComparison) -> str:
    differing = found.disagreements
    n, bound = len(differing.rows), differing.bound
    far = "" if bound is None else f", by more than {number(bound)}, the median error of the new model"
    if not n:
        return f"they disagree on none of {plural(found.n_rows, 'row')}{far}"
    return (
        f"they disagree on {plural(n, 'row')} of {found.n_rows:,}{far}: "
        f"the new model is better on {differing.n_new_better:,}, the old one on {differing.n_old_better:,}"
    )


def rows_grid(differing: Disagreements) -> Grid:
    """The first of the rows, numbered from 1."""
    shown = differing.table().head(SHOWN)
    rows = [tuple(number(cell) if isinstance(cell, float) else str(cell) for cell in row) for row in shown.to_numpy()]
    n_more = len(differing.rows) - len(rows)
    more = f", and {n_more:,} more (--disagreements FILE)" if n_more else ""
    return Grid(["row", "truth", "new", "old"], rows, texts=(0, 1, 2, 3), title=f"rows to look at{more}")

"""What `distill` shows: the small model beside the one whose answers it learned."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from mlpcli.errors import plural
from mlpcli.metrics.scoring import METRICS
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.tables import number
from mlpcli.studies.distill import Distilled


def distillation_view(found: Distilled, small: str, large: str, verbose: bool) -> Iterator[RenderableType]:
    """`small` and `large` are the files of the models."""
    compared = found.comparison
    if isinstance(compared, str):
        yield f"{small}: not evaluated beside {large}: {compared}"
    else:
        yield f"{small} beside {large}, on {plural(compared.n_rows, 'row')} of {compared.data}"
    yield Grid(
        ["", "model", "distilled", "change", "interval (95 %)"], [*metric_rows(found, verbose), *cost_rows(found)]
    )


def metric_rows(found: Distilled, verbose: bool) -> Iterator[tuple[str, ...]]:
    if isinstance(found.comparison, str):
        return
    for name, m in found.comparison.metrics.items():
        if verbose or not METRICS[name].is_detail:
            ends = f"{m.difference.low:+.3g} to {m.difference.high:+.3g}" if METRICS[name].has_interval else ""
            yield name, number(m.old), number(m.new), f"{m.difference.value:+.3g}", ends


def cost_rows(found: Distilled) -> Iterator[tuple[str, ...]]:
    """Size and speed; the change is a factor."""
    before, now = found.speed_before, found.speed
    for name, old, new, shown in (
        ("parameters", before.n_parameters, now.n_parameters, "{:,.0f}"),
        ("file, kB", before.n_bytes / 1000, now.n_bytes / 1000, "{:,.0f}"),
        ("rows a second", before.rows_per_second, now.rows_per_second, "{:,.0f}"),
    ):
        yield name, shown.format(old), shown.format(new), f"x {new / old:.2g}", ""

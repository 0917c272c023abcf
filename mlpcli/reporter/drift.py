"""What `drift` shows: how far each thing moved that was compared, and the metrics beside the promised ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from mlpcli.errors import plural
from mlpcli.evaluation.drift import Drift, Shift
from mlpcli.metrics.scoring import METRICS
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.tables import interval_text, number

MIN_P_VALUE = 1e-6  # below it the figure says nothing more


def drift_view(found: Drift, model: str, verbose: bool) -> Iterator[RenderableType]:
    """What drifted; with `verbose` all that was compared."""
    yield f"{found.data}: {plural(found.n_rows, 'row')} beside the training rows of {model}"
    yield from found.notes
    shown = found.shifts if verbose else found.drifted
    if shown:
        yield shifts_grid(shown)
    if found.metrics and found.promised:
        yield promised_grid(found, verbose)
    yield drift_line(found)


def drift_line(found: Drift) -> str:
    n, names = len(found.shifts), ", ".join(shift.name for shift in found.drifted)
    if not names:
        return f"no drift in {plural(n, 'thing')} compared"
    return f"drift in {len(found.drifted)} of {plural(n, 'thing')} compared: {names}"


def shifts_grid(shifts: Sequence[Shift]) -> Grid:
    rows = [
        (
            titled(shift), f"{shift.distance:.2f}", share_text(shift.missing.training, shift.missing.here),
            share_text(shift.unseen.training, shift.unseen.here), p_value_text(shift.p_value),
            "drift" if shift.is_drift() else "",
        )
        for shift in shifts
    ]  # fmt: skip
    columns = ["", "distance", "missing", "unseen or out of range", "p-value", ""]
    return Grid(columns, rows, texts=(0, 5))


def titled(shift: Shift) -> str:
    return f"{shift.what} {shift.name}" if shift.what in ("column", "target") else shift.name


def share_text(before: float, here: float) -> str:
    """In training, and of these rows."""
    return f"{before:.1%} -> {here:.1%}" if before or here else "none"


def p_value_text(p_value: float) -> str:
    return f"{p_value:.2g}" if p_value >= MIN_P_VALUE else f"under {MIN_P_VALUE:g}"


def promised_grid(found: Drift, verbose: bool) -> Grid:
    """Metrics of the validation rows, and of these."""
    rows = [
        (
            name, number(promised), number(found.metrics[name].value), interval_text(name, found.metrics[name], ".3g"),
            "worse than promised" if name in found.worse else "",
        )
        for name, promised in found.promised.items() if verbose or not METRICS[name].is_detail
    ]  # fmt: skip
    return Grid(["", "promised", "here", "interval (95 %)", ""], rows, texts=(0, 4))


def shift_line(shift: Shift) -> str:
    """One thing that drifted, for a note."""
    parts = [f"distance {shift.distance:.2f}"]
    for share, what in ((shift.missing, "missing"), (shift.unseen, "unseen or out of range")):
        if share.difference:
            parts.append(f"{share.here:.1%} {what} (in training {share.training:.1%})")
    return f"drift: {titled(shift)}: {', '.join(parts)}; p-value {p_value_text(shift.p_value)}"

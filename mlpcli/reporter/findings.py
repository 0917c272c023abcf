"""Findings at length, and what tried remedies did. Foreign text goes through `safe` and `Grid`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from mlpcli.diagnosis.codes import NUMBERS
from mlpcli.diagnosis.findings import CHECKS, Finding
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.tables import number
from mlpcli.reporter.text import safe
from mlpcli.studies.remedies import AGAIN, RemedyOutcome


def at_length(findings: Sequence[Finding], width: int) -> Iterator[str]:
    """Lines: each finding with what it means, its numbers, and what to try; then what was looked for and not found."""
    for found in findings:
        yield f"{found.code} ({found.severity})"
        yield from paragraph(safe(found.message, 500) + ".", width)
        doc = CHECKS[found.code].__doc__ or ""
        yield from paragraph(f"What it means: {' '.join(doc.split())}", width)
        for name, value in found.numbers.items():
            meaning = NUMBERS.get(name, f"share of the units of hidden {name.replace('_', ' ')}")
            yield from paragraph(f"{name} {number(value)}: {meaning}", width, "    ")
        if found.remedies:
            yield from paragraph("Try: " + "; ".join(safe(r, 80) for r in found.remedies), width)
        yield from paragraph(f"More: mlpcli guide {found.code}", width)
        yield ""
    clear = [code for code in CHECKS if code not in [f.code for f in findings]]
    yield from paragraph("Looked for and not found: " + ", ".join(clear), width, "")


def paragraph(text: str, width: int, indent: str = "  ") -> list[str]:
    return textwrap.wrap(
        text, max(width, 40), initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip


def remedies_table(outcomes: Sequence[RemedyOutcome]) -> Grid:
    """Each remedy with its flags, the validation loss with it, how much lower that is, and the verdict."""
    rows = []
    for o in outcomes:
        change, bounds = "", ""
        if o.gain is not None:
            change, bounds = f"{100 * o.gain.value:+.1f} %", f"{100 * o.gain.low:+.1f} to {100 * o.gain.high:+.1f}"
        loss = "" if o.loss is None else number(o.loss)
        rows.append((o.flags or "(" + AGAIN + ")", loss, change, bounds, o.verdict))
    return Grid(["remedy", "loss", "lower by", "interval", "verdict"], rows, texts=(0, 4))


def remedies_view(outcomes: Sequence[RemedyOutcome]) -> Iterator[RenderableType]:
    yield remedies_table(outcomes)
    yield remedies_line(outcomes)
    yield (
        "loss of validation rows; intervals: paired bootstrap over rows, 95 % for all remedies together. The row in "
        "brackets shows what chance does: it changes only the first weights. A remedy that helps is better than both."
    )


def remedies_line(outcomes: Sequence[RemedyOutcome]) -> str:
    """Which remedies help, in a sentence."""
    helping = [o.flags for o in outcomes if o.verdict == "helps"]
    if not helping:
        return "no remedy is seen to help on these rows; what is left is more rows, or columns with more information"
    return safe(f"seen to help, the best first: {'; '.join(helping)}", 400)

"""What `reproduce` shows: whether the model is the same, and if not what differs."""

from __future__ import annotations

from collections.abc import Iterator

from mlpcli.errors import plural
from mlpcli.studies.reproduce import TOLERANCE, Reproduction


def reproduction_view(found: Reproduction, model: str) -> Iterator[str]:
    verdict = "the same, bit for bit" if found.is_same else "not the same"
    yield f"{model}: {verdict}, trained again on {found.data}"
    yield from (f"{name}: {what}" for name, what in found.differences.items())
    if found.is_same:
        return
    if found.largest is None:
        yield "the answers cannot be compared: other columns, or other classes"
    else:
        verdict = "agree" if found.agrees else "differ"
        yield (
            f"the answers to {plural(found.n_rows, 'row')} {verdict} to {TOLERANCE:g}"
            f" (largest difference {found.largest:.2g})"
        )

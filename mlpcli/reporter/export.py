"""What `export` shows: the file, and how it stands to the model on the same rows."""

from __future__ import annotations

from collections.abc import Iterator

from mlpcli.errors import plural
from mlpcli.export.check import Checked, Export


def export_view(found: Export, path: str) -> Iterator[str]:
    yield f"{path}: {len(found.content) / 1000:,.0f} kB"
    if isinstance(found.checked, str):
        yield f"not checked: {found.checked}"
        return
    yield checked_text(found.checked)


def checked_text(found: Checked) -> str:
    return (
        f"checked on {plural(found.n_rows, 'row')} ({found.rows}): largest difference {found.largest:.1e}, "
        f"{found.rows_per_second:,.0f} rows a second"
    )

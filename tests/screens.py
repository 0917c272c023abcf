"""What views look like on a console."""

from __future__ import annotations

import io
from collections.abc import Iterable

from rich.console import RenderableType

from mlpcli.reporter.text import make_console


def drawn(views: Iterable[RenderableType], width: int, encoding: str = "utf-8") -> str:
    """Views one below another, on a console without colours, so many columns wide."""
    raw = io.BytesIO()
    console = make_console(io.TextIOWrapper(raw, encoding=encoding, write_through=True))
    console.width = width
    console.show(views)
    return raw.getvalue().decode(encoding)

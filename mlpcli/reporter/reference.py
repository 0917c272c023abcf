"""Pages of the reference, which are Markdown, on a screen. A module of its own: rich takes time to load its parser."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Markdown, TableElement
from rich.table import Table


class WholeTable(TableElement):
    """A table that never writes an ellipsis: rich takes the space behind a line of wide letters for too long a line."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for item in super().__rich_console__(console, options):
            if isinstance(item, Table):
                for column in item.columns:
                    column.overflow = "fold"
            yield item


class ReferencePage(Markdown):
    """A page of the reference."""

    elements = Markdown.elements | {"table_open": WholeTable}

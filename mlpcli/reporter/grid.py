"""A table that is legible at every width: no cell is cut, and no word broken that fits on a line.

Where the columns do not fit side by side they move closer, and headers and text wrap between words; where that is not
enough, the last columns stand below the first ones, and at last each row becomes a block of lines, one a column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from mlpcli.reporter.text import literal, safe

GAPS = (2, 1)  # cells between two columns: the first that does
ASCII = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


@dataclass(frozen=True)
class Grid:
    """Rows under headers, the first cell naming the row; columns are numbers but for those of `texts`."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: Sequence[int] = (0,)
    title: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(f"\n{self.title}" if self.title else "", style="bold")
        gap, panels = self.panels(options.max_width)
        for panel in panels:
            look = ASCII if options.ascii_only else box.SIMPLE_HEAD  # draws one cell between columns
            table = Table(box=look, show_edge=False, pad_edge=False, padding=(0, gap - 1, 0, 0), header_style="bold")
            for i, width in zip(panel, self.widths(panel, gap, options.max_width), strict=True):
                table.add_column(literal(self.columns[i]), justify="left" if i in self.texts else "right", width=width)
            for row in self.rows:
                table.add_row(*(literal(row[i]) for i in panel))
            yield from (Text(), table) if panel is not panels[0] else (table,)
        if not panels:
            yield from self.blocks(options.max_width)

    def panels(self, max_width: int) -> tuple[int, list[list[int]]]:
        """The gap, and which columns stand side by side, each time with the first; none if most would stand alone."""
        everything = list(range(len(self.columns)))
        for gap in GAPS:
            if self.widths(everything, gap, max_width):
                return gap, [everything]
        found = [everything[:2]]
        for i in everything[2:]:
            if self.widths([*found[-1], i], GAPS[0], max_width):
                found[-1].append(i)
            else:
                found.append([0, i])
        fits = all(self.widths(panel, GAPS[0], max_width) for panel in found)
        return GAPS[0], found if fits and 2 * len(found) < len(self.columns) else []

    def widths(self, panel: Sequence[int], gap: int, max_width: int) -> list[int]:
        """The cells of each column; none when they do not fit."""
        whole, found = [], []
        for i in panel:
            head, *body = (safe(cell) for cell in (self.columns[i], *(row[i] for row in self.rows)))
            unbroken = [*head.split(), *(" ".join(body).split() if i in self.texts else body)]
            whole.append(max(map(cell_len, [head, *body])))
            found.append(max(map(cell_len, unbroken), default=0))
        room = max_width - gap * (len(panel) - 1) - sum(found)
        if room < 0:
            return []
        for i, width in enumerate(whole):
            wider = min(width - found[i], room)
            found[i] += wider
            room -= wider
        return found

    def blocks(self, max_width: int) -> RenderResult:
        """For each row its first cell and, below, a line for each other column."""
        names = [safe(name) for name in self.columns[1:]]
        margin = max(map(cell_len, names), default=0)
        for first, *cells in self.rows:
            if first:
                yield literal(first, style="bold")
            for name, value in zip(names, map(safe, cells), strict=True):
                aligned = f"  {name}{' ' * (margin - cell_len(name))}  {value}"
                yield Text(aligned if cell_len(aligned) <= max_width else f"  {name} {value}", overflow="fold")

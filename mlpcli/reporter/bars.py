"""Horizontal bars from a common zero, each with its name and its number; legible at every width and without colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mlpcli.reporter.colour import colour
from mlpcli.reporter.text import safe

MAX_BAR, MIN_BAR = 40, 8  # cells
NAME_SHARE = 0.4  # of the width, above which names stand on lines of their own
POSITIVE, NEGATIVE = colour(0), colour(1)


@dataclass(frozen=True)
class Bar:
    """A value under a name, and what is written beside the bar."""

    name: str
    value: float
    text: str


@dataclass(frozen=True)
class Bars:
    """Bars of one scale; negative values go to the left of the zero."""

    bars: Sequence[Bar]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        names = [safe(bar.name, width) for bar in self.bars]
        name_width, text_width = max(map(cell_len, names)), max(cell_len(bar.text) for bar in self.bars)
        stands_above = name_width > NAME_SHARE * width
        room = width - text_width - 2 - (2 if stands_above else name_width + 2)
        for name, bar in zip(names, self.bars, strict=True):
            line = Text(no_wrap=True)
            if stands_above:
                yield Text(name, overflow="fold")
                line.append("  ")
            else:
                line.append(name + " " * (name_width - cell_len(name) + 2))
            line.append(bar.text.rjust(text_width))
            if room >= MIN_BAR:
                line.append("  ").append(self.drawn(bar.value, min(room, MAX_BAR), options.ascii_only))
            line.rstrip()
            yield line

    def drawn(self, value: float, width: int, ascii_only: bool) -> Text:
        """The bar in so many cells, its ends to half a cell."""
        low, high = min(0.0, *(bar.value for bar in self.bars)), max(0.0, *(bar.value for bar in self.bars))
        scale = 2 * width / ((high - low) or 1.0)  # half cells
        zero = round(-low * scale / 2)  # cells to the left of the zero
        n = round(abs(value) * scale)
        if ascii_only:
            cells = "#" * ((n + 1) // 2)
        elif value > 0:
            cells = "█" * (n // 2) + "▌" * (n % 2)
        else:
            cells = "▐" * (n % 2) + "█" * (n // 2)
        before = zero if value > 0 else max(zero - len(cells), 0)
        return Text(" " * before).append(cells, POSITIVE if value > 0 else NEGATIVE)

"""Foreign text on its way to a terminal, and the consoles it is shown on.

Every name, label, cell and path of a user's files goes through `safe`; nothing else may build text from them.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable
from typing import Any, TextIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, format, surrogate, private, unassigned, separators
MAX_LINE = 2_000  # cells of a line; a list of settings is that long
MAX_COMBINING = 2  # marks on one letter; a flood of them would paint over other lines


def safe(text: str, width: int = 80) -> str:
    """Text with every character that could act on a terminal written out, cut at `width` cells.

    The result holds no control, bidirectional or invisible character. It is literal text: consoles made here read
    no markup and no emoji codes.
    """
    if text.isascii() and text.isprintable() and len(text) <= width:
        return text
    out: list[str] = []
    used = marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if unicodedata.category(char) in HIDDEN or marks > MAX_COMBINING:
            code = ord(char)
            shown = f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
        else:
            shown = char
        size = cell_len(shown)
        if used + size > width:
            while out and used > width - 1:
                used -= cell_len(out.pop())
            return "".join(out) + "…"
        out.append(shown)
        used += size
    return "".join(out)


def literal(text: str, width: int = 80, style: str = "") -> Text:
    """`safe` text for a table cell, which rich would otherwise read for markup."""
    return Text(safe(text, width), style=style)


class Screen(Console):
    """Lines printed with `soft_wrap` are whole for a program or a file, and wrapped between words on a terminal."""

    def show(self, view: Iterable[RenderableType]) -> None:
        """Prints lines, each sanitised, and charts and tables, in order."""
        for item in view:
            if isinstance(item, str):
                self.print(safe(item, MAX_LINE), soft_wrap=True)
            else:
                self.print(item)

    def say(self, *lines: str) -> None:
        self.show(lines)

    def print(self, *objects: Any, soft_wrap: bool | None = None, **options: Any) -> None:
        super().print(*objects, soft_wrap=bool(soft_wrap) and not self.is_terminal, **options)


def make_console(stream: TextIO, quiet: bool = False) -> Screen:
    """A console that prints text as it is: no markup, no emoji, no highlighting, and no failure on odd encodings.

    A quiet one prints nothing.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return Screen(file=stream, markup=False, emoji=False, highlight=False, quiet=quiet)

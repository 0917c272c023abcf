"""Pages of the guide for a screen of any width; a letter may be two cells wide."""

from __future__ import annotations

from rich.cells import cell_len

from mlpcli.guide import PROMPT


def fitted(page: str, width: int) -> str:
    """The text of a topic for a screen of this width in cells; commands keep their lines, to be copied."""
    text = page.rstrip()
    if width >= max(map(cell_len, text.splitlines())):
        return text
    return "\n\n".join(p if p.startswith(PROMPT) else filled(p, width) for p in text.split("\n\n"))


def filled(paragraph: str, width: int) -> str:
    """The words of a paragraph in lines of at most `width` cells; a longer word has a line of its own."""
    first, *others = paragraph.split()
    lines = [first]
    for word in others:
        if cell_len(lines[-1]) + 1 + cell_len(word) > width:
            lines.append(word)
        else:
            lines[-1] += " " + word
    return "\n".join(lines)

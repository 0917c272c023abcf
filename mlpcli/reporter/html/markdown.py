"""A Document as Markdown for a comment on a pull request: the same sentences and tables, without the drawings."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mlpcli.errors import plural
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.html.document import Block, Commands, Document, Items, Picture, tables_of
from mlpcli.reporter.text import safe

MAX_LETTERS = 60_000  # of the text: a comment on GitHub has 65,536
LIMITS = ((60, 500), (30, 200), (12, 80))  # rows of a table and cells of a text, the first that are few enough
MARKS = re.compile(r"([\\`*_\[\]|~$])")  # what Markdown reads for something else
LINKS = re.compile(r"([@#]|//|www\.)(?=\S)")  # what a page of GitHub makes a link of, or a note to somebody


def escape(text: str, width: int) -> str:
    """Text that stands literally in a paragraph or a cell."""
    return MARKS.sub(r"\\\1", in_tag(text, width))


def in_tag(text: str, width: int) -> str:
    """Text that stands literally between tags, where no mark of Markdown is read."""
    return LINKS.sub(lambda found: f"{found[1][0]}<!-- -->{found[1][1:]}", html.escape(safe(text, width), quote=False))


def markdown(document: Document) -> bytes:
    """The text, of long tables the first rows only."""
    text = ""
    for n_rows, width in LIMITS:
        text = "\n\n".join(Writer(n_rows, width).document(document)) + "\n"
        if len(text) <= MAX_LETTERS:
            break
    return text.encode()


@dataclass(frozen=True)
class Writer:
    """Writes the parts of a text, each a paragraph or more."""

    n_rows: int
    width: int

    def text(self, text: str) -> str:
        return escape(text, self.width)

    def document(self, document: Document) -> Iterator[str]:
        yield f"# {self.text(document.title)}"
        yield f"**{self.text(document.verdict)}**"
        for section in document.sections:
            yield f"## {self.text(section.title)}"
            for block in section.blocks:
                yield self.block(block)
        yield self.text(document.footer)

    def block(self, block: Block) -> str:
        return WRITTEN[type(block)](self, block)

    def table(self, grid: Grid) -> str:
        title = [f"{self.text(grid.title)}:", ""] if grid.title else []
        n_more = len(grid.rows) - self.n_rows
        more = ["", f"and {plural(n_more, 'more row')}"] if n_more > 0 else []
        sides = [" :-- " if i in grid.texts else " --: " for i in range(len(grid.columns))]
        lines = [self.line(grid.columns), f"|{'|'.join(sides)}|", *map(self.line, grid.rows[: self.n_rows])]
        return "\n".join([*title, *lines, *more])

    def line(self, cells: Any) -> str:
        return f"| {' | '.join(map(self.text, cells))} |"

    def folded(self, picture: Picture) -> str:
        """The numbers of a picture, to be unfolded."""
        numbers = "\n\n".join(map(self.table, tables_of(picture)))
        title = in_tag(picture.title, self.width)
        return f"<details><summary>{title}</summary>\n\n{self.text(picture.description)}\n\n{numbers}\n\n</details>"

    def items(self, items: Items) -> str:
        return "\n".join(f"- **{self.text(item.title)}** {self.text(' '.join(item.lines))}" for item in items.rows)

    def commands(self, commands: Commands) -> str:
        """Indented lines, which no text can end."""
        return "\n".join(f"    {safe(line, MAX_LETTERS)}" for line in commands.lines)


WRITTEN: dict[type, Callable[[Writer, Any], str]] = {
    str: Writer.text, Grid: Writer.table, Picture: Writer.folded, Items: Writer.items, Commands: Writer.commands,
}  # fmt: skip

"""A Document as one HTML file: no script, no request, nothing of the reader's machine, the same bytes each time."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from typing import Any

from mlpcli.errors import plural
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.html.document import (
    Block,
    Chart,
    Commands,
    Document,
    Items,
    Picture,
    Summary,
    capitalised,
    tables_of,
)
from mlpcli.reporter.html.markup import Html, breakable, element, joined, name_width
from mlpcli.reporter.html.svg import legend, picture

MAX_BYTES = 300_000  # of a page: it is sent by mail
# Rows of a table and cells of a text that are written; the first that make a page small enough.
LIMITS = ((300, 2_000), (100, 500), (40, 200), (20, 80))
MAX_COMMAND = 20_000  # cells of a line for a shell, which is of no use when it is cut
NEXT = Html("\n")  # so that a page has lines
STYLE = re.sub(r"\s+", " ", (files(__package__) / "style.css").read_text(encoding="utf-8")).strip()
NOTEBOOK = "mlpcli-result"  # class of a result among other people's elements
# The same style for what stands in it alone: the page's rules nested, those of the whole page its own.
OF_PAGE = re.compile(r"(?<![\w-])body(?= \{)|:root")
NESTED = Html(f".{NOTEBOOK} {{ {OF_PAGE.sub('&', STYLE)} }}")
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)


def page(document: Document) -> bytes:
    """The file's content, at most MAX_BYTES where that can be: of long tables the first rows, and how many more."""
    content = b""
    for n_rows, width in LIMITS:
        with texts_cut_at(width):
            content = Writer(n_rows).document(document).encode()
        if len(content) <= MAX_BYTES:
            break
    return content


def fragment(summary: Summary) -> str:
    """What a notebook shows of a result, in its own style, with ids that no other result on the page has."""
    n_rows, width = LIMITS[1]
    with texts_cut_at(width):
        content = Writer(n_rows, "its frame() lists").summary(summary)
        named = Writer(n_rows, "its frame() lists", f"m{hashlib.sha256(content.encode()).hexdigest()[:12]}-")
        return named.summary(summary)


@contextmanager
def texts_cut_at(width: int) -> Iterator[None]:
    """Within the block no text is longer."""
    token = name_width.set(width)
    try:
        yield
    finally:
        name_width.reset(token)


@dataclass
class Writer:
    """Writes the parts of a page; `n` counts what has an id."""

    n_rows: int  # of a table that are written
    elsewhere: str = "--json lists"  # who has the others
    prefix: str = "e"  # of ids
    n: int = 0

    def document(self, document: Document) -> Html:
        names = [f"s{i}" for i, _ in enumerate(document.sections, 1)]
        sections = [self.section(name, s.title, s.blocks) for name, s in zip(names, document.sections, strict=True)]
        links = (
            element("li", {}, element("a", {"href": f"#{name}"}, s.title))
            for name, s in zip(names, document.sections, strict=True)
        )
        head = element(
            "head", {},
            element("meta", {"charset": "utf-8"}),
            element("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}),
            element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
            element("meta", {"name": "color-scheme", "content": "light dark"}),
            element("title", {}, document.title),
            element("style", {}, Html(STYLE)),
        )  # fmt: skip
        body = element(
            "body", {}, NEXT,
            element(
                "header", {},
                element("h1", {}, document.title), element("p", {"class": "verdict"}, document.verdict),
            ),
            NEXT, element("nav", {"aria-label": "Contents"}, element("ul", {}, *links)), NEXT,
            element("main", {}, NEXT, joined(sections, NEXT), NEXT), NEXT,
            element("footer", {}, element("p", {}, document.footer)), NEXT,
        )  # fmt: skip
        return Html("<!DOCTYPE html>\n" + element("html", {"lang": "en"}, NEXT, head, NEXT, body) + "\n")

    def summary(self, summary: Summary) -> Html:
        blocks = self.blocks(summary.blocks)
        heading = element("h3", {}, capitalised(summary.title))
        verdict = element("p", {"class": "verdict"}, summary.verdict)
        return element("div", {"class": NOTEBOOK}, element("style", {}, NESTED), NEXT, heading, verdict, NEXT, blocks)

    def section(self, name: str, title: str, blocks: Sequence[Block]) -> Html:
        heading = element("h2", {"id": name}, title)
        return element("section", {"aria-labelledby": name}, heading, NEXT, self.blocks(blocks))

    def blocks(self, blocks: Sequence[Block]) -> Html:
        """One below the other, pictures side by side."""
        parts = []
        for are_pictures, group in groupby(blocks, lambda block: isinstance(block, Picture)):
            written = joined((self.block(block) for block in group), "\n")
            parts.append(element("div", {"class": "pictures"}, written) if are_pictures else written)
        return joined(parts, "\n")

    def block(self, block: Block) -> Html:
        return WRITTEN[type(block)](self, block)

    def name(self) -> str:
        """An id that no other element has."""
        self.n += 1
        return f"{self.prefix}{self.n}"

    def paragraph(self, text: str) -> Html:
        return element("p", {}, text)

    def table(self, grid: Grid) -> Html:
        """A table in a region that scrolls by itself where it is wider than the page."""
        name = self.name()
        head = (header(column, "col", i, grid) for i, column in enumerate(grid.columns))
        rows = (
            element("tr", {}, *(cell(text, i, grid) for i, text in enumerate(row)))
            for row in grid.rows[: self.n_rows]
        )  # fmt: skip
        caption = element("caption", {"id": name}, element("span", {}, capitalised(grid.title)))
        table = element(
            "table", {}, caption, element("thead", {}, element("tr", {}, *head)),
            NEXT, element("tbody", {}, joined(rows, "\n")),
        )  # fmt: skip
        n_more = len(grid.rows) - self.n_rows
        more = element("p", {}, f"and {plural(n_more, 'more row')}, which {self.elsewhere}") if n_more > 0 else Html("")
        region = {"class": "scroll", "role": "region", "aria-labelledby": name, "tabindex": "0"}
        return joined([element("div", region, table), more])

    def figure(self, shown: Picture) -> Html:
        name = self.name()
        drawing = picture(shown.chart, name, shown.title, shown.description)
        keys = legend(shown.chart.lines) if isinstance(shown.chart, Chart) else Html("")
        return element(
            "figure", {},
            element("figcaption", {}, element("h3", {}, shown.title), element("p", {}, shown.description), keys),
            drawing,
            element(
                "details", {},
                element("summary", {}, f"Numbers: {shown.title}"), *map(self.table, tables_of(shown)),
            ),
        )  # fmt: skip

    def items(self, items: Items) -> Html:
        return element("ul", {"class": "findings"}, *(
            element(
                "li", {"class": item.kind},
                element("h3", {}, item.title), *(element("p", {}, line) for line in item.lines),
            )
            for item in items.rows
        ))  # fmt: skip

    def commands(self, commands: Commands) -> Html:
        with texts_cut_at(MAX_COMMAND):
            return element("pre", {"tabindex": "0"}, element("code", {}, joined(commands.lines, "\n")))


def header(text: str, scope: str, i: int, grid: Grid) -> Html:
    """A header cell of column i; of nothing a cell that is no header."""
    return element("th", {"scope": scope} | of_text(i, grid), breakable(text)) if text else element("td", {})


def cell(text: str, i: int, grid: Grid) -> Html:
    """A cell of column i, of which the first names the row."""
    return element("td", of_text(i, grid), breakable(text)) if i else header(text, "row", i, grid)


def of_text(i: int, grid: Grid) -> dict[str, str]:
    """The class of a column of text."""
    return {"class": "text"} if i in grid.texts else {}


WRITTEN: dict[type, Callable[[Writer, Any], Html]] = {
    str: Writer.paragraph, Grid: Writer.table, Picture: Writer.figure, Items: Writer.items, Commands: Writer.commands,
}  # fmt: skip

"""A page as a parser sees it: its elements, whether they are closed, its tables and texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "path", "line", "rect", "circle", "wbr"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    children: list = field(default_factory=list)  # elements and texts

    @property
    def text(self) -> str:
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    def all(self, *names: str) -> list[Element]:
        """Of these names, below this one, in the order of the page."""
        found = []
        for child in self.children:
            if not isinstance(child, str):
                found += [child] * (child.name in names or not names) + child.all(*names)
        return found


class Strict(HTMLParser):
    """Raises AssertionError where tags do not nest."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("document", {})]

    def handle_starttag(self, tag, attributes):
        assert len({name for name, _ in attributes}) == len(attributes), attributes
        element = Element(tag, dict(attributes))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attributes):
        assert tag in VOID, tag
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        assert self.open.pop().name == tag, tag

    def handle_data(self, data):
        self.open[-1].children.append(data)


def parsed(page: bytes) -> Element:
    parser = Strict()
    parser.feed(page.decode())
    parser.close()
    assert len(parser.open) == 1
    return parser.open[0]


def tables(page: Element) -> dict[str, list[list[str]]]:
    """Caption -> rows of cells, the header first."""
    return {
        table.all("caption")[0].text: [[c.text for c in row.all("td", "th")] for row in table.all("tr")]
        for table in page.all("table")
    }

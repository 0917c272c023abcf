"""HTML as text. Everything that is not Html already goes through `escape`; nothing else makes markup of text."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from contextvars import ContextVar

from mlpcli.reporter.text import safe

VOID = frozenset({"meta", "path", "line", "rect", "circle"})  # elements without content
WHOLE = 10_000_000  # cells of an attribute: the path of a line is that of nobody's text
name_width: ContextVar[int] = ContextVar("name_width", default=2_000)  # cells of one text, beyond which it is cut


class Html(str):
    """Markup that is ready to stand in a page."""

    __slots__ = ()


def escape(text: str) -> Html:
    """Text with every character written out that a browser, or a reader, could take for something else."""
    return text if isinstance(text, Html) else Html(html.escape(safe(text, name_width.get())))


def breakable(text: str) -> Html:
    """Text of a cell, which may go on in a new line behind each underscore."""
    return Html(escape(text).replace("_", "_<wbr/>"))


def element(name: str, attributes: Mapping[str, object], *content: str) -> Html:
    """<name attributes>content</name>; what of the content is not Html is escaped, and so is every attribute."""
    given = "".join(f' {key}="{html.escape(safe(str(value), WHOLE))}"' for key, value in attributes.items())
    if name in VOID:
        return Html(f"<{name}{given}/>")
    return Html(f"<{name}{given}>{joined(content)}</{name}>")


def joined(parts: Iterable[str], between: str = "") -> Html:
    """Parts one after another; those that are not Html are escaped."""
    return Html(between.join(map(escape, parts)))

"""Markdown for a pull request: the page's sentences and tables, and no mark, link or mention of the data's."""

from __future__ import annotations

import re

import pytest
from reporter.html.conftest import HOSTILE, TASKS
from reporter.html.pages import parsed, tables

from mlpcli.reporter.grid import Grid
from mlpcli.reporter.html.document import Document, Section
from mlpcli.reporter.html.markdown import MAX_LETTERS, escape, in_tag, markdown
from mlpcli.reporter.html.page import page


def literal(text: str) -> str:
    """What a reader sees."""
    import html

    return html.unescape(re.sub(r"\\([\\`*_\[\]|~$])", r"\1", text.replace("<!-- -->", "")))


@pytest.mark.parametrize("text", HOSTILE[:-2])
def test_text_is_literal(text):
    written = escape(text, 500)
    assert not re.search(r"<(?!!-- -->)", written)
    assert not re.search(r"(?<!\\)[`*_\[\]|~$]", written.replace("\\\\", ""))
    assert not re.search(r"[@#]\w|://|www\.\w", written)
    if text.isprintable():
        assert literal(written) == text
        assert literal(in_tag(text, 500)) == text


@pytest.mark.parametrize("name", TASKS)
def test_the_tables_are_those_of_the_page(name, made):
    document = made(name).document
    text, shown = markdown(document).decode(), tables(parsed(page(document)))
    assert len(text) <= MAX_LETTERS
    assert literal(text).startswith(f"# {document.title[:400]}")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    found = [[literal(cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    for caption, rows in shown.items():
        if name != "hostile" and len(rows) <= 60:
            assert all(row in found for row in rows), caption
    assert text.count("<details>") == text.count("</details>")


def test_long_tables_are_cut_and_say_so():
    grid = Grid(["name"], [(f"{i} " + "가" * 900,) for i in range(5_000)])
    text = markdown(Document("t", "v", [Section("s", [grid])], "f")).decode()
    assert len(text) <= MAX_LETTERS
    assert re.search(r"and [\d,]+ more rows", text)

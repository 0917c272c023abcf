"""A page is one file that any parser reads: nothing acts, no network is asked, everything has a name."""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import pairwise

import pytest
from reporter.html.conftest import HOSTILE, TASKS
from reporter.html.pages import parsed, tables

from mlpcli.reporter.grid import Grid
from mlpcli.reporter.html.document import Commands, Document, Item, Items, NamedBars, Picture, Section
from mlpcli.reporter.html.markdown import markdown
from mlpcli.reporter.html.markup import name_width
from mlpcli.reporter.html.page import MAX_BYTES, page

HEADINGS = {"h1": 1, "h2": 2, "h3": 3}


@pytest.fixture(scope="module", params=TASKS)
def content(request, made):
    return page(made(request.param).document)


def test_a_page_nests_and_no_id_appears_twice(content):
    elements = parsed(content).all()
    ids = [e.attributes["id"] for e in elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    named = {name for e in elements for name in e.attributes.get("aria-labelledby", "").split()}
    linked = {e.attributes["href"].removeprefix("#") for e in elements if "href" in e.attributes}
    assert named | linked <= set(ids)
    assert content.startswith(b"<!DOCTYPE html>")


def test_nothing_in_a_page_acts_or_asks_for_a_file(content):
    elements = parsed(content).all()
    assert not {e.name for e in elements} & {"script", "img", "link", "iframe", "object", "embed", "base", "form"}
    names = {name for e in elements for name in e.attributes}
    assert not {n for n in names if n.startswith("on")} | names & {"src", "srcset", "style", "action", "xlink:href"}
    assert all(e.attributes["href"].startswith("#") for e in elements if "href" in e.attributes)
    style = next(e.text for e in elements if e.name == "style")
    assert not re.search(r"url\(|@import|expression|//", style)
    assert len(content) < MAX_BYTES


def test_the_policy_forbids_everything_but_the_style_that_is_there(content):
    elements = parsed(content).all()
    policy = next(e.attributes["content"] for e in elements if e.attributes.get("http-equiv"))
    style = next(e.text for e in elements if e.name == "style")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{digest}'"
    head = next(e for e in elements if e.name == "head")
    assert [e.name for e in head.all()][:2] == ["meta", "meta"]  # the policy stands before what it governs


def test_headings_landmarks_tables_and_pictures_say_what_they_are(content):
    root = parsed(content)
    assert root.all("html")[0].attributes["lang"] == "en"
    assert [len(root.all(name)) for name in ("header", "nav", "main", "footer", "h1", "title")][:5] == [1] * 5
    levels = [HEADINGS[e.name] for e in root.all(*HEADINGS)]
    assert all(b <= a + 1 for a, b in pairwise(levels))
    for table in root.all("table"):
        assert table.all("caption")[0].text
        assert {th.attributes["scope"] for th in table.all("th")} == {"col", "row"}
        assert all(th.text for th in table.all("th"))
    for region in (e for e in root.all("div") if e.attributes.get("role") == "region"):
        assert region.attributes["tabindex"] == "0"
    for figure in root.all("figure"):
        image = next(e for e in figure.all("svg") if e.attributes.get("role") == "img")
        title, description = image.all("title")[0], image.all("desc")[0]
        assert title.text
        assert len(description.text) > 20
        assert image.attributes["aria-labelledby"] == f"{title.attributes['id']} {description.attributes['id']}"
        assert figure.all("details")[0].all("table")[0].all("td")
        keys = [e for e in figure.all("svg") if e is not image]
        assert all(key.attributes["aria-hidden"] == "true" for key in keys)


def test_the_same_document_gives_the_same_bytes(made):
    document = made("classes").document
    assert page(document) == page(document)


def test_hostile_text_is_text_and_stands_whole(made):
    content = page(made("hostile").document)
    text = parsed(content).text
    for shown in HOSTILE:
        if shown.isprintable() and len(shown) < 2_000:
            assert shown in text
    assert "\\u202eabc" in text
    assert b"alert(1)</script>" not in content
    assert "가나다 라마바 사아자" in content.decode()


def huge(n_rows: int, width: int) -> Document:
    grid = Grid(["name", "value"], [(f"{i} " + "가" * width, "<" * width) for i in range(n_rows)])
    bars = NamedBars("value", [("나" * width, 1.0, 0.5, 2.0)] * 10)
    blocks = [
        "a" * width,
        grid,
        Picture("p" * width, "d" * width, bars, grid),
        Items([Item("note", "t", ["l" * width])]),
    ]
    return Document("t" * width, "v" * width, [Section("s", [*blocks, Commands(["mlpcli " + "x" * 9_000])])], "f")


@pytest.mark.slow
@pytest.mark.parametrize(("n_rows", "width"), [(5, 10), (5_000, 10), (300, 1_000), (2_000, 50_000)])
def test_a_page_stays_small_whatever_stands_in_the_table(n_rows, width):
    content = page(huge(n_rows, width))
    assert len(content) <= MAX_BYTES
    text = parsed(content).text
    assert ("more rows, which --json lists" in text) == (n_rows > 100)
    assert "x" * 9_000 in text
    assert name_width.get() == 2_000


def test_a_cell_without_text_is_no_header():
    grid = Grid(["", "a"], [("", "1")], title="t")
    content = page(Document("t", "v", [Section("s", [grid])], "f"))
    assert not [th for th in parsed(content).all("th") if not th.text]
    assert tables(parsed(content)) == {"T": [["", "a"], ["", "1"]]}


def test_commands_are_whole_though_the_page_grows():
    lines = ["mlpcli train " + "x" * 19_000] * 20
    document = Document("t", "v", [Section("s", [Commands(lines)])], "f")
    assert parsed(page(document)).all("code")[0].text.splitlines() == lines
    assert all(f"    {line}" in markdown(document).decode() for line in lines)

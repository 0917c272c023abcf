"""What is not markup becomes text, wherever it stands."""

from __future__ import annotations

import pytest

from mlpcli.reporter.html.markup import Html, breakable, element, escape, joined

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='x",
    "&lt;b&gt;",
    "a\x00\x1b\u202eb",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_escaped_in_content_and_in_attributes(text):
    for written in (
        escape(text),
        breakable(text),
        joined([text]),
        element("p", {}, text),
        element("p", {"title": text}),
    ):
        inside = written.removeprefix("<p").removesuffix("</p>")
        assert not {"<", "\x00", "\x1b", "\u202e"} & set(inside.replace("<wbr/>", ""))
        assert inside.count('"') in (0, 2)


def test_markup_stays_and_is_not_escaped_twice():
    assert escape(Html("<b>x</b>")) == "<b>x</b>"
    assert element("p", {"class": "a"}, element("b", {}, "1 < 2")) == '<p class="a"><b>1 &lt; 2</b></p>'
    assert element("path", {"d": "M0 0" * 1000}).count("M0 0") == 1000
    assert breakable("a_b") == "a_<wbr/>b"

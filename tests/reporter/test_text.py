"""Foreign text on a terminal: shown as it is, unless it would act on the terminal."""

from __future__ import annotations

import io
import unicodedata

import pytest
from rich.cells import cell_len

from mlpcli.reporter.text import literal, make_console, safe


@pytest.mark.parametrize("text", ["[red]x[/red]", "[/]", "size [cm]", ":smile:", "\\[x", "한글 열", "café"])
def test_harmless_text_is_shown_as_it_is(text):
    out = io.StringIO()
    make_console(out).print(literal(text))
    assert out.getvalue() == text + "\n"


@pytest.mark.parametrize(
    "text", ["\x1b[31m", "\x9b31m", "\x07", "\r", "\x7f", "\u202eevil", "\u200b", "e" + "\u0301" * 50, "\ud800"]
)
def test_nothing_that_acts_on_a_terminal_passes(text):
    shown = safe(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs"}
    assert sum(unicodedata.combining(c) > 0 for c in shown) <= 2


@pytest.mark.parametrize("text", ["x" * 10_000, "한" * 10_000])
def test_long_names_are_cut_by_cells(text):
    assert cell_len(safe(text, 40)) <= 40
    assert safe(text, 40).endswith("…")


def test_lines_wrap_between_words_on_a_terminal_and_are_whole_off_it(terminal):
    text = "one two three four five"
    out, off = io.StringIO(), io.StringIO()
    make_console(off).print(text, width=20, soft_wrap=True)
    assert off.getvalue() == text + "\n"
    out, console = terminal(20)
    console.print(text, soft_wrap=True)
    assert out.getvalue() == "one two three four \nfive\n"

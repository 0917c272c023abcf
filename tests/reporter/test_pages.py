"""Pages on narrow screens keep their words and their commands, in letters of one cell and of two."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from mlpcli.guide import LANGUAGES, PROMPT, TOPICS, page
from mlpcli.reporter.pages import fitted


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("topic", TOPICS)
def test_a_narrow_screen_gets_the_same_words_in_shorter_lines(topic, lang):
    whole = page(topic, lang)
    assert fitted(whole, 80) == whole.rstrip()
    narrow = fitted(whole, 40)
    assert narrow.split() == whole.split()
    of_commands = [part for part in narrow.split("\n\n") if part.startswith(PROMPT)]
    assert all(part in whole for part in of_commands)
    assert all(
        cell_len(line) <= 40 for part in narrow.split("\n\n") if part not in of_commands for line in part.splitlines()
    )

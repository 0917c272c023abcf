"""A translation keeps the commands, code, flags, names and numbers of the English page: what runs there runs here."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest

from mlpcli.config.settings import Config, ReadOptions, flag
from mlpcli.diagnosis.codes import CODES
from mlpcli.guide import LANGUAGES, PAGES, PROMPT, is_translated, page

ROOT = Path(__file__).parents[2]
TRANSLATIONS = LANGUAGES[1:]
NAMES = "|".join(name for name in (*PAGES, *CODES) if "-" in name)
PATTERNS = {
    "code": r"`[^`]+`",
    "flag": r"(?<![\w-])--?[a-z][a-z0-9-]*",
    "name": rf"\w+_\w*|(?<![\w-])(?:{NAMES})(?![\w-])",
    "number": r"\d+(?:[.,/:]\d+)*",
    "link": r"\]\((\S+)\)",
}
WORDS_IN_ENGLISH = {"ko": r"\d+분의 \d+|\d+월|1분"}  # a quarter, March, a minute


def blocks(text: str) -> list[str]:
    """What is run or copied, as it stands: fenced blocks, and commands with their continuation lines."""
    fenced = re.findall(r"^```.*?^```$", text, re.S | re.M)
    return fenced + [part for part in text.split("\n\n") if part.startswith(PROMPT)]


def commands(text: str) -> list[str]:
    """The blocks without the comments in them, which are translated."""
    return [re.sub(r" +# .*", "", block) for block in blocks(text)]


def facts(text: str, lang: str = LANGUAGES[0]) -> Counter[tuple[str, str]]:
    """How often each thing that no translation changes stands outside the blocks."""
    for block in blocks(text):
        text = text.replace(block, "")
    text = " ".join(re.sub(WORDS_IN_ENGLISH.get(lang, "$^"), "", text).split())
    return Counter((kind, found) for kind, what in PATTERNS.items() for found in re.findall(what, text, re.ASCII))


@pytest.mark.parametrize("lang", TRANSLATIONS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_a_translation_with_the_same_commands_and_facts(name, lang):
    assert is_translated(name, lang), f"mlpcli/guide/{lang} has no page {name}"
    ours, theirs = page(name, lang), page(name)
    assert commands(ours) == commands(theirs)
    assert facts(ours, lang) == facts(theirs)


@pytest.mark.parametrize("lang", TRANSLATIONS)
def test_no_translation_is_left_of_a_page_that_is_gone(lang):
    folder = ROOT / "mlpcli" / "guide" / lang
    assert {path.stem for path in folder.iterdir()} == set(PAGES)


@pytest.mark.parametrize("lang", TRANSLATIONS)
def test_an_english_word_stands_behind_its_term_once_a_page(lang):
    for name in PAGES:
        glosses = re.findall(r"(?<=[가-힣])\(([a-z][a-z -]+)\)", " ".join(page(name, lang).split()))
        assert len(glosses) == len(set(glosses)), name


@pytest.mark.parametrize("lang", TRANSLATIONS)
def test_the_table_of_flags_has_the_choices_of_each(lang):
    rows = dict(re.findall(r"^\| `(--[a-z0-9-]+)`.*? \| (.*) \|$", page("flags", lang), re.M))
    for owner in (Config, ReadOptions):
        for spec in fields(owner):
            assert ", ".join(spec.metadata["choices"] or ()) in rows[flag(spec.name)]


@pytest.mark.parametrize("lang", TRANSLATIONS)
def test_the_readme_has_a_translation_with_the_same_commands_and_facts(lang):
    theirs = (ROOT / "README.md").read_text(encoding="utf-8")
    ours = (ROOT / f"README.{lang}.md").read_text(encoding="utf-8")
    assert f"](README.{lang}.md)" in theirs
    ours = ours.replace("](README.md)", f"](README.{lang}.md)").replace(f"](mlpcli/guide/{lang}/", "](mlpcli/guide/")
    different = [pair for pair in zip(commands(ours), commands(theirs), strict=True) if len(set(pair)) > 1]
    assert facts(ours, lang) == facts(theirs)
    ((shown, in_english),) = different  # what the guide prints, in each language the start of the page
    for block, text in ((shown, page("overfitting", lang)), (in_english, page("overfitting"))):
        start, end = "```text\n$ mlpcli guide overfitting\n", "...\n```"
        assert block.startswith(start)
        assert block.endswith(end)
        assert text.startswith(block.removeprefix(start).removesuffix(end))

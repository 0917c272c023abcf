"""The guide: every page fits a screen, every command on it runs and shows what the page says."""

from __future__ import annotations

import json
import re
import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from command_line import mlpcli, run_lines
from rich.cells import cell_len

from mlpcli.diagnosis.codes import CODES
from mlpcli.errors import UsageError
from mlpcli.guide import (
    CONCEPTS,
    LANGUAGES,
    PAGES,
    REFERENCE,
    TOPICS,
    commands,
    language,
    name_of,
    page,
    title,
)  # fmt: skip
from mlpcli.guide.synonyms import WORDS, squashed

ROOT = Path(__file__).parents[2]
SIGNS = {"en": ("Look at: ", "See also: "), "ko": ("눈여겨볼 것: ", "함께 보기: ")}


def test_every_finding_has_a_page():
    assert set(CODES) <= set(TOPICS)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_fits_a_screen_and_shows_something(topic, lang):
    lines = page(topic, lang).splitlines()
    assert len(lines) <= 24
    assert max(map(cell_len, lines)) <= 80
    assert title(topic, lang)
    assert commands(topic)
    look, near = SIGNS[lang]
    assert sum(line.startswith(look) for line in lines) == 1
    (names,) = [line.removeprefix(near) for line in lines if line.startswith(near)]
    assert set(names.split(", ")) <= set(TOPICS) - {topic}


@pytest.mark.parametrize("topic", TOPICS)
def test_flags_on_a_page_exist(topic):
    reference = "\n".join(map(page, REFERENCE))
    assert not [f for f in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", page(topic)) if f"`{f}" not in reference]


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES)
def test_the_command_of_a_finding_raises_it(code, tmp_path):
    done = run_lines(commands(code)[:1], tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"\n{code}: " in done.stderr
    assert (tmp_path / "try.npz").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("topic", [t for t in CONCEPTS if t not in CODES])
def test_the_commands_of_a_concept_run(topic, tmp_path):
    done = run_lines(commands(topic), tmp_path)
    assert done.returncode == 0, done.stderr


def compared(topic, folder):
    """The runs of a page's comparison by name."""
    done = run_lines([commands(topic)[0] + " --json"], folder)
    assert done.returncode == 0, done.stderr
    return {run["name"]: run for run in json.loads(done.stdout)["runs"]}


@pytest.mark.slow
def test_what_the_pages_say_is_seen_is_there(tmp_path):
    line, bent = (min(run["valid_loss"]) for run in compared("perceptron", tmp_path).values())
    assert line > 0.6 > 0.4 > bent
    zeros, *others = (min(run["valid_loss"]) for run in compared("initialisation", tmp_path).values())
    assert zeros > 0.68
    assert max(others) < 0.6
    slow, right, high = (run["train_loss"] for run in compared("learning-rate", tmp_path).values())
    assert min(slow) > 2 * min(right)
    assert max(b - a for a, b in pairwise(high)) > 0.1
    identity, sigmoid, _, relu = (min(run["valid_loss"]) for run in compared("activation", tmp_path).values())
    assert identity > relu + 0.1
    assert sigmoid > relu + 0.1
    sgd, *others = (min(run["train_loss"]) for run in compared("optimisers", tmp_path).values())
    assert sgd > 1.5 * max(others)
    none, some, _ = (run["valid_loss"] for run in compared("regularisation", tmp_path).values())
    assert none[-1] - min(none) > 2 * (some[-1] - min(some))


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("dropout", "regularisation"), ("sgd", "gradient-descent"), ("optimizer", "optimisers"),
        ("과적합", "overfitting"), ("학습률", "learning-rate"), ("조기종료", "overfitting-averted"),
        (unicodedata.normalize("NFD", "정규화"), "regularisation"), ("Learning rate", "learning-rate"),
        ("learning_rate", "learning-rate"), ("DUPLICATES", "repeated-rows"),
    ],
)  # fmt: skip
def test_other_words_lead_to_a_page(word, name):
    assert name_of(word) == name


@pytest.mark.parametrize("name", PAGES)
def test_every_page_has_other_words_in_both_languages(name):
    words = WORDS[name].split(", ")
    assert any(word.isascii() for word in words)
    assert any("가" <= letter <= "힣" for word in words for letter in word)


def test_a_word_leads_to_one_page():
    words = [squashed(word) for page, words in WORDS.items() for word in (page, *words.split(", "))]
    assert not [word for word in words if words.count(word) > 1]
    assert list(WORDS) == [name for name in WORDS if name in PAGES]


def test_a_word_that_is_no_topic_gets_the_nearest_ones():
    with pytest.raises(UsageError) as caught:
        page("optimizzer")
    assert "optimisers" in str(caught.value.hint)
    with pytest.raises(UsageError) as caught:
        page("qqqqqqqq")
    assert "shows all topics" in str(caught.value.hint)
    done = mlpcli("guide", "overfiting", cwd=ROOT)
    assert done.returncode == 2
    assert "did you mean overfitting" in done.stderr


@pytest.mark.parametrize(
    ("expected", "locale"),
    [
        ("en", {}),
        ("en", {"LANG": "C.UTF-8"}),
        ("en", {"LANG": "fr_FR.UTF-8"}),
        ("en", {"LANG": "kok_IN"}),
        ("ko", {"LANG": "ko"}),
        ("ko", {"LANG": "ko_KR.UTF-8"}),
        ("ko", {"LC_ALL": "", "LANG": "ko_KR.eucKR"}),
        ("ko", {"LC_MESSAGES": "ko_KR@euro", "LANG": "en_GB.UTF-8"}),
        ("en", {"LC_ALL": "en_GB.UTF-8", "LANG": "ko_KR.UTF-8"}),
    ],
)
def test_the_language_is_that_of_the_locale_where_the_guide_has_it(expected, locale):
    assert language(None, locale) == expected
    assert [language(lang, locale) for lang in LANGUAGES] == list(LANGUAGES)


@pytest.mark.parametrize("topic", TOPICS)
def test_the_terms_of_a_korean_title_lead_to_its_page(topic):
    head = page(topic, "ko").partition("\n")[0]
    for terms in re.findall(r"^(?:[a-z-]+: )?([가-힣 ]+)\(([A-Za-z ]+)\)[:,]", head):
        assert [name_of(term) for term in terms] == [topic, topic]


def test_the_guide_speaks_the_language_of_the_locale_or_of_the_flag():
    korean = {"LC_ALL": "ko_KR.UTF-8"}
    assert mlpcli("guide", "layers", cwd=ROOT, env=korean).stdout == page("layers", "ko")
    assert mlpcli("guide", "layers", "--lang", "en", cwd=ROOT, env=korean).stdout == page("layers")
    assert mlpcli("guide", "layers", "--lang", "ko", cwd=ROOT).stdout == page("layers", "ko")
    lines = mlpcli("guide", cwd=ROOT, env=korean).stdout.splitlines()
    assert [line.split(maxsplit=1) for line in lines] == [[name, title(name, "ko")] for name in PAGES]


def test_a_language_without_pages_is_a_wrong_usage_that_names_those_with():
    done = mlpcli("guide", "layers", "--lang", "tlh", cwd=ROOT)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no guide in 'tlh'\nhint: --lang en or --lang ko\n" in done.stderr


def test_a_page_without_a_translation_is_shown_in_english_and_says_so(monkeypatch):
    monkeypatch.setattr("mlpcli.guide.LANGUAGES", (*LANGUAGES, "tlh"))
    done = mlpcli("guide", "layers", "--lang", "tlh", cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, page("layers"))
    assert done.stderr == "This page is not written in 'tlh' yet.\n"

"""The guide: a page for each concept and each finding, one screen long, with a command that shows it; and a reference.

To add a page: write NAME.txt (a title "Name: what it is", text, commands behind "  $ ", "Look at:", "See also:"), its
name in CONCEPTS, and other words for it in synonyms.py. The tests run every command. A page of the reference is
NAME.md, of any length, with its name in REFERENCE. Each page has its twin in ko/, with the same commands, flags and
numbers. To add a language: a folder of its pages, and its name in LANGUAGES.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from mlpcli.diagnosis.codes import CODES
from mlpcli.errors import UsageError
from mlpcli.guide.synonyms import SYNONYMS, squashed

CONCEPTS = (
    "perceptron", "layers", "activation", "initialisation", "loss", "poisson", "quantile", "gradient-descent",
    "batch-size", "learning-rate", "optimisers", "overfitting", "regularisation", "splits", "metrics",
    "importance", "effects", "contributions", "numbers", "dates", "comparing-models", "drift", "reproduce", "watching",
    "start-from", "backpropagation", "distill",
    "intervals", "coverage", "costs",
)  # fmt: skip
TOPICS = (*CONCEPTS, *(code for code in CODES if code not in CONCEPTS))
REFERENCE = (
    "commands", "flags", "reading", "predictions", "studies", "cluster", "findings", "report", "export", "serve",
    "model-file", "security",
)  # fmt: skip
PAGES = (*TOPICS, *REFERENCE)
PROMPT = "  $ "
LANGUAGES = ("en", "ko")  # of the pages; those of a language but the first stand in a folder of its name


def name_of(topic: str) -> str:
    """The name of the page that a user asks for, or means by another word. Raises UsageError with near names."""
    word = squashed(topic)
    if word not in SYNONYMS:
        near = dict.fromkeys(SYNONYMS[found] for found in difflib.get_close_matches(word, SYNONYMS, n=5, cutoff=0.5))
        hint = f"did you mean {' or '.join(list(near)[:3])}?" if near else "mlpcli guide shows all topics"
        raise UsageError(f"no guide page '{topic}'", hint)
    return SYNONYMS[word]


def language(wanted: str | None, environ: Mapping[str, str]) -> str:
    """The language of the pages: the one asked for, else that of the locale where there are pages in it, else English.

    Raises UsageError with the languages there are.
    """
    if wanted is not None:
        if wanted not in LANGUAGES:
            raise UsageError(f"no guide in '{wanted}'", " or ".join(f"--lang {one}" for one in LANGUAGES))
        return wanted
    locale = next(filter(None, map(environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    code = re.split("[_.@]", locale)[0]
    return code if code in LANGUAGES else LANGUAGES[0]


def page(topic: str, lang: str = LANGUAGES[0]) -> str:
    """The text of a page, the English one where there is no other. Raises UsageError with the nearest names."""
    file = file_of(topic, lang)
    return (file if file.is_file() else file_of(topic, "")).read_text(encoding="utf-8")


def file_of(topic: str, folder: str) -> Traversable:
    name = name_of(topic)
    return files(__package__) / folder / f"{name}.{'md' if name in REFERENCE else 'txt'}"


def is_translated(topic: str, lang: str) -> bool:
    return lang == LANGUAGES[0] or file_of(topic, lang).is_file()


def title(topic: str, lang: str = LANGUAGES[0]) -> str:
    """What a topic is, in a few words."""
    return page(topic, lang).partition("\n")[0].partition(": ")[2]


def commands(topic: str) -> list[str]:
    """The commands of a page as one shell would run them, continuation lines joined."""
    found: list[str] = []
    goes_on = False
    for line in page(topic).splitlines():
        if line.startswith(PROMPT):
            found.append(line.removeprefix(PROMPT))
        elif goes_on:
            found[-1] += "\n" + line.strip()
        goes_on = (goes_on or line.startswith(PROMPT)) and line.endswith(("\\", "|"))
    return found

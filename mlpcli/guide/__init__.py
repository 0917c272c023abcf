"""The guide: a page for each concept and each finding, one screen long, with a command that shows it; and a reference.

To add a page: write NAME.txt (a title "Name: what it is", text, commands behind "  $ ", "Look at:", "See also:"), and
its name in CONCEPTS. The tests run every command. A page of the reference is NAME.md, of any length, with its name in
REFERENCE.
"""

from __future__ import annotations

import difflib
import textwrap
from importlib.resources import files

from mlpcli.diagnosis.findings import CHECKS
from mlpcli.errors import UsageError

CONCEPTS = (
    "perceptron", "layers", "activation", "initialisation", "loss", "poisson", "quantile", "gradient-descent",
    "batch-size", "learning-rate", "optimisers", "overfitting", "regularisation", "splits", "metrics",
)  # fmt: skip
TOPICS = (*CONCEPTS, *(code for code in CHECKS if code not in CONCEPTS))
REFERENCE = ("commands", "flags", "reading", "predictions", "studies", "findings", "model-file", "security")
PAGES = (*TOPICS, *REFERENCE)
PROMPT = "  $ "


def name_of(topic: str) -> str:
    """The name of the page that a user asks for. Raises UsageError with the nearest names."""
    name = topic.strip().lower().replace("_", "-").replace(" ", "-")
    if name not in PAGES:
        near = difflib.get_close_matches(name, PAGES, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "mlpcli guide shows all topics"
        raise UsageError(f"no guide page '{topic}'", hint)
    return name


def page(topic: str) -> str:
    """The text of a page. Raises UsageError with the nearest names."""
    name = name_of(topic)
    return (files(__package__) / f"{name}.{'md' if name in REFERENCE else 'txt'}").read_text(encoding="utf-8")


def fitted(topic: str, width: int) -> str:
    """The text of a topic for a screen of this width; commands keep their lines, to be copied."""
    text = page(topic).rstrip()
    if width >= max(map(len, text.splitlines())):
        return text
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        p if p.startswith(PROMPT) else textwrap.fill(p, width, break_on_hyphens=False) for p in paragraphs
    )


def title(topic: str) -> str:
    """What a topic is, in a few words."""
    return page(topic).partition("\n")[0].partition(": ")[2]


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

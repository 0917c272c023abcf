"""What a wrong answer costs, as it is written: TRUE:PREDICTED=COST."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlpcli.errors import UsageError

MAX_COST = 1e9
ENDS = re.compile(r"=[0-9.eE+-]+\Z")  # a comma behind it begins the next entry; one in a class does not


def split_costs(given: Sequence[str]) -> tuple[str, ...]:
    """Texts of one or more entries, separated by commas -> the entries. Raises UsageError for what is none."""
    found = []
    for text in given:
        pieces: list[str] = []
        for piece in text.split(","):
            pieces.append(piece)
            if ENDS.search(piece):
                found.append(",".join(pieces))
                pieces = []
        if pieces:
            raise unreadable(text)
    for entry in found:
        if ":" not in entry.rpartition("=")[0][1:-1]:
            raise unreadable(entry)
        cost_in(entry)
    return tuple(found)


def cost_in(entry: str) -> float:
    """The cost of an entry: above 0, or a wrong answer would be as good as the right one (Elkan 2001)."""
    number = entry.rpartition("=")[2]
    try:
        cost = float(number)
    except ValueError:
        raise unreadable(entry) from None
    if not 0 < cost <= MAX_COST:
        raise UsageError(f"--cost: expected a cost above 0 to {MAX_COST:g}, found {number}")
    return cost


def unreadable(text: str) -> UsageError:
    return UsageError(f"--cost: expected TRUE:PREDICTED=COST, found '{text}'", "for example --cost fraud:ok=50")


def check_order(order: Sequence[str]) -> None:
    """UsageError where it is no order."""
    twice = next((label for i, label in enumerate(order) if label in order[:i]), None)
    if twice is not None:
        raise UsageError(f"--order: '{twice}' is named twice", "name each class once, the lowest first")
    if len(order) == 1:
        raise UsageError(f"--order: one class only, '{order[0]}'", "name each class once, the lowest first")

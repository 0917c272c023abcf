"""Marks and forms of what is written in a CSV: one character, a decimal mark, an order of dates, as asked for."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from mlpcli.errors import UsageError

DATE_ORDERS = ("dmy", "mdy", "ymd")
TIME_FORMS = (*DATE_ORDERS, "clock", "duration")  # choices of --dates COL=FORM
NUMBER_MARKS = {"decimal": ".,", "thousands": ",. '_"}


def check_written(name: str, given: Sequence[str]) -> None:
    """How numbers or dates are written, [COL=]VALUE, ... of `decimal`, `thousands` or `dates`. Raises UsageError."""
    for column, value in by_column(given).items():
        if name != "dates":
            check_mark(name, value)
            if value not in NUMBER_MARKS[name]:
                known = " or ".join(f"--{name} {shlex.quote(mark)}" for mark in NUMBER_MARKS[name])
                raise UsageError(f"--{name}: no such mark '{value}'", known)
        elif value not in (DATE_ORDERS if column is None else TIME_FORMS):
            forms = f"{', '.join(DATE_ORDERS)}, or for one column COL=clock or COL=duration"
            raise UsageError(f"--dates: expected {forms}, found '{value}'")


def check_mark(name: str, value: str) -> None:
    """UsageError for what is not one ASCII character."""
    if len(value) != 1 or ord(value) > 126 or value in "\r\n\0":
        raise UsageError(f"--{name}: expected one ASCII character, found '{value}'")


def by_column(given: Sequence[str]) -> dict[str | None, str]:
    """[COL=]VALUE, ... -> column -> value; the key None holds that of all columns. Later ones win."""
    found: dict[str | None, str] = {}
    for text in given:
        column, mark, value = text.rpartition("=")
        found[column if mark and column else None] = value if mark and column else text
    return found

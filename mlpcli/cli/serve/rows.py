"""Rows as a client sends them in JSON, as the cells that would stand in a CSV; and what is wrong with one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from mlpcli.data.foreign import as_cells, decimal_of
from mlpcli.data.kinds.protocol import Format
from mlpcli.files.archive import no_constant, unique_keys

NESTED = frozenset({dict, list})  # types of JSON values that hold others
SHOWN = 100  # characters of a cell that are sent back
NO_KEY = "the row has no such key; null says that there is no value"


class RefusedError(Exception):
    """A request that gets no answer: the HTTP status, why, and what to do."""

    def __init__(self, status: int, message: str, hint: str | None = None, column: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.hint, self.column = status, message, hint, column


@dataclass(frozen=True)
class RowError:
    """Why a row has no answer."""

    column: str | None
    cell: str | None  # as it came, cut
    reason: str

    @classmethod
    def of(cls, column: str | None, cell: str | None, reason: str) -> RowError:
        return cls(column, None if cell is None else cell[:SHOWN], reason)

    def __str__(self) -> str:
        """In one line."""
        where = f"column '{self.column}': " if self.column is not None else ""
        return f"{where}{self.reason}" + (f", found '{self.cell}'" if self.cell is not None else "")


Parsed = Mapping[str, object] | RowError


def json_rows(body: bytes) -> tuple[list[Parsed], bool]:
    """The rows of a JSON object, which is one row, or of a list of them; and whether it is a list.

    Raises RefusedError.
    """
    try:
        found = value_of(text_of(body))
    except ValueError as error:
        raise RefusedError(
            400, f"no JSON: {error}", "send an object, which is one row, or a list of objects"
        ) from error
    return [checked(row) for row in found] if isinstance(found, list) else [checked(found)], isinstance(found, list)


def json_lines(body: bytes) -> list[Parsed]:
    """The rows of JSON lines; a line that is no JSON is a wrong row. Raises RefusedError."""
    return list(each_line(text_of(body)))


def each_line(text: str) -> Iterator[Parsed]:
    for line in text.split("\n"):
        if line.strip():
            try:
                yield checked(value_of(line))
            except ValueError as error:
                yield RowError.of(None, None, f"no JSON: {error}")


def text_of(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError(400, f"not UTF-8: byte {error.start + 1} of the body", "send JSON as UTF-8") from error


def value_of(text: str) -> object:
    """Raises ValueError for what is no JSON, a key that stands twice, and values too deep in each other."""
    try:
        found: object = json.loads(text, object_pairs_hook=unique_keys, parse_constant=no_constant)
    except RecursionError:
        raise ValueError("values too deep in each other") from None
    return found


def checked(row: object) -> Parsed:
    return row if isinstance(row, dict) else RowError.of(None, None, "not a JSON object")


def texts_of(
    rows: Sequence[Parsed], formats: Mapping[str, Format | None]
) -> tuple[dict[str, list[str]], dict[int, RowError]]:
    """Column -> the cell of each row, empty in wrong ones; and what is wrong, by row."""
    wrong = {i: row for i, row in enumerate(rows) if isinstance(row, RowError)}
    nothing: Mapping[str, object] = dict.fromkeys(formats)
    given = [nothing if isinstance(row, RowError) else row for row in rows]
    texts: dict[str, list[str]] = {}
    for (name, form), found in zip(formats.items(), zip(*values_of(given, [*formats]), strict=True), strict=True):
        values = [*found]
        for i in [] if NESTED.isdisjoint(map(type, values)) else nested(values):
            reason = NO_KEY if values[i] is given[i] else "a value with values in it"
            wrong.setdefault(i, RowError.of(name, None, reason))
            values[i] = None
        texts[name] = as_cells(values, decimal_of(form))
    return texts, wrong


def values_of(rows: Sequence[Mapping[str, object]], names: Sequence[str]) -> list[tuple[object, ...]]:
    """The values of each row; itself in place of one that it does not have."""
    all_of, found = itemgetter(*names, names[0]), list[tuple[object, ...]]()
    for row in rows:
        try:
            found.append(all_of(row)[:-1])  # of one name alone it would be no tuple
        except KeyError:
            found.append(tuple(row.get(name, row) for name in names))
    return found


def nested(values: Sequence[object]) -> list[int]:
    return [i for i, value in enumerate(values) if type(value) in NESTED]

"""What a table cannot be read by: gathered over its columns and reported at once."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.formats.writing import Refusal, Suggestion
from mlpcli.data.kinds.protocol import Format
from mlpcli.data.records import Records
from mlpcli.data.splits import blocks
from mlpcli.data.values import as_categorical
from mlpcli.errors import DataError

MAX_COLUMNS, MAX_CELLS = 10, 5  # reported at once


class Stray(NamedTuple):
    """Cells that fit nothing among many that do, the first in this row."""

    problem: DataError
    row: int
    texts: tuple[str, ...]
    otherwise: str  # the hint without the flag that makes them missing


class Problems:
    """The columns of a table that cannot be read, in the order of the file."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.found: list[DataError] = []
        self.strays: list[Stray] = []

    def add(self, message: str, hint: str, name: str | None, row: int) -> None:
        where = self.records.where(row)
        self.found.append(DataError(message, hint, **where, column=name))

    def refuse(self, name: str, refusal: Refusal, texts: Sequence[str], column: pd.Series[Any]) -> None:
        """What does not settle how a column is written."""
        cells = as_categorical(column)
        number = {str(text): i for i, text in enumerate(cells.categories)}
        rows = []
        for index in refusal.indices[:MAX_CELLS]:
            chosen = np.zeros(len(cells.categories), bool)
            chosen[number[texts[index]]] = True
            rows.append(first_row(cells, chosen))
        order = np.argsort(rows, kind="stable") if refusal.kind == "stray" else range(len(rows))
        shown = [(rows[i], texts[refusal.indices[i]]) for i in order]
        message = f"{refusal.what}{self.named(shown, refusal.n_cells)}"
        self.add(message, self.hint(name, refusal.suggestions, shown), name, shown[0][0])
        if refusal.kind == "stray":
            others = [s for s in refusal.suggestions if s.option != "missing"]
            texts = tuple(text for _, text in shown)
            self.strays.append(Stray(self.found[-1], shown[0][0], texts, self.hint(name, others, shown)))

    def unfit_texts(self, name: str, cells: pd.Categorical, odd: NDArray[np.bool_], form: Format) -> None:
        """Cells that are not written as the column's format says."""
        rows = []
        for index in np.flatnonzero(odd)[:MAX_CELLS]:
            chosen = np.zeros(len(odd), bool)
            chosen[index] = True
            rows.append((first_row(cells, chosen), str(cells.categories[index])))
        n_cells = int(np.isin(cells.codes, np.flatnonzero(odd)).sum())
        self.unfit_rows(name, sorted(rows), n_cells, form)

    def unfit(self, name: str, row: int, form: Format) -> None:
        """The first such cell, where there are too many different texts to count."""
        self.unfit_rows(name, [(row, self.records.cell(row, name))], 1, form)

    def unfit_rows(self, name: str, shown: Sequence[tuple[int, str]], n_cells: int, form: Format) -> None:
        what = expected(form)
        texts = [text for _, text in shown if "," not in text]
        flags = (Suggestion("missing", ",".join(texts), "these cells have no value", of_column=False),) if texts else ()
        self.add(f"expected {what}{self.named(shown, n_cells)}", self.hint(name, flags, shown), name, shown[0][0])

    def lost(self, name: str, what: str, odd: Sequence[str]) -> None:
        """A column that would tell next to nothing; the odd texts keep it from being one of numbers."""
        quoted = shlex.quote(name)
        flags = [f"{missing_flag(odd)} to make it a number"] if odd else []
        flags += [f"--drop {quoted} to leave it out", f"--category {quoted} to keep it as it is"]
        self.found.append(DataError(what, "; ".join(flags), file=self.records.name, column=name))

    def named(self, shown: Sequence[tuple[int, str]], n_cells: int) -> str:
        """The cells concerned: the first with what is odd about it, up to MAX_CELLS by line, and how many there are."""
        first, others = shown[0][1], shown[1:]
        also = "".join(f", '{text}' in line {self.records.where(row)['line']}" for row, text in others)
        more = n_cells - len(shown)
        rest = f" (and {more:,} more)" if more > 0 else ""
        return f", found '{first}'{odd_character(first)}{also}{rest}"

    def hint(self, name: str, suggestions: Sequence[Suggestion], shown: Sequence[tuple[int, str]]) -> str:
        first = shown[0][1]
        if "\ufeff" in first:
            return "it holds a byte-order mark (BOM): were two files joined here?"
        found = "; ".join(
            f"{flag_of(name, s)} if {s.meaning}" for s in suggestions if s.value or s.option in ("category", "drop")
        )
        if shown[0][0] == 0 and self.records.dialect.header and len(shown) == 1:
            return f"{found}; line {self.records.where(0)['line']} may hold units or a second header"
        return found

    def check_total(self, columns: Mapping[str, pd.Series[Any]]) -> None:
        """A last row that sums up the others is a problem, and then the only one: it may have caused the rest."""
        name = summed_column(columns) if len(next(iter(columns.values()))) else None
        if name is None and not is_called_total(columns):
            return
        why = f": '{name}' is the sum of the rows above" if name is not None else ""
        self.found.clear()
        self.add(f"the last row is a total{why}", "--skip-last 1 to leave it out", None, self.records.n_rows - 1)

    def join_strays(self) -> None:
        """Cells that fit nothing in several columns: one flag for all, and said where their row is the header again."""
        again = next((s for s in self.strays if s.texts[0].strip() == s.problem.column), None)
        if again is not None:
            self.found.clear()
            before = self.records.where(again.row)["line"] - 1
            skip, leave_out = f"--skip-rows {before}", missing_flag(self.records.names)
            hint = f"{leave_out} to leave the row out" if again.row else f"{skip} to begin with this line"
            self.add("the header again", hint, None, again.row)
        elif len(self.strays) > 1:
            flag = missing_flag(dict.fromkeys(text for stray in self.strays for text in stray.texts))
            for stray in self.strays:
                stray.problem.hint = f"{flag} if these cells of all columns have no value; {stray.otherwise}"

    def check(self) -> None:
        """Raises the first problem, which has the others with it."""
        self.join_strays()
        if self.found:
            first, *others = self.found[:MAX_COLUMNS]
            first.others = tuple(others)
            if len(self.found) > MAX_COLUMNS:
                others[-1].message += f" (and {len(self.found) - MAX_COLUMNS} more columns)"
            raise first


def missing_flag(texts: Iterable[str]) -> str:
    """--missing for these cells; one with a comma cannot be named so."""
    return f"--missing {shlex.quote(','.join(text for text in texts if ',' not in text))}"


def flag_of(name: str, suggestion: Suggestion) -> str:
    """A flag as a shell takes it."""
    if suggestion.option in ("category", "drop"):
        return f"--{suggestion.option} {shlex.quote(name)}"
    value = f"{name}={suggestion.value}" if suggestion.of_column else suggestion.value
    return f"--{suggestion.option} {shlex.quote(value)}"


def expected(form: Format) -> str:
    """What the cells of a column with this format are."""
    is_plain = isinstance(form, NumberFormat) and form.is_plain
    return "a number" if is_plain else f"cells as in training ({form.describe()})"


def odd_character(cell: str) -> str:
    """The first character that no plain number has, named; '' when it is an ordinary one."""
    odd = next((c for c in cell if ord(c) > 126), None)
    return f" with U+{ord(odd):04X} {unicodedata.name(odd, 'unnamed')}" if odd is not None else ""


def first_row(cells: pd.Categorical, chosen: NDArray[np.bool_]) -> int:
    """The first row whose category is one of the chosen; there is one."""
    of_code = np.append(chosen, False)
    rows: Iterator[int] = (
        block.start + int(found.argmax())
        for block in blocks(len(cells)) if (found := of_code[cells.codes[block]]).any()
    )  # fmt: skip
    return next(rows)


# --- a total below the rows -------------------------------------------------------------------------------

TOTAL = re.compile(r"(?:(?:grand |sub)?totals?|sum|average|mean|합계|총계|총합계|소계|합|계|평균)[: ]*", re.IGNORECASE)
MIN_SUMMED = 5  # rows above a total
ROUNDED_TO = (0.01, 0.0001)  # the last place of numbers that are rounded when they are written
MAX_CHANCE = 0.02  # share of columns whose last number may be the sum of those above by chance, in a table of few rows


def is_called_total(columns: Mapping[str, pd.Series[Any]]) -> bool:
    """Whether a cell of the last row says, as no other of its column does, that the row sums up the others."""
    for column in columns.values():
        if column.dtype.kind == "f" or len(column) <= MIN_SUMMED:
            continue
        cells = as_categorical(column)
        code = int(cells.codes[-1])
        is_total = code >= 0 and TOTAL.fullmatch(str(cells.categories[code]).strip()) is not None
        if is_total and int(np.count_nonzero(cells.codes == code)) == 1:
            return True
    return False


def summed_column(columns: Mapping[str, pd.Series[Any]]) -> str | None:
    """The first column of numbers whose last one is the sum of those above, if not by chance among so many columns."""
    numbers = {name: column.to_numpy() for name, column in columns.items() if column.dtype.kind == "f"}
    numbers = {name: values for name, values in numbers.items() if np.isfinite(values[-1])}
    summed = [name for name, values in numbers.items() if is_summed(values)]
    return summed[0] if len(summed) > MAX_CHANCE * len(numbers) else None


def is_summed(values: NDArray[np.float64]) -> bool:
    """Whether the last of these numbers is the sum of those above, up to their rounding, and larger than each."""
    last, above = values[-1], values[:-1]
    above = above[np.isfinite(above)]
    if len(above) < MIN_SUMMED or abs(last) <= np.abs(above).max():
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        # A sum of cells that were rounded when they were written is off by about a half of the last place a cell.
        place = next((p for p in ROUNDED_TO if np.allclose(above, np.round(above / p) * p, rtol=1e-12, atol=1e-9)), 0.0)
        return bool(abs(last - above.sum()) <= 1e-9 * np.abs(above).sum() + place * len(above) ** 0.5)

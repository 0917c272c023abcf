"""How predictions are written: lines of a format, which a reader of it reads back as they were.

To add a format: write the class with Delimited's methods, add a line to FORMATS.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.numbers import is_number
from mlpcli.data.reading import written_values

FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")  # begins a formula in a spreadsheet; OWASP, "CSV Injection"
JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?", re.ASCII)
EXACT_WHOLE = 2**53  # from it on a reader that holds numbers as float64 loses the last digits

Cells = NDArray[np.object_]  # as they are written


@dataclass(frozen=True)
class Delimited:
    """RFC 4180, with line feeds: what is read back is what was written."""

    separator: str
    excel_safe: bool = False  # an apostrophe before what a spreadsheet would run; numbers stay as they are

    def header(self, names: Sequence[str]) -> str:
        return self.separator.join(map(self.text, names)) + "\n"

    def text(self, cell: str) -> str:
        if self.excel_safe and FORMULA.match(cell) and not is_number(cell):
            cell = "'" + cell
        if any(mark in cell for mark in (self.separator, '"', "\n", "\r")):
            return '"' + cell.replace('"', '""') + '"'
        return cell

    def number_or_text(self, cell: str) -> str:
        return self.text(cell)

    def number(self, cell: str, form: NumberFormat, missing: Collection[str]) -> str:
        """A cell of a column of numbers, as it stands in the file."""
        return self.text(cell)

    def json(self, value: str) -> str:
        """A JSON value: a cell that holds its text."""
        return self.text(value)

    def nothing(self) -> str:
        """What stands where there is no value."""
        return ""

    def lines(self, names: Sequence[str], columns: Sequence[Cells]) -> Sequence[str]:
        if len(columns) == 1:
            return [cell or '""' for cell in columns[0].tolist()]  # an empty line would be no record
        return list(map(self.separator.join, zip(*(c.tolist() for c in columns), strict=True)))


@dataclass(frozen=True)
class JsonLines:
    """An object a row."""

    def header(self, names: Sequence[str]) -> str:
        return ""

    def text(self, cell: str) -> str:
        return json.dumps(cell, ensure_ascii=False)

    def number_or_text(self, cell: str) -> str:
        """A number where the cell is one in JSON too, and readers do not lose its last digits; else text."""
        return cell if JSON_NUMBER.fullmatch(cell) and abs(float(cell)) < EXACT_WHOLE else self.text(cell)

    def number(self, cell: str, form: NumberFormat, missing: Collection[str]) -> str:
        """A cell of a column of numbers: null where it has no value, text where it is no number."""
        if cell.strip() in missing:
            return self.nothing()
        if JSON_NUMBER.fullmatch(cell) and form.is_plain:
            return self.number_or_text(cell)
        value = float(written_values([cell], form)[0])
        return repr(value) if math.isfinite(value) else self.text(cell)

    def json(self, value: str) -> str:
        """A JSON value, as it is."""
        return value

    def nothing(self) -> str:
        return "null"

    def lines(self, names: Sequence[str], columns: Sequence[Cells]) -> Sequence[str]:
        keys = [self.text(name) + ":" for name in names]
        named = (map(key.__add__, c.tolist()) for key, c in zip(keys, columns, strict=True))
        return ["{" + ",".join(cells) + "}" for cells in zip(*named, strict=True)]


Format = Delimited | JsonLines
FORMATS: dict[str, Format] = {"csv": Delimited(","), "tsv": Delimited("\t"), "jsonl": JsonLines()}


def written(values: NDArray[Any], cell: Callable[[Any], str]) -> Cells:
    found = np.empty(len(values), object)
    found[:] = list(map(cell, values.tolist()))
    return found


def written_column(cells: pd.Categorical[Any], cell: Callable[[str], str]) -> Cells:
    """The cells of a column as they stand in the file."""
    found: Cells = written(np.array([*cells.categories, ""], object), cell)[cells.codes]
    return found

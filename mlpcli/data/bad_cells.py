"""Rows read by a model's rules, and the cells that do not fit their columns: all are found, so that one costs no other
row its answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.data.block import Block
from mlpcli.data.dialect import Dialect
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.kinds.protocol import Format
from mlpcli.data.problems import expected, odd_character
from mlpcli.data.reading import as_asked, is_text, without_markers, written_values
from mlpcli.data.values import as_categorical, as_frame
from mlpcli.engine.arrays import Bools, Floats

INFINITE = "the number is infinite or too large"


@dataclass(frozen=True)
class BadCell:
    """A cell that is not written like its column."""

    row: int  # of its block
    line: int  # of its file
    column: str
    cell: str
    reason: str


def read_cells(block: Block, formats: Mapping[str, Format | None]) -> tuple[pd.DataFrame, list[BadCell]]:
    """The columns of a block, float64 where they have a format and categoricals of the exact cells for text, and its
    bad cells in the order of the rows; these are missing in the columns.
    """
    dialect = block.dialect
    asked = {name: form and as_asked(form, name, dialect) for name, form in formats.items()}
    plain = NumberFormat(dialect.decimal_of_all)
    found = block.columns(texts={name for name, form in asked.items() if form != plain}, only=asked)
    columns: dict[str, Any] = {}
    bad: list[BadCell] = []
    for name, form in asked.items():
        column = without_markers(found[name], dialect, False)
        if form is not None:
            values, is_odd = numbers_of(column, form)
            if is_odd is not None and is_odd.any():
                bad += cells_at(block, name, is_odd, f"expected {expected(form)}")
            infinite = np.isinf(values)
            if infinite.any():
                if dialect.inf != "missing":
                    bad += cells_at(block, name, infinite, INFINITE)
                values = np.where(infinite, np.nan, values)
            column = pd.Series(values, copy=False)
        columns[name] = column
    return as_frame(columns), sorted(bad, key=lambda cell: cell.row)


def read_texts(
    texts: Mapping[str, Sequence[str]], formats: Mapping[str, Format | None], dialect: Dialect
) -> tuple[pd.DataFrame, list[BadCell]]:  # fmt: skip
    """The same of cells that stand in no file: column -> the text of each row. A row's line is its number, from 1."""
    markers, columns, bad = frozenset(dialect.missing), dict[str, Any](), list[BadCell]()
    cells = {name: [None if is_marker(text, markers) else text for text in texts[name]] for name in formats}
    values = values_of(cells, formats)
    for name, form in formats.items():
        if form is None:
            columns[name] = pd.Series(pd.Categorical(cells[name]), copy=False)
            continue
        found = values[name]
        odd = [i for i in np.flatnonzero(np.isnan(found)).tolist() if cells[name][i] is not None]
        reasons = dict.fromkeys(odd, f"expected {expected(form)}")
        if dialect.inf != "missing":
            reasons |= dict.fromkeys(np.flatnonzero(np.isinf(found)).tolist(), INFINITE)
        for i, reason in reasons.items():
            bad.append(BadCell(i, i + 1, name, texts[name][i], reason + odd_character(texts[name][i])))
        columns[name] = pd.Series(np.where(np.isinf(found), np.nan, found), copy=False)
    return as_frame(columns), sorted(bad, key=lambda cell: cell.row)


def values_of(
    cells: Mapping[str, Sequence[str | None]], formats: Mapping[str, Format | None]
) -> dict[str, Floats]:  # fmt: skip
    """The numbers of each column that has a format, NaN where there is none; columns of one format at once."""
    found = {name: np.full(len(cells[name]), np.nan) for name, form in formats.items() if form is not None}
    for form in {form for form in formats.values() if form is not None}:
        places = [
            (name, i, text)
            for name in found if formats[name] == form
            for i, text in enumerate(cells[name]) if text is not None
        ]  # fmt: skip
        for (name, i, _), value in zip(places, written_values([text for *_, text in places], form), strict=True):
            found[name][i] = value
    return found


def is_marker(text: str, markers: Collection[str]) -> bool:
    """Whether a cell is missing: it is a marker, but for spaces around it."""
    return text in markers or text.strip() in markers


def numbers_of(column: pd.Series[Any], form: Format) -> tuple[Floats, Bools | None]:
    """n cells -> (n,) numbers, NaN where there is none, and (n,) whether a cell that is not missing is none"""
    if not is_text(column):
        return column.to_numpy(np.float64), None
    cells = as_categorical(column)
    of_code = np.append(written_values([str(text) for text in cells.categories], form), np.nan)  # the last: missing
    values = of_code[cells.codes]
    return values, np.isnan(values) & (cells.codes >= 0)


def cells_at(block: Block, name: str, chosen: Bools, reason: str) -> list[BadCell]:
    rows = np.flatnonzero(chosen).tolist()
    cells = [block.cell(row, name) for row in rows]
    return [
        BadCell(row, block.place(row)[1], name, cell, reason + odd_character(cell))
        for row, cell in zip(rows, cells, strict=True)
    ]

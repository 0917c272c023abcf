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
from mlpcli.data.values import RowValues, Texts, as_categorical, as_frame, texts_of
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
) -> tuple[RowValues, list[BadCell]]:  # fmt: skip
    """The same of cells that stand in no file: column -> the text of each row. A row's line is its number, from 1."""
    markers, bad, found = frozenset(dialect.missing), list[BadCell](), dict[str, Floats | Texts]()
    n_rows = len(next(iter(texts.values())))
    for form, names in by_format(formats).items():
        cells = [text for name in names for text in texts[name]]
        is_marker = markers_among(cells, markers)
        values = values_of(cells, is_marker, form)
        for i in np.flatnonzero(~np.isfinite(values)).tolist():
            name, row, is_infinite = names[i // n_rows], i % n_rows, not np.isnan(values[i])
            values[i] = np.nan
            if (is_infinite and dialect.inf == "missing") or cells[i] in is_marker:
                continue
            reason = INFINITE if is_infinite else f"expected {expected(form)}"
            bad.append(BadCell(row, row + 1, name, cells[i], reason + odd_character(cells[i])))
        found |= zip(names, values.reshape(len(names), n_rows), strict=True)
    for name in formats.keys() - found.keys():
        found[name] = texts_of(texts[name], markers_among(texts[name], markers))
    order = {name: i for i, name in enumerate(formats)}
    columns = {name: found[name] for name in formats}
    return RowValues(columns, n_rows), sorted(bad, key=lambda cell: (cell.row, order[cell.column]))


def by_format(formats: Mapping[str, Format | None]) -> dict[Format, list[str]]:
    """The columns of each format: those of one are read at once."""
    found: dict[Format, list[str]] = {}
    for name, form in formats.items():
        if form is not None:
            found.setdefault(form, []).append(name)
    return found


def values_of(cells: Sequence[str], is_marker: Collection[str], form: Format) -> Floats:
    """(n,) numbers, NaN where there is none"""
    if not is_marker:
        return written_values(cells, form)
    values, here = np.full(len(cells), np.nan), [i for i, cell in enumerate(cells) if cell not in is_marker]
    values[here] = written_values([cells[i] for i in here], form)
    return values


def markers_among(cells: Sequence[str], markers: frozenset[str]) -> frozenset[str]:
    """The different cells that are missing: they are markers, but for spaces around them."""
    found, text = markers.intersection(cells), "".join(cells)
    if len("".join(text.split())) == len(text):  # no cell has a space
        return found
    return found.union(cell for cell in set(cells) if cell.strip() in markers)


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

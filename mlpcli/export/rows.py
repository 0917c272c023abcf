"""The rows of a CSV as programs read them that know neither its encoding nor its texts."""

from __future__ import annotations

import numpy as np

from mlpcli.config.settings import ReadOptions
from mlpcli.data.foreign import open_any
from mlpcli.data.reading import read_written
from mlpcli.data.values import as_categorical, used_texts
from mlpcli.export.program import Category, Level, Program


def text_rows(path: str, program: Program) -> bytes:
    """The file in UTF-8."""
    with open(path, "rb") as file:
        given = file.read()
    try:
        given.decode("utf-8")
    except UnicodeDecodeError:
        return given.decode(program.dialect.encoding).encode()
    return given


def coded_cells(program: Program) -> list[Category | Level]:
    """What is read as the code of a level, in the order of the columns."""
    found: list[Category | Level] = [*program.categories, *program.levels]
    return sorted(found, key=lambda of: of.cell)


def coded_rows(path: str, program: Program) -> bytes:
    """A line a row: the numbers, nan for none, then the codes of levels, each in the order of the columns."""
    formats = {cell.name: cell.format for cell in program.cells}
    frame = read_written(open_any(path, ReadOptions(), dialect=program.dialect, expect=[*formats]), formats)
    columns = [[repr(value) for value in frame[name].tolist()] for name, form in formats.items() if form is not None]
    for of in coded_cells(program):
        texts, numbers = used_texts(as_categorical(frame[program.cells[of.cell].name]))
        codes = dict(of.codes)
        of_text = np.array([codes.get(text, of.other) for text in (*texts, None)])
        columns.append(list(map(str, of_text[numbers].tolist())))
    return "".join(" ".join(row) + "\n" for row in zip(*columns, strict=True)).encode()

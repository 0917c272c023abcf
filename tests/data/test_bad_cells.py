"""All cells of a block that do not fit their columns are found, with line and reason."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.config.settings import ReadOptions
from mlpcli.data.bad_cells import read_cells, read_texts
from mlpcli.data.dialect import find_dialect
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.stream import stream

FORMATS = {"b": NumberFormat("."), "a": NumberFormat("."), "c": None}


def read(data, **options):
    asked = ReadOptions(**options)
    dialect = find_dialect(b"a,b,c\n1,2,x\n", "utf-8", asked)
    ((block, _),) = stream([data], "f", dialect, asked, ["a", "b", "c"])
    return read_cells(block, FORMATS)


def test_cells_come_by_row_and_are_missing_in_the_columns():
    frame, bad = read(b"a,b,c\n1,2,x\nheavy,1e999,y\n 3 , NA ,\n")
    assert [(c.row, c.line, c.column, c.cell) for c in bad] == [(1, 3, "b", "1e999"), (1, 3, "a", "heavy")]
    assert list(frame.columns) == ["b", "a", "c"]
    assert frame["a"].tolist()[::2] == [1, 3]
    assert np.isnan(frame["a"][1])
    assert np.isnan(frame["b"][1])
    assert np.isnan(frame["b"][2])
    assert frame["c"].tolist()[:2] == ["x", "y"]


@pytest.mark.parametrize("inf", ["error", "missing"])
def test_infinite_numbers_are_bad_unless_they_are_said_to_be_missing(inf):
    frame, bad = read(b"a,b,c\n1,inf,x\n2,3,y\n", inf=inf)
    assert [c.reason for c in bad] == ([] if inf == "missing" else ["the number is infinite or too large"])
    assert np.isnan(frame["b"][0])


def test_a_block_without_rows_has_its_columns():
    frame, bad = read(b"a,b,c\n")
    assert (list(frame.columns), len(frame), bad) == (["b", "a", "c"], 0, [])


@pytest.mark.parametrize("inf", ["error", "missing"])
def test_cells_that_stand_in_no_file_are_read_as_those_of_one(inf):
    data = b"a,b,c\n1,inf,x y\nheavy, 2,NA \n NA ,5.25, \n12345678901234567890.5,1e3,z\n"
    frame, bad = read(data, inf=inf)
    dialect = find_dialect(b"a,b,c\n1,2,x\n", "utf-8", ReadOptions(inf=inf))
    rows = [line.split(",") for line in data.decode().splitlines()[1:]]
    rows_read, bad_texts = read_texts(dict(zip("abc", zip(*rows, strict=True), strict=True)), FORMATS, dialect)
    found = rows_read.frame
    assert [(c.row, c.column, c.cell, c.reason) for c in bad_texts] == [
        (c.row, c.column, c.cell, c.reason) for c in bad
    ]
    assert found["a"].to_numpy().tobytes() == frame["a"].to_numpy().tobytes()
    assert found["b"].to_numpy().tobytes() == frame["b"].to_numpy().tobytes()
    assert found["c"].astype(object).where(found["c"].notna(), None).tolist() == ["x y", None, None, "z"]
    assert list(found.columns) == ["b", "a", "c"]

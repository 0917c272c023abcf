"""The records of a text are the same however its parts are cut."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.config.settings import ReadOptions
from mlpcli.data import scan
from mlpcli.data import text as texts
from mlpcli.data.dialect import find_dialect
from mlpcli.data.scan import scanner_of, stretches
from mlpcli.data.source import open_table
from mlpcli.errors import DataError

DIALECT = find_dialect(b"a,b\n1,2\n", "utf-8", ReadOptions(comment="#"))
TABLES = {
    "quotes": b'a,b\n1,"x\ny"\n2,"q""q"\n3,5" pipe\n',
    "carriage returns": b"a,b\r1,2\r3,4\r\r5,6",
    "all line ends": b"a,b\r\n1,2\r\r\n3,4\n\n5,6\r7,8\n",
    "comments": b'a,b\n# "one\n1,2\n# two\n3,"4\n# five"\n',
    "one column": b"a\n1\n\n2\n\n",
    "a long record": b"a,b\n1," + b"x\n" * 40 + b"\n",
    "a mark inside": b"a,b\n1,2\n\xef\xbb\xbf3,4\n5,6\n",
    "a mark after a carriage return": b"a,b\r1,2\r\xef\xbb\xbf3,4\r5,6\r",
    "a NUL": b"a,b\n1,2\n3,\0\n5,6\n",
    "an open quote": b'a,b\n1,2\n3,"4\n5,6\n',
}


def found(parts):
    """Records with line and width, and what came instead of the rest."""
    records, error = [], None
    try:
        for rows in stretches(iter(parts), DIALECT, scanner_of(DIALECT, set()), "f"):
            for start, end, width in zip(rows.found.starts, rows.found.ends, rows.found.widths, strict=True):
                records.append((rows.offset + start, rows.data[start:end], width, rows.line(int(start))))
    except DataError as problem:
        error = str(problem)
    return records, error


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("long", [1 << 21, 4])
def test_records_do_not_depend_on_where_the_parts_end(name, long, monkeypatch):
    monkeypatch.setattr(scan, "LONG", long)
    data = TABLES[name]
    whole = found([data])
    assert whole[0][0][1] in (b"a,b", b"a")
    for size in range(1, 30):
        assert found(data[i : i + size] for i in range(0, len(data), size)) == whole, size
    for cut in range(1, len(data)):
        assert found([data[:cut], data[cut:]]) == whole, cut


@pytest.mark.parametrize(("name", "line"), [("a mark inside", 3), ("a mark after a carriage return", 3), ("a NUL", 3),
                                            ("an open quote", 3)])  # fmt: skip
def test_what_no_text_holds_is_said_behind_the_records_before_it(name, line):
    records, error = found([TABLES[name]])
    assert len(records) == 2
    assert error.startswith(f"f:{line}: ")


def test_a_record_is_given_when_its_line_end_has_come():
    came = []

    def parts():
        for part in (b"a,b\n", b"1,", b"2\n", b'3,"4\n', b'5"\n'):
            came.append(part)
            yield part

    given = stretches(parts(), DIALECT, scanner_of(DIALECT, set()), "f")
    assert [(np.size(next(given).found.starts), len(came)) for _ in range(3)] == [(1, 1), (1, 3), (1, 5)]


def test_a_record_without_end_is_refused_with_its_line(monkeypatch, tmp_path):
    monkeypatch.setattr(scan, "MAX_RECORD_BYTES", 100)
    monkeypatch.setattr(texts, "PART", 50)
    (tmp_path / "d.csv").write_text("a,b\n1,2\n" + "3" * 400 + ",4\n")
    with pytest.raises(DataError) as caught:
        open_table(str(tmp_path / "d.csv"), ReadOptions())
    assert "longer than" in caught.value.message

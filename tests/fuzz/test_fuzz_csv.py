"""Whatever bytes a CSV holds, it is refused in one message, or read alike whole, in parts, and by Python's csv."""

from __future__ import annotations

import csv
import io
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mlpcli.config.settings import ReadOptions
from mlpcli.data import raw
from mlpcli.data import records as tables
from mlpcli.data.dialect import find_dialect
from mlpcli.data.raw import parts_of
from mlpcli.data.reading import Wishes, read_columns
from mlpcli.data.source import open_table
from mlpcli.data.stream import stream
from mlpcli.errors import MlpcliError

QUIET = settings(max_examples=100, deadline=None, database=None, suppress_health_check=[*HealthCheck], print_blob=True)
GOOD = b"a,b,c\n" + b"".join(b"%d,x%d,%d.5\n" % (i, i % 3, i) for i in range(12))
PIECES = [
    b",", b";", b"\t", b"|", b" ", b'"', b'""', b"'", b"\n", b"\r\n", b"\r", b"\r\r\n", b"\\", b"#", b"\0", b"\xff",
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", "가나".encode("cp949"), "é".encode(), "\u202e".encode(),
    b"\x1a", b"\x1b[31m",
    b"1", b"-2.5e3", b"007", b"1e999", b"nan", b"NA", b"?", b"1,5", b"a,b\n", b'"x\ny"', b"=1+1", b"2024-01-02",
]  # fmt: skip
SOUP = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=40).map(b"".join)


def rows_of(path: Path) -> list[list[str]]:
    """The cells of a file as the data room reads it, every column as text, '' where missing."""
    source = open_table(str(path), ReadOptions())
    read_columns(source, Wishes(source.names[-1]))  # with kinds found out: may refuse, must not fail
    return cells(source)


def cells(source: tables.Records) -> list[list[str]]:
    frame = source.parse(texts=source.names)
    columns = [frame[n].astype(object).where(frame[n].notna(), "") for n in source.names]
    return [list(row) for row in zip(*columns, strict=True)] if source.n_rows else []


def streamed(data: bytes, part: int) -> list[list[str]]:
    """The same through a pipe, some bytes at a time."""
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb", buffering=0) as file:
            for i in range(0, len(data), part):
                file.write(data[i : i + part])

    thread = threading.Thread(target=write)
    thread.start()
    found: list[list[str]] = []
    try:
        for block, _ in stream(parts_of(reader), "<stdin>", find_dialect(data, "utf-8", ReadOptions()), ReadOptions()):
            found += cells(block)
    finally:
        while os.read(reader, 1 << 16):
            pass
        os.close(reader)
        thread.join()
    return found


def outcome(read, *args):
    try:
        return read(*args)
    except MlpcliError:
        return "refused"


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(raw, "PART", 64)


@pytest.mark.slow
def test_any_bytes_are_refused_or_read_as_python_reads_them(tmp_path, for_a_while, small_parts):
    path = tmp_path / "d.csv"

    @given(SOUP, st.integers(0, len(GOOD)), st.integers(0, len(GOOD)), st.integers(7, 200))
    @example(b"", 0, 0, 7)
    @example(GOOD, 0, len(GOOD), 7)
    @QUIET
    def test(piece, start, length, part):
        data = GOOD[:start] + piece + GOOD[start + length :]
        path.write_bytes(data)
        found = outcome(rows_of, path)
        if found == "refused":
            return
        source = open_table(str(path), ReadOptions())
        in_parts = outcome(streamed, data, part)
        assert in_parts in (found, "refused")
        dialect = source.dialect
        if dialect.encoding == "utf-8" and not dialect.spaces and b"\r" not in data:
            text = data.decode("utf-8-sig")
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter, quotechar=dialect.quote)
            theirs = [row for row in reader if row][1:]
            markers = set(dialect.missing)
            assert found == [[("" if c in markers else c) for c in row[: len(source.names)]] for row in theirs]

    for_a_while(test)

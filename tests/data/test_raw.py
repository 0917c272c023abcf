"""Bytes as they come."""

from __future__ import annotations

import fcntl
import os

from mlpcli.data.raw import is_settled, parts_of, with_start


def test_rows_of_a_pipe_are_read_where_its_size_cannot_be_set(monkeypatch):
    monkeypatch.delattr(fcntl, "F_SETPIPE_SZ", raising=False)
    reading, writing = os.pipe()
    os.write(writing, b"a,b\n1,2\n")
    os.close(writing)
    try:
        assert b"".join(parts_of(reading)) == b"a,b\n1,2\n"
    finally:
        os.close(reading)


def test_a_part_is_given_as_soon_as_it_is_there():
    reading, writing = os.pipe()
    parts = parts_of(reading)
    for part in (b"a,b\n", b"1,", b"2\n"):
        os.write(writing, part)
        assert next(parts) == part
    os.close(writing)
    assert next(parts, None) is None
    os.close(reading)


def test_the_start_is_looked_at_and_stays():
    start, parts = with_start(iter([b"a", b"b", b"c\n", b"d"]), lambda start: b"\n" in start)
    assert (start, list(parts)) == (b"abc\n", [b"abc\n", b"d"])
    start, parts = with_start(iter([b"a", b"b"]), lambda start: False)
    assert (start, list(parts)) == (b"ab", [b"ab"])


def test_a_mark_is_settled_when_no_more_bytes_could_make_it():
    marks = (b"\xff\xfe\x00\x00", b"\xff\xfe")
    assert [is_settled(start, marks) for start in (b"", b"\xff\xfe", b"a", b"\xff\xfea", marks[0])] == [
        False, False, True, True, True
    ]  # fmt: skip

"""Rows in JSON: what a cell of a CSV would be, and what is wrong."""

from __future__ import annotations

import pytest

from mlpcli.cli.serve.rows import NO_KEY, RefusedError, RowError, json_lines, json_rows, texts_of
from mlpcli.data.formats.numbers import NumberFormat


def test_values_become_the_cells_that_a_csv_would_hold():
    rows = [{"a": 1.5, "b": "x"}, {"a": 3.0, "b": None, "c": 1}, {"a": 7, "b": True}]
    texts, wrong = texts_of(rows, {"a": NumberFormat(","), "b": None})
    assert texts == {"a": ["1,5", "3", "7"], "b": ["x", "", "True"]}
    assert not wrong


def test_a_wrong_row_names_its_column_and_the_others_have_their_cells():
    rows = json_rows(b'[{"a": 1}, {"b": 1}, {"a": [1]}, {"a": {}}, 5, {"a": 2}]')[0]
    texts, wrong = texts_of(rows, {"a": None})
    assert texts == {"a": ["1", "", "", "", "", "2"]}
    assert {i: (error.column, error.reason) for i, error in wrong.items()} == {
        1: ("a", NO_KEY), 2: ("a", "a value with values in it"), 3: ("a", "a value with values in it"),
        4: (None, "not a JSON object"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"a": 1} {', b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1, "a": 2}', b"[" * 100_000, b"\xff\xfe{",
     b'{"a":' * 100_000, b"[" + b"9" * 5000 + b"]", b'"\xed\xa0\x80"'],
)  # fmt: skip
def test_what_is_no_json_is_refused(body):
    with pytest.raises(RefusedError) as caught:
        json_rows(body)
    assert caught.value.status == 400


def test_a_line_that_is_no_json_is_a_wrong_row():
    rows = json_lines(b'\xef\xbb\xbf{"a": 1}\n\n{"a": 1, "a": 2}\r\nhello\n')
    assert rows[0] == {"a": 1}
    assert [row.reason.partition(":")[0] for row in rows[1:] if isinstance(row, RowError)] == ["no JSON", "no JSON"]


def test_an_error_in_one_line_says_where_and_what():
    assert str(RowError.of("a", "x" * 1000, "why")) == f"column 'a': why, found '{'x' * 100}'"
    assert str(RowError.of(None, None, "why")) == "why"

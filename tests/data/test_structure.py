"""Records and fields are counted as Python's csv counts them, whatever the marks, and in parts as in one piece."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcli.data import structure
from mlpcli.data.structure import MALFORMED, Scanner, after_lines, line_of, scan

SOUP = st.lists(st.sampled_from(["a", "1", ",", ", ", '"', '""', "\n", "\r\n", "\\", "#", "x y"]), max_size=40)


def widths(text: str, **marks) -> list[int]:
    """How many fields each record has, by Python's csv; blank lines and comments left out."""
    comment = marks.pop("comment", None)
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, **marks)
    return [len(row) for row in reader if row and not (comment and row[0].startswith(comment))]


@given(SOUP)
@settings(max_examples=300, deadline=None)
def test_fields_are_counted_as_python_counts_them(pieces):
    text = "a,b\n" + "".join(pieces)  # more than one column: a blank line is no row
    found = scan(text.encode(), ",")
    if found.open_quote is None and MALFORMED not in found.widths:
        assert found.widths.tolist() == widths(text)


@given(st.lists(st.sampled_from(["a", ",", ", ", '"b"', "\\,", "\\\\", '\\"', "\n", "#c", '#"\n']), max_size=30))
@settings(max_examples=300, deadline=None)
def test_parts_are_scanned_as_the_whole_is(pieces):
    data = ("a,b\n" + "".join(pieces)).encode()
    marks = {"escape": "\\", "comment": "#", "spaces": True}
    whole = scan(data, ",", **marks)
    for size in (1, 7):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(structure, "BLOCK", size)
            parts = scan(data, ",", **marks)
        assert parts.starts.tolist() == whole.starts.tolist()
        assert parts.ends.tolist() == whole.ends.tolist()
        assert parts.widths.tolist() == whole.widths.tolist()


def test_a_quote_in_a_comment_opens_nothing():
    found = scan(b'a,b\n# it"s\n"1,",2\n', ",", comment="#")
    assert found.widths.tolist() == [2, 2]
    assert found.open_quote is None


def test_a_quote_behind_a_space_opens_a_field_where_spaces_follow_delimiters():
    assert scan(b'a, b\n1, "2, 3"\n', ",", spaces=True).widths.tolist() == [2, 2]
    assert scan(b'a, b\n1, "2, 3"\n', ",").widths.tolist() == [2, 3]


def test_escaped_marks_are_text():
    assert scan(b"a,b\n1\\,2,3\n4\\\\,5\n", ",", escape="\\").widths.tolist() == [2, 2, 2]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_blank_line_of_one_column_is_a_row_but_at_the_end(size, monkeypatch):
    monkeypatch.setattr(structure, "BLOCK", size)
    found = scan(b"\ny\n1\n\n2\n\n\n", ",")
    assert [found.starts.tolist(), found.ends.tolist()] == [[1, 3, 5, 6], [2, 4, 5, 7]]


@pytest.mark.parametrize(("text", "at"), [(b'a\n"x', 2), (b'a\n"x""', 2), (b'a\n"""x', 2), (b'"a"\n"', 4)])
def test_a_quote_that_never_closes_is_found_where_it_opens(text, at):
    assert scan(text, ",").open_quote == at


def test_leading_zeros_are_found_below_the_header():
    assert scan(b"01,02\n1,2\n", ",").leading_zeros == set()
    assert scan(b'a,b,c\n1,"02",0.5\n', ",").leading_zeros == {1}
    assert scan(b"01,0\n", ",", header=False).leading_zeros == {0}


def test_lines_are_physical_and_may_end_in_any_way():
    data = b"a\rb\r\nc\r\r\nd\n"
    assert [line_of(data, data.index(c)) for c in (b"a", b"b", b"c", b"d")] == [1, 2, 3, 4]
    assert [after_lines(data, n) for n in range(6)] == [0, 2, 5, 9, 11, 11]


def test_text_behind_a_closing_quote_is_malformed():
    assert scan(b'a,b\n"1"x,2\n', ",").widths.tolist() == [2, MALFORMED]
    assert scan(b'a,b\n5" pipe,2\n', ",").widths.tolist() == [2, 2]


def test_a_scanner_waits_for_the_rest_of_a_record():
    scanner = Scanner(",")
    first = scanner.scan(b'a,b\n"1,', is_last=False)
    assert first.stop == 4
    assert scanner.scan(b'"1,",2\n').widths.tolist() == [2]

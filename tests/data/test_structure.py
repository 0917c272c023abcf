"""Records and fields are counted as Python's csv counts them, whatever the marks, and in parts as in one piece."""

from __future__ import annotations

import csv
import io
import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcli.data import structure
from mlpcli.data.structure import MALFORMED, STRAY, Scanner, after_lines, line_of, scan

SOUP = st.lists(st.sampled_from(["a", "1", ",", ", ", '"', '""', "\n", "\r\n", "\\", "#", "x y"]), max_size=40)


def widths(text: str, **marks) -> list[int]:
    """How many fields each record has, by Python's csv; blank lines and comments left out."""
    comment = marks.pop("comment", None)
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, **marks)
    return [len(row) for row in reader if row and not (comment and row[0].startswith(comment))]


Record = tuple[int, int, int]  # first byte, end, number of fields


def read_by_hand(
    text: str, escape: str = "", comment: str = "", header: bool = True, spaces: bool = False
) -> tuple[list[Record], int | None, set[int]]:
    """The records, where a quote opens that never closes, and the fields with leading zeros: one letter at a time."""
    records: list[tuple[Record, list[int], bool]] = []
    open_quote, at = None, 0
    while at < len(text):
        start, cells, is_malformed, is_comment = at, [at], False, text[at] == comment
        while at < len(text) and text[at] not in "\r\n":
            if text[at] == escape:
                at += 2
            elif text[at] == '"' and at == cells[-1] and not is_comment:
                opened, at = at, at + 1
                while at < len(text) and (text[at] != '"' or text[at : at + 2] == '""'):
                    at += 2 if text[at] in ('"', escape) else 1
                open_quote = opened if at >= len(text) else None
                at += 1
                is_malformed |= at < len(text) and text[at] not in ",\r\n"
            elif text[at] == ",":
                at += 2 if spaces and text[at + 1 : at + 2] == " " else 1
                cells.append(at)
            else:
                at += 1
        end = min(at, len(text))
        at += next((len(mark) for mark in ("\r\r\n", "\r\n", "\r", "\n") if text.startswith(mark, at)), 0)
        records.append(((start, end, MALFORMED if is_malformed else len(cells)), cells, is_comment))
    filled = [i for i, ((start, end, _), _, is_comment) in enumerate(records) if end > start and not is_comment]
    if filled and records[filled[0]][0][2] == 1:  # of one column: blank lines between others are rows
        filled = [i for i in range(filled[0], filled[-1] + 1) if not records[i][2]]
    cells_below = [cell for i in filled[header:] for cell in enumerate(records[i][1])]
    zeros = {n for n, cell in cells_below if re.match('"?0[0-9]', text[cell:])}
    return [records[i][0] for i in filled], open_quote, zeros


def found_in(text: str, **marks) -> tuple[list[Record], int | None, set[int]]:
    found = scan(text.encode(), ",", **marks)
    assert found.stop == len(text)
    records = zip(found.starts.tolist(), found.ends.tolist(), found.widths.tolist(), strict=True)
    return list(records), found.open_quote, set(found.leading_zeros)


EVERY_TEXT = {  # letters, and the marks they have as such
    "quotes and line ends": ("a", ",", '"', "\n", "\r", "\r\n"),
    "escapes": ("a", ",", '"', "\n", "\\"),
    "spaces": ("0", ",", '"', "\n", " "),
    "comments": ("a", ",", '"', "\n", "#"),
    "leading zeros": ("0", "7", ",", '"', "\n"),
    "comments within quotes": ('"', "\n#", '\n"', '"\n', '#"'),
}
MARKS = {
    "escapes": {"escape": "\\"},
    "spaces": {"spaces": True},
    "comments": {"comment": "#"},
    "comments within quotes": {"comment": "#"},
}


@pytest.mark.slow
@pytest.mark.parametrize(("block", "longest"), [(structure.BLOCK, 4), (1, 3), (2, 3), (3, 3)])
@pytest.mark.parametrize("begin", ["", "0\n", "a,00\n"])
@pytest.mark.parametrize("letters", EVERY_TEXT)
def test_every_short_text_is_taken_apart_as_by_hand(letters, begin, block, longest, monkeypatch):
    monkeypatch.setattr(structure, "BLOCK", block)
    marks = MARKS.get(letters, {})
    for pieces in (p for n in range(longest + 1) for p in product(EVERY_TEXT[letters], repeat=n)):
        text = begin + "".join(pieces)
        records, open_quote, zeros = read_by_hand(text, **marks)
        found = found_in(text, **marks)
        assert (text, found[1]) == (text, open_quote)
        if open_quote is None:
            assert (text, found) == (text, (records, None, zeros))


@given(SOUP)
@settings(max_examples=300, deadline=None)
def test_fields_are_counted_as_python_counts_them(pieces):
    text = "a,b\n" + "".join(pieces)  # more than one column: a blank line is no row
    found = scan(text.encode(), ",")
    if found.open_quote is None and not {MALFORMED, STRAY} & {*found.widths.tolist()}:
        assert found.widths.tolist() == widths(text)


@pytest.mark.slow
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


def test_a_comment_after_a_cell_with_a_line_that_looks_like_one_is_a_comment():
    data = b'a,b\n1,"x\n# ""y"""\n# it,"s\n2,"z\n#"",w"\n# 5" wide\n3,4\n'
    found = scan(data, ",", comment="#")
    assert found.widths.tolist() == [2, 2, 2, 2]
    assert found.open_quote is None
    assert [data[a:b] for a, b in zip(found.starts, found.ends, strict=True)][1:] == [
        b'1,"x\n# ""y"""', b'2,"z\n#"",w"', b"3,4",
    ]  # fmt: skip


def test_a_quote_behind_a_space_opens_a_field_where_spaces_follow_delimiters():
    assert scan(b'a, b\n1, "2, 3"\n', ",", spaces=True).widths.tolist() == [2, 2]
    assert scan(b'a, b\n1, "2, 3"\n', ",").widths.tolist() == [2, STRAY]


def test_escaped_marks_are_text():
    assert scan(b"a,b\n1\\,2,3\n4\\\\,5\n", ",", escape="\\").widths.tolist() == [2, 2, 2]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_blank_line_of_one_column_is_a_row_but_at_the_end(size, monkeypatch):
    monkeypatch.setattr(structure, "BLOCK", size)
    found = scan(b"\ny\n1\n\n2\n\n\n", ",")
    assert [found.starts.tolist(), found.ends.tolist()] == [[1, 3, 5, 6], [2, 4, 5, 7]]


def test_a_blank_line_of_one_column_is_a_row_in_a_later_part_too():
    scanner = Scanner(",")
    assert scanner.scan(b"y\n", is_last=False).stop == 2
    found = scanner.scan(b"1\n\n2\n\n")
    assert [found.starts.tolist(), found.ends.tolist()] == [[0, 2, 3], [1, 2, 4]]


@pytest.mark.parametrize(("text", "at"), [(b'a\n"x', 2), (b'a\n"x""', 2), (b'a\n"""x', 2), (b'"a"\n"', 4)])
def test_a_quote_that_never_closes_is_found_where_it_opens(text, at):
    assert scan(text, ",").open_quote == at


def test_leading_zeros_are_found_below_the_header():
    assert scan(b"01,02\n1,2\n", ",").leading_zeros == set()
    assert scan(b'a,b,c\n1,"02",0.5\n', ",").leading_zeros == {1}
    assert scan(b"01,0\n", ",", header=False).leading_zeros == {0}
    assert scan(b'a, b, c\n1, 02, "03"\n', ",", spaces=True).leading_zeros == {1, 2}


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
    assert (first.stop, first.open_quote) == (4, None)
    assert scanner.scan(b'"1,",2\n').widths.tolist() == [2]


@pytest.mark.parametrize(
    "record",
    ['a"b, c",1', 'a"b, c"', 'a"b,c, d",1', '\'a"b, c",1', 'a"b, ""c"" d",1', '"x",a"b, c"', '5" a,b"c, d",1'],
)
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\r\r\n", ""])
def test_R13_a_delimiter_lost_before_a_quoted_cell_is_damage(record, end):
    found = scan(f'x,y{end or chr(10)}"a","b"{end or chr(10)}{record}{end}'.encode(), ",")
    assert found.widths.tolist() == [2, 2, STRAY]


@pytest.mark.parametrize("record", ['5" pipe,2', '5",7"', '5" x 7",9"', 'a"b","c"', 'a"b,c', 'a,b"c,d', 'it"s"s,"a"'])
def test_R13_quotes_in_cells_that_no_delimiter_was_lost_from_are_text(record):
    assert scan(f"{record}\n1,2\n".encode(), ",").widths.tolist() == [len(next(csv.reader([record]))), 2]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_R13_a_stray_quote_is_found_in_any_block(size, monkeypatch):
    monkeypatch.setattr(structure, "BLOCK", size)
    assert scan(b'x,y\n5" a,1\na"b, c"\n2,6"\n', ",").widths.tolist() == [2, 2, STRAY, 2]

"""A table is opened and read, or refused with its place: what must happen for each class of CSV, good and bad."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlpcli.config.settings import ReadOptions
from mlpcli.data import block, rows, scan
from mlpcli.data import source as sources
from mlpcli.data import text as texts
from mlpcli.data.reading import Wishes, read_columns
from mlpcli.data.source import open_table
from mlpcli.errors import DataError, MachineError

GOOD = "a,b,c\n" + "".join(f"{i},{i * 0.5},x{i % 3}\n" for i in range(50))


def read(tmp_path: Path, content: str | bytes, options: ReadOptions | None = None, **kinds) -> pd.DataFrame:
    file = tmp_path / "d.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    wishes = Wishes(kinds.get("target"), texts=frozenset(kinds.get("texts", ())))
    return read_columns(open_table(str(file), options or ReadOptions()), wishes).frame


def with_line(number: int, line: str) -> str:
    lines = GOOD.split("\n")
    lines[number - 1] = line
    return "\n".join(lines)


BAD = {
    "S01 empty": ("", "empty file"),
    "S02 blank lines": ("\n\n\n", "no header"),
    "S05 short row": (with_line(20, "1,2"), r"d.csv:20: 2 fields, expected 3"),
    "S06 long row": (with_line(20, "1,2,3,4"), r"d.csv:20: 4 fields, expected 3"),
    "S07 rows longer than header": ("a,b,c\n" + "1,2,3,4\n" * 20, "rows have 4 fields, header has 3"),
    "S10 doubled name": ("a,b,a\n1,2,3\n", r"column 'a' appears twice \(columns 1, 3\)"),
    "S14 units below the header": (
        "a,b\nkg,m\n" + "1,2\n" * 300,
        r"d.csv:2: column 'a': expected a number, found 'kg'",
    ),
    "S15 preamble": ("Report of May\n" + GOOD, r"d.csv:2: "),
    "S16 footer": (GOOD + "Total,123\n", r"d.csv:52: 2 fields, expected 3"),
    "S17 second table": (GOOD + "\nd,e\n1,2\n", r"d.csv:53: 2 fields"),
    "S19 other delimiter in a row": (with_line(30, "1;2;x"), r"d.csv:30: 1 fields, expected 3"),
    "S20 quote never closed": (with_line(12, '1,2,"x'), r"d.csv:12: quote opened here is never closed"),
    "S28 comment line": (with_line(9, "# a comment"), r"d.csv:9: 1 fields"),
    "S35 html": ("<!DOCTYPE html><html></html>", "looks like HTML"),
    "S35 json": ('{"a": 1}', "looks like JSON"),
    "S35 parquet": (b"PAR1xxxx", "looks like a Parquet file"),
    "E05 latin-1": ("a,b\n1,caf\xe9 x\n".encode("latin-1") * 3, r"byte \d+ is not utf-8 text \(0xe9\)"),
    "E09 NUL": ("a,b\n1,2\n3,\x004\n", r"d.csv:3: NUL byte"),
    "V02 infinite": (with_line(20, "1,1e999,x"), r"d.csv:20: column 'b': .*infinite"),
    "V08 stray text": ("a,b\n" + "1,2\n" * 500 + "1,heavy\n" + "1,2\n" * 50, r":502: column 'b': expected .*'heavy'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_with_their_place(name, tmp_path):
    content, message = BAD[name]
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_s24_line_ends_make_no_difference(end, tmp_path):
    expected = read(tmp_path, GOOD)
    pd.testing.assert_frame_equal(read(tmp_path, GOOD.replace("\n", end)), expected)


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("d.csv", data)
    return out.getvalue()


TWINS = {
    "S08 trailing delimiter everywhere": GOOD.replace("\n", ",\n").replace("a,b,c,", "a,b,c", 1).encode(),
    "S18 semicolon": GOOD.replace(",", ";").encode(),
    "S18 tab": GOOD.replace(",", "\t").encode(),
    "S18 pipe": GOOD.replace(",", "|").encode(),
    "S25 no final newline": GOOD.rstrip("\n").encode(),
    "S29 blank lines": GOOD.replace("\n", "\n\n").encode(),
    "S33 gzip": gzip.compress(GOOD.encode()),
    "S33 bzip2": bz2.compress(GOOD.encode()),
    "S33 xz": lzma.compress(GOOD.encode()),
    "S33 zip": zipped(GOOD.encode()),
    "E01 byte-order mark": GOOD.encode("utf-8-sig"),
    "E03 UTF-16": GOOD.encode("utf-16"),
    "E03 UTF-32": GOOD.encode("utf-32"),
    "quoted": "\n".join(",".join(f'"{c}"' for c in line.split(",")) for line in GOOD.split("\n")[:-1]).encode(),
}


@pytest.mark.parametrize("name", TWINS)
def test_twins_of_one_table_read_alike(name, tmp_path):
    expected = read(tmp_path, GOOD)
    found = read(tmp_path, TWINS[name])
    pd.testing.assert_frame_equal(found[["a", "b", "c"]], expected)


def test_s34_a_truncated_gzip_is_refused(tmp_path):
    with pytest.raises(DataError, match="truncated or damaged gzip"):
        read(tmp_path, gzip.compress(GOOD.encode())[:-20])


def test_cp949_is_recognised_and_said(tmp_path):
    file = tmp_path / "d.csv"
    file.write_bytes("이름,값\n가나,1\n다라,2\n".encode("cp949"))
    source = open_table(str(file), ReadOptions())
    assert source.names == ("이름", "값")
    assert any("cp949" in note for note in source.notes)


def test_s23_a_line_end_inside_quotes_is_one_record_and_lines_stay_physical(tmp_path):
    content = 'a,b\n1,"x\ny"\n2,z\n3\n'
    with pytest.raises(DataError, match=r":5: 1 fields"):
        read(tmp_path, content)
    frame = read(tmp_path, content.removesuffix("3\n"))
    assert frame["b"].tolist() == ["x\ny", "z"]


def test_s21_a_stray_quote_inside_a_field_is_literal(tmp_path):
    assert read(tmp_path, 'a,b\n1,5" pipe\n2,x\n')["b"].tolist() == ['5" pipe', "x"]


def test_bad_rows_are_skipped_when_asked_and_counted(tmp_path):
    file = tmp_path / "d.csv"
    file.write_text(with_line(20, "1,2"))
    source = open_table(str(file), ReadOptions(bad_rows="skip"))
    assert len(read_columns(source, Wishes()).frame) == 49
    assert any("1 rows that do not fit the header are left out: lines 20" in note for note in source.notes)
    assert source.place(18) == (str(file), 21)


def test_v06_leading_zeros_make_a_category_and_cells_stay_as_they_stand(tmp_path):
    frame = read(tmp_path, "zip,y\n00123,1.50\n04567,2.0\n", texts=["y"])
    assert frame["zip"].tolist() == ["00123", "04567"]
    assert frame["y"].tolist() == ["1.50", "2.0"]
    assert read(tmp_path, "y, zip\n1, 00123\n2, 04567\n")["zip"].tolist() == ["00123", "04567"]


def test_v01_markers_never_apply_to_the_target(tmp_path):
    content = "x,country\n1,NA\nNA,DE\n3,\n"
    frame = read(tmp_path, content, texts=["country"], target="country")
    assert frame["country"].tolist()[:2] == ["NA", "DE"]
    assert pd.isna(frame["country"][2])
    assert np.isnan(frame["x"][1])


def test_v07_decimal_comma_and_thousands(tmp_path):
    options = ReadOptions(decimal=",", thousands=".")
    assert read(tmp_path, "a;b\n1.234,5;1\n2,5;2\n", options)["a"].tolist() == [1234.5, 2.5]


@pytest.mark.parametrize("row", [1, 700, 1999])
def test_v09_the_kind_of_a_column_does_not_depend_on_where_text_stands(row, tmp_path):
    cells = ["1"] * 2000
    for i in range(100):
        cells[(row + i) % 2000] = "text"
    assert isinstance(read(tmp_path, "a,b\n" + "".join(f"{c},0\n" for c in cells))["a"].array, pd.Categorical)


def test_folders_and_absent_files_are_machine_errors(tmp_path):
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(MachineError):
            open_table(str(path), ReadOptions())


def test_rows_that_the_parser_counts_otherwise_are_refused(tmp_path, monkeypatch):
    """Should pandas ever see other rows than we do, nothing is trained on them."""
    parsed = block.parse_bytes

    def one_row_less(*args, **more):
        return {name: column[:-1] for name, column in parsed(*args, **more).items()}

    monkeypatch.setattr(block, "parse_bytes", one_row_less)
    with pytest.raises(DataError, match="50 rows by its delimiters and quotes, 49 by the parser"):
        read(tmp_path, GOOD)


def test_a_header_without_rows_is_an_empty_table_of_numbers(tmp_path):
    """What trains or predicts on it says so; reading it is no mistake."""
    frame = read(tmp_path, "a,b\n")
    assert list(frame.columns) == ["a", "b"]
    assert len(frame) == 0


def test_a_mark_of_byte_order_in_a_cell_is_named(tmp_path):
    with pytest.raises(DataError) as caught:
        read(tmp_path, with_line(40, "1,\ufeff2.0,x1"))
    assert "U+FEFF" in caught.value.message
    assert "(BOM)" in caught.value.hint


def test_S31_a_record_too_long_to_be_one_is_named(tmp_path, monkeypatch):
    for module in (rows, scan):
        monkeypatch.setattr(module, "MAX_RECORD_BYTES", 1000)
    assert len(read(tmp_path, with_line(20, "1,2," + "x" * 990))) == 50
    with pytest.raises(DataError, match="a record longer than") as caught:
        read(tmp_path, with_line(20, "1,2," + "x" * 1000))
    assert caught.value.line == 20


def test_a_file_without_header_has_no_header_to_show(tmp_path):
    (tmp_path / "d.csv").write_text("1,2\n3,4\n")
    source = open_table(str(tmp_path / "d.csv"), ReadOptions(header=False))
    assert source.names == ("col1", "col2")
    assert source.header == b""
    assert source.record(1) == b"3,4\n"


def test_rows_are_written_from_the_blocks_that_have_them(monkeypatch, tmp_path):
    monkeypatch.setattr(texts, "PART", 50)
    (tmp_path / "d.csv").write_text("a,b\n" + "".join(f"{i},{i}\n" for i in range(100)))
    source = open_table(str(tmp_path / "d.csv"), ReadOptions())
    assert len(source.parts) > 3
    read, block = [], sources.Source.block
    monkeypatch.setattr(sources.Source, "block", lambda self, part: read.append(part) or block(self, part))
    assert b"".join(source.lines(np.array([1, 98]))) == b"1,1\n98,98\n"
    assert len(read) == 2


@pytest.mark.parametrize("cell", ["NA", "?", "null"])
@pytest.mark.parametrize("others", ["1", "2.5", "x"])
def test_a_marker_of_missing_values_is_a_value_of_the_target_and_of_no_other_column(tmp_path, cell, others):
    rows = "".join(f"{value},{value},z\n" for value in (cell, others, ""))
    frame = read(tmp_path, "a,b,c\n" + rows, target="b")
    assert frame["a"].isna().tolist() == [True, False, True]
    assert frame["b"].tolist()[:2] == [cell, others]
    assert frame["b"].isna().tolist() == [False, False, True]


def test_the_sample_has_the_different_texts_of_each_column_sorted(tmp_path):
    (tmp_path / "d.csv").write_text("a,b,c\n" + "y,NA,NA\n10,,\n9,2,2\n" * 2)
    sample = open_table(str(tmp_path / "d.csv"), ReadOptions()).sample("c")
    assert sample == {"a": ["10", "9", "y"], "b": ["2"], "c": ["2", "NA"]}

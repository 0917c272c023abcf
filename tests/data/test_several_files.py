"""Several files that are one table, and the corners of reading that no class of pollution has."""

from __future__ import annotations

import fcntl
import gzip
import os

import numpy as np
import pandas as pd
import pytest

from mlpcli.config import ReadOptions
from mlpcli.data import builders as columns
from mlpcli.data import dialect as dialects
from mlpcli.data import source as sources
from mlpcli.data import text as texts
from mlpcli.data.dialect import decode, decompress
from mlpcli.data.numbers import as_number, to_floats
from mlpcli.data.records import IN_MEMORY
from mlpcli.data.source import open_table
from mlpcli.data.stream import parts_of
from mlpcli.errors import DataError
from mlpcli.training.prepare import prepare

LINES = [f"{i},{i * i % 7},{'yes' if i % 3 else 'no'}" for i in range(90)]


def write_parts(folder, headers=("a,b,y", "a,b,y", "a,b,y")):
    for k, header in enumerate(headers):
        (folder / f"part{k}.csv").write_text("\n".join([header, *LINES[30 * k : 30 * k + 30]]) + "\n")
    return str(folder / "part*.csv")


def test_several_files_are_the_table_of_their_rows(tmp_path):
    source = open_table(write_parts(tmp_path), ReadOptions())
    (tmp_path / "whole.csv").write_text("\n".join(["a,b,y", *LINES]) + "\n")
    whole = open_table(str(tmp_path / "whole.csv"), ReadOptions())
    assert source.n_rows == 90
    assert source.read().equals(whole.read())
    assert source.place(65) == (str(tmp_path / "part2.csv"), 7)
    with pytest.raises(IndexError):
        source.place(90)


def test_several_files_train_the_networks_of_the_whole(tmp_path, call):
    pattern = write_parts(tmp_path)
    (tmp_path / "whole.csv").write_text("\n".join(["a,b,y", *LINES]) + "\n")
    weights = []
    for data in (pattern, tmp_path / "whole.csv"):
        prepared = prepare(str(data))
        weights.append([member.network.params.tolist() for member in prepared.members])
    assert weights[0] == weights[1]
    code, out, _ = call("train", pattern, "--preset", "classic", "--epochs", "2", "-q", "-o", tmp_path / "m.npz")
    assert (code, out) == (0, "")
    assert call("evaluate", tmp_path / "m.npz")[0] == 0


@pytest.mark.parametrize(
    ("headers", "said"),
    [(("a,b,y", "a,c,y", "a,b,y"), "no column 'c' in"), (("a,b,y", "b,a,y", "a,b,y"), "or another order")],
)
def test_another_header_names_the_odd_file(headers, said, tmp_path, call):
    code, _, err = call("train", write_parts(tmp_path, headers), "-o", tmp_path / "m.npz")
    assert code == 1
    assert "part1.csv" in err
    assert said in err
    assert not (tmp_path / "m.npz").exists()


def test_a_stray_in_a_later_file_is_named_with_that_file_and_line(tmp_path, call):
    pattern = write_parts(tmp_path)
    (tmp_path / "part2.csv").write_text("a,b,y\n" + "\n".join([*LINES[60:70], "oops,1,no", *LINES[70:]]) + "\n")
    code, _, err = call("train", pattern, "--numeric", "a", "-o", tmp_path / "m.npz")
    assert code == 1
    assert "part2.csv:12" in err


def test_a_mark_of_byte_order_inside_a_column_is_explained(tmp_path, call):
    (tmp_path / "d.csv").write_text("a,y\n" + "".join(f"{i},{i % 2}\n" for i in range(40)) + "\ufeff7,1\n")
    code, _, err = call("train", tmp_path / "d.csv", "--numeric", "a", "-o", tmp_path / "m.npz")
    assert code == 1
    assert "were two files joined here?" in err


def test_a_file_without_header_has_no_header_to_show(tmp_path):
    (tmp_path / "d.csv").write_text("1,2\n3,4\n")
    source = open_table(str(tmp_path / "d.csv"), ReadOptions(header=False))
    assert source.names == ("col1", "col2")
    assert source.header == b""
    assert source.record(1) == b"3,4\n"


@pytest.mark.parametrize(
    ("cell", "thousands", "decimal", "found"),
    [
        ("1,234.5", ",", ".", "1234.5"), ("12,34", ",", ".", None), ("1.234,5", ".", ",", "1234.5"),
        ("1.5", None, ",", None),
        ("1,5", None, ",", "1.5"), ("x", None, ".", None), (" 7 ", None, ".", "7"),
    ],
)  # fmt: skip
def test_a_number_is_what_its_marks_make_of_it(cell, thousands, decimal, found, tmp_path):
    (tmp_path / "d.csv").write_text("a;b\n1;2\n")
    options = ReadOptions(delimiter=";", thousands=thousands, decimal=decimal)
    assert as_number(cell, open_table(str(tmp_path / "d.csv"), options).dialect) == found


def test_no_numbers_are_no_floats():
    assert to_floats([]).tolist() == []
    assert to_floats(["1e999", "0.1"]).tolist() == [np.inf, 0.1]


@pytest.mark.parametrize("magic", [b"\x1f\x8b", b"BZh", b"PK\x03\x04", b"\xfd7zXZ\x00"])
def test_a_damaged_archive_from_a_pipe_is_named(magic):
    kind = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"PK\x03\x04": "zip", b"\xfd7zXZ\x00": "xz"}[magic]
    with pytest.raises(DataError, match=f"damaged {kind} file"):
        decompress(magic + b"no archive at all", "-")


def test_an_archive_that_unpacks_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(dialects, "MAX_UNPACKED_BYTES", 1000)
    assert decompress(gzip.compress(b"a" * 1000), "-") == b"a" * 1000
    with pytest.raises(DataError, match="unpacks to more than"):
        decompress(gzip.compress(b"a" * 1001), "-")


def test_an_archive_in_a_file_that_unpacks_without_end_is_stopped(monkeypatch, tmp_path):
    (tmp_path / "d.csv").write_bytes(gzip.compress(b"a,y\n" + b"1,2\n" * 250))
    monkeypatch.setattr(texts, "MAX_UNPACKED_BYTES", 1003)
    with pytest.raises(DataError, match=r"d\.csv: unpacks to more than"):
        open_table(str(tmp_path / "d.csv"), ReadOptions())
    monkeypatch.setattr(texts, "MAX_UNPACKED_BYTES", 1004)
    assert open_table(str(tmp_path / "d.csv"), ReadOptions()).n_rows == 250


def test_rows_are_written_from_the_blocks_that_have_them(monkeypatch, tmp_path):
    monkeypatch.setattr(sources, "PART", 50)
    (tmp_path / "d.csv").write_text("a,b\n" + "".join(f"{i},{i}\n" for i in range(100)))
    source = open_table(str(tmp_path / "d.csv"), ReadOptions())
    assert len(source.parts) > 3
    read, block = [], sources.Source.block
    monkeypatch.setattr(sources.Source, "block", lambda self, part: read.append(part) or block(self, part))
    assert b"".join(source.lines(np.array([1, 98]))) == b"1,1\n98,98\n"
    assert len(read) == 2


def test_a_quote_of_its_own_is_found_where_the_delimiter_is_given(tmp_path):
    (tmp_path / "d.csv").write_text("a;b\n" + "".join(f"'x;{i}';{i}\n" for i in range(30)))
    source = open_table(str(tmp_path / "d.csv"), ReadOptions(delimiter=";"))
    assert (source.dialect.quote, source.dialect.delimiter) == ("'", ";")
    assert source.read()["b"].tolist() == list(range(30))


def test_a_late_text_among_numbers_with_thousands_is_named(tmp_path):
    rows = "".join(f"{i % 1000},{i}\n" for i in range(1500))
    (tmp_path / "d.csv").write_text("a,b\n" + rows + "oops,1\n")
    source = open_table(str(tmp_path / "d.csv"), ReadOptions(thousands="'"))
    with pytest.raises(DataError, match="expected a number, found 'oops'") as caught:
        source.read()
    assert caught.value.line == 1502


def test_texts_beyond_the_most_that_are_told_apart_are_all_the_same(monkeypatch):
    monkeypatch.setattr(columns, "MAX_LEVELS", 3)
    column = columns.TextBuilder(6, IN_MEMORY)
    column.add(0, pd.Series(pd.Categorical(["b", "a", None])))
    column.add(3, pd.Series(pd.Categorical(["d", "e", "c"])))
    assert column.values.tolist()[:2] == ["b", "a"]
    assert column.values.isna().tolist() == [False, False, True, False, False, False]
    assert column.values.categories.tolist() == ["a", "b", "c", columns.OTHER]
    assert column.values.tolist()[3:] == [columns.OTHER, columns.OTHER, "c"]


def test_rows_of_a_pipe_are_read_where_its_size_cannot_be_set(monkeypatch):
    monkeypatch.delattr(fcntl, "F_SETPIPE_SZ", raising=False)
    reading, writing = os.pipe()
    os.write(writing, b"a,b\n1,2\n")
    os.close(writing)
    try:
        assert b"".join(parts_of(reading)) == b"a,b\n1,2\n"
    finally:
        os.close(reading)


def test_cp949_from_a_pipe_is_recognised():
    text = "이름,값\n서울,1\n부산,2\n"
    assert decode(text.encode("cp949"), None, "-") == (text.encode(), "cp949")
    with pytest.raises(DataError):
        decode("서울".encode("cp949") + b"\xff\xff,1\n", None, "-")
    korean = "서울,1\n".encode("cp949") * (dialects.SAMPLE_BYTES // 7 + 1)
    with pytest.raises(DataError, match="byte 0 is not utf-8 text"):
        decode(korean + b"\xff\xff,1\n", None, "-")  # what does not look Korean comes after the sample


def test_a_record_without_end_is_refused_with_its_line(monkeypatch, tmp_path):
    monkeypatch.setattr(sources, "MAX_RECORD_BYTES", 100)
    monkeypatch.setattr(sources, "PART", 50)
    (tmp_path / "d.csv").write_text("a,b\n1,2\n" + "3" * 400 + ",4\n")
    with pytest.raises(DataError) as caught:
        open_table(str(tmp_path / "d.csv"), ReadOptions())
    assert "longer than" in caught.value.message

"""Bytes to text, archives and quotes: what the marks of a table are found to be."""

from __future__ import annotations

import gzip

import pytest

from mlpcli.config import ReadOptions
from mlpcli.data import dialect as dialects
from mlpcli.data.dialect import decode, decompress
from mlpcli.data.source import open_table
from mlpcli.errors import DataError


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


def test_a_quote_of_its_own_is_found_where_the_delimiter_is_given(tmp_path):
    (tmp_path / "d.csv").write_text("a;b\n" + "".join(f"'x;{i}';{i}\n" for i in range(30)))
    source = open_table(str(tmp_path / "d.csv"), ReadOptions(delimiter=";"))
    assert (source.dialect.quote, source.dialect.delimiter) == ("'", ";")
    assert source.read()["b"].tolist() == list(range(30))


def test_cp949_from_a_pipe_is_recognised():
    text = "이름,값\n서울,1\n부산,2\n"
    assert decode(text.encode("cp949"), None, "-") == (text.encode(), "cp949")
    with pytest.raises(DataError):
        decode("서울".encode("cp949") + b"\xff\xff,1\n", None, "-")
    korean = "서울,1\n".encode("cp949") * (dialects.SAMPLE_BYTES // 7 + 1)
    with pytest.raises(DataError, match="byte 0 is not utf-8 text"):
        decode(korean + b"\xff\xff,1\n", None, "-")  # what does not look Korean comes after the sample

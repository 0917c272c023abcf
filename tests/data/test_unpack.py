"""Compressed files: unpacked block by block, refused when damaged or without end."""

from __future__ import annotations

import gzip

import pytest

from mlpcli.config.settings import ReadOptions
from mlpcli.data import unpack
from mlpcli.data.source import open_table
from mlpcli.data.stream import plain_text
from mlpcli.errors import DataError


def whole(data):
    return b"".join(plain_text([data], "-", ReadOptions(), "utf-8"))


@pytest.mark.parametrize("magic", unpack.COMPRESSED)
def test_a_damaged_archive_from_a_pipe_is_named(magic):
    kinds = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz"}
    kind = kinds.get(magic, "zip")
    with pytest.raises(DataError, match=f"damaged {kind} file"):
        whole(magic + b"no archive at all")


def test_an_archive_that_unpacks_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(unpack, "MAX_UNPACKED_BYTES", 1000)
    assert whole(gzip.compress(b"a" * 1000)) == b"a" * 1000
    with pytest.raises(DataError, match="unpacks to more than"):
        whole(gzip.compress(b"a" * 1001))


def test_an_archive_in_a_file_that_unpacks_without_end_is_stopped(monkeypatch, tmp_path):
    (tmp_path / "d.csv").write_bytes(gzip.compress(b"a,y\n" + b"1,2\n" * 250))
    monkeypatch.setattr(unpack, "MAX_UNPACKED_BYTES", 1003)
    with pytest.raises(DataError, match=r"d\.csv: unpacks to more than"):
        open_table(str(tmp_path / "d.csv"), ReadOptions())
    monkeypatch.setattr(unpack, "MAX_UNPACKED_BYTES", 1004)
    assert open_table(str(tmp_path / "d.csv"), ReadOptions()).n_rows == 250

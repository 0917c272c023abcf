"""The bytes of a file as one text: encodings, archives, and files that change while they are read."""

from __future__ import annotations

import errno
import os

import pytest
from samples import csv_of

from mlpcli.config.settings import ReadOptions
from mlpcli.data import text as texts
from mlpcli.data.source import open_table
from mlpcli.errors import DataError, MachineError


def test_a_copy_that_does_not_fit_the_disk_is_refused(here, monkeypatch):
    def full(descriptor, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = here / "d.csv"
    path.write_bytes("a,y\n1,2\n".encode("utf-16"))
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(MachineError, match="No space left"):
        open_table(str(path), ReadOptions())


def test_a_file_that_shrinks_while_it_is_read_is_refused(here):
    path = here / "d.csv"
    path.write_text("a,y\n" + "1,2\n" * 1000)
    text = texts.open_text(str(path), None, str(here))
    path.write_text("a,y\n")
    with pytest.raises(DataError, match="changed while it was read"):
        text.read(0, 4000)
    with pytest.raises(DataError, match="changed while it was read"):
        text.check_unchanged()
    assert list(text.file.blocks(2000)) == []


def test_an_unknown_encoding_is_refused(here):
    path = csv_of(here / "d.csv", "a,y\n1,2\n")
    for name in ("no-such", "rot13", "hex"):
        with pytest.raises(DataError, match="no such text encoding"):
            open_table(path, ReadOptions(encoding=name))

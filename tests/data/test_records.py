"""A text among numbers is named with its line and what may have put it there."""

from __future__ import annotations

import pytest

from mlpcli.config.settings import ReadOptions
from mlpcli.data.reading import Wishes, read_columns
from mlpcli.data.source import open_table
from mlpcli.errors import DataError


def test_a_mark_of_byte_order_inside_a_column_is_explained(tmp_path, call):
    (tmp_path / "d.csv").write_text("a,y\n" + "".join(f"{i},{i % 2}\n" for i in range(40)) + "\ufeff7,1\n")
    code, _, err = call("train", tmp_path / "d.csv", "--numeric", "a", "-o", tmp_path / "m.npz")
    assert code == 1
    assert "were two files joined here?" in err


def test_a_late_text_among_numbers_with_thousands_is_named(tmp_path):
    rows = "".join(f"{i % 1000},{i}\n" for i in range(1500))
    (tmp_path / "d.csv").write_text("a,b\n" + rows + "oops,1\n")
    source = open_table(str(tmp_path / "d.csv"), ReadOptions(thousands="'"))
    with pytest.raises(DataError, match="expected a number like '0', found 'oops'") as caught:
        read_columns(source, Wishes())
    assert caught.value.line == 1502

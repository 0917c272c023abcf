"""What the marks of a table are found to be."""

from __future__ import annotations

import pytest

from mlpcli.config.settings import ReadOptions
from mlpcli.data.reading import Wishes, read_columns
from mlpcli.data.source import open_table


def test_a_quote_of_its_own_is_found_where_the_delimiter_is_given(tmp_path):
    (tmp_path / "d.csv").write_text("a;b\n" + "".join(f"'x;{i}';{i}\n" for i in range(30)))
    source = open_table(str(tmp_path / "d.csv"), ReadOptions(delimiter=";"))
    assert (source.dialect.quote, source.dialect.delimiter) == ("'", ";")
    assert read_columns(source, Wishes()).frame["b"].tolist() == list(range(30))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_name_of_two_lines_is_one_name_whatever_delimiter_is_tried_on_it(end, here, call):
    text = f'x,"re{end}marks",class\n' + "1,2,a\n3,4,b\n" * 20
    (here / "two.csv").write_bytes(text.encode())
    assert call("train", "two.csv", "-q", "--preset", "classic", "--epochs", "1", "-o", "m.npz")[0] == 0
    code, out, err = call("predict", "m.npz", "two.csv")
    assert (code, out.count("\n")) == (0, 41), err

"""What the marks of a table are found to be."""

from __future__ import annotations

from mlpcli.config.settings import ReadOptions
from mlpcli.data.reading import Wishes, read_columns
from mlpcli.data.source import open_table


def test_a_quote_of_its_own_is_found_where_the_delimiter_is_given(tmp_path):
    (tmp_path / "d.csv").write_text("a;b\n" + "".join(f"'x;{i}';{i}\n" for i in range(30)))
    source = open_table(str(tmp_path / "d.csv"), ReadOptions(delimiter=";"))
    assert (source.dialect.quote, source.dialect.delimiter) == ("'", ";")
    assert read_columns(source, Wishes()).frame["b"].tolist() == list(range(30))

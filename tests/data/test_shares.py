"""A table of which every reader has some files: what they agree on is what one reader of all files finds."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data.dataset import DataSet
from mlpcli.data.shares import agree, as_agreed, found_in, joined, open_share
from mlpcli.errors import DataError, UsageError

ROWS = [f"{i},{i * i % 7},{'abc'[i % 3]},{'yes' if i % 3 else 'no'}" for i in range(90)]
HEADER = "a,b,c,y"
OPTIONS = ReadOptions()


def shares_of(folder, *parts, config=None):
    """Each share's data set, and what it found; a part is the text of a file."""
    datasets, found = [], []
    for i, part in enumerate(parts):
        path = folder / f"{i}.csv"
        path.write_text("\n".join(part) + "\n")
        source = open_share(str(folder / "*.csv"), [str(path)], OPTIONS, str(folder))
        datasets.append(DataSet.of(source, config or Config(), OPTIONS))
        found.append(found_in(datasets[-1], path.name))
    return datasets, found


def together(folder, parts, config):
    datasets, found = shares_of(folder, *parts, config=config)
    agreed = agree(found, config)
    read = [as_agreed(one, agreed, i, config, OPTIONS) for i, one in enumerate(datasets)]
    return joined([one.without_file() for one in read], found, agreed, str(folder / "*.csv"))


@pytest.mark.parametrize("target", ["y", "b", "c"])
@pytest.mark.parametrize("cuts", [(45,), (30, 41), (11, 80)])
def test_rows_of_shares_are_those_of_one_reader(cuts, target, tmp_path):
    config = Config(target=target)
    parts = [[HEADER, *ROWS[i:j]] for i, j in zip((0, *cuts), (*cuts, None), strict=True)]
    found = together(tmp_path, parts, config)
    whole = DataSet.read(str(tmp_path / "*.csv"), config, OPTIONS)
    assert found.sha256 == whole.sha256
    assert found.n_rows == whole.n_rows
    for name in ("labels", "task", "formats", "target", "name"):
        assert getattr(found, name) == getattr(whole, name)
    assert found.frame.equals(whole.frame)
    assert np.array_equal(found.sets, whole.sets)
    assert np.array_equal(found.rows, whole.rows)
    assert np.array_equal(found.class_numbers, whole.class_numbers)


def test_classes_and_levels_are_those_of_all_shares(tmp_path):
    parts = [[HEADER, *(f"{i},1,{'pq'[i % 2]},{'mn'[i % 2]}" for i in range(k, k + 20))] for k in (0, 20)]
    parts[1] = [line.replace("q", "r").replace("n", "o") for line in parts[1]]
    found = together(tmp_path, parts, Config())
    assert found.labels == ("m", "n", "o")
    assert [*found.frame["c"].array.categories] == ["p", "q", "r"]


def test_numbers_are_written_as_in_the_share_that_shows_their_marks(tmp_path):
    plain = [HEADER, *(f"{i},1,x,{i % 2}" for i in range(20))]
    marked = [HEADER, *(f'"{i},000.5",1,x,{i % 2}' for i in range(1, 21))]
    found = together(tmp_path, [plain, marked], Config())
    assert found.frame["a"].tolist() == [*map(float, range(20)), *(1000.0 * i + 0.5 for i in range(1, 21))]


def test_a_share_without_values_of_a_column_says_nothing_of_it(tmp_path):
    texts, empty = ([HEADER, *(f"{i},1,{c},{i % 2}" for i in range(20))] for c in ("x", ""))
    found = together(tmp_path, [texts, empty], Config())
    assert found.frame["c"].isna().sum() == 20
    assert found.formats["c"] is None


@pytest.mark.parametrize(
    ("rows", "said", "hint"),
    [
        (
            [f"x{i % 4},1,x,{i % 2}" for i in range(40)],
            "column 'a': plain numbers in 0.csv, text in 1.csv",
            "--category a",
        ),
        ([f"{i},1,x,{i}" for i in range(40)], "classification in 0.csv, regression in 1.csv", "--task regression"),
    ],
)
def test_what_is_one_thing_here_and_another_there_is_refused_by_name(rows, said, hint, tmp_path):
    _, found = shares_of(tmp_path, [HEADER, *(f"{i},1,x,{i % 2}" for i in range(40))], [HEADER, *rows])
    with pytest.raises(DataError) as raised:
        agree(found, Config())
    assert said in str(raised.value)
    assert hint in raised.value.hint


def test_few_numbers_in_each_share_are_no_classes_where_they_are_many_together(tmp_path):
    parts = [[HEADER, *(f"{i},1,x,{i % 6 + k}" for i in range(20))] for k in (0, 6)]
    _, found = shares_of(tmp_path, *parts)
    with pytest.raises(DataError, match="12 distinct numbers"):
        agree(found, Config())


@pytest.mark.parametrize(("header", "said"), [("a,b,d,y", "no column 'd'"), ("b,a,c,y", "another order")])
def test_another_header_names_the_file(header, said, tmp_path):
    _, found = shares_of(tmp_path, [HEADER, *ROWS[:20]], [header, *ROWS[20:40]])
    with pytest.raises(DataError, match=said) as raised:
        agree(found, Config())
    assert raised.value.file == "1.csv"


def test_a_share_that_is_read_again_and_is_another_one_is_named(tmp_path):
    (first, _), found = shares_of(tmp_path, [HEADER, *ROWS[:40]], [HEADER, *ROWS[40:]])
    agreed = agree(found, Config())
    as_agreed(first, agreed, 0, Config(), OPTIONS)
    (changed, _), _ = shares_of(tmp_path, [HEADER, *ROWS[:39]], [HEADER, *ROWS[40:]])
    with pytest.raises(DataError, match="has changed since the training began"):
        as_agreed(changed, agreed, 0, Config(), OPTIONS)


def test_other_formats_than_csv_are_refused(tmp_path):
    (tmp_path / "a.json").write_text('[{"a": 1}]')
    with pytest.raises(UsageError, match="CSV files"):
        open_share("*.json", [str(tmp_path / "a.json")], OPTIONS, str(tmp_path))

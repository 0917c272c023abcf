"""Several files that are one table."""

from __future__ import annotations

import pytest

from mlpcli.config.settings import ReadOptions
from mlpcli.data.reading import Wishes, read_columns
from mlpcli.data.source import open_table
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
    assert read_columns(source, Wishes()).frame.equals(read_columns(whole, Wishes()).frame)
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

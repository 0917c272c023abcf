"""`split` as a user meets it: the rows as they stand, each in one of three files."""

from __future__ import annotations

from command_line import mlpcli


def test_groups_stay_together_in_split_and_rows_are_unchanged(tmp_path):
    lines = [f"g{i % 17},{i},{i % 3}\n" for i in range(300)]
    (tmp_path / "d.csv").write_text("g,x,y\n" + "".join(lines))
    assert mlpcli("split", "d.csv", "--group", "g", cwd=tmp_path).returncode == 0
    sets = [(tmp_path / f"d_{n}.csv").read_text().splitlines(keepends=True) for n in ("train", "validation", "test")]
    assert sorted(row for s in sets for row in s[1:]) == sorted(lines)
    groups = [{row.split(",")[0] for row in s[1:]} for s in sets]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 17

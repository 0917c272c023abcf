from __future__ import annotations

import csv
import re
import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "sample_data"
TABLE = re.findall(r"^\| (\S+\.csv) \| (\d+) \| (\d+) \| (\S+) \|", (FOLDER / "README.md").read_text("utf-8"), re.M)


def test_every_table_is_in_the_readme():
    assert sorted(row[0] for row in TABLE) == sorted(p.name for p in FOLDER.glob("*.csv"))


@pytest.mark.parametrize(("name", "n_rows", "n_columns", "target"), TABLE)
def test_the_readme_tells_the_truth(name, n_rows, n_columns, target):
    text = (FOLDER / name).read_text("cp949" if "cp949" in name else "utf-8")
    header, *rows = csv.reader(text.splitlines())
    assert (len(rows), len(header), header[-1]) == (int(n_rows), int(n_columns), target)
    assert {len(row) for row in rows} == {len(header)}


def test_the_generated_tables_come_out_of_their_generator(tmp_path):
    runpy.run_path(str(FOLDER / "make_generated.py"))["main"](tmp_path)
    for made in tmp_path.iterdir():
        assert made.read_bytes() == (FOLDER / made.name).read_bytes()
    assert len(list(tmp_path.iterdir())) == 4

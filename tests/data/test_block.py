"""The parser's categories are the exact cells."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from mlpcli.config.settings import ReadOptions
from mlpcli.data.block import RowForm, parse_bytes
from mlpcli.data.source import open_table

GOOD = "a,b,c\n" + "".join(f"{i},{i * 0.5},x{i % 3}\n" for i in range(50))


@pytest.mark.slow
def test_categories_made_by_the_parser_are_those_of_the_exact_cells(tmp_path):
    """Whatever the cells look like, in any mixture."""
    rng = np.random.default_rng(0)
    (tmp_path / "d.csv").write_text(GOOD)
    dialect = open_table(str(tmp_path / "d.csv"), ReadOptions()).dialect
    looks = [
        "a", "b", "true", "True", "FALSE", "1", "1.0", "01", "nan", "NA", "inf", "-", "x,y", 'q"q', "é", "가", "1e5",
        "None", "2020-01-01", "T", "F", "", "a ", " a", "a\nb",
    ]  # fmt: skip
    for _ in range(100):
        pools = [rng.choice(looks, size=rng.integers(1, 4)) for _ in range(rng.integers(1, 5))]
        names = [*(f"c{i}" for i in range(len(pools))), "last"]
        out = io.StringIO()
        for _ in range(rng.integers(1, 9)):
            csv.writer(out, lineterminator="\n").writerow([*(rng.choice(pool) for pool in pools), "z"])
        form = RowForm(tuple(names), dialect, False)
        for options in ({}, {"target": "c0"}, {"markers": False}):
            quick, exact = (
                parse_bytes(out.getvalue().encode(), form, names, texts=names, **options, **words)
                for words in ({}, {"words": ()})
            )
            for name in names:
                assert quick[name].array.categories.equals(exact[name].array.categories)
                assert quick[name].array.codes.tolist() == exact[name].array.codes.tolist()

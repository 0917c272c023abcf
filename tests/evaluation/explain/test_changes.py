"""The nearest change is one that occurs, turns the answer, and has no nearer one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlpcli.config.settings import ReadOptions
from mlpcli.evaluation.explain.changes import nearest_change
from mlpcli.evaluation.explain.rows import explained_rows, one_row

READ = ReadOptions()


@pytest.fixture
def row(tmp_path):
    """Makes the first row of a file of these cells."""

    def make(model, cells):
        (tmp_path / "new.csv").write_text(f"a,b,noise,twin,c\n{cells}\n")
        return one_row(model, str(tmp_path / "new.csv"), READ, 1)

    return make


def test_a_number_is_changed_to_the_nearest_that_turns_the_class(laws, row):
    model = laws(lambda c: 1.0 * (c["a"] > 0.2), "is")
    rows = explained_rows(model)
    a = rows.frame.a.to_numpy()
    for cell in (-0.5, 0.9):
        change = nearest_change(model, row(model, f"{cell},0,0,0,red"), rows, 0.5)
        to = a[a > 0.2].min() if cell < 0.2 else a[a <= 0.2].max()
        assert (change.column, change.to) == ("a", to)
        assert change.answer == ("yes" if cell < 0.2 else "no")
        between = np.mean((a > min(cell, to)) & (a < max(cell, to)))
        assert change.distance == pytest.approx(between, abs=0.01)
        assert change.output == 1


def test_a_level_is_changed_to_the_most_frequent_that_turns_it(laws, row):
    model = laws(lambda c: 1.0 - c["c"][:, 0], "is")
    rows = explained_rows(model)
    change = nearest_change(model, row(model, "0,0,0,0,red"), rows, 0.5)
    assert (change.column, change.to, change.answer) == ("c", "green", "yes")
    assert change.distance == pytest.approx((rows.frame.c != "green").mean())
    back = nearest_change(model, row(model, "0,0,0,0,"), rows, 0.5)
    assert back is None or back.to == "red"


def test_a_number_goes_past_the_mean(laws, row):
    model = laws(lambda c: c["a"] + 3 * c["b"])
    rows = explained_rows(model)
    change = nearest_change(model, row(model, "-0.5,0,0,0,red"), rows, 0.0)
    assert change.column == "b"
    assert change.answer == change.output > 0
    assert change.to == rows.frame.b[rows.frame.b * 3 - 0.5 > 0].min()


def test_nothing_is_said_where_no_column_turns_it_alone(laws, row):
    model = laws(lambda c: 1.0 * (c["a"] + c["b"] > 1.9), "is")
    rows = explained_rows(model)
    assert nearest_change(model, row(model, "-1,-1,0,0,red"), rows, 0.5) is None


def test_rows_without_a_value_and_of_many_values_are_no_problem(laws, row, monkeypatch):
    from mlpcli.evaluation.explain import changes

    model = laws(lambda c: 1.0 * (c["a"] > 0.2), "is")
    rows = explained_rows(model)
    monkeypatch.setattr(changes, "MAX_TRIED", 50)
    assert nearest_change(model, row(model, ",0,0,0,red"), rows, 0.5).column == "a"
    empty = replace(rows, frame=rows.frame.assign(a=np.nan))
    assert nearest_change(model, row(model, "0,0,0,0,red"), empty, 0.5) is None

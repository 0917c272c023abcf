"""Answers to rows of which columns were exchanged are those to a table with the cells exchanged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlpcli
from mlpcli.evaluation.explain.answers import answers, inputs_of
from mlpcli.evaluation.explain.contributions import Background
from mlpcli.evaluation.explain.rows import explained_rows


@pytest.fixture(scope="module")
def crossed(tmp_path_factory):
    """A model with inputs for pairs of levels, of three categories and a number, and its table."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({name: rng.choice(list("uvw"), 600) for name in ("a", "b", "c")})
    frame["size"] = rng.normal(size=600).round(2)
    frame["y"] = np.where((frame.a == frame.b) ^ (frame.b == frame.c), "same", "other")
    path = tmp_path_factory.mktemp("crossed") / "table.csv"
    frame.to_csv(path, index=False)
    model = mlpcli.fit(str(path), target="y", epochs=6, ensemble=2)
    assert model.schema.crosses
    return model, frame, str(path)


@pytest.mark.parametrize("names", [["a"], ["b", "size"], ["c", "a"]])
def test_inputs_of_two_columns_follow_an_exchange_of_one(crossed, names):
    model, frame, _ = crossed
    ours, theirs = frame[:50].reset_index(drop=True), frame[50:100].reset_index(drop=True)
    x, places = model.schema.encode(ours), inputs_of(model, names)
    x[:, places] = model.schema.encode(theirs)[:, places]
    given = x.copy()
    np.testing.assert_array_equal(answers(model, x), model.predict_proba(ours.assign(**theirs[names])))
    np.testing.assert_array_equal(x, given)


def test_contributions_of_columns_that_meet_add_up(crossed):
    model, _, path = crossed
    rows = explained_rows(model, path)
    background = Background.of(model, rows)
    found = background.contributions(rows.x[0])
    assert found.mean + sum(found.values) == pytest.approx(found.answer, abs=1e-12)
    assert set(background.column_of) == {0, 1, 2, 3}

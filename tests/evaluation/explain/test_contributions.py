"""Contributions are Shapley values: equal to those of every order, and adding up to the answer to the last digits."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from mlpcli.evaluation.explain import contributions as room
from mlpcli.evaluation.explain.contributions import Background, Effort
from mlpcli.evaluation.explain.rows import explained_rows

LAWS = {
    "additive": lambda c: np.sin(3 * c["a"]) + c["b"] + c["c"] @ [1.0, 0.0, -1.0],
    "pairs": lambda c: c["a"] * c["b"] + c["b"] * c["noise"],
    "three at once": lambda c: 3 * c["a"] * c["b"] * c["noise"] + c["a"] * (c["b"] > 0) * (c["c"] @ [1.0, 0.0, 2.0]),
}


def exact(model, background, x, chosen):
    """The mean over every order of the columns and every background row: (d,)"""
    d = background.n_columns
    values = {}

    def value(known):
        if known not in values:
            mixed = np.where(np.isin(background.column_of, list(known)), x, background.x)
            values[known] = float(room.answers(model, mixed)[:, chosen].mean())
        return values[known]

    found = np.zeros(d)
    orders = list(permutations(range(d)))
    for order in orders:
        for i, column in enumerate(order):
            found[column] += value(frozenset(order[: i + 1])) - value(frozenset(order[:i]))
    return found / len(orders)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("target", ["y", "is"])
def test_they_are_the_mean_over_every_order(laws, name, target):
    law = LAWS[name] if target == "y" else lambda c: 1 / (1 + np.exp(-3 * LAWS[name](c)))
    model = laws(law, target)
    rows = explained_rows(model)
    background = Background.of(model, rows)
    for i in range(2):
        found = background.contributions(rows.x[i])
        chosen = room.predicted_output(model, room.answers(model, rows.x[i : i + 1]))
        expected = exact(model, background, rows.x[i], chosen)
        error = np.abs(np.asarray(found.values) - expected)
        assert error.max() <= 0.05 * np.abs(expected).max()
        assert (error <= np.asarray(found.errors) * 2 + 1e-9).all()
        assert found.mean + sum(found.values) == pytest.approx(found.answer, abs=1e-12)


@pytest.mark.parametrize("name", ["additive", "pairs"])
def test_without_three_at_once_one_walk_in_both_directions_has_no_error(laws, name):
    model = laws(LAWS[name])
    rows = explained_rows(model)
    background = Background.of(model, rows)
    found = background.contributions(rows.x[0], Effort(0, 2))
    assert found.values == pytest.approx(exact(model, background, rows.x[0], 0), abs=1e-6)
    assert max(found.errors) == pytest.approx(0, abs=1e-6)


def test_the_background_has_the_mean_answer_of_all_rows(laws):
    model = laws(lambda c: 3 * c["a"] + c["b"])
    rows = explained_rows(model)
    background = Background.of(model, rows)
    assert len(background.x) == 100
    assert background.outputs.mean() == pytest.approx(room.answers(model, rows.x).mean(), abs=0.02)


def test_the_stated_error_covers_and_small_parts_change_nothing(laws, monkeypatch):
    model = laws(LAWS["three at once"])
    rows = explained_rows(model)
    background = Background.of(model, rows)
    whole = background.contributions(rows.x[0], Effort(0, 3))
    monkeypatch.setattr(room, "MAX_WALKED", 100)
    assert background.contributions(rows.x[0], Effort(0, 3)) == whole
    n_held = n_all = 0
    for i in range(12):
        expected = exact(model, background, rows.x[i], 0)
        found = background.contributions(rows.x[i], Effort(0, 2))
        for value, error, truth in zip(found.values, found.errors, expected, strict=True):
            n_held += abs(value - truth) <= error + 1e-9
            n_all += 1
    assert n_held >= 0.85 * n_all

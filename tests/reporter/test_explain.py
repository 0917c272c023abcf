"""What is shown of explanations where there is much of it: the rest in a number, and no cell of a file raw."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from rich.text import Text
from screens import drawn

from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.evaluation.explain.changes import Change
from mlpcli.evaluation.explain.effects import Effect, JointEffect
from mlpcli.evaluation.explain.importance import ColumnImportance, Importance
from mlpcli.evaluation.explain.row import Contribution, RowExplanation
from mlpcli.reporter.explain import effects_view, importance_view, joint_view, row_view

FORMATS = {"x": NumberFormat(), "z": NumberFormat(), "c": None}
SCHEMA = SimpleNamespace(target=SimpleNamespace(name="y"), formats=lambda: FORMATS)
NUMBERS, CLASSES = (SimpleNamespace(schema=SCHEMA, labels=labels) for labels in ((), ("no", "yes")))


class Rows(list):
    """900 rows."""

    name, description = "d.csv", "900 rows"


def shown(view, width=120):
    return drawn(view, width)


def test_many_columns_are_counted_and_foreign_names_are_safe():
    sure = [ColumnImportance(f"s{i}\x1b[2J", (f"s{i}\x1b[2J",), 1.0, 0.5, 1.5) for i in range(25)]
    unsure = [ColumnImportance(f"u{i}", (f"u{i}",), 0.0, -0.5, 0.5) for i in range(60)]
    group = ColumnImportance("p, q", ("p", "q"), 2.0, 1.0, 3.0)
    found = Importance("auc", True, 0.9, 400, 5, 0.8, (group, *sure, *unsure))
    out = shown(importance_view(NUMBERS, Rows([0] * 900), found))
    assert "fall of auc (0.9) where a column is shuffled, 5 times on 400 of these rows" in out
    assert "and 6 columns of less importance" in out
    assert "u49 and 10 more" in out
    assert "depend on each other: p, q" in out
    assert "\x1b" not in out
    none = Importance("auc", True, 0.5, 900, 5, 0.8, tuple(unsure[:2]))
    assert "no sure effect: u0, u1\n" in shown(importance_view(NUMBERS, Rows([0] * 900), none))


def test_rows_without_a_position_are_counted_and_classes_have_a_table():
    outputs, mean = ("a", "b", "d"), (0.2, 0.3, 0.5)
    levels = Effect("c", "category", "ale", outputs, mean, ("red", None), ((0.1, -0.1),) * 3, (7, 3), 14, 4)
    out = shown(effects_view(CLASSES, [levels]))
    assert "effect of c on the probability of a (mean 0.2), b (mean 0.3), d (mean 0.5)" in out
    assert "(missing)" in out
    assert "without 4 rows of another value or of none" in out
    curve = Effect("x", "number", "ale", ("y",), (5.0,), (0.0, 2.0), ((-1.0, 1.0),), (3, 0, 1), 4, 0)
    out = shown(effects_view(NUMBERS, [curve]))
    assert "effect of x on y (mean 5)" in out
    assert "█" in out


def test_a_map_says_what_it_is_of():
    found = JointEffect(
        ("x", "c"), ("number", "category"), "ale", "y", 1.0, ((0.0, 1.0, 2.0), ("red", "blue")),
        ((0.0, 1.0), (2.0, 3.0), (4.0, 5.0)), ((5,), (0,)), 0.25,
    )  # fmt: skip
    out = shown(joint_view(NUMBERS, found), 60)
    assert "x and c: answer y" in out
    assert "together they do up to 0.25 more" in out
    assert "red" in out


def test_many_contributions_are_added_up_and_a_change_has_all_its_digits():
    parts = tuple(Contribution(f"k{i}", "" if i else "1", 1.0 / (i + 1), 0.01) for i in range(12))
    total = float(np.sum([p.value for p in parts]))
    change = Change("x", 0.123456789012, 0.1, 2.0, 2.0)
    found = RowExplanation(3, "d.csv", 4, 7.0, 7.0, 7.0 - total, "9 rows of d.csv", parts, change)
    out = shown(row_view(NUMBERS, found))
    assert "k1 = (missing)" in out
    assert "2 other columns" in out
    assert f"together {total:+.3g}" in out
    assert "other side of the mean: x to 0.123456789012: 2" in out
    assert "row 3 (line 4 of d.csv): y 7\n" in out
    without = RowExplanation(3, "d.csv", 4, "yes", 0.9, 0.5, "9 rows", parts, None)
    out = shown(row_view(CLASSES, without))
    assert "y yes, probability 0.9" in out
    assert "no change of one column alone gives another answer" in out


def test_titles_are_bold():
    (title, _) = list(effects_view(NUMBERS, [
        Effect("x", "number", "ale", ("y",), (5.0,), (0.0, 2.0), ((-1.0, 1.0),), (3, 0, 1), 4, 0)
    ]))[:2]  # fmt: skip
    assert isinstance(title, Text)
    assert title.style == "bold"

"""Which column is predicted, and whether it names classes."""

from __future__ import annotations

import pytest

from mlpcli.data.target import choose_target, choose_task


@pytest.mark.parametrize(
    ("distinct", "task"),
    [
        (["a", "b"], "classification"),
        (["0", "1"], "classification"),
        (["1", "2", "3"], "classification"),
        ([str(i) for i in range(11)], "regression"),
        (["1.5", "2", "3"], "regression"),
    ],
)
def test_the_rule_for_the_task(distinct, task):
    assert choose_task(distinct, "auto")[0] == task


def test_the_rule_for_the_target():
    assert choose_target(["a", "Class", "z"], None)[0] == "Class"
    assert choose_target(["a", "b"], None)[0] == "b"
    assert choose_target(["a", "b"], "a") == ("a", "")

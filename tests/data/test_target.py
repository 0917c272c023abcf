"""Which column is predicted, and whether it names classes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlpcli.data.target import choose_target, choose_task, fit_target


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


@pytest.mark.parametrize("is_centred", [True, False])
def test_values_come_back_from_the_scale_of_networks(is_centred):
    values = np.array([3.0, 0.0, 7.0, 2.0])
    target = fit_target("y", "regression", values, is_centred)
    scaled = target.standardise(values)
    assert scaled.mean() == pytest.approx(0 if is_centred else 1)
    assert scaled.std() == pytest.approx(1 if is_centred else values.std() / 3)
    assert target.in_units(scaled) == pytest.approx(values)
    assert target.within_range(np.array([-1.0, 8.0, 5.0])).tolist() == [0, 7, 5]


def test_classes_and_probabilities_are_left_as_they_are():
    target = fit_target("y", "classification", pd.Categorical(["a", "b", "a"]))
    numbers = np.array([0, 1])
    assert target.standardise(numbers) is target.in_units(numbers) is target.within_range(numbers) is numbers

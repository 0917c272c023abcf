"""An export that says something else than its model is not written."""

from __future__ import annotations

import numpy as np
import pytest
from export.samples import SAMPLES

from mlpcli.errors import ModelError
from mlpcli.export import check
from mlpcli.export.program import program_of
from mlpcli.export.python import Python
from mlpcli.export.target import Answers, Wishes


class Wrong(Python):
    """Changes the answers."""

    def __init__(self, change):
        self.change = change

    def run(self, path, rows, program, wishes):
        found = super().run(path, rows, program, wishes)
        return self.change(found)


def other_labels(found):
    return Answers(found.predictions[::-1], found.numbers, found.seconds)


def other_numbers(found):
    return Answers(found.predictions, found.numbers + 1e-4, found.seconds)


def nan(found):
    return Answers(found.predictions, found.numbers * np.nan, found.seconds)


def fewer(found):
    return Answers(found.predictions[1:], found.numbers[1:], found.seconds)


@pytest.mark.parametrize("change", [other_labels, other_numbers, nan, fewer])
def test_other_answers_are_found(change, trained):
    model, rows = trained("crossed")
    with pytest.raises(ModelError):
        check.export(model, Wrong(change), Wishes(), data=rows)
    assert check.export(model, Wrong(lambda found: found), Wishes(), data=rows).checked.n_others == 0


@pytest.mark.parametrize("name", ["crossed", "threshold", "costs"])
def test_ties_may_be_answered_either_way(name, trained):
    model, _ = trained(name)
    program, n = program_of(model, SAMPLES[name].level), len(model.labels)
    even = np.full((1, n), 1 / n)
    if program.threshold is not None:
        even = np.array([[1 - program.threshold, program.threshold]])
    if program.costs:
        # Where both cheapest answers cost the same, on the line between the corners of these classes.
        costs = np.asarray(program.costs)
        share = costs[1, 0] / (costs[1, 0] + costs[0, 1])
        even = np.array([[share, 1 - share] + [0.0] * (n - 2)])
    assert check.is_tie(program, even).all()
    assert not check.is_tie(program, np.eye(n)[:1]).any()

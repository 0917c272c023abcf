"""Comparing values of one setting: what is alike, and what is judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlpcli.comparison import compare, parse_vary, plan
from mlpcli.config import Config, ReadOptions
from mlpcli.data import splits
from mlpcli.tasks import UNUSED

IRIS = str(Path(__file__).parents[1] / "sample_data" / "iris.csv")
QUICK = Config(preset="classic", hidden=(8,), epochs=4)


def test_values_are_read_as_on_the_command_line():
    assert parse_vary("batch-size=full,1,32") == ("batch_size", ("full", "1", "32"))
    assert parse_vary("hidden=,8,64x64") == ("hidden", ("", "8", "64x64"))
    study = plan(IRIS, QUICK, ReadOptions(), "hidden", ("", "8", "64x64"))
    assert [task.config.hidden for task in study.tasks] == [(), (8,), (64, 64)]


def test_all_but_the_setting_is_alike_and_no_test_row_is_seen():
    study = plan(IRIS, QUICK, ReadOptions(), "lr", ("0.1", "0.01"))
    first, second = study.tasks
    assert first.table is second.table
    assert (first.sets == second.sets).all()
    assert not (first.sets == splits.TEST).any()
    assert ((first.sets == UNUSED) == (study.table.sets == splits.TEST)).all()


def test_a_setting_of_the_columns_has_its_table_for_each_value():
    study = plan(IRIS, QUICK, ReadOptions(), "category", ("petal_length", "petal_width"))
    kinds = [[task.table.value.frame[n].dtype.name for n in ("petal_length", "petal_width")] for task in study.tasks]
    assert kinds == [["category", "float64"], ["float64", "category"]]


@pytest.mark.parametrize("vary", ["init=zeros,he_normal", "optimizer=sgd,adam", "preset=classic,fast"])
def test_the_best_value_has_the_lowest_validation_loss(vary):
    found = compare(IRIS, vary, QUICK)
    losses = [o.metrics["validation"]["log_loss"] for o in found.outcomes]
    assert found.best is found.outcomes[int(np.argmin(losses))]
    assert len(set(losses)) == 2


def test_a_network_that_starts_at_zero_does_not_learn():
    zeros, normal = compare(IRIS, "init=zeros,he_normal", Config(preset="classic", hidden=(8, 8), epochs=30)).outcomes
    assert zeros.metrics["validation"]["log_loss"] > 1
    assert normal.metrics["validation"]["log_loss"] < 0.5

"""Work given to workers, here to this process, is what it is without them; a table is read again where it lies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from samples import SAMPLES

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data.dataset import DataSet
from mlpcli.errors import DataError
from mlpcli.model.trained import load
from mlpcli.studies.elsewhere import Elsewhere
from mlpcli.studies.tasks import recipe_of
from mlpcli.studies.workers import Inline


def label_of(model, number):
    return model.labels[number]


def rows_of(table, *, plus):
    return len(table.frame) + plus


def test_results_come_in_the_order_of_the_questions(small):
    model = load(str(small / "iris.npz"))
    assert list(Elsewhere(Inline()).in_order(model, label_of, [2, 0, 1])) == [model.labels[i] for i in (2, 0, 1)]


def test_a_call_gets_its_arguments_without_the_bytes_of_files():
    table = DataSet.read(str(SAMPLES / "iris.csv"), Config(), ReadOptions())
    assert Elsewhere(Inline())(rows_of, table, plus=1) == len(table.frame) + 1


def test_a_table_is_read_again_where_it_lies_and_must_be_the_same(tmp_path):
    path = tmp_path / "iris.csv"
    path.write_bytes((SAMPLES / "iris.csv").read_bytes())
    table = DataSet.read(str(path), Config(), ReadOptions()).without_file()
    part = table.take(np.arange(3, 90))
    for one in (table, part):
        again = recipe_of(one)()
        pd.testing.assert_frame_equal(again.frame.reset_index(drop=True), one.frame.reset_index(drop=True))
        np.testing.assert_array_equal(again.sets, one.sets)
    recipe = recipe_of(part)
    path.write_text(path.read_text().replace("5.1", "5.2"))
    with pytest.raises(DataError, match="another file than here"):
        recipe()
    assert recipe_of(replace(table, reread=None)) is None

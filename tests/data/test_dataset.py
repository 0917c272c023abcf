"""A table with its target: rows without one are left out, and targets that cannot be learned are refused."""

from __future__ import annotations

import numpy as np
import pytest
from data.cells import at, label, table

import mlpcli
from mlpcli.config.settings import Config
from mlpcli.errors import DataError
from mlpcli.training.prepare import prepare

TARGETS = {
    "T01": ("speces", label, r"no column 'speces'; did you mean 'species'\?"),
    "T02 mostly": (None, lambda i: label(i) if i % 4 == 0 else "", "the target is missing in 150 of 200 rows"),
    "T03 missing": (None, lambda i: "", "the target is missing in 200 of 200 rows"),
    "T03 one class": (None, lambda i: "yes", "one class only, 'yes'"),
    "T05": (None, lambda i: f"u{i}", "200 classes in 200 rows look like an id, not a class"),
    "T05 in pairs": (None, lambda i: f"u{i // 2}", "100 classes in 200 rows look like an id, not a class"),
    "T09 infinite": (None, at(50, "inf", lambda i: i * 1.5), "d.csv:52: column 'species': .*inf"),
}  # fmt: skip


@pytest.mark.parametrize("row", TARGETS)
def test_targets_that_are_refused(row, tmp_path):
    asked, target, message = TARGETS[row]
    path = table(tmp_path, lambda i: i % 7, target, header="a,b,species")
    with pytest.raises(DataError, match=message):
        prepare(path, Config(target=asked))


def test_t02_rows_without_a_target_are_left_out_and_counted(tmp_path):
    prepared = prepare(table(tmp_path, lambda i: i % 7, lambda i: label(i) if i % 4 else ""))
    assert "50 rows without a target are left out" in prepared.notes
    assert len(prepared.dataset.sets) == 150


def test_t11_a_class_that_only_validation_holds_is_counted(tmp_path):
    (tmp_path / "v").mkdir()
    one = table(tmp_path, lambda i: i % 7)
    two = table(tmp_path / "v", lambda i: i % 7, at(3, "new", label), n=40)
    model = mlpcli.fit(one, validation=two, epochs=2, ensemble=1)
    assert model.labels == ("new", "no", "yes")
    assert all(np.isfinite(v) for v in model.record.validation.values())

"""The importance of a column is what its law says it is, and a column without effect has none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mlpcli.errors import DataError, UsageError
from mlpcli.evaluation.explain.importance import importance
from mlpcli.evaluation.explain.rows import explained_rows
from mlpcli.files.jsonable import to_json
from mlpcli.metrics.scoring import metrics_of
from mlpcli.training.networks import build_loss


def by_name(found):
    return {one.column: one for one in found.columns}


def test_the_rise_of_a_squared_loss_is_that_of_the_law(laws):
    model = laws(lambda c: 3 * c["a"] + c["b"])
    rows = explained_rows(model)
    # Shuffling a column of slope s raises the squared error by 2 s^2 var(x), in the unit of standard deviations.
    truth, std = rows.truth, model.schema.target.std
    found = by_name(importance(model, rows, group_correlated=1))
    for name, slope in (("a", 3), ("b", 1)):
        x = rows.frame[name].to_numpy()
        left = truth - 3 * rows.frame.a.to_numpy() - rows.frame.b.to_numpy()
        rise = 0.5 * (2 * slope**2 * x.var() + 2 * slope * np.cov(x, left, bias=True)[0, 1]) / std**2
        assert found[name].value == pytest.approx(rise, rel=0.1)
        assert found[name].low < rise < found[name].high
    assert found["noise"].value == found["noise"].low == found["noise"].high == 0
    assert not found["noise"].is_sure
    assert next(iter(found)) == "a"


@pytest.mark.slow
def test_noise_that_the_model_uses_has_no_sure_effect(laws, made):
    """The model adds a column that the truth knows nothing of: its shuffling changes each loss, and not their mean."""
    model = laws(lambda c: 3 * c["a"] + 0.5 * c["noise"])
    n_sure = 0
    for seed in range(40):
        rows = explained_rows(model, made(seed + 1, 200))
        n_sure += by_name(importance(model, rows, group_correlated=1))["noise"].is_sure
    assert n_sure <= 3


@pytest.mark.slow
@pytest.mark.parametrize("target", ["y", "is"])
def test_every_metric_of_the_loss_ranks_the_columns(laws, target):
    law = {"y": lambda c: 3 * c["a"] + c["a"] * c["b"], "is": lambda c: 1 / (1 + np.exp(-9 * c["a"] - 3 * c["b"]))}
    model = laws(law[target], target)
    rows = explained_rows(model)
    for metric in (None, *metrics_of(build_loss(model.config))):
        found = importance(model, rows, metric=metric, group_correlated=1)
        assert found.columns[0].column == "a", metric
        assert found.columns[0].is_sure, metric
        assert found.metric == (metric or model.config.loss)


def test_columns_that_depend_on_each_other_are_shuffled_together(laws):
    model = laws(lambda c: 1.5 * c["a"] + 1.5 * c["twin"])
    rows = explained_rows(model)
    grouped = importance(model, rows)
    assert grouped.groups == (("a", "twin"),)
    assert grouped.columns[0].column == "a, twin"
    alone = by_name(importance(model, rows, group_correlated=1))
    assert {"a", "twin"} <= alone.keys()
    assert grouped.columns[0].value > 3 * max(alone["a"].value, alone["twin"].value)


def test_threads_change_no_bit_and_every_result_is_watched(laws):
    model = laws(lambda c: c["a"] * c["b"])
    rows, seen = explained_rows(model), []

    def watch(results, total):
        for one in results:
            seen.append(one.column)
            yield one
        assert total == len(seen)

    assert importance(model, rows, jobs=3, watch=watch) == importance(model, rows)
    assert sorted(seen) == ["a, twin", "b", "c", "noise"]
    json.dumps(to_json(importance(model, rows)), allow_nan=False)


def test_rows_count_by_their_weight(laws):
    from dataclasses import replace

    model = laws(lambda c: 3 * c["a"])
    rows = explained_rows(model)
    half = rows.frame.b.to_numpy() > 0
    weighted = importance(model, replace(rows, weights=half * 1.0), group_correlated=1)
    assert weighted.value == pytest.approx(
        0.5 * np.mean(((rows.truth - 3 * rows.frame.a.to_numpy()) / model.schema.target.std)[half] ** 2), rel=1e-6
    )


def test_what_cannot_be_measured_is_refused(laws, made):
    model = laws(lambda c: c["a"])
    with pytest.raises(UsageError, match="no metric 'auc' for regression"):
        importance(model, explained_rows(model), metric="auc")
    with pytest.raises(DataError, match="1 row: too few to shuffle"):
        importance(model, explained_rows(model, made(1, 1)))

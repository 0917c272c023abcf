"""Cross-validation: who judges whom, what is fitted on what, and how sure the mean is."""

from __future__ import annotations

import statistics
from dataclasses import astuple, replace

import numpy as np
import pytest
from conducted import cross_validate
from samples import SAMPLES
from scipy import stats

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.data.splits import UNUSED
from mlpcli.errors import DataError, TrainingError, UsageError
from mlpcli.metrics.scoring import resampled_interval
from mlpcli.studies.cross_validation import plan
from mlpcli.studies.tasks import perform, shared

QUICK = Config(preset="classic", hidden=(8,), epochs=3)


def table_of(name="iris.csv", **settings):
    return DataSet.read(str(SAMPLES / name), replace(QUICK, **settings), ReadOptions())


@pytest.fixture
def visits(tmp_path):
    rng = np.random.default_rng(0)
    rows = [f"p{i % 23},{i // 3},{rng.normal():.3f},{rng.normal():.3f}" for i in range(300)]
    (tmp_path / "visits.csv").write_text("patient,day,x,y\n" + "\n".join(rows) + "\n")
    return str(tmp_path / "visits.csv")


@pytest.mark.parametrize(("name", "kind"), [("iris.csv", "stratified"), ("diabetes.csv", "random")])
def test_every_row_but_the_test_rows_judges_once_in_each_repeat(name, kind):
    table = table_of(name)
    study = plan(table, QUICK, n_folds=4, n_repeats=3)
    assert study.kind == kind
    judged = np.array([task.sets == splits.TEST for task in study.tasks]).reshape(3, 4, -1)
    assert (judged.sum(axis=1) == (table.sets != splits.TEST)).all()
    assert (judged[0] != judged[1]).any()
    for task in study.tasks:
        assert ((task.sets == UNUSED) == (table.sets == splits.TEST)).all()
        assert (task.sets == splits.VALIDATION).any()


def test_folds_hold_each_class_in_proportion():
    table = table_of()
    for task in plan(table, QUICK, n_folds=5).tasks:
        counts = np.bincount(table.class_numbers[task.sets == splits.TEST])
        assert counts.max() - counts.min() <= 1


def test_a_group_lies_in_one_set(visits):
    config = replace(QUICK, group="patient", target="y")
    table = DataSet.read(visits, config, ReadOptions())
    study = plan(table, config, n_folds=3, n_repeats=2)
    assert study.kind == "group"
    for task in study.tasks:
        for group in np.unique(table.splitter.groups):
            assert len(np.unique(task.sets[table.splitter.groups == group])) == 1


def test_time_folds_are_judged_by_what_comes_later(visits):
    config = replace(QUICK, time="day", target="y")
    table = DataSet.read(visits, config, ReadOptions())
    study = plan(table, config, n_folds=4)
    assert study.kind == "time"
    for task in study.tasks:
        when = [table.splitter.times[task.sets == s] for s in (splits.TRAIN, splits.VALIDATION, splits.TEST)]
        assert when[0].max() < when[1].min()
        assert when[1].max() < when[2].min()
    with pytest.raises(UsageError, match="--repeats"):
        plan(table, config, n_folds=4, n_repeats=2)


@pytest.mark.parametrize("config", [QUICK, Config(epochs=2, ensemble=2)], ids=["one network", "ensemble"])
def test_the_columns_are_fitted_without_the_fold_that_judges(config):
    table = table_of("penguins.csv")
    task = plan(table, config, n_folds=3).tasks[0]
    judged = task.sets == splits.TEST
    spoilt = table.frame.copy()
    for name in spoilt.columns.drop(table.target):
        # Other rows' cells: huge numbers, and a category that no other row has.
        spoilt.loc[judged, name] = 1e9 if spoilt[name].dtype.kind == "f" else None
    clean = perform(replace(task, dataset=shared(table)))
    dirty = perform(replace(task, dataset=shared(replace(table, frame=spoilt))))
    assert clean.history.train_loss == dirty.history.train_loss
    assert clean.metrics["train"] == dirty.metrics["train"]
    assert clean.metrics["test"] != dirty.metrics["test"]


def test_a_cross_validation_tells_a_good_model_from_chance():
    found = cross_validate(str(SAMPLES / "iris.csv"), replace(QUICK, epochs=60), folds=3, repeats=2)
    assert found.metrics["accuracy"].low > 0.7
    assert len(found.folds) == 6
    assert found.n_rows == 128


def test_too_few_or_too_many_folds_are_refused():
    with pytest.raises(DataError, match="too few rows"):
        plan(table_of(test="0.7"), QUICK, n_folds=50)
    for n_folds in (1, 101):
        with pytest.raises(UsageError, match="--folds"):
            plan(table_of(), QUICK, n_folds=n_folds)


def test_the_interval_is_the_corrected_resampled_t_interval():
    scores = [0.71, 0.64, 0.69, 0.75, 0.66]
    found = resampled_interval("accuracy", scores, ratio=0.25)
    scale = (statistics.variance(scores) * (1 / 5 + 0.25)) ** 0.5
    low, high = stats.t.interval(0.95, 4, loc=statistics.mean(scores), scale=scale)
    assert astuple(found) == pytest.approx((statistics.mean(scores), low, high))
    assert resampled_interval("accuracy", [0.99, 1.0], 0.5).high == 1
    assert resampled_interval("log_loss", [0.0, 0.1], 0.5).low == 0


def test_a_fold_that_diverged_leaves_no_mean():
    study = plan(table_of(), QUICK, n_folds=3)
    outcomes = list(study.outcomes())
    assert len(study.result(outcomes).folds) == 3
    with pytest.raises(TrainingError, match="fold 2: loss became nan"):
        study.result([outcomes[0], replace(outcomes[1], metrics={}, error="loss became nan"), outcomes[2]])

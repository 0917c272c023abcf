"""The new model against the old: on rows of which neither was trained on any."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlpcli
from mlpcli.errors import DataError, UsageError
from mlpcli.evaluation.comparison import compare

from .conftest import QUICK, grown


@pytest.fixture(scope="module")
def pair(months):
    """The new model and the old one."""
    return mlpcli.load(str(months / "janfeb.npz")), mlpcli.load(str(months / "jan.npz"))


def test_without_data_the_new_model_s_test_rows_that_the_old_one_never_saw_are_compared(pair):
    new, old = pair
    found = compare(new, old)
    assert found.data.endswith("janfeb.csv")
    # Rows added at the end move no other row: the old model's training rows are among the new one's.
    assert list(found.left_out) == ["that the new model was trained on"]
    assert found.n_rows == new.record.data.n_test
    assert found.metrics["accuracy"].new == pytest.approx(new.evaluate().metrics["test"]["accuracy"].value)
    assert new.compare(old).metrics == found.metrics


def test_another_split_of_the_same_file_leaves_the_rows_that_both_tested(pair, months):
    new, _ = pair
    other = mlpcli.fit(str(months / "janfeb.csv"), **QUICK, seed=5, test="0.4")
    other.path = str(months / "other.npz")
    found = compare(new, other)
    assert set(found.left_out) == {"that the new model was trained on", "that the old model was trained on"}
    assert found.n_rows + sum(found.left_out.values()) == 500
    assert 15 < found.n_rows < 60


def test_fresh_rows_are_all_compared_and_a_better_model_is_seen(pair, tmp_path):
    new, _ = pair
    fresh = grown(400, seed=9)
    poor = mlpcli.fit(grown(60, seed=3).assign(y=lambda f: np.roll(f.y, 1)), **QUICK)
    found = compare(new, poor, fresh)
    assert (found.n_rows, found.left_out) == (400, {})
    assert found.metrics["accuracy"].verdict == "better"
    assert any("is not here" in note for note in found.notes)  # the frame of the poor one
    back = compare(poor, new, fresh)
    assert "accuracy" in back.worse
    assert (back.disagreements.n_new_better, back.disagreements.n_old_better) == (
        found.disagreements.n_old_better,
        found.disagreements.n_new_better,
    )
    fresh.to_csv(tmp_path / "fresh.csv", index=False)
    assert compare(new, poor, str(tmp_path / "fresh.csv")).metrics == found.metrics


def test_the_rows_they_disagree_on_begin_with_those_that_the_new_one_has_right(pair):
    new, old = pair
    fresh = grown(600, seed=11)
    found = compare(new, old, fresh).disagreements
    mine, theirs = new.predict(fresh), old.predict(fresh)
    differ = np.flatnonzero(mine != theirs)
    assert sorted(found.rows) == differ.tolist()
    table = found.table()
    assert (table.truth == fresh.y[table.row - 1].to_numpy()).all()
    right = (table.new == table.truth).to_numpy()
    assert right[: found.n_new_better].all()
    assert (table.old == table.truth).to_numpy()[found.n_new_better :].all()
    whole = compare(new, old, fresh.assign(new=1)).disagreeing_rows()
    assert list(whole.columns) == ["x", "z", "town", "y", "new", "new_", "old"]
    assert whole.town.tolist() == fresh.town[found.rows].tolist()


def test_models_of_other_columns_are_compared_where_both_have_what_they_need(months, pair):
    _, old = pair
    fresh = grown(300, seed=4)
    more = grown(300, seed=5)
    more["extra"] = np.arange(300) % 7
    wide = mlpcli.fit(more, **QUICK)
    with pytest.raises(DataError, match="no column 'extra'"):
        compare(wide, old, fresh)
    fresh["extra"] = np.where(np.arange(300) < 120, np.nan, 3)
    found = compare(wide, old, fresh)
    assert found.left_out == {"without a value in a column that the new model alone has": 120}
    assert found.n_rows == 180


def test_a_class_that_one_model_never_saw_is_said(pair):
    _, old = pair
    frame = grown(300, seed=4)
    frame.loc[frame.x > 1, "y"] = "maybe"
    new = mlpcli.fit(frame, **QUICK)
    fresh = grown(200, seed=6)
    fresh.loc[fresh.x > 1, "y"] = "maybe"
    found = compare(new, old, fresh)
    n = int((fresh.y == "maybe").sum())
    assert f"the old model has never seen the class 'maybe', that of {n} rows" in found.notes
    assert found.metrics["accuracy"].old <= 1 - n / 200
    fresh.loc[3, "y"] = "never"
    with pytest.raises(DataError, match=r"neither model has ever seen the class 'never' \(1 row\)"):
        compare(new, old, fresh)


def test_numbers_disagree_by_more_than_the_new_model_s_median_error():
    frame = grown(200).drop(columns="y").rename(columns={"z": "y"}).assign(g=np.arange(200) // 10)
    new, old = (mlpcli.fit(frame, target="y", drop=("g",), seed=seed, **QUICK) for seed in (0, 1))
    fresh = grown(150, seed=7).drop(columns="y").rename(columns={"z": "y"}).assign(g=1)
    fresh.loc[:4, "y"] = None
    found = compare(new, old, fresh)
    assert found.left_out == {"without a target": 5}
    truth, mine, theirs = fresh.y[5:], new.predict(fresh)[5:], old.predict(fresh)[5:]
    assert found.disagreements.bound == pytest.approx(np.median(np.abs(mine - truth)))
    far = np.abs(mine - theirs) > found.disagreements.bound
    assert len(found.disagreements.rows) == far.sum()


@pytest.mark.slow
def test_groups_and_weights_of_the_training_count(tmp_path):
    frame = grown(400).assign(g=np.arange(400) // 8, w=np.arange(400) % 3)
    frame.to_csv(tmp_path / "g.csv", index=False)
    settings = {"group": "g", "weight": "w", "target": "y", "preset": "classic", "hidden": (8,)}
    new, old = (mlpcli.fit(str(tmp_path / "g.csv"), epochs=epochs, **settings) for epochs in (2, 8))
    new.path = old.path = str(tmp_path / "m.npz")
    found = compare(new, old)
    assert found.group == "g"
    assert "of weight 0" in found.left_out
    assert found.metrics["accuracy"].new == pytest.approx(new.evaluate().metrics["test"]["accuracy"].value)


def test_too_few_rows_or_groups_are_refused(pair, tmp_path):
    new, old = pair
    with pytest.raises(DataError, match="4 rows to compare on, and 6 are needed"):
        compare(new, old, grown(4, seed=20))
    frame = grown(60, seed=3).assign(g=np.arange(60) // 3)
    grouped = mlpcli.fit(frame, group="g", target="y", **QUICK)
    with pytest.raises(DataError, match="3 groups to compare on"):
        compare(grouped, old, grown(60, seed=21).assign(g=np.arange(60) % 3))


def test_models_of_other_targets_or_tasks_are_refused(pair):
    new, _ = pair
    other = mlpcli.fit(grown(60), target="town", **QUICK)
    with pytest.raises(UsageError, match="different targets: 'y' and 'town'"):
        compare(new, other)
    digits = grown(60).assign(y=np.arange(60) % 5)
    classes, numbers = (mlpcli.fit(digits, target="y", task=t, **QUICK) for t in ("classification", "regression"))
    with pytest.raises(UsageError, match="different tasks"):
        compare(classes, numbers, digits)


def test_the_rows_of_a_test_file_are_the_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    grown(200).to_csv("train.csv", index=False)
    grown(50, seed=2).to_csv("test.csv", index=False)
    new, old = (mlpcli.fit("train.csv", test="test.csv", seed=s, **QUICK) for s in (0, 1))
    new.path = old.path = "m.npz"
    found = compare(new, old)
    assert (found.data, found.n_rows, found.left_out) == ("test.csv", 50, {})
    (tmp_path / "test.csv").unlink()
    with pytest.raises(DataError, match="the file of --test is not here"):
        compare(new, old)


def test_models_that_read_other_rows_of_a_file_are_refused(tmp_path):
    path = str(tmp_path / "d.csv")
    grown(100).to_csv(path, index=False)
    whole, short = mlpcli.fit(path, **QUICK), mlpcli.fit(path, skip_rows=0, comment="#", **QUICK)
    marked = pd.read_csv(path)
    marked.loc[5, "town"] = "#x"
    with open(tmp_path / "e.csv", "w") as file:
        marked[["town", "x", "z", "y"]].to_csv(file, index=False)
    with pytest.raises(DataError, match="the new model reads 100 rows, the old model 99"):
        compare(whole, short, str(tmp_path / "e.csv"))

"""A training that goes on from a model: same columns, its weights as the start, honest about what it has seen."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

import mlpcli
from mlpcli.config.settings import Config, ReadOptions
from mlpcli.errors import DataError, ModelError, UsageError
from mlpcli.studies.reproduce import plan
from mlpcli.studies.start import on_old_rows, prepare_from

QUICK = {"preset": "fast", "epochs": 6, "ensemble": 2, "hidden": (16,)}


def rows(n, seed, low=0.0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "x": rng.normal(low, 1, n).round(4), "z": rng.normal(size=n).round(4),
        "town": rng.choice(["Ulm", "Bonn", "Kiel"], n), "day": pd.date_range("2023-01-01", periods=n).astype(str),
    })  # fmt: skip
    frame["y"] = np.where(frame.x + 0.5 * frame.z + rng.normal(0, 0.4, n) > low, "yes", "no")
    return frame


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with old.csv, and a model of it, old.npz."""
    folder = tmp_path_factory.mktemp("start")
    rows(400, 0).to_csv(folder / "old.csv", index=False)
    mlpcli.fit(str(folder / "old.csv"), **QUICK).save(str(folder / "old.npz"))
    return folder


@pytest.fixture(scope="module")
def old(folder):
    return mlpcli.load(str(folder / "old.npz"))


def prepared(old, frame, **settings):
    return prepare_from(old, frame, Config(**settings), ReadOptions())


def test_the_start_is_the_old_model_bit_for_bit(old):
    ready = prepared(old, rows(200, 1))
    for member, network in zip(ready.members, old.networks, strict=True):
        assert (member.network.saved() == network.saved()).all()
    assert [c.name for c in ready.schema.columns] == [c.name for c in old.schema.columns]
    assert ready.settings.hidden == (16,)
    assert ready.settings.epochs == 6


def test_what_is_asked_for_differs_and_all_else_is_as_before(old):
    settings = prepared(old, rows(200, 1), lr=0.001, epochs=3, seed=4, dropout=0.1).settings
    assert (settings.lr, settings.epochs, settings.seed, settings.dropout) == (0.001, 3, 4, 0.1)
    assert settings.label_smoothing == old.config.label_smoothing


def test_going_on_learns_more_from_few_rows_than_beginning_anew(folder, old):
    few = rows(60, 2)
    fresh = rows(2000, 3)
    on, anew = mlpcli.fit(few, start_from=old, epochs=2), mlpcli.fit(few, **QUICK | {"epochs": 2})
    loss = {name: m.evaluate(fresh).metrics["test"]["log_loss"].value for name, m in (("on", on), ("anew", anew))}
    assert loss["on"] < loss["anew"]


def test_the_model_says_where_it_comes_from_and_is_evaluated_as_it_was_read(folder, old, tmp_path):
    path = str(tmp_path / "new.csv")
    rows(200, 1).to_csv(path, index=False, sep=";")
    model = mlpcli.fit(path, start_from=old)
    assert model.record.started_from == hashlib.sha256((folder / "old.npz").read_bytes()).hexdigest()
    model.save(str(tmp_path / "new.npz"))
    again = mlpcli.load(str(tmp_path / "new.npz"))
    assert again.evaluate().rows["test"] == model.record.data.n_test
    with pytest.raises(ModelError, match="went on from another model"):
        plan(again)


def test_rows_that_are_written_so_that_they_could_be_read_otherwise_are_read_as_before(old, tmp_path):
    path = str(tmp_path / "new.csv")
    rows(120, 5).assign(town="1", x=lambda f: f.x.round()).to_csv(path, index=False)
    model = mlpcli.fit(path, start_from=old)
    model.save(str(tmp_path / "new.npz"))
    assert mlpcli.load(str(tmp_path / "new.npz")).evaluate().metrics["test"]


def test_the_range_of_numbers_and_dates_grows_and_missing_values_are_counted(old):
    far = rows(200, 6, low=8.0).assign(z=lambda f: np.where(f.index < 5, np.nan, f.z), day="2026-01-01")
    before, now = ({c.name: c for c in s.features} for s in (old.schema, prepared(old, far, test="0").schema))
    assert now["x"].high == far.x.max()
    assert now["x"].low == before["x"].low
    assert now["z"].n_missing == 5
    assert now["day"].parts[0].high > before["day"].parts[0].high
    assert now["town"].n_missing == 0


def test_numbers_are_clipped_to_all_that_was_seen():
    first = rows(200, 0).drop(columns="y").rename(columns={"x": "y"})
    old = mlpcli.fit(first, target="y", **QUICK)
    ready = prepared(old, first.assign(y=first.y + 9))
    assert ready.schema.target.low == old.schema.target.low
    assert ready.schema.target.high > old.schema.target.high + 5


def test_what_the_new_rows_do_not_show_is_said(old):
    notes = "\n".join(prepared(old, rows(200, 7).assign(town="Ulm")).notes)
    assert "column town: 2 levels of 3 not in these rows" in notes
    notes = "\n".join(prepared(old, rows(200, 7).assign(y="no", town="Rom")).notes)
    assert "target: 1 class of 2 not in these rows: 'yes'" in notes
    assert "column town: 200 values" in notes


def test_a_class_that_is_gone_stays_a_class(old):
    model = mlpcli.fit(rows(100, 8).assign(y="no"), start_from=old)
    assert model.labels == ("no", "yes")
    assert model.predict_proba(rows(3, 9)).shape == (3, 2)
    assert model.evaluate(rows(100, 8).assign(y="no")).metrics["test"]["accuracy"].value > 0.5


def test_old_rows_first_keep_their_sets_and_others_are_refused(folder, old, tmp_path):
    both = pd.concat([pd.read_csv(folder / "old.csv"), rows(100, 10)])
    ready = prepared(old, both)
    n_seen = old.record.data.n_train + old.record.data.n_validation
    assert f"the old model was trained on {n_seen} rows of these: as validation rows they look too good" in ready.notes
    with pytest.raises(DataError, match="test rows are rows that the old model was trained on"):
        prepared(old, both.sample(frac=1, random_state=0))


def test_without_the_old_file_what_was_seen_is_not_known(folder, tmp_path):
    (tmp_path / "m.npz").write_bytes((folder / "old.npz").read_bytes())
    old = mlpcli.load(str(tmp_path / "m.npz"))
    ready = prepared(old, rows(200, 1))
    assert any("which rows the old model has seen is not known" in note for note in ready.notes)
    model = mlpcli.fit(rows(200, 1), start_from=old, epochs=1)
    assert "is not here" in on_old_rows(model, old)


def test_forgetting_is_seen_on_the_old_test_rows(old):
    strange = rows(300, 11).assign(y=lambda f: np.where(f.y == "yes", "no", "yes"))
    found = on_old_rows(mlpcli.fit(strange, start_from=old), old)
    assert found.n_rows == old.record.data.n_test
    assert "accuracy" in found.worse


def test_too_few_old_test_rows_are_said(tmp_path):
    rows(40, 0).to_csv(tmp_path / "o.csv", index=False)
    mlpcli.fit(str(tmp_path / "o.csv"), **QUICK, test="0.1").save(str(tmp_path / "o.npz"))
    old = mlpcli.load(str(tmp_path / "o.npz"))
    assert "4 rows to compare on" in on_old_rows(mlpcli.fit(rows(60, 1), start_from=old, epochs=1), old)


def test_groups_weights_and_times_are_asked_of_the_new_rows_too(tmp_path):
    frame = rows(200, 0).assign(g=np.arange(200) // 5, w=1.0 + np.arange(200) % 3)
    old = mlpcli.fit(frame, target="y", group="g", weight="w", **QUICK)
    more = rows(200, 1).assign(g=np.arange(200) // 5, w=1.0)
    assert prepared(old, more).settings.group == "g"
    with pytest.raises(DataError, match="no column 'g'"):
        prepared(old, more.drop(columns="g"))
    assert prepared(mlpcli.fit(rows(200, 0), **QUICK, time="day"), rows(100, 1)).settings.time == "day"


def test_a_test_file_of_the_old_training_is_no_set_of_the_new_rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, seed in (("o", 0), ("t", 1)):
        rows(100, seed).to_csv(f"{name}.csv", index=False)
    old = mlpcli.fit("o.csv", **QUICK, test="t.csv")
    assert prepared(old, rows(100, 2)).settings.test == "0.15"


BAD = {
    "another width": ({"hidden": (8,)}, UsageError, "--hidden 8: the model to start from has 16"),
    "another target": ({"target": "x"}, UsageError, "--target x: the model to start from has y"),
    "another preset": ({"preset": "best"}, UsageError, "--preset best"),
}


@pytest.mark.parametrize("name", BAD)
def test_settings_that_the_weights_have_fixed_are_refused(name, old):
    settings, kind, message = BAD[name]
    with pytest.raises(kind, match=message) as caught:
        prepared(old, rows(100, 1), **settings)
    assert "without --start-from" in caught.value.hint


def test_other_columns_are_refused_by_name(old):
    with pytest.raises(DataError, match="no column 'z'"):
        prepared(old, rows(100, 1).drop(columns="z"))
    with pytest.raises(DataError, match="has no column 'more', 'some thing'") as caught:
        prepared(old, rows(100, 1).assign(more=1, **{"some thing": 2}))
    assert caught.value.hint.startswith("--drop 'more,some thing' to leave them out")
    assert prepared(old, rows(100, 1).assign(more=1), drop=("more",)).settings.drop == ("more",)


def test_new_classes_are_refused_with_what_to_do(old):
    new = rows(100, 1)
    new.loc[:2, "y"] = "maybe"
    with pytest.raises(DataError, match=r"does not know the class 'maybe' \(3 rows of such classes\)") as caught:
        prepared(old, new)
    assert "train anew on old and new rows together" in caught.value.hint

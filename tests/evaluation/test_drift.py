"""Drift: what is planted is found, what is not is not, and size alone is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import mlpcli
from mlpcli.data.frame import as_table
from mlpcli.errors import DataError, ModelError
from mlpcli.evaluation import drift
from mlpcli.evaluation.drift import DriftCounter, DriftWatch, Share, Shift


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    words = [" ".join(rng.choice(["red", "blue", "green", "old", "new"], 4)) + f" nr{i:04}" for i in range(n)]
    frame = pd.DataFrame({
        "x": rng.normal(5, 1, n).round(3), "town": rng.choice(["Ulm", "Bonn", "Kiel"], n, p=[0.6, 0.3, 0.1]),
        "review": words, "day": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 365, n), "D"),
    })  # fmt: skip
    frame["few"] = np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 4, n))
    frame["y"] = np.where(frame.x + rng.normal(0, 0.5, n) > 5, "yes", "no")
    return frame.assign(day=frame.day.dt.strftime("%Y-%m-%d"))


SETTINGS = {"target": "y", "preset": "fast", "epochs": 4, "test": "0"}


@pytest.fixture(scope="module")
def model():
    return mlpcli.fit(rows(1500), **SETTINGS)


def drifted(model, frame):
    return {shift.name for shift in model.drift(frame).drifted}


def test_rows_like_the_training_rows_do_not_drift(model):
    found = model.drift(rows(500, seed=1))
    assert not found.drifted
    assert {shift.what for shift in found.shifts} == {"column", "answers", "target", "loss"}
    assert found.promised.keys() == found.metrics.keys()
    assert not found.worse


PLANTED = {
    "another unit": ("x", lambda f: f.assign(x=f.x * 1.8 + 32)),
    "a little more": ("x", lambda f: f.assign(x=f.x + 0.4)),
    "a level renamed": ("town", lambda f: f.assign(town=f.town.replace("Kiel", "KIEL"))),
    "other shares": ("town", lambda f: f.assign(town=np.where(np.arange(len(f)) % 3 < 1, "Bonn", f.town))),
    "a default": ("few", lambda f: f.assign(few=2.0)),
    "missing": ("few", lambda f: f.assign(few=np.where(np.arange(len(f)) % 4 < 1, np.nan, f.few))),
    "no longer missing": ("few", lambda f: f.assign(few=f.few.fillna(1))),
    "later": ("day", lambda f: f.assign(day="2024-01-15")),
    "words of another language": ("review", lambda f: f.assign(review=[f"rot blau n{i}" for i in range(len(f))])),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_shift_is_found_in_its_column(name, model):
    column, plant = PLANTED[name]
    found = model.drift(plant(rows(500, seed=2)).drop(columns="y"))
    assert column in {shift.name for shift in found.drifted}
    assert found.shifts[0].name in (column, "predictions", "confidence")
    assert any("no column 'y'" in note for note in found.notes)
    assert not found.metrics


def test_another_relation_is_seen_in_losses_and_metrics(model):
    fresh = rows(500, seed=3)
    found = model.drift(fresh.assign(y=np.where(fresh.y == "yes", "no", "yes")))
    assert "loss" in {shift.name for shift in found.drifted}
    assert {"accuracy", "log_loss"} <= set(found.worse)


def test_a_new_class_of_the_target_is_drift_and_no_error(model):
    fresh = rows(400, seed=4)
    fresh.loc[:59, "y"] = "maybe"
    found = model.drift(fresh)
    (target,) = (shift for shift in found.shifts if shift.what == "target")
    assert target.is_drift()
    assert target.unseen == Share(0.0, 0.15)


def test_numbers_are_predicted_and_compared_too():
    frame = rows(800).assign(y=lambda f: f.x * 2)
    model = mlpcli.fit(frame, **SETTINGS)
    fresh = rows(400, seed=5).assign(y=lambda f: f.x * 2)
    assert not model.drift(fresh).drifted
    assert {"x", "predictions", "y"} <= drifted(model, fresh.assign(x=fresh.x + 2, y=fresh.y + 4))


@pytest.mark.parametrize("settings", [{"ensemble": 1}, {"ensemble": 2, "time": "day"}, {"kinds": ("mlp", "linear")}])
def test_the_answers_of_every_kind_of_ensemble_are_compared_like_with_like(settings):
    model = mlpcli.fit(rows(900, seed=6), **SETTINGS, **settings)
    found = model.drift(rows(600, seed=7))
    assert {"predictions", "confidence"} <= {shift.name for shift in found.shifts}
    assert not found.drifted
    assert ("day" in {shift.name for shift in found.shifts}) == ("time" not in settings)


def test_without_validation_rows_the_answers_are_left_out_and_that_is_said():
    model = mlpcli.fit(rows(200), **SETTINGS, validation="0", ensemble=1)
    found = model.drift(rows(200, seed=8))
    assert {shift.what for shift in found.shifts} == {"column", "target"}
    assert any("had no validation rows" in note for note in found.notes)


def test_columns_behind_the_kept_ones_are_named(monkeypatch):
    monkeypatch.setattr("mlpcli.training.profile.MAX_PROFILED", 2)
    monkeypatch.setattr(drift, "MAX_PROFILED", 2)
    model = mlpcli.fit(rows(200), **SETTINGS)
    assert any("3 columns behind the first 2" in note for note in model.drift(rows(100, seed=9)).notes)


def test_a_small_difference_is_no_drift_however_many_rows_show_it():
    assert not Shift("column", "x", 0.019, Share(0, 0.019), Share(0.2, 0.204), 0.0).is_drift()
    assert Shift("column", "x", 0.02, Share(0, 0), Share(0, 0), 0.0).is_drift()
    assert Shift("column", "x", 0.01, Share(0, 0), Share(0, 0.005), 0.0).is_drift()
    assert not Shift("column", "x", 0.5, Share(0, 0), Share(0, 0), 0.06).is_drift()


def test_rows_counted_in_parts_are_the_rows_counted_at_once(model, monkeypatch, tmp_path):
    fresh = rows(300, seed=10)
    whole = model.drift(fresh)
    monkeypatch.setattr(drift, "COUNTED_ROWS", 48)  # a multiple of the members
    parts = model.drift(fresh)
    assert parts.shifts == whole.shifts
    fresh.to_csv(tmp_path / "fresh.csv", index=False)
    assert model.drift(str(tmp_path / "fresh.csv")).shifts == whole.shifts


def test_a_watch_tells_each_drift_once_and_looks_with_ever_less_chance_of_an_alarm(model, monkeypatch):
    told = []
    watch = DriftWatch(model, told.append)
    fresh = rows(700, seed=11)
    watch.look()
    for start in range(0, 700, 100):
        part = fresh[start : start + 100]
        watch.add(as_table(part.assign(x=part.x + 3), model.schema) if start >= 300 else
                  as_table(part, model.schema))  # fmt: skip
    watch.look()
    assert [shift.name for shift in told].count("x") == 1
    assert watch.counter.n_rows == 700
    assert watch.level < drift.ALARM_LEVEL / 4


def test_a_column_without_any_value_and_a_target_without_a_known_class_are_drift(model):
    found = model.drift(rows(300, seed=12).assign(few=np.nan, y="maybe"))
    assert {"few", "y"} <= {shift.name for shift in found.drifted}
    assert not found.metrics


def test_a_model_that_kept_nothing_of_its_rows_is_refused(model):
    old = mlpcli.Model(replace(model.record, profile=None), model.ensemble)
    with pytest.raises(ModelError):
        old.drift(rows(50))


def test_rows_without_what_the_model_needs_are_refused(model, tmp_path):
    with pytest.raises(DataError, match="no column 'x'"):
        model.drift(rows(50).drop(columns="x"))
    with pytest.raises(DataError, match="no data rows"):
        model.drift(rows(50)[:0])
    (tmp_path / "head.csv").write_text("x,town,review,day,few,y\n")
    with pytest.raises(DataError, match="no data rows"):
        model.drift(str(tmp_path / "head.csv"))


def test_a_counter_before_the_first_row_has_nothing_to_say(model):
    with pytest.raises(DataError, match="no data rows"):
        DriftCounter(model).result("new.csv")

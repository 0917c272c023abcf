"""Each check of a table is raised by a table that deserves it, and by none of the clean tables beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from samples import SAMPLES

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.diagnosis.table_checks import TABLE_CHECKS, check_table
from mlpcli.reporter.tables import finding_lines
from mlpcli.training.prepare import prepare


def codes(tmp_path, frame, **settings):
    path = tmp_path / "data.csv"
    frame.to_csv(path, index=False)
    return {f.code for f in check_table(prepare(str(path), Config(target="target", **settings), ReadOptions()))}


def clean(n=400, task="classification", seed=0):
    """Two informative numbers, a category, and a target that depends on them and on chance."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "c": rng.choice(["u", "v", "w"], n)})
    score = frame.a + frame.b * (frame.c == "u") + rng.normal(size=n)
    frame["target"] = np.where(score > 0, "yes", "no") if task == "classification" else score
    return frame


def leak_of_class(frame):
    return frame.assign(outcome=(frame.target == "yes").astype(int) * 7 + 3)


def leak_of_number(frame):
    return frame.assign(score=np.exp(frame.target) * 2)


def group(frame):
    return frame.assign(patient_id=np.arange(len(frame)) // 8)


def dated(frame):
    days = pd.date_range("2024-01-01", periods=len(frame), freq="D").strftime("%Y-%m-%d")
    order = frame.target.sort_values(kind="stable").index
    return frame.loc[order].assign(day=days)


def repeated(frame):
    return pd.concat([frame, frame.iloc[:60]])


def lonely_class(frame):
    return frame.assign(target=[*["third"], *frame.target[1:]])


def rare(frame):
    return frame.assign(target=["rare" if i % 80 == 0 else "usual" for i in range(len(frame))])


def missing(frame):
    return frame.assign(d=[1.5 * (i % 7) if i % 3 == 0 else None for i in range(len(frame))])


def shifted(frame):
    return frame.assign(when=np.arange(len(frame)) // 2, a=frame.a + np.linspace(0, 3, len(frame)))


def total(frame):
    return frame.assign(target=[*frame.target[:-1], 1e5])


def rare_levels(frame):
    return frame.assign(item=[f"item {i % 300}" for i in range(len(frame))])


PLANTED = {
    "leak-suspected": [(leak_of_class, "classification", {}), (leak_of_number, "regression", {})],
    "group-column": [(group, "classification", {})],
    "time-order": [(dated, "classification", {}), (dated, "regression", {})],
    "repeated-rows": [(repeated, "classification", {})],
    "repeated-across-sets": [(repeated, "regression", {})],
    "class-in-one-set": [(lonely_class, "classification", {})],
    "imbalanced": [(rare, "classification", {})],
    "mostly-missing": [(missing, "regression", {})],
    "lost-column": [(rare_levels, "classification", {"category": ("item",)})],
    "target-outlier": [(total, "regression", {})],
    "test-differs-from-validation": [(shifted, "classification", {"time": "when"})],
}


@pytest.mark.parametrize("code", TABLE_CHECKS)
def test_each_check_is_raised_by_what_it_is_for(tmp_path, code):
    for plant, task, settings in PLANTED[code]:
        assert code in codes(tmp_path, plant(clean(task=task)), **settings), plant.__name__


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("seed", range(5))
def test_a_clean_table_raises_none(tmp_path, task, seed):
    assert codes(tmp_path, clean(task=task, seed=seed)) == set()


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.csv")), ids=lambda p: p.name)
def test_the_sample_data_raise_none(path):
    assert check_table(prepare(str(path), Config(), ReadOptions())) == ()


def test_the_flag_that_is_offered_ends_the_finding(tmp_path):
    assert "leak-suspected" not in codes(tmp_path, leak_of_class(clean()), drop=("outcome",))
    assert "group-column" not in codes(tmp_path, group(clean()), group="patient_id")
    assert "time-order" not in codes(tmp_path, dated(clean()), time="day")


def test_a_coarse_table_may_repeat_itself(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.integers(0, 3, 500), "b": rng.choice(["x", "y"], 500)})
    frame["target"] = np.where(rng.random(500) < 0.3 + 0.2 * frame.a, "yes", "no")
    assert codes(tmp_path, frame) == set()


def test_five_of_a_kind_are_listed_and_the_others_counted(tmp_path):
    path = tmp_path / "data.csv"
    clean().assign(**{f"e{k}": [i * k if i % 3 == 0 else None for i in range(400)] for k in range(1, 10)}).to_csv(path)
    found = [f for f in check_table(prepare(str(path), Config(target="target"))) if f.code == "mostly-missing"]
    assert [f.message.startswith("column") for f in found] == [True] * 5 + [False]
    assert finding_lines(found)[-1] == "mostly-missing: and 4 more"

"""Comparing values of one setting: what is alike, and what is judged."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from conducted import compare
from samples import SAMPLES

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data import splits
from mlpcli.data.splits import UNUSED
from mlpcli.errors import UsageError
from mlpcli.metrics.intervals import Interval
from mlpcli.studies.comparison import ANOTHER_QUESTION, parse_grid, parse_vary, plan
from mlpcli.studies.tasks import TaskOutcome
from mlpcli.training.events import History

IRIS = str(SAMPLES / "iris.csv")
QUICK = Config(preset="classic", hidden=(8,), epochs=4)


def test_values_are_read_as_on_the_command_line():
    assert parse_vary("batch-size=full,1,32") == ("batch_size", ("full", "1", "32"))
    assert parse_vary("hidden=,8,64x64") == ("hidden", ("", "8", "64x64"))
    study = plan(IRIS, QUICK, ReadOptions(), {"hidden": ("", "8", "64x64")})
    assert [task.config.hidden for task in study.tasks] == [(), (8,), (64, 64)]


def test_several_settings_make_a_grid():
    grid = parse_grid(["hidden=4,8", "category=petal_length,petal_width"])
    study = plan(IRIS, QUICK, ReadOptions(), grid)
    assert [task.name for task in study.tasks] == [
        "hidden=4 category=petal_length", "hidden=4 category=petal_width",
        "hidden=8 category=petal_length", "hidden=8 category=petal_width",
    ]  # fmt: skip
    assert [(task.config.hidden, task.config.category) for task in study.tasks][2] == ((8,), ("petal_length",))
    assert len(study.data) == 2  # a table for each way to read the file, not for each training


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["lr=1,2", "lr=3,4"], "--lr appears twice"),
        (["lr=1,2", "seed=" + ",".join(map(str, range(900)))], "1800 combinations; at most 1000"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(texts, message):
    with pytest.raises(UsageError, match=message):
        parse_grid(texts)


def test_all_but_the_setting_is_alike_and_no_test_row_is_seen():
    study = plan(IRIS, QUICK, ReadOptions(), {"lr": ("0.1", "0.01")})
    first, second = study.tasks
    assert first.dataset is second.dataset
    assert (first.sets == second.sets).all()
    assert not (first.sets == splits.TEST).any()
    assert ((first.sets == UNUSED) == (study.table.sets == splits.TEST)).all()


def test_a_setting_of_the_columns_has_its_table_for_each_value():
    study = plan(IRIS, QUICK, ReadOptions(), {"category": ("petal_length", "petal_width")})
    kinds = [[task.dataset.value.frame[n].dtype.name for n in ("petal_length", "petal_width")] for task in study.tasks]
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


# Values for the settings that two of their choices, or 0.1 and 0.2, do not suit.
VALUES = {
    "drop": "a,b", "numeric": "a,b", "category": "a,b", "weight": "a,b", "group": "g,h", "time": "a,b", "seed": "0,1",
    "embed_categories": "learned,none", "cost": "no:yes=5,yes:no=3",
    "max_categories": "2,64", "hidden": ",8,64x64", "loss": "auto,cross_entropy", "batch_size": "full,1,32",
    "epochs": "1,2", "time_limit": "50s,1m", "patience": "0,2", "ensemble": "1,2", "calibrate": "true,false",
}  # fmt: skip


@pytest.fixture(scope="module")
def two_classes(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "two.csv"
    rows = [f"{i * 37 % 101},{i},p{i % 16},q{i % 12},{'no' if i % 3 else 'yes'}" for i in range(80)]
    path.write_text("\n".join(["a,b,g,h,y", *rows]) + "\n")
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [f.name for f in fields(Config) if f.name not in ANOTHER_QUESTION])
def test_every_setting_can_be_compared(name, two_classes):
    choices = Config.__dataclass_fields__[name].metadata["choices"]
    values = VALUES.get(name) or (",".join(choices[:2]) if choices else "0.1,0.2")
    of_a_number = {"target": "b", "loss": "quantile"} if name == "quantile" else {}
    config = Config(preset="classic", hidden=(8,), epochs=2, **of_a_number)
    found = compare(two_classes, f"{name.replace('_', '-')}={values}", config)
    assert [o.name.partition("=")[2] for o in found.outcomes] == [v or "''" for v in values.split(",")]
    assert all("validation" in o.metrics for o in found.outcomes)


def test_other_seeds_are_compared_on_the_same_rows_and_other_shares_are_not():
    assert plan(IRIS, QUICK, ReadOptions(), {"seed": ("0", "1")}).same_rows
    assert not plan(IRIS, QUICK, ReadOptions(), {"validation": ("0.1", "0.3")}).same_rows
    one, two = compare(IRIS, "seed=0,1", QUICK).outcomes
    assert one.history.train_loss != two.history.train_loss


def test_repeats_draw_seeds_and_validation_rows_anew_the_same_for_every_value():
    study = plan(IRIS, QUICK, ReadOptions(), {"lr": ("0.1", "0.01")}, 3)
    assert [task.config.seed for task in study.tasks] == [0, 0, 1, 1, 2, 2]
    assert len({task.sets.tobytes() for task in study.tasks}) == 3
    for first, second in zip(study.tasks[::2], study.tasks[1::2], strict=True):
        assert (first.sets == second.sets).all()
        assert ((first.sets == UNUSED) == (study.table.sets == splits.TEST)).all()


def test_repeats_of_one_validation_file_differ_in_the_seed_alone(tmp_path):
    lines = (SAMPLES / "iris.csv").read_text().splitlines()
    (tmp_path / "v.csv").write_text("\n".join([lines[0], *lines[1::5]]) + "\n")
    config = Config(preset="classic", hidden=(4,), epochs=2, validation=str(tmp_path / "v.csv"))
    study = plan(IRIS, config, ReadOptions(), {"lr": ("0.1", "0.01")}, 2)
    assert (study.tasks[0].sets == study.tasks[2].sets).all()
    assert study.ratio(study.tasks[0]) == 0


@pytest.mark.slow
def test_a_real_difference_is_shown_and_one_of_none_is_not():
    found = compare(IRIS, "lr=0.05,0.00001", replace(QUICK, epochs=30), repeats=4)
    best, other = found.repeated
    assert (found.n_repeats, found.best.name, best.behind) == (4, "lr=0.05", None)
    assert other.is_worse
    assert other.behind.low < other.behind.value < other.behind.high
    same = compare(IRIS, "patience=20,30", QUICK, repeats=3)
    assert [r.is_worse for r in same.repeated] == [False, False]
    assert same.repeated[1].behind == Interval(0.0, 0.0, 0.0)


def outcome(number, loss, error=None):
    metrics = {} if error else {"validation": {"log_loss": loss}}
    return TaskOutcome(number, f"value {number % 2}", History(), metrics, {}, 1.0, error)


def test_what_was_interrupted_or_diverged_is_no_pair():
    study = plan(IRIS, QUICK, ReadOptions(), {"lr": ("0.1", "0.01")}, 3)
    losses = [0.5, 0.4, 0.3, 0.4, 0.2]
    found = study.result([outcome(i, loss) for i, loss in enumerate(losses)])
    assert (found.n_repeats, [r.metric.value for r in found.repeated]) == (2, pytest.approx([0.4, 0.4]))
    diverged = [outcome(i, loss, "nan" if i == 3 else None) for i, loss in enumerate([*losses, 0.1])]
    assert [r.name for r in study.result(diverged).repeated] == ["lr=0.1"]


def test_repeats_that_cannot_be_are_refused():
    with pytest.raises(UsageError, match="draws the seeds"):
        plan(IRIS, QUICK, ReadOptions(), {"seed": ("1", "2")}, 2)
    with pytest.raises(UsageError, match="1200 trainings"):
        plan(IRIS, QUICK, ReadOptions(), {"lr": ("0.1", "0.01")}, 600)

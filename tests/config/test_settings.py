from __future__ import annotations

import pytest
from samples import IRIS

from mlpcli.config import settings as config
from mlpcli.config.flags import from_text, parse
from mlpcli.config.presets import BASE, preset_values
from mlpcli.config.settings import (
    LARGE_ROWS,
    MIN_LARGE_EPOCHS,
    TASKS,
    Config,
    ReadOptions,
    Settings,
)
from mlpcli.engine.activations import ACTIVATIONS
from mlpcli.engine.initializers import INITIALIZERS
from mlpcli.engine.losses import LOSSES
from mlpcli.engine.optimizers import OPTIMIZERS
from mlpcli.engine.schedules import SCHEDULES
from mlpcli.errors import UsageError
from mlpcli.metrics.scoring import METRICS

QUICK = ("--preset", "classic", "--epochs", "2")
ALL = ("mlp", "wide", "plain", "linear")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *[("epochs", t) for t in ("0", "-1", "1000000000", "nan", "abc", "１０", "1_0", "")],
        *[("lr", t) for t in ("0", "-1", "inf", "nan", "1e-400", "0x1")],
        *[("hidden", t) for t in ("64,,32", "64;32", "0", "1000000", "a")],
        *[("seed", t) for t in ("-1", str(2**64), "1.5")],
        *[("batch_size", t) for t in ("0", "-3", "half", "1.5")],
        *[("validation", t) for t in ("-0.1", "0.95", "nan")],
        *[("activation", t) for t in ("rleu", "__class__")],
        ("dropout", "1"),
        ("time_limit", "5 days"),
    ],
)
def test_senseless_settings_are_usage_errors_that_name_the_flag(name, text):
    with pytest.raises(UsageError, match="--" + name.replace("_", "-")):
        from_text(Config, {name: text})


def test_delimiters_are_single_characters():
    assert ReadOptions(delimiter="\\t").delimiter == "\t"
    with pytest.raises(UsageError, match="--delimiter"):
        ReadOptions(delimiter="ab")


def test_shares_may_not_leave_too_little(call, here):
    code, _, err = call("train", IRIS, *QUICK, "--validation", "0.5", "--test", "0.45")
    assert (code, "less than a tenth" in err) == (2, True)
    assert parse(ReadOptions, "memory", "2GB") == 2 << 30 or parse(ReadOptions, "memory", "2GB") == 2_000_000_000
    assert parse(ReadOptions, "header", "false") is False
    with pytest.raises(UsageError, match="expected true or false"):
        parse(ReadOptions, "header", "maybe")


def test_one_network_is_one_kind_unless_kinds_are_named():
    assert Config(preset="best").resolve("classification").kinds == ALL
    assert Config(preset="best", ensemble=1).resolve("classification").kinds == ("mlp",)
    assert Config(ensemble=1, kinds=("mlp", "linear")).resolve("regression").kinds == ("mlp", "linear")


@pytest.mark.parametrize("kinds", [(), ("mlp", "mlp"), ("tree",)])
def test_kinds_are_named_once_and_known(kinds):
    with pytest.raises(UsageError, match="--kinds"):
        Config(kinds=kinds)


@pytest.mark.parametrize(
    ("names", "registry"),
    [
        (config.ACTIVATION_NAMES, ACTIVATIONS),
        (config.INITIALIZER_NAMES, INITIALIZERS),
        (config.LOSS_NAMES, LOSSES),
        (config.OPTIMIZER_NAMES, OPTIMIZERS),
        (config.SCHEDULE_NAMES, SCHEDULES),
        (config.STOP_METRIC_NAMES, [name for name in METRICS if name != "ece"]),
    ],
)
def test_the_choices_of_a_setting_are_what_its_registry_holds(names, registry):
    assert names == tuple(registry)


def test_settings_leave_nothing_open():
    decided = dict(BASE.items()) | {"epochs": 5}
    with pytest.raises(UsageError, match="--epochs: no value"):
        Settings(**decided | {"epochs": None})
    with pytest.raises(UsageError, match="is not decided"):
        Settings(**decided | {"loss": "auto"})


@pytest.mark.parametrize("task", TASKS)
def test_large_tables_have_a_rate_that_falls_over_few_epochs(task):
    usual, large = Config().resolve(task, LARGE_ROWS - 1), Config().resolve(task, LARGE_ROWS)
    assert (usual.schedule, usual.ensemble) == ("constant", preset_values("default", task)["ensemble"])
    assert (large.schedule, large.patience, large.ensemble) == ("cosine", 0, 4)
    epochs = [Config().resolve(task, LARGE_ROWS, n).epochs for n in (40_000, 160_000, 10**9)]
    assert epochs == [18, 9, MIN_LARGE_EPOCHS]  # as the root of the rows falls
    asked = Config(patience=9, ensemble=5, epochs=30, lr=0.5).resolve(task, LARGE_ROWS)
    assert (asked.patience, asked.ensemble, asked.epochs, asked.lr) == (9, 5, 30, 0.5)
    assert Config(preset="best").resolve(task, LARGE_ROWS).ensemble == 8


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("settings", [{"schedule": "constant"}, {"time_limit": 60.0}, {"preset": "classic"}])
def test_where_another_course_is_chosen_large_tables_are_as_others(settings, task):
    config = Config(**settings)
    assert config.resolve(task, LARGE_ROWS, 40_000) == config.resolve(task, LARGE_ROWS - 1, 40_000)

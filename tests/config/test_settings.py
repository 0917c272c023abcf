from __future__ import annotations

import pytest
from samples import IRIS

from mlpcli.config import settings as config
from mlpcli.config.flags import from_text, parse
from mlpcli.config.presets import BASE
from mlpcli.config.settings import LARGE_PATIENCE, LARGE_ROWS, Config, ReadOptions, Settings
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


def test_classes_of_large_tables_wait_for_fewer_epochs_unless_asked_otherwise():
    def patience(task="classification", n=LARGE_ROWS, **settings):
        return Config(**settings).resolve(task, n).patience

    usual = patience(n=LARGE_ROWS - 1)
    assert patience() == LARGE_PATIENCE < usual
    assert patience(patience=9) == 9
    assert patience(patience=0) == 0
    assert patience(stop_on="accuracy") == usual  # a metric scatters more
    assert patience("regression") == patience("regression", 4000)
    assert patience(preset="classic") == patience(n=4000, preset="classic")

"""Settings as text: what is written is read back, and what makes no sense is refused by the name of its flag."""

from __future__ import annotations

import shlex
from dataclasses import fields

import pytest

from mlpcli.config.flags import as_flag, as_flags, as_toml, from_text, named, parse, read_config_file, written
from mlpcli.config.presets import PRESETS
from mlpcli.config.settings import TASKS, Config
from mlpcli.errors import UsageError


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("preset", PRESETS)
def test_every_resolved_setting_is_read_back_as_it_was_written(preset, task):
    config = Config(preset=preset, epochs=7, time_limit=90.0, lr=1 / 3, drop=("a b", "c'd")).resolve(task)
    for spec in fields(config):
        value = getattr(config, spec.name)
        if value is not None:
            assert parse(Config, spec.name, written(value)) == value, spec.name


def test_flags_can_be_pasted_into_a_shell():
    assert as_flag("hidden", ()) == "--hidden ''"
    assert as_flag("calibrate", False) == "--no-calibrate"
    assert shlex.split(as_flag("drop", ("a b; rm", "c'd"))) == ["--drop", "a b; rm,c'd"]
    assert as_flags({"hidden": (64, 64), "lr": 0.1, "target": None, "drop": ()}) == "--hidden 64,64 --lr 0.1"


def test_one_of_several_layers_is_joined_by_x():
    assert written((64, 32), "x") == "64x32"
    assert parse(Config, "hidden", written((64, 32), "x")) == (64, 32)
    assert (named("batch_size", "32"), named("hidden", "")) == ("batch-size=32", "hidden=''")


def test_a_configuration_file_holds_what_was_written_to_it(tmp_path):
    settings = {"hidden": (32, 16), "lr": 0.01, "calibrate": True, "target": "열 1"}
    (tmp_path / "s.toml").write_text(as_toml(settings), encoding="utf-8")
    found = from_text(Config, read_config_file(tmp_path / "s.toml"))
    assert {name: getattr(found, name) for name in settings} == settings


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("hidden", "", ()),
        ("hidden", "64, 32", (64, 32)),
        ("hidden", "64x32", (64, 32)),
        ("time_limit", "5m", 300.0),
        ("seed", str(2**63), 2**63),
        ("drop", "a,b c", ("a", "b c")),
        ("lr", "1e-3", 1e-3),
    ],
)
def test_settings_are_read_as_written(name, text, value):
    assert parse(Config, name, text) == value


def test_a_configuration_file_is_read_and_its_mistakes_named(tmp_path):
    file = tmp_path / "mlpcli.toml"
    file.write_text('hidden = [32, 16]\nbatch-size = "full"\ncalibrate = true\n')
    assert read_config_file(file) == {"hidden": "32,16", "batch_size": "full", "calibrate": "true"}
    file.write_text("lerning_rate = 1\nlr = 2")
    with pytest.raises(UsageError, match="lerning_rate"):
        read_config_file(file)
    file.write_text("lr = 1\nlr = 2")
    with pytest.raises(UsageError, match="not a TOML file"):
        read_config_file(file)

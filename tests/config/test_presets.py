from __future__ import annotations

from dataclasses import fields

import pytest

from mlpcli.config.presets import PRESETS
from mlpcli.config.settings import TASKS, Config


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_decides_every_setting_but_those_that_depend_on_the_rows(preset, task):
    resolved = Config(preset=preset).resolve(task)
    open_ones = {f.name for f in fields(Config) if getattr(resolved, f.name) is None}
    assert open_ones <= {"target", "weight", "group", "time", "epochs", "time_limit"}


def test_what_the_user_sets_wins_over_the_preset():
    assert Config(preset="classic", lr=0.5).resolve("regression").lr == 0.5

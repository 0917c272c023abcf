"""The marks of numbers that can be asked for are those that are read."""

from __future__ import annotations

import pytest

from mlpcli.config.marks import NUMBER_MARKS
from mlpcli.config.settings import ReadOptions
from mlpcli.data.formats.marks import DECIMALS, THOUSANDS
from mlpcli.errors import UsageError


@pytest.mark.parametrize(("name", "registry"), [("decimal", DECIMALS), ("thousands", THOUSANDS)])
def test_the_marks_of_numbers_that_can_be_asked_for_are_those_that_are_known(name, registry):
    assert set(NUMBER_MARKS[name]) == {mark for mark in registry if mark.isascii()}
    for mark in ("~", "a", "7", "amount=;"):
        with pytest.raises(UsageError, match=f"--{name}: no such mark"):
            ReadOptions(**{name: mark})

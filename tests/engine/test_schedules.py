"""Schedules begin and end where their papers say, and stay between 0 and 1."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.engine.schedules import SCHEDULES, with_warmup

ENDS = {"constant": (1, 1), "step": (1, 0.01), "cosine": (1, 0), "one_cycle": (0.04, 0), "coslog4": (0, 0)}
TIMES = np.linspace(0, 1, 1001)


@pytest.mark.parametrize("name", SCHEDULES)
def test_end_points(name):
    ends = (SCHEDULES[name](0.0), SCHEDULES[name](1.0))
    assert ends == pytest.approx(ENDS[name], abs=1e-5)


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("name", SCHEDULES)
def test_factors_stay_between_0_and_1_and_reach_1(name, warmup):
    factors = np.array([with_warmup(SCHEDULES[name], warmup)(t) for t in TIMES])
    assert factors.min() >= 0
    assert factors.max() <= 1 + 1e-12
    assert factors.max() == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize("name", SCHEDULES)
def test_warmup_climbs_from_0_without_a_jump(name):
    schedule = with_warmup(SCHEDULES[name], 0.2)
    assert schedule(0.0) == 0
    assert schedule(0.2 - 1e-9) == pytest.approx(schedule(0.2), abs=1e-6)


def test_coslog4_rises_and_falls_four_times():
    factors = np.array([SCHEDULES["coslog4"](t) for t in TIMES])
    peaks = (factors[1:-1] > factors[:-2]) & (factors[1:-1] > factors[2:])
    assert peaks.sum() == 4

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.config import (
    ACTIVATION_NAMES,
    INITIALIZER_NAMES,
    LOSS_NAMES,
    OPTIMIZER_NAMES,
    SCHEDULE_NAMES,
)
from mlpcli.engine.activations import ACTIVATIONS
from mlpcli.engine.initializers import INITIALIZERS
from mlpcli.engine.losses import LOSSES
from mlpcli.engine.optimizers import OPTIMIZERS
from mlpcli.engine.schedules import SCHEDULES, with_warmup

RATES = {"sgd": 1e-3, "momentum": 2e-4, "nesterov": 2e-4, "rmsprop": 1e-3, "adam": 1e-2, "adamw": 1e-2, "adagrad": 0.5}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_solves_rosenbrock(name):
    point = np.array([-1.0, 1.0])
    optimizer = OPTIMIZERS[name](2, np.float64)
    for _ in range(40_000):
        x, y = point
        gradient = np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])
        optimizer.step(point, gradient, RATES[name])
    assert point == pytest.approx([1, 1], abs=0.05)


def test_names_in_the_settings_are_those_of_the_registries():
    assert list(ACTIVATION_NAMES) == list(ACTIVATIONS)
    assert list(INITIALIZER_NAMES) == list(INITIALIZERS)
    assert list(LOSS_NAMES) == list(LOSSES)
    assert list(OPTIMIZER_NAMES) == list(OPTIMIZERS)
    assert list(SCHEDULE_NAMES) == list(SCHEDULES)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_stay_between_zero_and_one(name):
    factors = [SCHEDULES[name](t) for t in np.linspace(0, 1, 101)]
    assert min(factors) >= -1e-12
    assert max(factors) <= 1 + 1e-12


@pytest.mark.parametrize("name", ["cosine", "one_cycle", "coslog4"])
def test_annealed_schedules_end_at_zero(name):
    assert SCHEDULES[name](1.0) == pytest.approx(0, abs=1e-9)


def test_warm_up_climbs_to_the_start_of_the_schedule():
    warmed = with_warmup(SCHEDULES["cosine"], 0.2)
    assert [warmed(0.0), warmed(0.1), warmed(0.2)] == pytest.approx([0, 0.5, 1])


@pytest.mark.parametrize(("name", "std"), [("he_normal", (2 / 400) ** 0.5), ("glorot_uniform", (2 / 700) ** 0.5),
                                           ("glorot_normal", (2 / 700) ** 0.5), ("he_uniform", (2 / 400) ** 0.5),
                                           ("lecun_normal", (1 / 400) ** 0.5)])  # fmt: skip
def test_initialisers_have_the_spread_of_their_paper(name, std):
    weights = INITIALIZERS[name](np.random.default_rng(0), 400, 300, 2**0.5)
    assert weights.std() == pytest.approx(std, rel=0.02)


def test_orthogonal_columns_are_orthonormal():
    weights = INITIALIZERS["orthogonal"](np.random.default_rng(0), 20, 10, 1.0)
    assert weights.T @ weights == pytest.approx(np.eye(10), abs=1e-12)

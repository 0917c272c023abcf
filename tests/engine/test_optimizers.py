"""Every optimiser comes down Rosenbrock's valley; none depends on how its vectors are cut into blocks."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.engine import optimizers
from mlpcli.engine.optimizers import OPTIMIZERS


def rosenbrock_gradient(p):
    x, y = p
    return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


def descend(name: str, lr: float, steps: int = 12000):
    params = np.array([-1.2, 1.0])
    optimizer = OPTIMIZERS[name](2, np.float64)
    with np.errstate(all="ignore"):  # too high a rate may diverge
        for i in range(steps):
            optimizer.step(params, rosenbrock_gradient(params), lr * (1 - i / steps))
    return params


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_solves_rosenbrock(name):
    ends = [descend(name, lr) for lr in (2e-3, 1e-2, 1.0)]
    assert min(np.abs(end - 1).max() for end in ends if np.isfinite(end).all()) < 0.1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_size_of_blocks_changes_nothing(name, monkeypatch):
    def run():
        rng = np.random.default_rng(0)
        params, factors = rng.standard_normal(50), rng.random(50)
        optimizer = OPTIMIZERS[name](50, np.float64)
        for _ in range(5):
            optimizer.step(params, rng.standard_normal(50), 0.1, factors)
        return params

    whole = run()
    monkeypatch.setattr(optimizers, "BLOCK", 7)
    np.testing.assert_array_equal(run(), whole)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_factors_are_learning_rates_of_their_own(name):
    rng = np.random.default_rng(0)
    factors = np.array([1.0, 0.0, 0.5])
    together, alone = np.zeros(3), [np.zeros(1) for _ in factors]
    optimizer = OPTIMIZERS[name](3, np.float64)
    single = [OPTIMIZERS[name](1, np.float64) for _ in factors]
    for _ in range(4):
        grads = rng.standard_normal(3)
        optimizer.step(together, grads.copy(), 0.1, factors)
        for i, factor in enumerate(factors):
            single[i].step(alone[i], grads[i : i + 1].copy(), 0.1 * factor)
    np.testing.assert_allclose(together, np.concatenate(alone))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_reset_is_a_new_start(name):
    grads = np.random.default_rng(0).standard_normal((3, 4))
    fresh, used = OPTIMIZERS[name](4, np.float64), OPTIMIZERS[name](4, np.float64)
    used.step(np.zeros(4), grads[0].copy(), 0.1)
    used.reset()
    ends = []
    for optimizer in (fresh, used):
        params = np.zeros(4)
        for g in grads:
            optimizer.step(params, g.copy(), 0.1)
        ends.append(params)
    np.testing.assert_array_equal(*ends)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_denormal_number_stays_in_the_state(name):
    optimizer = OPTIMIZERS[name](3)
    optimizer.step(np.zeros(3, np.float32), np.full(3, 1e-18, np.float32), 1e-3)
    for vector in optimizer.state.values():
        vector[0] = 1e-40
    optimizer.flush_tiny()
    smallest = np.finfo(np.float32).smallest_normal
    for vector in optimizer.state.values():
        assert ((vector == 0) | (np.abs(vector) >= smallest)).all()

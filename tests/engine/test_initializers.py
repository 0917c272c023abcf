"""Initialisers have the shape and the variance their papers ask for."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.engine.activations import ACTIVATIONS
from mlpcli.engine.initializers import INITIALIZERS

FAN_IN, FAN_OUT, GAIN = 300, 200, 2**0.5
VARIANCES = {
    "zeros": 0.0,
    "normal": 0.05**2,
    "uniform": 0.05**2 / 3,
    "glorot_uniform": 2 / (FAN_IN + FAN_OUT),
    "glorot_normal": 2 / (FAN_IN + FAN_OUT),
    "he_uniform": 2 / FAN_IN,
    "he_normal": 2 / FAN_IN,
    "lecun_normal": 1 / FAN_IN,
    "orthogonal": GAIN**2 / FAN_IN,
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_mean_and_variance(name):
    weights = INITIALIZERS[name](np.random.default_rng(0), FAN_IN, FAN_OUT, GAIN)
    assert weights.shape == (FAN_IN, FAN_OUT)
    assert weights.mean() == pytest.approx(0, abs=1e-3)
    assert weights.var() == pytest.approx(VARIANCES[name], rel=0.03)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (1, 3)])
def test_orthogonal_has_orthonormal_rows_or_columns(shape):
    w = INITIALIZERS["orthogonal"](np.random.default_rng(0), *shape, 2.0) / 2
    smaller = w.T @ w if shape[0] >= shape[1] else w @ w.T
    np.testing.assert_allclose(smaller, np.eye(min(shape)), atol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_names_an_initializer(name):
    assert ACTIVATIONS[name].init in INITIALIZERS

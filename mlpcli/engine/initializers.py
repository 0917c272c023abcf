"""Weight initialisation: functions (rng, fan_in, fan_out, gain) -> (fan_in, fan_out) weights.
To add one: write it, add a line to INITIALIZERS."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
Initializer = Callable[[np.random.Generator, int, int, float], Weights]

SMALL = 0.05  # spread of the plain normal and uniform initialisations, as in Keras


def zeros(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> Weights:
    """All zero: every unit of a layer then learns the same, which is the lesson of it."""
    return np.zeros((fan_in, fan_out))


def normal(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> Weights:
    return rng.normal(0, SMALL, (fan_in, fan_out))


def uniform(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> Weights:
    return rng.uniform(-SMALL, SMALL, (fan_in, fan_out))


def glorot_uniform(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> Weights:
    """Glorot & Bengio 2010, equation 16."""
    limit = (6 / (fan_in + fan_out)) ** 0.5
    return rng.uniform(-limit, limit, (fan_in, fan_out))


def glorot_normal(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> Weights:
    """Glorot & Bengio 2010, equation 12."""
    return rng.normal(0, (2 / (fan_in + fan_out)) ** 0.5, (fan_in, fan_out))


def he_uniform(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> Weights:
    """He et al. 2015, with the gain of the activation."""
    limit = gain * (3 / fan_in) ** 0.5
    return rng.uniform(-limit, limit, (fan_in, fan_out))


def he_normal(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> Weights:
    """He et al. 2015, equation 10, with the gain of the activation."""
    return rng.normal(0, gain / fan_in**0.5, (fan_in, fan_out))


def lecun_normal(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> Weights:
    """LeCun et al. 1998, section 4.6."""
    return rng.normal(0, 1 / fan_in**0.5, (fan_in, fan_out))


def orthogonal(rng: np.random.Generator, fan_in: int, fan_out: int, gain: float) -> Weights:
    """Saxe et al. 2013: orthonormal rows or columns, times the gain."""
    q, r = np.linalg.qr(rng.normal(size=(max(fan_in, fan_out), min(fan_in, fan_out))))
    q = q * np.sign(np.diag(r))  # makes the draw uniform over orthogonal matrices
    return gain * (q if fan_in >= fan_out else q.T)


INITIALIZERS: dict[str, Initializer] = {
    "zeros": zeros,
    "normal": normal,
    "uniform": uniform,
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "lecun_normal": lecun_normal,
    "orthogonal": orthogonal,
}

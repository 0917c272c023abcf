"""p-values: how likely so large a difference between two samples is if both come from one distribution."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from mlpcli.engine.arrays import Array, Floats, Ints

MIN_TERM = 1e-18  # share of the sum so far below which further terms are left out


def kolmogorov_smirnov(first: Array, second: Array) -> tuple[float, float]:
    """Two samples (n,) and (m,) -> the largest distance of their distributions, and its p-value."""
    if len(first) < len(second):
        first, second = second, first
    n, m = len(first), len(second)
    first, second = np.sort(first), np.sort(second)
    # The largest distance is just below a value of the smaller sample, or at it.
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")
    gaps = [np.searchsorted(first, second, side) / n - np.searchsorted(second, second, side) / m for side in sides]
    distance = float(np.abs(gaps).max())
    return distance, ks_p_value(distance, n, m)


def ks_p_value(distance: float, n: int, m: int) -> float:
    """The p-value of a Kolmogorov-Smirnov distance of n and m values; Stephens 1970. Too large where they repeat."""
    size = (n * m / (n + m)) ** 0.5
    return float(min(1.0, 2 * np.exp(-2 * (distance * (size + 0.12 + 0.11 / size)) ** 2)))


def at_least(k: int, n: int, others: int, m: int) -> float:
    """The probability that of k + others marked rows at least k fall among n of the n + m rows; Fisher's exact test."""
    total = k + others
    if k * (n + m) <= total * n:
        return 1.0  # no more than expected
    log_p = log_choose(n, k) + log_choose(m, others) - log_choose(n + m, total)
    term = found = 1.0
    for i in range(k, min(n, total)):
        # From i to i + 1 of them among the n.
        term *= (n - i) * (total - i) / ((i + 1) * (m - total + i + 1))
        found += term
        if term < MIN_TERM * found:
            break
    return min(1.0, math.exp(min(log_p + math.log(found), 0.0)))


def log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def share_p_value(k: int, n: int, others: int, m: int) -> float:
    """The p-value of shares k / n and others / m that differ so much, in either direction."""
    return min(1.0, 2 * min(at_least(k, n, others, m), at_least(others, m, k, n)))


def cells_p_value(here: Ints, there: Ints) -> float:
    """The p-value of counts (n_cells,) of two samples whose share of some cell differs so much.

    That of the cell which differs most in standard deviations, by Fisher's exact test, times the number of cells.
    """
    n, m = int(here.sum()), int(there.sum())
    pooled = (here + there) / (n + m)
    used = np.flatnonzero((pooled > 0) & (pooled < 1))
    if not len(used):
        return 1.0
    deviation: Floats = np.abs(here / n - there / m)[used] / np.sqrt(pooled * (1 - pooled))[used]
    worst = int(used[np.argmax(deviation)])
    return min(1.0, len(used) * share_p_value(int(here[worst]), n, int(there[worst]), m))


def normal_p_value(deviations: float) -> float:
    """The one-sided p-value of a normal value so many standard deviations above its mean."""
    return 0.5 * math.erfc(deviations / 2**0.5)

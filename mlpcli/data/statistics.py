"""Statistics of values in which a row of weight w counts as w rows; without weights NumPy's own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlpcli.engine.arrays import Floats


def as_counts(weights: Floats) -> Floats:
    """(n,) how many rows each row stands for: whole numbers as they are, others brought to a mean of 1.

    Only quantiles depend on it: means are the same for weights of any size.
    """
    is_whole = np.all(weights == np.round(weights))
    return weights if is_whole else weights / weights.mean()


def mean_and_deviation(x: Floats, weights: Floats | None) -> tuple[float, float]:
    """The mean of the values and their standard deviation."""
    size = float(np.abs(x).max()) or 1.0  # squares of 1e200 would overflow
    scaled = x / size
    if weights is None:
        return float(np.mean(scaled) * size), float(np.std(scaled) * size)
    mean = np.average(scaled, weights=weights)
    return float(mean * size), float(np.average((scaled - mean) ** 2, weights=weights) ** 0.5 * size)


def quantiles(x: Floats, levels: NDArray[np.float64] | list[float] | float, weights: Floats | None) -> Floats:
    """Of each level the place among the rows from first to last, between two of them in proportion.

    That is `np.quantile` of the rows written out as often as their weights say.
    """
    if weights is None:
        return np.asarray(np.quantile(x, levels))
    order = np.argsort(x)
    up_to = np.cumsum(weights[order])
    place = np.asarray(levels) * max(up_to[-1] - 1, 0.0)
    first = np.floor(place)
    low, high = (x[order[np.minimum(np.searchsorted(up_to, at, "right"), len(x) - 1)]] for at in (first, first + 1))
    return np.asarray(low + (high - low) * (place - first))

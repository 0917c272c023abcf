"""A value with its interval, and how intervals are found."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mlpcli.engine.arrays import Array, Floats

N_RESAMPLES, RESAMPLES_AT_ONCE = 1_000, 50  # the last bits of a mean depend on how many are taken at once
BLOCK_CELLS = 250_000  # resamples x rows in memory at once
MAX_BOOTSTRAP_GROUPS = 4_000  # rows are resampled one by one up to here, beyond it in random groups of equal size
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A value and its interval, of 95 % unless said otherwise."""

    value: float
    low: float
    high: float


def resamples(n_rows: int, n_resamples: int, rng: np.random.Generator, at_once: int | None = None) -> Iterator[Floats]:
    """How often each row is drawn when n_rows are drawn with replacement: blocks of (at_once, n_rows).

    Counted from drawn rows, which takes a tenth of the time of as many multinomial numbers.
    """
    block = at_once or max(1, BLOCK_CELLS // n_rows)
    for first in range(0, n_resamples, block):
        size = min(block, n_resamples - first)
        drawn = rng.integers(n_rows, size=(size, n_rows))
        drawn += n_rows * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * n_rows).reshape(size, n_rows).astype(np.float64)


def resampled_means(values: Array, rng: np.random.Generator) -> Array:
    """(n, k) values of rows -> (N_RESAMPLES + 1, k) means: of all rows, then of rows drawn with replacement."""
    n = len(values)
    if n > MAX_BOOTSTRAP_GROUPS:
        # Sums over random groups of rows vary as the rows do, and there are fewer of them.
        order = rng.permutation(n)[: n - n % MAX_BOOTSTRAP_GROUPS].reshape(MAX_BOOTSTRAP_GROUPS, -1)
        grouped = values[order].mean(axis=1)
    else:
        grouped = values
    means = [values.mean(axis=0)[None]]
    drawn = resamples(len(grouped), N_RESAMPLES, rng, RESAMPLES_AT_ONCE)
    means += [counts @ grouped / len(grouped) for counts in drawn]
    return np.vstack(means)


def estimate(means: Array, level: float = LEVEL) -> Interval:
    """The first of the means and the percentile interval of the others."""
    tail = (1 - level) / 2
    low, high = np.quantile(means[1:], [tail, 1 - tail]).tolist()
    value = float(means[0])
    return Interval(value, min(low, value), max(high, value))


def share_of(part: Array, whole: Array) -> Array:
    """part / whole within -9..9, and 0 where there is no whole."""
    return np.clip(np.divide(part, whole, out=np.zeros_like(part), where=np.abs(whole) > 1e-12), -9, 9)


def paired_difference(differences: Sequence[float] | Array, ratio: float, level: float = LEVEL) -> Interval:
    """The mean of differences over repeats, each of two trainings with the same rows and seed; corrected resampled t.

    Repeats share training rows: the variance of the mean is (1/n + `ratio`) times theirs, where `ratio` is evaluated
    rows over training rows; 0 where only the seed differs. Nadeau & Bengio 2003. Two differences at least.
    """
    d = np.asarray(differences, np.float64)
    mean = float(d.mean())
    half = t_quantile(len(d) - 1, (1 + level) / 2) * float(d.std(ddof=1)) * (1 / len(d) + ratio) ** 0.5
    return Interval(mean, mean - half, mean + half)


def wilson(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share seen in n rows (1927): of 95 % with z = 1.96 standard deviations."""
    center = (share * n + z**2 / 2) / (n + z**2)
    half = z * max(share * (1 - share) * n + z**2 / 4, 0.0) ** 0.5 / (n + z**2)
    return center - half, center + half


def t_quantile(df: int, p: float = 0.975) -> float:
    """Student's t with `df` degrees of freedom: the value that a share `p` > 1/2 lies below; bisection."""
    low, high = 0.0, 1e4
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_share(middle, df) < p else (low, middle)
    return high


def _t_share(t: float, df: int) -> float:
    """Share of Student's t below t >= 0, by the finite series; Abramowitz & Stegun 26.7.3 and 26.7.4."""
    angle = math.atan2(t, df**0.5)
    is_odd = df % 2 == 1
    term = total = math.cos(angle) if is_odd else 1.0
    for k in range(3 if is_odd else 2, df - 1, 2):
        term *= math.cos(angle) ** 2 * (k - 1) / k
        total += term
    total *= math.sin(angle)
    inside = total if not is_odd else 2 / math.pi * (angle + (total if df > 1 else 0.0))
    return 0.5 + inside / 2

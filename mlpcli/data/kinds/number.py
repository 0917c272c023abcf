"""A column of numbers as inputs: scaled, with an indicator of missing values, and piecewise-linear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlpcli.engine.arrays import Floats, Matrix

MAX_NUMBER = 1e300  # numbers beyond are brought down to it: their differences would overflow


MIN_INPUT = 1e-30  # smaller inputs are 0: they, or products with them, are denormals in float32, and slow


@dataclass(frozen=True)
class NumberColumn:
    """A number: scaled, missing set to the median with an indicator, and its piecewise-linear encoding."""

    kind: Literal["number"]
    name: str
    n_missing: int
    median: float
    center: float
    factor: float  # 1 / scale; 0 for a column without spread
    clip: float  # 0: no smooth clip
    low: float
    high: float
    indicator: tuple[float, ...]  # input where present, where missing; () without missing training values
    edges: tuple[float, ...]  # of the bins; () without piecewise-linear encoding
    shrink: float

    @property
    def n_plain(self) -> int:
        return 1 + bool(self.indicator)

    @property
    def n_ple(self) -> int:
        return max(len(self.edges) - 1, 0)

    def encode(self, values: Floats, plain: Matrix, ple: Matrix) -> None:
        """(n,) -> plain (n, n_plain), ple (n, n_ple); NaN is missing."""
        missing = np.isnan(values)
        x = np.clip(np.where(missing, self.median, values), -MAX_NUMBER, MAX_NUMBER)
        with np.errstate(over="ignore"):
            z = np.clip((x - self.center) * self.factor, -1e6, 1e6)
        z[np.abs(z) < MIN_INPUT] = 0
        plain[:, 0] = z / np.sqrt(1 + np.square(z / self.clip)) if self.clip else z
        if self.indicator:
            plain[:, 1] = np.where(missing, self.indicator[1], self.indicator[0])
        if self.edges:
            edges = np.asarray(self.edges)
            # Clipped first, so that neither the difference nor the quotient can overflow.
            inside, n_bins = np.clip(x, edges[0], edges[-1]), len(edges) - 1
            bins = np.clip(np.searchsorted(edges, inside, "right") - 1, 0, n_bins - 1)
            # Bins below the value's own are full, those above empty; only its own holds a share.
            full_below = np.where(np.tri(n_bins, k=-1, dtype=bool), self.shrink, -self.shrink).astype(np.float32)
            ple[:] = full_below[bins]
            share = np.clip((inside - edges[bins]) / np.diff(edges)[bins], 0, 1)
            ple[np.arange(len(x)), bins] = 2 * self.shrink * (share - 0.5)

"""A column of numbers as inputs: scaled, with an indicator of missing values, piecewise-linear, and cut."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Self

import numpy as np

from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.kinds.protocol import ColumnKind, Format, are_inputs, is_clip
from mlpcli.engine.arrays import Floats, Ints, Matrix

MAX_NUMBER = 1e300  # numbers beyond are brought down to it: their differences would overflow
JUMP = 0.25  # half the range of an input that jumps at a cut
MIN_INPUT = 1e-30  # smaller inputs are 0: they, or products with them, are denormals in float32, and slow


def steps(n: int, height: float) -> Matrix:
    """(n + 1, n): in row k the first k are as high as `height`, the others as low."""
    return np.where(np.tri(n + 1, n, k=-1, dtype=bool), height, -height).astype(np.float32)


@dataclass(frozen=True)
class Stretches:
    """The inputs of a number by the stretch that it lies in: between two neighbours of all edges and cuts."""

    bounds: Floats  # (n,) ascending, where stretches 1 to n begin
    bins: Ints  # (n + 1,) its bin
    low: Floats  # (n + 1,) the bin's lower edge, and its width
    width: Floats
    ple: Matrix  # (n + 1, n_bins) bins below the number's own are full, those above empty
    cuts: Matrix  # (n + 1, n_cuts)

    @classmethod
    def of(cls, edges: Floats, shrink: float, cuts: Floats) -> Stretches:
        # A number on an edge is in the bin above it, one on a cut does not exceed it.
        bounds = np.unique(np.concatenate([edges[1:-1], np.nextafter(cuts, np.inf)]))
        begins = np.concatenate([[-np.inf], bounds])
        bins = np.searchsorted(edges[1:-1], begins, "right")
        n_bins, n_exceeded = max(len(edges) - 1, 0), np.searchsorted(cuts, begins, "left")
        low, width = (edges.take(bins), np.diff(edges).take(bins)) if n_bins else (np.empty(0), np.empty(0))
        return cls(bounds, bins, low, width, steps(n_bins, shrink)[bins], steps(len(cuts), JUMP)[n_exceeded])


@dataclass(frozen=True)
class NumberColumn(ColumnKind):
    """A number: scaled, missing set to the median with an indicator, its piecewise-linear encoding, and its cuts."""

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
    cuts: tuple[float, ...]  # ascending; each has an input that jumps where the number exceeds it
    format: Format  # of numbers, or of durations in seconds

    @property
    def n_inputs(self) -> Mapping[str, int]:
        return {"plain": 1 + bool(self.indicator), "ple": max(len(self.edges) - 1, 0), "cuts": len(self.cuts)}

    def encode(self, values: Floats, inputs: Mapping[str, Matrix]) -> None:
        missing, plain = np.isnan(values), inputs["plain"]
        x = self.filled(values)
        with np.errstate(over="ignore"):
            z = np.clip((x - self.center) * self.factor, -1e6, 1e6)
        z[np.abs(z) < MIN_INPUT] = 0
        plain[:, 0] = z / np.sqrt(1 + np.square(z / self.clip)) if self.clip else z
        if self.indicator:
            plain[:, 1] = np.where(missing, self.indicator[1], self.indicator[0])
        if not (self.edges or self.cuts):
            return
        stretch = np.searchsorted(self.stretches.bounds, x, "right")
        if self.edges:
            self.encode_bins(x, stretch, inputs["ple"])
        if self.cuts:
            inputs["cuts"][:] = self.stretches.cuts.take(stretch, axis=0)

    @cached_property
    def stretches(self) -> Stretches:
        return Stretches.of(np.asarray(self.edges), self.shrink, np.asarray(self.cuts, np.float64))

    def filled(self, values: Floats) -> Floats:
        """The values within bounds, the median where one is missing."""
        return np.clip(np.where(np.isnan(values), self.median, values), -MAX_NUMBER, MAX_NUMBER)

    def encode_bins(self, x: Floats, stretch: Ints, ple: Matrix) -> None:
        """(n,) without NaN, each in a stretch -> ple (n, n_bins); Gorishniy et al. 2022, arXiv 2203.05556."""
        found = self.stretches
        ple[:] = found.ple.take(stretch, axis=0)
        # Clipped first, so that neither the difference nor the quotient can overflow.
        share = x.clip(self.edges[0], self.edges[-1])
        share -= found.low.take(stretch)
        share /= found.width.take(stretch)
        # Only the number's own bin holds a share.
        ple[np.arange(len(x)), found.bins.take(stretch)] = 2 * self.shrink * (share.clip(0, 1) - 0.5)

    def straight(self, blocks: Collection[str]) -> list[tuple[str, Floats]]:
        """The number itself is the sum of its bins by their widths, without the clip of its plain input."""
        own = super().straight(blocks)
        if not self.edges or "ple" not in blocks:
            return own
        widths = np.diff(self.edges) / (self.edges[-1] - self.edges[0])
        return [("ple", widths / self.shrink), *own[1:]]

    def unseen(self, values: Floats) -> dict[str, int]:
        margin = self.high - self.low
        with np.errstate(over="ignore"):
            is_far = (values < self.low - margin) | (values > self.high + margin)
        return {"far outside the training range": int(is_far.sum())}

    def widened(self, values: Floats) -> Self:
        present = np.clip(values[~np.isnan(values)], -MAX_NUMBER, MAX_NUMBER)
        low, high = np.min(present, initial=self.low), np.max(present, initial=self.high)
        n_missing = self.n_missing + len(values) - len(present)
        return replace(self, n_missing=n_missing, low=float(low), high=float(high))

    def is_valid(self) -> bool:
        edges = np.asarray(self.edges)
        with np.errstate(over="ignore"):
            steps = np.diff(edges)
        return (
            is_clip(self.clip)
            and self.format.is_sound()
            and (isinstance(self.format, NumberFormat) or self.format.kind == "duration")
            and len(self.indicator) in (0, 2)
            and are_inputs(*self.indicator, self.shrink)
            and len(edges) != 1
            and bool(np.all((steps > 0) & np.isfinite(steps)))
            and list(self.cuts) == sorted(set(self.cuts))
        )

    def reads(self) -> str:
        return self.format.describe()

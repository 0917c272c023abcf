"""How large an error to expect of a row: a sum of steps, each at a cut of one input, fitted to the sizes of errors.

The logarithm of the expected size is fitted by boosting: each step is the one that lowers log s + |error| / s most, the
negative log-likelihood of a Laplace distribution, whose leaves have a closed form. Friedman 2001.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mlpcli.engine.arrays import Array, Floats, Ints, Matrix

MAX_STEPS = 60
STEP_SHARE = 0.2  # of the best step that is taken
PRIOR_ROWS = 20  # of the size that is expected already, by which a side of a step is held back
MIN_ROWS = 10  # on each side of a step
N_BINS = 32  # of an input: its cuts lie between them
MAX_FITTED_ROWS = 4_000  # twice as many made no interval narrower
MAX_INPUTS = 32  # that steps may use, besides the answer: those that tell most alone
MAX_CELLS = 2_000_000  # looked at to choose them
MIN_SIZE = 1e-6  # of an error, in the unit of the standardised target: below it errors are none
MAX_LOG = 50.0


@dataclass(frozen=True)
class Step:
    """Added to the logarithm where an input is at most the cut, and where it is above."""

    input: int  # of the plain ones; -1 is the standardised answer
    cut: float
    below: float
    above: float

    def of(self, x: Matrix, outputs: Array) -> Floats:
        values = outputs if self.input < 0 else x[:, self.input]
        return np.where(values.astype(np.float64) <= self.cut, self.below, self.above)


@dataclass(frozen=True)
class ErrorScale:
    """The expected size of a row's error, in the unit of the standardised target."""

    base: float  # logarithm of the mean size
    steps: tuple[Step, ...]

    def of(self, x: Matrix, outputs: Array) -> Floats:
        """Plain inputs (n, n_plain), standardised outputs (n,) -> (n,) expected sizes"""
        logs = np.full(len(outputs), self.base)
        for step in self.steps:
            logs += step.of(x, outputs)
        return np.asarray(np.exp(logs.clip(-MAX_LOG, MAX_LOG)))

    def first(self, n_steps: int) -> ErrorScale:
        return replace(self, steps=self.steps[:n_steps])

    def renumbered(self, inputs: Ints) -> ErrorScale:
        """The same of a matrix in which the inputs have these numbers."""
        found = (replace(s, input=int(inputs[s.input])) if s.input >= 0 else s for s in self.steps)
        return replace(self, steps=tuple(found))

    def is_sound(self, n_plain: int) -> bool:
        """Whether it could have been fitted to rows of so many plain inputs."""
        logs = [self.base, *(value for step in self.steps for value in (step.below, step.above))]
        return (
            len(self.steps) <= MAX_STEPS
            and all(-1 <= step.input < n_plain for step in self.steps)
            and max(map(abs, logs)) <= MAX_LOG
        )


def fit_error_scale(
    x: Matrix, rows: Ints, outputs: Array, sizes: Floats, parts: Ints
) -> tuple[ErrorScale, Floats]:  # fmt: skip
    """Plain inputs (m, n_plain), and of n of their rows in random order: standardised outputs (n,), sizes of errors
    (n,), parts (n,) -> the scale, and (n,) sizes that a scale fitted without the row's part expects.

    It has as many steps as do best for rows of the parts left out.
    """
    sizes = np.maximum(sizes, MIN_SIZE)
    n = min(len(rows), MAX_FITTED_ROWS)
    chosen = strongest_inputs(x, rows[:n], sizes[:n])
    few = x[np.ix_(rows, chosen)]
    binned = BinnedInputs.of(few[:n], outputs[:n], sizes[:n])
    numbers = np.unique(parts)
    others = [binned.boost(np.flatnonzero(parts[:n] != part)) for part in numbers]
    losses = np.zeros(MAX_STEPS + 1)
    for part, scale in zip(numbers, others, strict=True):
        left_out = np.flatnonzero(parts[:n] == part)
        losses += losses_by_steps(scale, few[left_out], outputs[left_out], sizes[left_out])
    n_steps = int(np.argmin(losses))
    expected = np.empty(len(rows))
    for part, scale in zip(numbers, others, strict=True):
        left_out = np.flatnonzero(parts == part)
        expected[left_out] = scale.first(n_steps).of(few[left_out], outputs[left_out])
    return binned.boost(np.arange(n)).first(n_steps).renumbered(chosen), expected


def strongest_inputs(x: Matrix, rows: Ints, sizes: Floats) -> Ints:
    """Up to MAX_INPUTS plain inputs whose bins tell most of the sizes of these rows, ascending.

    Bins hold as many rows each; equal values are parted by the order of the rows, which is random.
    """
    n = max(min(len(rows), MAX_CELLS // max(x.shape[1], 1)), MIN_ROWS)
    found = x[rows[:n]]
    ratios = sizes[:n] / sizes[:n].mean()
    totals = np.cumsum(ratios[np.argsort(found, axis=0, kind="stable")], axis=0)
    edges = np.linspace(0, len(found), min(max(n // MIN_ROWS, 1), N_BINS) + 1).astype(np.int64)
    sums = np.diff(np.vstack([np.zeros(x.shape[1]), totals])[edges], axis=0)
    gains = gain(sums, np.diff(edges).astype(np.float64)[:, None]).sum(axis=0)
    return np.sort(np.argsort(gains, kind="stable")[::-1][:MAX_INPUTS]).astype(np.int64)


def losses_by_steps(scale: ErrorScale, x: Matrix, outputs: Array, sizes: Floats) -> Floats:
    """(MAX_STEPS + 1,) summed losses of rows after each number of steps; once steps run out, as the last."""
    logs = np.full(len(outputs), scale.base)
    found = [float((logs + sizes * np.exp(-logs)).sum())]
    for step in scale.steps:
        logs = logs + step.of(x, outputs)
        found.append(float((logs + sizes * np.exp(-logs)).sum()))
    return np.array(found + found[-1:] * (MAX_STEPS + 1 - len(found)))


@dataclass(frozen=True)
class BinnedInputs:
    """The answer and the inputs that steps may use, in bins, and the sizes of the errors of the same rows."""

    cuts: tuple[Floats, ...]  # of the answer, then of each input, ascending
    bins: NDArray[np.uint8]  # (n, d)
    sizes: Floats  # (n,)

    @classmethod
    def of(cls, x: Matrix, outputs: Array, sizes: Floats) -> BinnedInputs:
        """Of rows (n, d - 1), outputs (n,) and sizes (n,)."""
        columns = [np.asarray(column, np.float64) for column in (outputs, *x.T)]
        cuts = tuple(cuts_of(column) for column in columns)
        bins = [np.searchsorted(cut, column).astype(np.uint8) for cut, column in zip(cuts, columns, strict=True)]
        return cls(cuts, np.stack(bins, axis=1), sizes)

    def boost(self, rows: Ints) -> ErrorScale:
        """The scale with MAX_STEPS steps, or as many as gain anything on these rows."""
        d = len(self.cuts)
        places = (self.bins[rows] + N_BINS * np.arange(d)).ravel()
        counts = np.bincount(places, minlength=d * N_BINS).reshape(d, N_BINS).astype(np.float64)
        n_below = counts.cumsum(axis=1)
        base = float(np.log(self.sizes[rows].mean())) if len(rows) else 0.0
        ratios = self.sizes[rows] * np.exp(-base)  # of each size to the expected one
        steps: list[Step] = []
        while len(steps) < MAX_STEPS:
            sums = np.bincount(places, np.repeat(ratios, d), d * N_BINS).reshape(d, N_BINS).cumsum(axis=1)
            gains = gain(sums, n_below) + gain(sums[:, -1:] - sums, len(rows) - n_below)
            gains[(n_below < MIN_ROWS) | (len(rows) - n_below < MIN_ROWS)] = 0.0
            which, cut = divmod(int(np.argmax(gains)), N_BINS)
            if gains[which, cut] <= 0:
                break
            below, above = (
                STEP_SHARE * float(leaf(*side))
                for side in (
                    (sums[which, cut], n_below[which, cut]),
                    (sums[which, -1] - sums[which, cut], len(rows) - n_below[which, cut]),
                )
            )
            steps.append(Step(which - 1, float(self.cuts[which][cut]), below, above))
            ratios *= np.exp(-np.where(self.bins[rows, which] <= cut, below, above))
        return ErrorScale(base, tuple(steps))


def leaf(sums: Array | float, counts: Array | float) -> Floats:
    """Sums of ratios, and of how many rows -> the logarithm to add, held back by PRIOR_ROWS of ratio 1"""
    return np.asarray(np.log((sums + PRIOR_ROWS) / (counts + PRIOR_ROWS)))


def gain(sums: Floats, counts: Floats) -> Floats:
    """By how much the loss of such rows falls when their leaf is added."""
    added = leaf(sums, counts)
    return np.asarray(sums - counts * added - sums * np.exp(-added))


def cuts_of(column: Array) -> Floats:
    """The values of a column that lie between its bins."""
    return np.unique(np.quantile(column, np.linspace(0, 1, N_BINS + 1)[1:-1]))

"""Networks that train apart, each on its share of the rows, and are averaged every few steps.

Local SGD (Stich 2019, arXiv 1805.09767) goes on from the average. DiLoCo (Douillard et al. 2023, arXiv 2311.08105)
takes the way from the last common weights to the average for a gradient, and descends it with Nesterov's momentum.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlpcli.engine.arrays import Array

OUTER_RATE, OUTER_MOMENTUM = 0.7, 0.5  # DiLoCo, for rounds of 500 steps: 0.7, 0.9; see tests/benchmarks/README.md
STEPS = 100  # that each share takes between two averages, about; see tests/benchmarks/README.md


def n_rounds(n_steps: int, every: int = STEPS) -> int:
    """How often an epoch of so many steps is averaged."""
    return max(1, -(-n_steps // every))


def round_steps(number: int, rounds: int, n_steps: int) -> range:
    """Which of the steps of an epoch are those of a round; all rounds have about as many."""
    return range(number * n_steps // rounds, (number + 1) * n_steps // rounds)


def average(vectors: Sequence[Array], weights: Sequence[float]) -> Array:
    """The mean of vectors, weighted, summed in the order given; of one vector that vector, bit for bit."""
    if len(vectors) == 1:
        return vectors[0]
    total = np.zeros(len(vectors[0]))
    for vector, weight in zip(vectors, weights, strict=True):
        total += vector.astype(np.float64) * (weight / sum(weights))
    return total.astype(vectors[0].dtype)


class OuterStep:
    """The step that all shares take together after a round."""

    def __init__(self, n: int, rate: float = OUTER_RATE, momentum: float = OUTER_MOMENTUM) -> None:
        self.rate, self.momentum = rate, momentum
        self.velocity = np.zeros(n)

    def take(self, params: Array, mean: Array) -> Array:
        """Common parameters (n,) before a round, their mean after it -> those to go on from."""
        way = params.astype(np.float64) - mean
        self.velocity = self.momentum * self.velocity + way
        return (params - self.rate * (self.momentum * self.velocity + way)).astype(params.dtype)

    def reset(self) -> None:
        self.velocity[:] = 0

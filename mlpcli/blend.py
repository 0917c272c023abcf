"""Kinds of network in one ensemble, and the weight of each.

Networks that see the table in different ways err on different rows. Each kind has as many members as the ensemble has
folds, so its outputs for a row are those of the member that never saw it, and the weights are chosen on these: greedy
selection with replacement (Caruana et al. 2004). A kind that is never chosen is left out of the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

STEPS = 20  # kinds are selected; each time is worth a twentieth of the weight
LEAST_PROBABILITY = 1e-7


@dataclass(frozen=True)
class Kind:
    """How networks of this kind differ from the settings."""

    hidden: tuple[int, ...] | None  # None: as the settings say
    sees_ple: bool  # whether its inputs include the piecewise-linear ones


# The choices of --kinds.
KINDS: Mapping[str, Kind] = {
    "mlp": Kind(None, True),
    "wide": Kind((256, 256), True),
    "plain": Kind(None, False),
    "linear": Kind((), False),
}


@dataclass(frozen=True)
class Part:
    """What one kind has in an ensemble."""

    kind: str
    weight: float  # of its mean output; those of all kinds add up to 1
    temperature: float  # that its logits are divided by; 1 for regression


def select(outputs: Sequence[Array], y: NDArray[Any], row_weights: Array | None = None) -> list[float]:
    """The weight of each kind, from its outputs for rows it never saw: (n, n_classes) probabilities or (n,) values.

    The first kind is the first one selected, so it always has a weight.
    """
    counts = [1] + [0] * (len(outputs) - 1)
    mean = outputs[0]
    for step in range(1, STEPS if len(outputs) > 1 else 1):
        losses = [np.average(loss((step * mean + one) / (step + 1), y), weights=row_weights) for one in outputs]
        best = int(np.argmin(losses))
        mean = (step * mean + outputs[best]) / (step + 1)
        counts[best] += 1
    return [count / sum(counts) for count in counts]


def loss(outputs: Array, y: NDArray[Any]) -> Array:
    """(n,) log-losses of probabilities (n, n_classes), or squared errors of values (n,)"""
    if outputs.ndim == 1:
        return np.asarray(np.square(outputs - y))
    return np.asarray(-np.log(np.maximum(outputs[np.arange(len(y)), y], LEAST_PROBABILITY)))

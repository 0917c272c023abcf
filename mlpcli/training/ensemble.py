"""Kinds of network in one ensemble, and the weight of each.

Networks that see the table in different ways err on different rows. Each kind has as many members as the ensemble has
folds, so its outputs for a row are those of the member that never saw it, and the weights are chosen on these: greedy
selection with replacement (Caruana et al. 2004). A kind that is never chosen is left out of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlpcli.config import BASE, Config

Array = NDArray[np.floating]

STEPS = 20  # kinds are selected; each time is worth a twentieth of the weight


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


def kinds_of(config: Config) -> tuple[str, ...]:
    """The kinds of network; the course and the evidence of the first, the lead, are told."""
    return config.kinds or BASE["kinds"]


def lead_of(config: Config) -> str:
    return kinds_of(config)[0]


def hidden_of(config: Config, kind: str) -> tuple[int, ...]:
    """Units of the hidden layers of this kind."""
    own = KINDS[kind].hidden
    return (config.hidden or ()) if own is None else own


def obeys_hidden(config: Config) -> bool:
    """Whether the layers of the first kind are those of --hidden."""
    return KINDS[lead_of(config)].hidden is None


@dataclass(frozen=True)
class Part:
    """What one kind has in an ensemble."""

    kind: str
    weight: float  # of its mean output; those of all kinds add up to 1
    temperature: float  # that its logits are divided by; 1 for regression


def select(outputs: Sequence[Array], losses: Callable[[Array], Array], row_weights: Array | None = None) -> list[float]:
    """The weight of each kind, from its outputs for n rows it never saw; `losses` of outputs are (n,).

    The first kind is the first one selected, so it always has a weight.
    """
    if len(outputs) == 1:
        return [1.0]
    counts = [1] + [0] * (len(outputs) - 1)
    mean = outputs[0]
    for step in range(1, STEPS):
        means = [np.average(losses((step * mean + one) / (step + 1)), weights=row_weights) for one in outputs]
        best = int(np.argmin(means))
        mean = (step * mean + outputs[best]) / (step + 1)
        counts[best] += 1
    return [count / sum(counts) for count in counts]

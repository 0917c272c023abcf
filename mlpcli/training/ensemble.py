"""Kinds of network in one ensemble, and the weight of each.

Networks that see the table in different ways err on different rows. Each kind has as many members as the ensemble has
folds, so its outputs for a row are those of the member that never saw it, and the weights are chosen on these: greedy
selection with replacement (Caruana et al. 2004). A kind that is never chosen is left out of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mlpcli.config import Config
from mlpcli.data.schema import Schema
from mlpcli.engine.arrays import Array
from mlpcli.training.networks import build_loss

STEPS = 20  # kinds are selected; each time is worth a twentieth of the weight


@dataclass(frozen=True)
class Component:
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


def combine(logits: Sequence[Array], config: Config, schema: Schema, parts: Sequence[Component]) -> Array:
    """Logits of the networks of each part -> weighted mean of their probabilities, or of their values in y's units."""
    target, link = schema.target, build_loss(config).link
    each = len(logits) // len(parts)
    mean: Array | float = 0.0
    for i, part in enumerate(parts):
        # A row far outside the training range can overflow; what it gets is extreme, but a number.
        of_part = [np.nan_to_num(z).astype(np.float64) for z in logits[i * each : (i + 1) * each]]
        outputs = [link(z / part.temperature) for z in of_part]
        mean = mean + part.weight * np.mean(outputs if target.labels else [o[:, 0] for o in outputs], axis=0)
    return np.asarray(target.within_range(target.in_units(np.asarray(mean))))

"""The ensemble: members grouped by kind of network, and how their outputs become one answer.

Networks that see the table in different ways err on different rows. Each kind has as many members as the ensemble has
folds, so its outputs for a row are those of the member that never saw it. Temperature, the weights of the kinds
(greedy selection with replacement; Caruana et al. 2004) and the threshold are chosen on these out-of-fold outputs.
A kind that is never chosen is left out of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.settings import Settings
from mlpcli.data.target import Target
from mlpcli.engine.arrays import Array, Ints
from mlpcli.engine.losses import Loss
from mlpcli.engine.network import PREDICT_ROWS, Network
from mlpcli.metrics.costs import rule_of
from mlpcli.metrics.scoring import best_threshold, score
from mlpcli.training.networks import build_loss

if TYPE_CHECKING:  # a model that predicts does not train
    from mlpcli.training.loop import Member

SELECTION_STEPS = 20  # kinds are selected; each time is worth a twentieth of the weight
TEMPERATURES = np.geomspace(0.3, 4.0, 40)  # Guo et al. 2017 fit one; a grid is exact enough and cannot fail
ENSEMBLE_TEMPERATURE_FACTOR = 0.9  # the mean over members is flatter than each of them


@dataclass(frozen=True)
class Component:
    """What one kind has in an ensemble."""

    kind: str
    weight: float  # of its mean output; those of all kinds add up to 1
    temperature: float  # that its logits are divided by; 1 for regression


@dataclass(frozen=True)
class Ensemble:
    """The networks of each component, and how they answer."""

    components: tuple[Component, ...]
    networks: tuple[tuple[Network, ...], ...]  # of each component
    loss: Loss
    target: Target

    @property
    def lead(self) -> tuple[Network, ...]:
        """The networks of the first kind."""
        return self.networks[0]

    def twin(self) -> Ensemble:
        """The same ensemble to be asked on another thread; its networks work in the same arrays one after another."""
        networks = tuple(tuple(network.twin() for network in of_component) for of_component in self.networks)
        first, *others = chain(*networks)
        first.reserve(PREDICT_ROWS)
        for network in others:
            network.share_buffers(first)
        return replace(self, networks=networks)

    def outputs(self, x: Array) -> Array:
        """(n, n_inputs) -> probabilities (n, n_classes), or values (n,) in the target's units"""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.combine([[n.forward(x).copy() for n in of_component] for of_component in self.networks])

    def combine(self, logits: Sequence[Sequence[Array]]) -> Array:
        """Logits of the networks of each component -> the weighted mean of their probabilities or values."""
        target = self.target
        mean: Array | float = 0.0
        for component, of_component in zip(self.components, logits, strict=True):
            # A row far outside the training range can overflow; what it gets is extreme, but a number.
            finite = np.nan_to_num(np.concatenate(of_component)).astype(np.float64)
            finite /= component.temperature
            outputs = self.loss.link(finite).reshape(len(of_component), len(of_component[0]), -1)
            mean = mean + component.weight * (outputs if target.labels else outputs[:, :, 0]).mean(axis=0)
        return np.asarray(target.within_range(target.in_units(np.asarray(mean))))


@dataclass(frozen=True)
class HeldOut:
    """One member's logits (n, n_outputs) of its n validation rows, `index` (n,)."""

    index: Ints
    logits: Array


def held_out(members: Sequence[Member]) -> list[HeldOut]:
    """What each member says of the rows that validate it; nothing without such rows."""
    return [HeldOut(m.valid.index, m.valid.logits(m.network)) for m in members if m.valid is not None]


@dataclass(frozen=True)
class Calibration:
    """What the out-of-fold outputs decide."""

    components: tuple[Component, ...]  # of the kinds that have a weight
    threshold: float | None
    validation: dict[str, float]  # metrics of the out-of-fold outputs
    temperature: float  # of single members of the first kind


@dataclass(frozen=True)
class OutOfFold:
    """Everything that was said of rows by members that never saw them: `held_out` by kind."""

    settings: Settings
    target: Target
    y: NDArray[Any]  # encoded, of all rows
    row_weights: NDArray[Any] | None  # of all rows; None when all count the same
    held_out: dict[str, list[HeldOut]]

    @cached_property
    def loss(self) -> Loss:
        return build_loss(self.settings)

    @property
    def lead(self) -> list[HeldOut]:
        return self.held_out[self.settings.lead]

    @cached_property
    def rows(self) -> Ints:
        """The rows that some member of a kind validated on."""
        return np.unique(np.concatenate([found.index for found in self.lead]))

    def mean_logits(self, kind: str) -> Array:
        """(n_rows, n_outputs) of `rows`, the mean over the members of a kind that validated on them."""
        held_out = self.held_out[kind]
        sums, counts = np.zeros((len(self.y), held_out[0].logits.shape[1])), np.zeros((len(self.y), 1))
        for found in held_out:
            sums[found.index] += found.logits
            counts[found.index] += 1
        return np.asarray(sums[self.rows] / counts[self.rows])

    def temperature(self, kind: str) -> float:
        """The temperature of single members of a kind: the one with the least loss of their validation rows."""
        if not (self.settings.calibrate and self.target.labels):
            return 1.0
        logits = np.concatenate([found.logits for found in self.held_out[kind]]).astype(np.float64)
        y = np.concatenate([self.y[found.index] for found in self.held_out[kind]])
        return float(min(TEMPERATURES, key=lambda t: self.loss.value(logits / t, y)))

    def component(self, kind: str, temperature: float) -> Component:
        """One kind alone; its temperature from that of single members."""
        if self.settings.calibrate and self.target.labels and self.settings.ensemble > 1:
            temperature *= ENSEMBLE_TEMPERATURE_FACTOR
        return Component(kind, 1.0, temperature)

    def outputs(self, component: Component) -> Array:
        """Out-of-fold outputs of `rows` by one kind alone."""
        alone = Ensemble((replace(component, weight=1.0),), ((),), self.loss, self.target)
        return alone.combine([[self.mean_logits(component.kind)]])

    def mean_outputs(self, components: Sequence[Component]) -> Array:
        """Out-of-fold outputs of `rows` by the weighted mean of kinds."""
        first, *others = (component.weight * self.outputs(component) for component in components)
        return sum(others, first)

    def losses(self, outputs: Array) -> Array:
        """Outputs of `rows`, (n_rows, n_classes) or (n_rows,) in the target's unit -> (n_rows,) losses"""
        y = self.y[self.rows]
        return self.loss.rows_of_outputs(self.target.standardise(outputs.reshape(len(y), -1)), y)

    def calibrate(self) -> Calibration:
        """Temperatures, weights of the kinds, threshold and validation metrics; those of no rows without any."""
        kinds = tuple(self.held_out)
        if not self.lead:
            return Calibration((Component(kinds[0], 1.0, 1.0),), None, {}, 1.0)
        weights = None if self.row_weights is None else self.row_weights[self.rows]
        temperatures = [self.temperature(kind) for kind in kinds]
        found = [self.component(kind, t) for kind, t in zip(kinds, temperatures, strict=True)]
        outputs = [self.outputs(component) for component in found]
        shares = select(outputs, self.losses, weights)
        components = tuple(replace(c, weight=share) for c, share in zip(found, shares, strict=True) if share)
        mean = shares[0] * outputs[0]
        for share, one in zip(shares[1:], outputs[1:], strict=True):
            mean += share * one
        y = self.y[self.rows]
        truth: NDArray[Any] = self.target.in_units(y)
        threshold = None
        if self.settings.threshold != "none":
            threshold = best_threshold(truth, mean, self.settings.threshold, weights)
        rule = rule_of(self.settings, self.target.labels, threshold)
        scores = score(self.loss, truth, mean, weights, 0, rng=np.random.default_rng(0), rule=rule)
        validation = {name: interval.value for name, interval in scores.items()}
        return Calibration(components, threshold, validation, temperatures[0])


def select(outputs: Sequence[Array], losses: Callable[[Array], Array], row_weights: Array | None = None) -> list[float]:
    """The weight of each kind, from its outputs for n rows it never saw; `losses` of outputs are (n,).

    The first kind is the first one selected, so it always has a weight.
    """
    if len(outputs) == 1:
        return [1.0]
    counts = [1] + [0] * (len(outputs) - 1)
    mean = outputs[0]
    for step in range(1, SELECTION_STEPS):
        means = [np.average(losses((step * mean + one) / (step + 1)), weights=row_weights) for one in outputs]
        best = int(np.argmin(means))
        mean = (step * mean + outputs[best]) / (step + 1)
        counts[best] += 1
    return [count / sum(counts) for count in counts]

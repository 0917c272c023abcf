"""By what epochs and trainings are compared: the validation loss, or the metric that --stop-on names."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.settings import STOP_METRIC_NAMES, THE_LOSS, Settings
from mlpcli.data.target import Target
from mlpcli.engine.arrays import Array, Floats, Ints
from mlpcli.engine.losses import Loss
from mlpcli.errors import UsageError
from mlpcli.metrics.costs import Rule
from mlpcli.metrics.scoring import METRICS, decide, metrics_of
from mlpcli.training.networks import build_loss


@dataclass(frozen=True)
class Criterion:
    """A metric of METRICS by which a member's epochs are compared, on outputs as `predict` gives them.

    Labels are those of `rule`, the costs of mistakes, or else the most probable class: temperature and threshold are
    found after training.
    """

    name: str
    loss: Loss
    target: Target
    rule: Rule
    weights: Floats | None  # of --weight, of all encoded rows, as in metrics; those of --class-weight are the loss's

    def value(self, logits: Array, y: NDArray[Any], rows: Ints) -> float:
        """Logits (n, n_outputs), y (n,) and the numbers of encoded rows (n,) -> the metric, in the target's unit"""
        metric, outputs = METRICS[self.name], self.loss.link(logits.astype(np.float64))
        weights = None if self.weights is None else self.weights[rows]
        if metric.needs == "labels":
            return metric.function(y, decide(outputs, self.rule), weights, rule=self.rule)
        if metric.needs == "probabilities":
            return metric.function(y, outputs, weights)
        values = self.target.within_range(self.target.in_units(outputs[:, 0]))
        return metric.function(self.target.in_units(y), values, weights, self.loss)


def rank(criterion: Criterion | None, loss: float, metric: float | None) -> tuple[float, float]:
    """What sorts epochs, the best one first: the metric, and of equals the loss; without a criterion the loss alone.

    Metrics of few rows are flat. Of epochs with the same metric that with the lower loss is better, and counts as an
    improvement for --patience; of epochs that are alike in both the earlier one is kept.
    """
    if criterion is None:
        return 0.0, loss
    return inf if metric is None else as_loss(criterion.name, metric), loss


def as_loss(name: str, value: float) -> float:
    """A metric's value; where higher is better what it lacks of 1, the best value of all such metrics."""
    return 1 - value if METRICS[name].higher_is_better else value


def loss_name(name: str) -> str:
    """What `as_loss` of this metric is called."""
    return f"1 - {name}" if METRICS[name].higher_is_better else name


def selecting_metric(settings: Settings) -> str:
    """The metric by which trainings are compared: that of --stop-on, else that of the loss.

    UsageError where models of this loss, or without such costs, have no such metric.
    """
    loss = build_loss(settings)
    if settings.stop_on == THE_LOSS:
        return loss.metric
    of_costs = [name for name, given in (("mean_cost", settings.cost), ("rank_error", settings.order)) if given]
    known = [name for name in STOP_METRIC_NAMES if name in metrics_of(loss) or name in of_costs]
    if settings.stop_on not in known:
        what = f"--stop-on: no metric '{settings.stop_on}' for {loss.task} with --loss {settings.loss}"
        raise UsageError(what, "one of " + ", ".join([THE_LOSS, *known]))
    return settings.stop_on


def check_stop_on(settings: Settings, has_validation: bool) -> None:
    """UsageError for a metric that does not fit the loss, or without rows on which it could be measured."""
    selecting_metric(settings)
    if settings.stop_on != THE_LOSS and not has_validation:
        what = f"--stop-on {settings.stop_on}: without validation rows no epoch can be chosen"
        raise UsageError(what, f"--validation 0.15, or --stop-on {THE_LOSS}")

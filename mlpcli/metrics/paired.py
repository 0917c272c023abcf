"""Two models on the same rows: by how much each metric differs, and whether the rows at hand show that it does.

Rows, or whole groups of rows that belong together, are drawn with replacement, and both models are scored on the same
draw: what makes a row hard for both then cancels in the difference (paired bootstrap; Efron 1979).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlpcli.engine.arrays import Array, Floats, Ints
from mlpcli.engine.losses import Loss, Target
from mlpcli.metrics.costs import Costs, Rule
from mlpcli.metrics.intervals import Interval, estimate, resamples, t_quantile
from mlpcli.metrics.scoring import (
    MAX_CELLS,
    MIN_BOOTSTRAP,
    N_BOOTSTRAP,
    Metric,
    Statistic,
    decide,
    metrics_of,
)

Verdict = Literal["better", "worse", "not shown to differ", "not judged"]


@dataclass(frozen=True)
class PairedMetric:
    """One metric of two models on the same rows."""

    new: float
    old: float
    difference: Interval  # new minus old, 95 %
    verdict: Verdict  # of the new one; not judged where the metric has no interval that holds


@dataclass(frozen=True)
class ScoredModel:
    """What scoring takes of a model: its loss, outputs (n, n_classes) or (n,), and how it decides."""

    loss: Loss
    outputs: Array
    rule: Rule

    def statistic(self, metric: Metric, truth: Target, costs: Rule) -> Statistic:
        """The metric of rows of this truth (n,): from weights (n_resamples, n) to values (n_resamples,)."""
        given = decide(self.outputs, self.rule) if metric.needs == "labels" else self.outputs
        return metric.statistic(truth, given, **metric.options(self.loss, costs))


def shared_metrics(new: Loss, old: Loss, costs: Rule = None) -> dict[str, Metric]:
    """The metrics that models of both losses have, with the same settings; under the same costs of mistakes."""
    others = metrics_of(old, costs)
    return {n: m for n, m in metrics_of(new, costs).items() if n in others and m.options(new) == m.options(old)}


def compare_scores(
    truth: Target, new: ScoredModel, old: ScoredModel, weights: Floats | None, groups: Ints | None,
    rng: np.random.Generator,
) -> dict[str, PairedMetric]:  # fmt: skip
    """Every metric that both have. Truth (n,), weights (n,) above 0 or None, groups (n,) numbers or None for rows."""
    w = np.ones(len(truth)) if weights is None else weights / weights.max()
    costs = new.rule if isinstance(new.rule, Costs) else old.rule  # both are judged by those of the new one, if any
    shared = shared_metrics(new.loss, old.loss, costs)
    both = {name: tuple(one.statistic(m, truth, costs) for one in (new, old)) for name, m in shared.items()}
    drawn: dict[str, list[Floats]] = {name: [] for name in shared}
    for counts in draws(len(truth), groups, n_draws(new.outputs), rng):
        counts *= w
        for name, (of_new, of_old) in both.items():
            if shared[name].has_interval:
                drawn[name].append(of_new(counts) - of_old(counts))
    level = level_for(len(truth) if groups is None else len(np.unique(groups)))
    found = {}
    for name, metric in shared.items():
        ours, theirs = (float(of(w[None])[0]) for of in both[name])
        values = np.concatenate([np.full(2, ours - theirs), *drawn[name]])
        difference = estimate(values, level)
        found[name] = PairedMetric(ours, theirs, difference, verdict_of(metric, difference))
    return found


def level_for(n: int) -> float:
    """The level at which a percentile interval of n units has the width of Student's: that of few is too narrow.

    Hesterberg 2015, "What Teachers Should Know About the Bootstrap", section 4.1.
    """
    return math.erf((n / (n - 1)) ** 0.5 * t_quantile(n - 1) / 2**0.5)


def n_draws(outputs: Array) -> int:
    """Fewer of very many rows and classes, as for the intervals of one model."""
    return int(min(N_BOOTSTRAP, max(MIN_BOOTSTRAP, MAX_CELLS // outputs.size)))


def draws(n: int, groups: Ints | None, n_wanted: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each row is drawn, blocks of (n_resamples, n): by itself, or with all of its group."""
    if groups is None:
        yield from resamples(n, n_wanted, rng)
        return
    _, number = np.unique(groups, return_inverse=True)
    for counts in resamples(int(number.max()) + 1, n_wanted, rng):
        yield from (counts[i : i + 1][:, number] for i in range(len(counts)))


def verdict_of(metric: Metric, difference: Interval) -> Verdict:
    """Whether the interval of the difference lies on one side of 0."""
    if not metric.has_interval:
        return "not judged"
    if difference.low <= 0 <= difference.high:
        return "not shown to differ"
    return "better" if (difference.low > 0) == metric.higher_is_better else "worse"

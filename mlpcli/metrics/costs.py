"""Which answer to give where mistakes differ in cost: the one of the least expected cost.

Elkan 2001, "The Foundations of Cost-Sensitive Learning". Of ordered classes a mistake costs its distance in ranks, and
the answer is then the median of the predicted distribution. `rule_of` makes the rule of the settings, by which
`scoring.decide` answers.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlpcli.config.costs import cost_in
from mlpcli.config.settings import Config
from mlpcli.engine.arrays import Array, Floats
from mlpcli.errors import UsageError

NAMED = 10  # classes in a hint


@dataclass(frozen=True, eq=False)
class Costs:
    """What each answer costs, and the metrics that tell of it."""

    matrix: Floats  # (n_classes, n_classes): a row a true class, a column an answer; 0 on the diagonal
    metrics: tuple[str, ...]  # of METRICS, shown for these costs alone

    def expected(self, proba: Array) -> Floats:
        """(n, n_classes) probabilities -> (n, n_classes) expected cost of each answer; a row's depend on it alone."""
        total = np.zeros(proba.shape)
        for share, costs in zip(proba.T, self.matrix, strict=True):
            total += share[:, None] * costs
        return total

    def among(self, places: Sequence[int], n_classes: int) -> Costs:
        """The same costs where the classes stand at these places among more, whose mistakes cost the most there is."""
        wider = np.full((n_classes, n_classes), self.matrix.max())
        wider[np.ix_(places, places)] = self.matrix
        np.fill_diagonal(wider, 0)
        return replace(self, matrix=wider)


# From which probability on the second of two classes is said; or what mistakes cost; None: the more probable class.
Rule = float | Costs | None


def rule_of(config: Config, labels: Sequence[str], threshold: float | None) -> Rule:
    """How a model with these settings and classes decides. Raises UsageError for costs or an order of other classes."""
    return costs_of(config, labels) if config.cost or config.order else threshold


def costs_of(config: Config, labels: Sequence[str]) -> Costs:
    """--cost and --order: a mistake costs its distance in ranks with the latter, else 1, where --cost says nothing."""
    check_order_of(config.order, labels)
    rank = np.arange(len(labels), dtype=np.float64)
    distance = np.abs(rank[:, None] - rank)
    matrix = distance if config.order else (distance > 0).astype(np.float64)
    for entry in config.cost:
        matrix[pair_of(entry, labels)] = cost_in(entry)
    asked = {"mean_cost": config.cost, "rank_error": config.order}
    return Costs(matrix, tuple(name for name, given in asked.items() if given))


def check_order_of(order: Sequence[str], labels: Sequence[str]) -> None:
    """UsageError where an order, if there is one, does not name each of the classes."""
    unknown = [label for label in order if label not in labels]
    if unknown:
        raise unknown_class("--order", unknown[0], labels)
    missing = [label for label in labels if label not in order] if order else []
    if missing:
        raise UsageError("--order: not named: " + shown(missing), "name each class once, the lowest first")


def pair_of(entry: str, labels: Sequence[str]) -> tuple[int, int]:
    """TRUE:PREDICTED=COST -> the numbers of both classes; a class may have a colon in its name. Raises UsageError."""
    pair = entry.rpartition("=")[0]
    cuts = [i for i, char in enumerate(pair) if char == ":" and 0 < i < len(pair) - 1]
    known = [i for i in cuts if pair[:i] in labels and pair[i + 1 :] in labels]
    if not known:
        true, predicted = pair[: cuts[0]], pair[cuts[0] + 1 :]
        raise unknown_class("--cost", predicted if true in labels else true, labels)
    true, predicted = pair[: known[0]], pair[known[0] + 1 :]
    if true == predicted:
        raise UsageError(f"--cost: '{true}' answered '{true}' is right, and costs nothing", "name two classes")
    return labels.index(true), labels.index(predicted)


def unknown_class(flag: str, name: str, labels: Sequence[str]) -> UsageError:
    near = difflib.get_close_matches(name, labels, n=1)
    mean = f"; did you mean '{near[0]}'?" if near else ""
    return UsageError(f"{flag}: no class '{name}'{mean}", "one of " + shown(labels))


def shown(labels: Sequence[str]) -> str:
    return ", ".join(labels[:NAMED]) + (" ..." if len(labels) > NAMED else "")


def cut_of(rule: Rule) -> float:
    """From which probability on the second of two classes is said."""
    if isinstance(rule, Costs):
        alarm, miss = float(rule.matrix[0, 1]), float(rule.matrix[1, 0])
        return alarm / (alarm + miss)
    return 0.5 if rule is None else rule

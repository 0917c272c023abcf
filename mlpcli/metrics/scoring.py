"""How good predictions are: METRICS and their 95 % intervals.

A metric is a function of (truth, outputs) that returns a statistic: a function from row weights
(n_resamples, n_rows) to values (n_resamples,). One formula so serves the plain value, weighted rows and the
bootstrap, whose resamples are rows of counts. To add a metric, write it and add a line to METRICS, at the
place where it should be shown; the tests walk the dict.

Truth is a class index or a number per row; outputs are class probabilities (n_rows, n_classes), labels or
numbers. Finite input gives finite values. A label the model has never seen can be scored as one more class
of probability 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mlpcli.config.settings import Task
from mlpcli.engine.arrays import Array, Bools, Floats
from mlpcli.engine.losses import Loss, log_losses
from mlpcli.errors import DataError, UsageError
from mlpcli.metrics.costs import Costs, Rule
from mlpcli.metrics.intervals import Interval, resamples, t_quantile

Needs = Literal["labels", "probabilities", "values"]
Labels = npt.NDArray[np.integer]
Statistic = Callable[[Floats], Floats]
Curve = Callable[[npt.NDArray[Any]], Floats]  # a statistic that takes counts too

N_BOOTSTRAP = 1_000  # resamples behind an interval
MIN_BOOTSTRAP = 100  # for very many rows or classes; the ends are then good to about 14 % of the half width
N_THRESHOLDS = 500  # probabilities of a tuned threshold that are tried, at most
MAX_CELLS = 20_000_000  # resamples x rows (x classes, for curves) above which fewer resamples are drawn
ECE_BINS = 15  # of equal width; Guo et al. 2017


@dataclass(frozen=True)
class Metric:
    """A statistic with what a caller must know to feed it and to compare its values."""

    statistic: Callable[..., Statistic]
    higher_is_better: bool
    task: Task
    needs: Needs
    is_own: bool = False  # of the loss that names it, and shown for no other
    settings: tuple[str, ...] = ()  # attributes of that loss that the statistic takes
    is_detail: bool = False  # shown by --verbose and --json only
    is_asked: bool = False  # shown where the costs of mistakes are given that it tells of
    takes_costs: bool = False  # the statistic takes them
    has_interval: bool = True  # False where none is known that holds; see tests/benchmarks/intervals.py

    def function(
        self, y: Labels | Array, outputs: Labels | Array, weights: Labels | Array | None = None,
        loss: Loss | None = None, rule: Rule = None,
    ) -> float:  # fmt: skip
        """Truth (n,) and labels (n,), probabilities (n, C) or values (n,), as `needs` says -> the value.

        Of a metric that is some loss's own, `loss` has its settings; `rule` has the costs of one that tells of them.
        Raises DataError when no row has weight.
        """
        y, outputs, w = _scored_rows(y, outputs, weights)
        return float(self.statistic(y, outputs, **self.options(loss, rule))(w[None, :])[0])

    def options(self, loss: Loss | None, rule: Rule = None) -> dict[str, Any]:
        """What the statistic takes besides truth and outputs."""
        of_loss = {} if loss is None else {name: getattr(loss, name) for name in self.settings}
        return of_loss | ({"costs": rule.matrix} if self.takes_costs and isinstance(rule, Costs) else {})


# What statistics are built from


def _mean(per_row: npt.NDArray[np.generic]) -> Statistic:
    rows = per_row.astype(np.float64)
    return lambda w: w @ rows / w.sum(axis=1)


def ratio_of(part: npt.NDArray[Any], whole: npt.NDArray[Any], otherwise: float = 0.0) -> Floats:
    """part / whole, `otherwise` where whole is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, otherwise), where=whole > 0))


def _counts(w: Floats) -> npt.NDArray[Any]:
    """Weights that are whole numbers as integers, whose running sums take an eighth of the time."""
    counts = w.astype(np.int32)
    return counts if np.array_equal(counts, w) else w


def _weight_by_class(labels: Labels, n_classes: int, where: Bools | None = None) -> Statistic:
    """Total weight of each class, (n_resamples, n_classes): rows sorted once, then runs summed."""
    rows = np.arange(len(labels)) if where is None else np.flatnonzero(where)
    rows = rows[np.argsort(labels[rows], kind="stable")]
    present, starts = np.unique(labels[rows], return_index=True)

    def totals(w: Floats) -> Floats:
        out = np.zeros((len(w), n_classes))
        out[:, present] = np.add.reduceat(w.take(rows, axis=1), starts, axis=1)
        return out

    return totals


def _one_against_rest(y: Labels, proba: Array, curve: Callable[[Bools, Array], Curve]) -> Statistic:
    """Class 1 against class 0; with more, the mean over classes where `curve` is defined, NaN if nowhere."""
    classes = [1] if proba.shape[1] == 2 else np.unique(y).tolist()
    curves = [curve(y == c, proba[:, c]) for c in classes]

    def mean(w: Floats) -> Floats:
        total, n_defined, counts = np.zeros(len(w)), np.zeros(len(w)), _counts(w)
        for of in curves:
            values = of(counts)
            defined = ~np.isnan(values)
            total[defined] += values[defined]
            n_defined += defined
        return ratio_of(total, n_defined, np.nan)

    return mean


def _roc_curve_area(positive: Bools, scores: Array) -> Curve:
    """Mann-Whitney U from weighted mid-ranks: ties count one half. NaN without rows on both sides."""
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    hits = np.flatnonzero(positive[order])
    start, end = (np.searchsorted(ranked, ranked[hits], side) for side in ("left", "right"))

    def area(w: npt.NDArray[Any]) -> Floats:
        below = np.zeros((len(w), len(order) + 1), w.dtype)  # weight of all rows before each position
        sorted_w = w.take(order, axis=1)
        np.cumsum(sorted_w, axis=1, dtype=w.dtype, out=below[:, 1:])
        hit_w = sorted_w.take(hits, axis=1)
        n_positive = hit_w.sum(axis=1)
        n_negative = below[:, -1] - n_positive
        n_negative[n_negative < 1e-12 * below[:, -1]] = 0  # what rounding left of a difference
        mid_ranks = below.take(start, axis=1)
        mid_ranks += below.take(end, axis=1)
        u: Floats = np.einsum("bi,bi->b", hit_w, mid_ranks, dtype=np.float64) / 2 - n_positive**2 / 2
        return ratio_of(u, n_positive * n_negative, np.nan).clip(0, 1)

    return area


def _precision_recall_area(positive: Bools, scores: Array) -> Curve:
    """Sum of precision times the step in recall, rows of equal score together. NaN without positive rows."""
    order = np.argsort(-scores, kind="stable")
    ranked = -scores[order]
    hits = np.flatnonzero(positive[order])
    end = np.searchsorted(ranked, ranked[hits], "right")  # rows down to and including the tie
    end_hits = np.searchsorted(hits, end) - 1  # the last hit among them

    def area(w: npt.NDArray[Any]) -> Floats:
        sorted_w = w.take(order, axis=1)
        hit_w = sorted_w.take(hits, axis=1)
        found = np.cumsum(hit_w, axis=1, dtype=w.dtype).take(end_hits, axis=1)
        shown = np.cumsum(sorted_w, axis=1, dtype=w.dtype, out=sorted_w).take(end - 1, axis=1)
        total: Floats = hit_w.sum(axis=1)
        sums: Floats = np.einsum("bi,bi->b", hit_w.astype(np.float64), ratio_of(found, shown))
        return ratio_of(sums, total, np.nan).clip(0, 1)

    return area


# Classification


def accuracy(y: Labels, labels: Labels) -> Statistic:
    """The share of rows whose label is right."""
    return _mean(labels == y)


def balanced_accuracy(y: Labels, labels: Labels) -> Statistic:
    """The mean recall of the classes that occur in the truth."""
    n_classes = int(max(y.max(), labels.max())) + 1
    true, hit = _weight_by_class(y, n_classes), _weight_by_class(y, n_classes, labels == y)

    def mean_recall(w: Floats) -> Floats:
        support = true(w)
        recall: Floats = ratio_of(hit(w), support)
        return ratio_of(recall.sum(axis=1), (support > 0).sum(axis=1))

    return mean_recall


def f1(y: Labels, labels: Labels) -> Statistic:
    """Macro F1, for two classes as well: the mean of 2TP / (2TP + FP + FN) over the classes in truth or labels."""
    n_classes = int(max(y.max(), labels.max())) + 1
    true, predicted = _weight_by_class(y, n_classes), _weight_by_class(labels, n_classes)
    hit = _weight_by_class(y, n_classes, labels == y)

    def macro(w: Floats) -> Floats:
        either = true(w) + predicted(w)
        return ratio_of(ratio_of(2 * hit(w), either).sum(axis=1), (either > 0).sum(axis=1))

    return macro


def mean_cost(y: Labels, labels: Labels, costs: Floats | None = None) -> Statistic:
    """The mean cost of a row's answer; `costs` (n_classes, n_classes) of true class and answer, or 1 a mistake."""
    return _mean(labels != y if costs is None else costs[y, labels])


def rank_error(y: Labels, labels: Labels) -> Statistic:
    """How many ranks the answer lies from the truth, on average: the mean absolute error of ordered classes."""
    return _mean(np.abs(labels - y))


def log_loss(y: Labels, proba: Array) -> Statistic:
    """Mean -log of the true class's probability, in nats; it counts as at least MIN_PROBABILITY."""
    return _mean(log_losses(proba, y))


def auc(y: Labels, proba: Array) -> Statistic:
    """Area under the ROC curve, of class 1 or the mean one-against-rest; 0.5 where only one class occurs."""
    area = _one_against_rest(y, proba, _roc_curve_area)
    return lambda w: np.nan_to_num(area(w), nan=0.5)


def average_precision(y: Labels, proba: Array) -> Statistic:
    """Area under precision over recall, of class 1 or the mean one-against-rest; 0 without positive rows."""
    area = _one_against_rest(y, proba, _precision_recall_area)
    return lambda w: np.nan_to_num(area(w), nan=0.0)


def brier(y: Labels, proba: Array) -> Statistic:
    """Mean squared distance of the probabilities from the truth, halved: 0 to 1 for any number of classes."""
    distance = proba.astype(np.float64)
    distance[np.arange(len(y)), y] -= 1
    return _mean((distance**2).sum(axis=1) / 2)


def confidence_bins(confidence: Floats) -> npt.NDArray[np.intp]:
    """(n,) probabilities -> the number of the one of ECE_BINS bins that each lies in"""
    return (np.ceil(confidence * ECE_BINS).astype(np.intp) - 1).clip(0, ECE_BINS - 1)


def ece(y: Labels, proba: Array) -> Statistic:
    """Expected calibration error of the most probable class: mean |confidence - accuracy| over ECE_BINS bins.

    Noise of few rows in a bin counts as error (Guo et al. 2017): the value lies high, a resampled one higher still, so
    that a bootstrap interval holds the truth in hardly any sample. It has none.
    """
    confidence = proba.max(axis=1).astype(np.float64)
    bins = confidence_bins(confidence)
    excess = np.zeros((len(y), ECE_BINS))
    excess[np.arange(len(y)), bins] = confidence - (proba.argmax(axis=1) == y)
    return lambda w: np.abs(w @ excess).sum(axis=1) / w.sum(axis=1)


# Regression


def _errors(y: Array, values: Array) -> Floats:
    with np.errstate(over="ignore"):
        errors = values.astype(np.float64) - y
    return errors.clip(-np.finfo(np.float64).max, np.finfo(np.float64).max)


def _largest(values: Floats) -> float:
    """The largest magnitude, 1 if all are 0: what to divide by so that no square overflows."""
    return float(np.abs(values).max()) or 1.0


def rmse(y: Array, values: Array) -> Statistic:
    """Root of the mean squared error, in the target's unit."""
    errors = _errors(y, values)
    scale = _largest(errors)
    mean_square = _mean((errors / scale) ** 2)
    return lambda w: scale * np.sqrt(mean_square(w))


def mae(y: Array, values: Array) -> Statistic:
    """Mean absolute error, in the target's unit."""
    errors = np.abs(_errors(y, values))
    scale = _largest(errors)
    mean = _mean(errors / scale)
    return lambda w: scale * mean(w).clip(0, 1)


def median_absolute_error(y: Array, values: Array) -> Statistic:
    """The (weighted) median of the absolute errors, in the target's unit: not moved by a few large ones."""
    errors = np.abs(_errors(y, values))
    order = np.argsort(errors)
    errors = errors[order]

    def median(w: Floats) -> Floats:
        covered = np.cumsum(_counts(w).take(order, axis=1), axis=1)
        half = covered[:, -1:] / 2
        lower, upper = (covered >= half).argmax(axis=1), (covered > half).argmax(axis=1)
        medians: Floats = errors[lower] / 2 + errors[upper] / 2
        return medians

    return median


def r2(y: Array, values: Array) -> Statistic:
    """The share of the target's variance explained; of a constant target 1 if every value is right, else 0."""
    scale = _largest(y.astype(np.float64))
    target = y.astype(np.float64) / scale
    target = target - target.mean()
    limit = np.finfo(np.float64).max
    with np.errstate(over="ignore"):
        squares = ((_errors(y, values) / scale) ** 2).clip(0, limit / len(y))
    first, second, unexplained = _mean(target), _mean(target**2), _mean(squares)

    def explained(w: Floats) -> Floats:
        moment, left = second(w), unexplained(w)
        variance = moment - first(w) ** 2
        constant = variance <= 1e-12 * moment  # a difference: 0 up to rounding
        with np.errstate(over="ignore"):
            share = 1 - left / np.where(constant, 1, variance)
        return np.where(constant, left == 0, share.clip(-limit, 1))

    return explained


MIN_RATE = 1e-7  # predicted count; so that a certain and wrong answer costs much, and not without end


def poisson_deviance(y: Array, values: Array) -> Statistic:
    """Mean Poisson deviance, 2 (y log(y / value) - y + value), of counts; a value counts as at least MIN_RATE."""
    y, values = y.astype(np.float64), np.maximum(values.astype(np.float64), MIN_RATE)
    return _mean(2 * (y * np.log(np.where(y > 0, y, 1) / np.where(y > 0, values, 1)) - y + values))


def pinball(y: Array, values: Array, quantile: float) -> Statistic:
    """Mean pinball loss of a quantile, in the target's unit: half the mean absolute error for the median."""
    errors = _errors(y, values)
    scale = _largest(errors)
    mean = _mean(np.maximum(-quantile * (errors / scale), (1 - quantile) * (errors / scale)))
    return lambda w: scale * mean(w).clip(0, 1)


METRICS: dict[str, Metric] = {
    "accuracy": Metric(accuracy, True, "classification", "labels"),
    "balanced_accuracy": Metric(balanced_accuracy, True, "classification", "labels"),
    "f1": Metric(f1, True, "classification", "labels"),
    "mean_cost": Metric(mean_cost, False, "classification", "labels", is_asked=True, takes_costs=True),
    "rank_error": Metric(rank_error, False, "classification", "labels", is_asked=True),
    "auc": Metric(auc, True, "classification", "probabilities"),
    "average_precision": Metric(average_precision, True, "classification", "probabilities", is_detail=True),
    "log_loss": Metric(log_loss, False, "classification", "probabilities"),
    "brier": Metric(brier, False, "classification", "probabilities", is_detail=True),
    "ece": Metric(ece, False, "classification", "probabilities", is_detail=True, has_interval=False),
    "rmse": Metric(rmse, False, "regression", "values"),
    "mae": Metric(mae, False, "regression", "values"),
    "median_absolute_error": Metric(median_absolute_error, False, "regression", "values", is_detail=True),
    "r2": Metric(r2, True, "regression", "values"),
    "poisson_deviance": Metric(poisson_deviance, False, "regression", "values", is_own=True),
    "pinball": Metric(pinball, False, "regression", "values", is_own=True, settings=("quantile",)),
}


def metrics_of(loss: Loss, rule: Rule = None) -> dict[str, Metric]:
    """The metrics of models of this loss, in the order in which they are shown: its own leads, if it is no other's."""
    asked = rule.metrics if isinstance(rule, Costs) else ()
    shared = {
        name: metric for name, metric in METRICS.items()
        if metric.task == loss.task and not metric.is_own and (not metric.is_asked or name in asked)
    }  # fmt: skip
    return shared if loss.metric in shared else {loss.metric: METRICS[loss.metric], **shared}


def check_metric(loss: Loss, rule: Rule, metric: str | None) -> None:
    """UsageError where models of this loss and rule have no such metric."""
    known = metrics_of(loss, rule)
    if metric is not None and metric not in known:
        raise UsageError(f"--metric: no metric '{metric}' for {loss.task}", "one of " + ", ".join(known))


def decide(proba: npt.NDArray[Any], rule: Rule = None) -> Labels:
    """(n, C) probabilities -> (n,) labels: the most probable class, the second of two from a threshold on, or the
    class of the least expected cost.
    """
    if isinstance(rule, Costs):
        return np.asarray(rule.expected(proba).argmin(axis=1))
    return proba.argmax(axis=1) if rule is None else (proba[:, 1] >= rule).astype(np.int64)


def confidences(outputs: Array, labels: Labels) -> Floats:
    """Outputs (n, n_classes) and answers (n,) -> (n,) probability of each answer"""
    return np.asarray(outputs[np.arange(len(outputs)), labels], np.float64)


def best_threshold(y: Labels, proba: Array, name: str, weights: Array | None = None) -> float:
    """The cut on the second of two classes at which a metric of labels is best; of equals the nearest to 0.5.

    Truth (n,), probabilities (n, 2). Candidates lie halfway between neighbouring quantiles, so that no row of
    these sits on the cut.
    """
    seen = np.unique(np.quantile(proba[:, 1], np.linspace(0, 1, N_THRESHOLDS), method="inverted_cdf"))
    cuts = np.append((seen[1:] + seen[:-1]) / 2, 0.5)
    cuts = cuts[np.argsort(np.abs(cuts - 0.5), kind="stable")]
    found = [METRICS[name].function(y, decide(proba, cut), weights) for cut in cuts.tolist()]
    return float(cuts[int(np.argmax(found) if METRICS[name].higher_is_better else np.argmin(found))])


def score(
    loss: Loss,
    y: Labels | Array,
    outputs: Labels | Array,
    weights: Labels | Array | None = None,
    n_bootstrap: int = N_BOOTSTRAP,
    *,
    rng: np.random.Generator,
    rule: Rule = None,
    details: bool = True,
) -> dict[str, Interval]:
    """Every metric of the loss with its 95 % percentile bootstrap interval over rows, in the order of `metrics_of`.

    Truth (n,) and probabilities (n, C) or values (n,); the label of a row is as `decide` says.
    Above MAX_CELLS fewer resamples are drawn, but MIN_BOOTSTRAP at least; `n_bootstrap=0` gives bare values.
    An interval always holds its value; a metric without one has the bare value. Where every resample is perfect the
    bootstrap knows nothing, and the low end is Wilson's for n hits in n rows. Raises DataError when no row has weight.
    Without `details` those metrics are left out.
    """
    y, outputs, w = _scored_rows(y, outputs, weights)
    chosen = {name: metric for name, metric in metrics_of(loss, rule).items() if details or not metric.is_detail}
    rows, weighed = _by_need(loss.task, y, outputs, rule)
    statistics = {
        name: metric.statistic(*rows[metric.needs], **metric.options(loss, rule)) for name, metric in chosen.items()
    }
    n_curves = outputs.shape[1] if loss.task == "classification" and outputs.shape[1] > 2 else 1
    limits = {
        name: min(n_bootstrap, max(MIN_BOOTSTRAP, MAX_CELLS // (len(y) * cost))) if chosen[name].has_interval else 0
        for name in chosen
        for cost in [n_curves if name in ("auc", "average_precision") else 1]
    }
    resampled: dict[str, list[Floats]] = {name: [] for name in chosen}
    done = 0
    for counts in resamples(len(y), max(limits.values()), rng):
        counts *= w
        given = weighed(counts)
        for name, statistic in statistics.items():
            if (wanted := limits[name] - done) > 0:
                resampled[name].append(statistic(given[chosen[name].needs][:wanted]))
        done += len(counts)
    given = weighed(w[None, :])
    values = {name: float(statistic(given[chosen[name].needs])[0]) for name, statistic in statistics.items()}
    return {name: _interval(values[name], resampled[name], metric, w) for name, metric in chosen.items()}


def _by_need(
    task: Task, y: Labels | Array, outputs: Labels | Array, rule: Rule
) -> tuple[dict[Needs, tuple[Labels | Array, Labels | Array]], Callable[[Floats], dict[Needs, Floats]]]:
    """Truth and answers for each need, and their weights from those of rows; rows of one class and label are one."""
    if task == "regression":
        return {"values": (y, outputs)}, lambda w: {"values": w}
    labels = decide(outputs, rule)
    n_classes = int(max(y.max(), labels.max())) + 1
    pairs = y.astype(np.int64) * n_classes + labels
    present = np.unique(pairs)
    merged = _weight_by_class(np.searchsorted(present, pairs), len(present))
    return (
        {"labels": (present // n_classes, present % n_classes), "probabilities": (y, outputs)},
        lambda w: {"labels": merged(w), "probabilities": w},
    )


def _scored_rows(
    y: Labels | Array, outputs: Labels | Array, weights: Labels | Array | None
) -> tuple[Labels | Array, Labels | Array, Floats]:
    """The rows that have weight, and their weights as a share of the largest."""
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    kept = w > 0
    if not kept.any():
        raise DataError("no rows to score", "give rows with a target, and weights above 0")
    if not kept.all():
        y, outputs, w = y[kept], outputs[kept], w[kept]
    return y, outputs, w / w.max()


def _interval(value: float, resampled: list[Floats], metric: Metric, w: Floats) -> Interval:
    if not resampled:
        return Interval(value, value, value)
    low, high = np.percentile(np.concatenate(resampled), [2.5, 97.5]).tolist()
    if metric.task == "classification" and metric.higher_is_better and low > 1 - 1e-12:
        n_effective = w.sum() ** 2 / (w @ w)  # Kish: unequal weights count as fewer rows
        low = float(n_effective / (n_effective + 1.96**2))  # Wilson's score interval at 1
    return Interval(value, min(low, value), max(high, value))


def resampled_interval(name: str, values: Sequence[float], ratio: float) -> Interval:
    """The mean of a metric over folds, and its 95 % interval by the corrected resampled t-test.

    Folds share training rows, so the variance of their mean is (1/n + `ratio`) times theirs and not 1/n; `ratio` is
    evaluated rows over training rows. Nadeau & Bengio 2003. At least two values.
    """
    scores = np.asarray(values, np.float64)
    mean = float(scores.mean())
    if not METRICS[name].has_interval:
        return Interval(mean, mean, mean)
    half = t_quantile(len(scores) - 1) * float(scores.std(ddof=1)) * (1 / len(scores) + ratio) ** 0.5
    low, high = mean - half, mean + half
    return (
        Interval(mean, low, min(high, 1.0)) if METRICS[name].higher_is_better else Interval(mean, max(low, 0.0), high)
    )

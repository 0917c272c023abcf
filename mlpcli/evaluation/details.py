"""What the outputs of evaluated rows say beyond metrics: which mistakes, at which threshold, of which size.

Everything is drawn or listed as it stands here: curves keep MAX_POINTS points, samples MAX_DOTS rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlpcli.engine.arrays import Array, Bools, Floats, Ints
from mlpcli.errors import DataError
from mlpcli.evaluation.evaluate import Evaluation
from mlpcli.metrics.confusion import confusion, per_class
from mlpcli.metrics.costs import Rule, cut_of
from mlpcli.metrics.intervals import Interval, wilson
from mlpcli.metrics.scoring import ECE_BINS, METRICS, Labels, confidence_bins, decide
from mlpcli.model.trained import TrainedModel

MAX_POINTS = 60  # of a curve
MAX_DOTS = 300  # rows of a scatter plot
MAX_CURVES = 6  # classes with curves of their own; more on one chart are not told apart
N_BINS = 20  # of the histogram of residuals
MAX_SIZES, MIN_IN_SIZE = 10, 5  # bins of errors by size, of as many rows each; rows in one
RESIDUAL_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)  # of the quantiles of the residuals
TAIL = 0.005  # share of the residuals beyond each end of their histogram
THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 20))  # of the probability of the second of two classes
CONFIDENCES = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)  # least probability of an answer, of several classes

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class ClassScores:
    """How one class is told from the others. Precision, recall and F1 are 0 where undefined."""

    label: str
    rows: int
    precision: float
    recall: float
    f1: float
    auc: float  # of the class against the rest
    average_precision: float
    roc: Points  # false positive rate, true positive rate; () for classes beyond MAX_CURVES
    precision_recall: Points  # recall, precision


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows whose most probable class has a probability from `low` to `high`: how probable, and how often it is true."""

    low: float
    high: float
    rows: int
    confidence: float  # mean probability
    accuracy: Interval  # share of rows right, with Wilson's interval


@dataclass(frozen=True)
class ThresholdCost:
    """What saying the second of two classes from this probability on brings and costs, in rows."""

    threshold: float
    hits: int  # rows of the second class that are found
    misses: int
    false_alarms: int
    correct_rejections: int
    precision: float  # 0 where nothing is said to be of the second class
    recall: float
    accuracy: float


@dataclass(frozen=True)
class ConfidenceCost:
    """What answering only from this probability of the most probable class on brings and costs."""

    confidence: float
    answered: int  # rows
    share: float  # of all rows
    accuracy: float  # of the answered rows; 0 where there are none


@dataclass(frozen=True)
class ClassDetails:
    """Of a classifier. `thresholds` is there for two classes, `confidences` for more."""

    confusion: tuple[tuple[int, ...], ...]  # rows a true class, columns an answer
    classes: tuple[ClassScores, ...]
    reliability: tuple[ReliabilityBin, ...]  # of bins with rows
    calibration_error: float  # the metric ece
    threshold: float | None  # from which probability on the second of two classes is said; None for more classes
    thresholds: tuple[ThresholdCost, ...]
    confidences: tuple[ConfidenceCost, ...]


@dataclass(frozen=True)
class HistogramBin:
    low: float
    high: float
    rows: int


@dataclass(frozen=True)
class SizeErrors:
    """Errors of the rows whose prediction lies from `low` to `high`."""

    low: float
    high: float
    rows: int
    bias: float  # mean of prediction minus truth
    mae: float
    rmse: float


@dataclass(frozen=True)
class ValueDetails:
    """Of a regression, in the target's unit; residuals are predictions minus truth."""

    sample: Points  # truth, prediction of rows drawn at random
    quantiles: dict[str, float]  # of the residuals, by level
    residuals: tuple[HistogramBin, ...]
    below: int  # rows with residuals below the first bin
    above: int
    by_size: tuple[SizeErrors, ...]


Details = ClassDetails | ValueDetails


def details_of(model: TrainedModel, evaluation: Evaluation) -> Details | None:
    """What the rows that were evaluated last say; None without such rows."""
    if not len(evaluation.y):
        return None
    return class_details(model, evaluation) if model.labels else value_details(evaluation, model.config.seed)


# --- classification ---------------------------------------------------------------------------------------


def class_details(model: TrainedModel, evaluation: Evaluation) -> ClassDetails:
    """Details of the evaluated rows; raises DataError when none has weight."""
    y, proba, w = evaluation.y.astype(np.int64), evaluation.outputs, weights_of(evaluation)
    is_binary, rule = len(model.labels) == 2, model.record.rule
    counts = confusion(y, decide(proba, rule), len(model.labels))
    return ClassDetails(
        tuple(tuple(line) for line in counts.tolist()), class_scores(model.labels, y, proba, w, counts),
        reliability(y, proba), METRICS["ece"].function(y, proba, w),
        cut_of(rule) if is_binary else None,
        threshold_costs(y, proba, rule) if is_binary else (), () if is_binary else confidence_costs(y, proba),
    )  # fmt: skip


def weights_of(evaluation: Evaluation) -> Floats:
    """(n,) weights of the evaluated rows. Raises DataError when none is above 0."""
    w = np.ones(len(evaluation.y)) if evaluation.weights is None else evaluation.weights
    if not (w > 0).any():
        raise DataError("no rows to score", "give rows with a target, and weights above 0")
    return w


def class_scores(
    labels: tuple[str, ...], y: Labels, proba: Array, w: Floats, counts: Labels
) -> tuple[ClassScores, ...]:
    """The scores of each class; curves of the second of two classes, or of the most frequent of more."""
    found = per_class(counts)
    is_drawn = np.zeros(len(labels), bool)
    is_drawn[[1] if len(labels) == 2 else np.argsort(-found.support, kind="stable")[:MAX_CURVES]] = True
    scores = []
    for c, label in enumerate(labels):
        share = proba[:, c].astype(np.float64)
        pair, is_class = np.column_stack([1 - share, share]), (y == c).astype(np.int64)
        curves = ranking_curves(is_class == 1, share, w) if is_drawn[c] else ((), ())
        scores.append(ClassScores(
            label, int(found.support[c]), float(found.precision[c]), float(found.recall[c]), float(found.f1[c]),
            METRICS["auc"].function(is_class, pair, w), METRICS["average_precision"].function(is_class, pair, w),
            *curves,
        ))  # fmt: skip
    return tuple(scores)


def ranking_curves(positive: Bools, score: Floats, w: Floats) -> tuple[Points, Points]:
    """(n,) -> points of the ROC curve, and of precision over recall; () and () where only one class has weight."""
    order = np.argsort(-score, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)  # rows of equal score together
    hits, alarms = (np.cumsum((w * of)[order])[ends] for of in (positive, ~positive))
    if hits[-1] <= 0 or alarms[-1] <= 0:
        return (), ()
    tpr, fpr = np.r_[0, hits / hits[-1]], np.r_[0, alarms / alarms[-1]]
    is_said = hits + alarms > 0
    precision = hits[is_said] / (hits + alarms)[is_said]
    recall = tpr[1:][is_said]
    return (
        points_of(fpr, tpr, thinned(fpr + tpr)),
        points_of(recall, precision, thinned(recall + np.r_[0, np.abs(np.diff(precision)).cumsum()])),
    )


def thinned(length: Floats) -> Ints:
    """(n,) length of a curve up to each of its points -> MAX_POINTS of these at most, evenly along it, ends included"""
    if len(length) <= MAX_POINTS:
        return np.arange(len(length))
    wanted = np.linspace(length[0], length[-1], MAX_POINTS)
    return np.unique(np.r_[0, np.searchsorted(length, wanted).clip(0, len(length) - 1), len(length) - 1])


def points_of(x: Floats, y: Floats, places: Ints) -> Points:
    return tuple(zip(x[places].tolist(), y[places].tolist(), strict=True))


def reliability(y: Labels, proba: Array) -> tuple[ReliabilityBin, ...]:
    """Truth (n,), probabilities (n, n_classes) -> the bins of the metric ece that hold rows."""
    confidence = proba.max(axis=1).astype(np.float64)
    right = proba.argmax(axis=1) == y
    places = confidence_bins(confidence)
    bins = []
    for k in np.unique(places).tolist():
        here = places == k
        n, share = int(here.sum()), float(right[here].mean())
        low, high = wilson(share, n)
        interval = Interval(share, min(low, share), max(high, share))
        bins.append(ReliabilityBin(k / ECE_BINS, (k + 1) / ECE_BINS, n, float(confidence[here].mean()), interval))
    return tuple(bins)


def threshold_costs(y: Labels, proba: Array, rule: Rule) -> tuple[ThresholdCost, ...]:
    """Truth (n,) of two classes -> what each of THRESHOLDS costs, and the model's own."""
    costs = []
    for cut in sorted({*THRESHOLDS, cut_of(rule)}):
        # The model's own answers, where it is asked: without a threshold an even chance is the first class.
        said = decide(proba, rule if cut == cut_of(rule) else cut)
        (rejected, alarms), (misses, hits) = confusion(y, said, 2).tolist()
        costs.append(ThresholdCost(
            cut, hits, misses, alarms, rejected, hits / max(hits + alarms, 1), hits / max(hits + misses, 1),
            (hits + rejected) / len(y),
        ))  # fmt: skip
    return tuple(costs)


def confidence_costs(y: Labels, proba: Array) -> tuple[ConfidenceCost, ...]:
    """Truth (n,), probabilities (n, n_classes) -> what answering only from each of CONFIDENCES on costs."""
    confidence, right = proba.max(axis=1), proba.argmax(axis=1) == y
    costs = []
    for least in CONFIDENCES:
        answered = confidence >= least
        n = int(answered.sum())
        costs.append(ConfidenceCost(least, n, n / len(y), float(right[answered].mean()) if n else 0.0))
    return tuple(costs)


# --- regression -------------------------------------------------------------------------------------------


def value_details(evaluation: Evaluation, seed: int) -> ValueDetails:
    """Details of the evaluated rows, a sample of them drawn by `seed`."""
    truth, values = np.asarray(evaluation.y, np.float64), np.asarray(evaluation.outputs, np.float64)
    errors = residuals(evaluation)
    chosen = np.sort(np.random.default_rng([seed, 0xD07]).permutation(len(truth))[:MAX_DOTS])
    low, high = np.quantile(errors, [TAIL, 1 - TAIL]).tolist()
    counts, edges = np.histogram(errors, N_BINS, (low, high) if low < high else None)
    bins = zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    return ValueDetails(
        points_of(truth, values, chosen), residual_quantiles(evaluation), tuple(HistogramBin(*bin) for bin in bins),
        int((errors < edges[0]).sum()), int((errors > edges[-1]).sum()), errors_by_size(truth, values),
    )  # fmt: skip


def residuals(evaluation: Evaluation) -> Floats:
    """(n,) predictions minus truth."""
    return np.asarray(evaluation.outputs, np.float64) - np.asarray(evaluation.y, np.float64)


def residual_quantiles(evaluation: Evaluation) -> dict[str, float]:
    """Level -> quantile of the residuals."""
    cuts = np.quantile(residuals(evaluation), RESIDUAL_LEVELS).tolist()
    return {
        "median" if p == 0.5 else f"{p:.0%}".replace("%", " %"): cut
        for p, cut in zip(RESIDUAL_LEVELS, cuts, strict=True)
    }


def errors_by_size(truth: Floats, values: Floats) -> tuple[SizeErrors, ...]:
    """Truth (n,), predictions (n,) -> errors of as many rows each, from the smallest predictions to the largest.

    By prediction and not by truth: it is known when the error matters, and the largest truths are under-predicted by
    every sound model, as part of what makes them large is chance.
    """
    order = np.argsort(values, kind="stable")
    n_bins = int(np.clip(len(order) // MIN_IN_SIZE, 1, MAX_SIZES))
    return tuple(
        SizeErrors(
            float(values[rows[0]]), float(values[rows[-1]]), len(rows), float((values[rows] - truth[rows]).mean()),
            METRICS["mae"].function(truth[rows], values[rows]), METRICS["rmse"].function(truth[rows], values[rows]),
        )
        for rows in np.array_split(order, n_bins)
    )  # fmt: skip

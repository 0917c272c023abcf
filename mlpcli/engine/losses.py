"""Losses: each owns its link, its gradient, its row losses and its constant answer.

Logits are (n, n_outputs); y is (n,) class numbers, or (n,) values as `Target.standardise` gives them; weights are
(n,) with mean 1 over the training rows. `cross_entropy` also descends to (n, n_classes) probabilities, the soft targets
of a distillation, by `rows`, `value` and `gradient`. Outputs are what the link makes of logits: class
probabilities (n, n_classes), or values (n, 1). To add one: subclass Loss, add a line to LOSSES.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.settings import Task
from mlpcli.engine.arrays import Array, Floats

Target = NDArray[Any]

MIN_PROBABILITY = 1e-7  # so that a certain and wrong answer costs much, and not without end
TINY_SPREAD = 1e-30  # of a target, so that no share of nothing is taken
MAX_LOG_RATE = 80.0  # of a count over the mean count; exp overflows float32 at 88
BISECTIONS = 100  # halvings of an interval: more than a float64 has bits


class Loss:
    """`rows` is the plain loss of each row; `gradient` is that of what training descends."""

    task: ClassVar[Task] = "regression"
    metric: ClassVar[str] = "rmse"  # of METRICS: leads in tables, and trainings are compared by it; lower is better
    epoch_metric: ClassVar[str] = "d2"  # what `quick_metric` measures
    constant_name: ClassVar[str] = "constant"  # what the constant answer is called among the baselines
    is_centred: ClassVar[bool] = True  # y is (value - mean) / std of the training rows; if not, value / mean
    min_target: ClassVar[float] = -np.inf  # the smallest value of the target that it is defined for
    settings: ClassVar[tuple[str, ...]] = ("label_smoothing",)  # fields of Config that the constructor takes

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    def rows(self, logits: Array, y: Target) -> Array:
        """(n, n_outputs), (n,) -> (n,) loss of each row, without label smoothing"""
        raise NotImplementedError

    def value(self, logits: Array, y: Target, weights: Array | None = None) -> float:
        """Weighted mean of `rows` in float64: the loss of curves, which chooses the epoch without --stop-on."""
        rows = self.rows(logits, y).astype(np.float64)
        return float(rows.mean() if weights is None else np.average(rows, weights=weights))

    def gradient(self, logits: Array, y: Target, weights: Array | None, grad: Array) -> None:
        """Writes d mean loss / d logits to grad (n, n_outputs), label smoothing included."""
        self.row_gradients(logits, y, grad)
        # Weights have mean 1 over all training rows, not over a batch.
        grad *= 1 / len(grad) if weights is None else (weights / len(grad))[:, None]

    def row_gradients(self, logits: Array, y: Target, grad: Array) -> None:
        """Writes d loss / d logits of each row to grad (n, n_outputs), label smoothing included."""
        raise NotImplementedError

    def link(self, logits: Array) -> Array:
        """(n, n_outputs) logits -> class probabilities (n, n_classes), or values (n, 1)"""
        return logits

    def inverse_link(self, outputs: Array) -> Array:
        """Class probabilities (n, n_classes), or values (n, 1) -> (n, n_outputs) logits of which `link` makes them"""
        return outputs

    def rows_of_outputs(self, outputs: Array, y: Target) -> Array:
        """Class probabilities (n, n_classes), or values (n, 1), and y (n,) -> (n,) loss of each row"""
        return self.rows(self.inverse_link(outputs), y)

    def constant(self, y: Target, weights: Array | None = None, n_classes: int = 1) -> Floats:
        """(n,), (n,) -> (n_outputs,) logits of the constant answer with the least weighted mean loss"""
        raise NotImplementedError

    def residuals(self, logits: Array, y: Target) -> Floats:
        """(n, n_outputs), (n,) -> what is left to explain: (n, 1), of mean 0 where nothing is left

        For classes (n, n_classes), one-hot minus probabilities.
        """
        return np.asarray(y[:, None] - self.link(logits), np.float64)

    def quick_metric(self, logits: Array, y: Target) -> float:
        """`epoch_metric` of (n, n_outputs) logits: here D2, the share of the constant answer's loss that is gone."""
        of_constant = self.value(np.tile(self.constant(y), (len(y), 1)), y)
        return 1 - self.value(logits, y) / max(of_constant, TINY_SPREAD)


def log_softmax(logits: Array) -> Array:
    z: Array = logits - logits.max(axis=1, keepdims=True)
    z -= np.log(np.exp(z).sum(axis=1, keepdims=True))
    return z


def log_losses(probabilities: Array, y: Target) -> Floats:
    """(n, n_classes), (n,) -> -log of each true class's probability, which counts as at least MIN_PROBABILITY"""
    true = probabilities[np.arange(len(y)), y].astype(np.float64)
    return np.asarray(-np.log(np.maximum(true, MIN_PROBABILITY)))


def weighted_quantile(y: Target, share: float, weights: Array | None = None) -> float:
    """The middle of the values below which `share` of the weight of y (n,) lies."""
    order = np.argsort(y, kind="stable")
    covered = np.cumsum(np.ones(len(y)) if weights is None else weights[order].astype(np.float64))
    goal = share * covered[-1]
    # Equal up to the rounding of the sum: then every value between two neighbours is a quantile.
    low, high = np.searchsorted(covered, [goal * (1 - 1e-12), goal * (1 + 1e-12)], "left").clip(max=len(y) - 1)
    return float(y[order[low]] / 2 + y[order[high]] / 2)


class Classification(Loss):
    """Negative log-likelihood of class probabilities."""

    task = "classification"
    metric = "log_loss"
    epoch_metric = "accuracy"
    constant_name = "majority class"

    def rows_of_outputs(self, outputs: Array, y: Target) -> Array:
        return log_losses(outputs, y)

    def constant(self, y: Target, weights: Array | None = None, n_classes: int = 1) -> Floats:
        shares = np.bincount(y.astype(np.int64), weights, n_classes)
        return np.asarray(self.inverse_link((shares / shares.sum())[None])[0], np.float64)

    def residuals(self, logits: Array, y: Target) -> Floats:
        left = -np.asarray(self.link(logits), np.float64)
        left[np.arange(len(y)), y] += 1
        return left

    def quick_metric(self, logits: Array, y: Target) -> float:
        labels = logits.argmax(axis=1) if logits.shape[1] > 1 else logits[:, 0] > 0
        return float((labels == y).mean())


class CrossEntropy(Classification):
    """Softmax and negative log-likelihood; one logit a class."""

    truths: Array = np.empty((0, 0))  # (n_classes, n_classes), what a row of each class is taught

    def rows(self, logits: Array, y: Target) -> Array:
        if y.ndim == 2:
            return np.asarray(-np.add.reduce(y * log_softmax(logits), axis=1))
        return -log_softmax(logits)[np.arange(len(y)), y]

    def row_gradients(self, logits: Array, y: Target, grad: Array) -> None:
        # A row a class: NumPy is quick along long rows, and batches are longer than classes are many.
        p = logits.T.copy()
        p -= np.maximum.reduce(p, axis=0)
        np.exp(p, out=p)
        p /= np.add.reduce(p, axis=0)
        np.subtract(p.T, self.truth(y, len(p), p.dtype), out=grad, casting="same_kind")

    def truth(self, y: Target, n_classes: int, dtype: np.dtype[np.floating]) -> Array:
        """(n,) class numbers, or (n, n_classes) shares -> (n, n_classes), smoothed"""
        if y.ndim == 2:
            return np.asarray(y * (1 - self.label_smoothing) + self.label_smoothing / n_classes)
        if len(self.truths) != n_classes or self.truths.dtype != dtype:
            self.truths = self.truth(np.eye(n_classes), n_classes, dtype).astype(dtype)
        return self.truths.take(y, axis=0)

    def link(self, logits: Array) -> Array:
        return np.exp(log_softmax(logits))

    def inverse_link(self, outputs: Array) -> Array:
        return np.log(np.maximum(outputs, MIN_PROBABILITY))


class BinaryCrossEntropy(Classification):
    """Sigmoid and negative log-likelihood; one logit for two classes."""

    def rows(self, logits: Array, y: Target) -> Array:
        z = logits[:, 0]
        return np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))

    def row_gradients(self, logits: Array, y: Target, grad: Array) -> None:
        smoothed = y * (1 - self.label_smoothing) + self.label_smoothing / 2
        grad[:, 0] = 0.5 * (1 + np.tanh(0.5 * logits[:, 0])) - smoothed

    def link(self, logits: Array) -> Array:
        p = 0.5 * (1 + np.tanh(0.5 * logits))
        return np.hstack([1 - p, p])

    def inverse_link(self, outputs: Array) -> Array:
        logs = np.log(np.maximum(outputs, MIN_PROBABILITY))
        return logs[:, 1:] - logs[:, :1]


class OfResiduals(Loss):
    """A loss of the difference from y alone; its curves report R2, whatever it weighs."""

    epoch_metric = "r2"

    def quick_metric(self, logits: Array, y: Target) -> float:
        residual, spread = (y - logits[:, 0]).astype(np.float64), (y - y.mean()).astype(np.float64)
        return float(1 - residual @ residual / max(float(spread @ spread), TINY_SPREAD))


class SquaredError(OfResiduals):
    """(z - y)^2 / 2: the half makes the gradient the residual."""

    constant_name = "mean"

    def rows(self, logits: Array, y: Target) -> Array:
        return 0.5 * np.square(logits[:, 0] - y)

    def row_gradients(self, logits: Array, y: Target, grad: Array) -> None:
        np.subtract(logits, y[:, None], out=grad)

    def constant(self, y: Target, weights: Array | None = None, n_classes: int = 1) -> Floats:
        return np.array([np.average(y.astype(np.float64), weights=weights)])


class AbsoluteError(OfResiduals):
    """|z - y|: the median of y given x."""

    constant_name = "median"

    def rows(self, logits: Array, y: Target) -> Array:
        return np.abs(logits[:, 0] - y)

    def row_gradients(self, logits: Array, y: Target, grad: Array) -> None:
        np.sign(logits - y[:, None], out=grad)

    def constant(self, y: Target, weights: Array | None = None, n_classes: int = 1) -> Floats:
        return np.array([weighted_quantile(y, 0.5, weights)])


class Huber(OfResiduals):
    """Squared near zero, absolute beyond one standardised unit; Huber 1964."""

    def rows(self, logits: Array, y: Target) -> Array:
        r = np.abs(logits[:, 0] - y)
        return np.where(r <= 1, 0.5 * np.square(r), r - 0.5)

    def row_gradients(self, logits: Array, y: Target, grad: Array) -> None:
        np.clip(logits - y[:, None], -1, 1, out=grad)

    def constant(self, y: Target, weights: Array | None = None, n_classes: int = 1) -> Floats:
        low, high = float(y.min()), float(y.max())
        for _ in range(BISECTIONS):  # the slope of the mean loss grows
            middle = low / 2 + high / 2
            rises = np.average(np.clip(middle - y, -1, 1), weights=weights) > 0
            low, high = (low, middle) if rises else (middle, high)
        return np.array([low / 2 + high / 2])


class Poisson(Loss):
    """exp(z) - y + y (log y - z), half the Poisson deviance: counts, with a log link; McCullagh & Nelder 1989, ch. 6.

    y is the count over the mean count, so the deviance is that of counts over their mean; its minimum is the same.
    """

    metric = "poisson_deviance"
    constant_name = "mean"
    is_centred = False
    min_target = 0.0

    def rows(self, logits: Array, y: Target) -> Array:
        z = logits[:, 0]
        return self.link(logits)[:, 0] - y + y * (np.log(np.where(y > 0, y, 1)) - z)

    def row_gradients(self, logits: Array, y: Target, grad: Array) -> None:
        np.subtract(self.link(logits), y[:, None], out=grad)

    def link(self, logits: Array) -> Array:
        return np.exp(np.clip(logits, -MAX_LOG_RATE, MAX_LOG_RATE))

    def inverse_link(self, outputs: Array) -> Array:
        return np.log(np.maximum(outputs, np.exp(-MAX_LOG_RATE)))

    def constant(self, y: Target, weights: Array | None = None, n_classes: int = 1) -> Floats:
        return np.asarray(self.inverse_link(np.array([np.average(y, weights=weights)])), np.float64)


class Quantile(Loss):
    """The pinball loss, q (y - z) where y is above and (1 - q) (z - y) where it is below; Koenker & Bassett 1978.

    Its minimum is the quantile that a share q of the truth lies below.
    """

    metric = "pinball"
    constant_name = "quantile"
    settings = ("label_smoothing", "quantile")

    def __init__(self, label_smoothing: float = 0.0, quantile: float = 0.5) -> None:
        super().__init__(label_smoothing)
        self.quantile = quantile

    def rows(self, logits: Array, y: Target) -> Array:
        above = y - logits[:, 0]
        return np.asarray(np.maximum(self.quantile * above, (self.quantile - 1) * above))

    def row_gradients(self, logits: Array, y: Target, grad: Array) -> None:
        np.negative(self.residuals(logits, y), out=grad, casting="same_kind")

    def constant(self, y: Target, weights: Array | None = None, n_classes: int = 1) -> Floats:
        return np.array([weighted_quantile(y, self.quantile, weights)])

    def residuals(self, logits: Array, y: Target) -> Floats:
        """q above and q - 1 below, of mean 0 at the quantile: y - z would tell of the width of the distribution."""
        above = y[:, None] - logits
        return np.where(above > 0, self.quantile, np.where(above < 0, self.quantile - 1, 0.0))


LOSSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropy,
    "binary_cross_entropy": BinaryCrossEntropy,
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "poisson": Poisson,
    "quantile": Quantile,
}

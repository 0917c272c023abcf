"""Losses: each owns its link and its gradient, computed together in the stable form.

Logits are (n, n_outputs); y is (n,) class numbers or (n,) values; weights are (n,) with mean 1 over the training
rows. To add one: subclass Loss, add a line to LOSSES.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlpcli.engine.arrays import Array

Target = NDArray[Any]


class Loss:
    """`rows` is the plain loss of each row; `value_and_grad` is what training descends."""

    task: Literal["classification", "regression"] = "regression"

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = label_smoothing

    def rows(self, logits: Array, y: Target) -> Array:
        """(n, n_outputs), (n,) -> (n,) loss of each row, without label smoothing"""
        raise NotImplementedError

    def value(self, logits: Array, y: Target, weights: Array | None = None) -> float:
        """Weighted mean of `rows` in float64: the loss of curves, and of the choice of the best epoch."""
        rows = self.rows(logits, y).astype(np.float64)
        return float(rows.mean() if weights is None else np.average(rows, weights=weights))

    def value_and_grad(self, logits: Array, y: Target, weights: Array | None, grad: Array) -> float:
        """Mean loss of the batch, label smoothing included; d loss / d logits goes to grad (n, n_outputs)."""
        raise NotImplementedError

    def link(self, logits: Array) -> Array:
        """(n, n_outputs) -> class probabilities (n, n_classes), or the values themselves"""
        return logits


def log_softmax(logits: Array) -> Array:
    z: Array = logits - logits.max(axis=1, keepdims=True)
    z -= np.log(np.exp(z).sum(axis=1, keepdims=True))
    return z


class CrossEntropy(Loss):
    """Softmax and negative log-likelihood; one logit a class."""

    task = "classification"

    def rows(self, logits: Array, y: Target) -> Array:
        return -log_softmax(logits)[np.arange(len(y)), y]

    def value_and_grad(self, logits: Array, y: Target, weights: Array | None, grad: Array) -> float:
        # A row a class: NumPy is quick along long rows, and batches are longer than classes are many.
        n, n_classes = logits.shape
        z = np.ascontiguousarray(logits.T)
        z -= z.max(axis=0)
        p = np.exp(z)
        total = p.sum(axis=0)
        p /= total
        right = np.multiply(y, n, dtype=np.intp)
        right += np.arange(n)  # where each row's class stands in the flattened arrays
        losses = np.log(total)
        losses -= (1 - self.label_smoothing) * z.ravel().take(right)
        if self.label_smoothing:
            spread = self.label_smoothing / n_classes
            losses -= spread * z.sum(axis=0)
            p -= spread
        p.reshape(-1)[right] -= 1 - self.label_smoothing
        grad[...] = p.T
        return mean_over_batch(losses, weights, grad)

    def link(self, logits: Array) -> Array:
        return np.exp(log_softmax(logits))


class BinaryCrossEntropy(Loss):
    """Sigmoid and negative log-likelihood; one logit for two classes."""

    task = "classification"

    def rows(self, logits: Array, y: Target) -> Array:
        z = logits[:, 0]
        return np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))

    def value_and_grad(self, logits: Array, y: Target, weights: Array | None, grad: Array) -> float:
        smoothed = y * (1 - self.label_smoothing) + self.label_smoothing / 2
        grad[:, 0] = 0.5 * (1 + np.tanh(0.5 * logits[:, 0])) - smoothed
        return mean_over_batch(self.rows(logits, smoothed), weights, grad)

    def link(self, logits: Array) -> Array:
        p = 0.5 * (1 + np.tanh(0.5 * logits))
        return np.hstack([1 - p, p])


class SquaredError(Loss):
    """(z - y)^2 / 2: the half makes the gradient the residual."""

    def rows(self, logits: Array, y: Target) -> Array:
        return 0.5 * np.square(logits[:, 0] - y)

    def value_and_grad(self, logits: Array, y: Target, weights: Array | None, grad: Array) -> float:
        np.subtract(logits, y[:, None], out=grad)
        return mean_over_batch(0.5 * np.square(grad[:, 0]), weights, grad)


class AbsoluteError(Loss):
    """|z - y|: the median of y given x."""

    def rows(self, logits: Array, y: Target) -> Array:
        return np.abs(logits[:, 0] - y)

    def value_and_grad(self, logits: Array, y: Target, weights: Array | None, grad: Array) -> float:
        np.sign(logits - y[:, None], out=grad)
        return mean_over_batch(self.rows(logits, y), weights, grad)


class Huber(Loss):
    """Squared near zero, absolute beyond one standardised unit; Huber 1964."""

    def rows(self, logits: Array, y: Target) -> Array:
        r = np.abs(logits[:, 0] - y)
        return np.where(r <= 1, 0.5 * np.square(r), r - 0.5)

    def value_and_grad(self, logits: Array, y: Target, weights: Array | None, grad: Array) -> float:
        np.clip(logits - y[:, None], -1, 1, out=grad)
        return mean_over_batch(self.rows(logits, y), weights, grad)


def mean_over_batch(losses: Array, weights: Array | None, grad: Array) -> float:
    """Weighs and averages the rows' losses and gradients over the batch, the latter in place."""
    if weights is None:
        grad *= 1 / len(losses)
        return float(losses.mean())
    grad *= (weights / len(losses))[:, None]
    return float((losses * weights).mean())


LOSSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropy,
    "binary_cross_entropy": BinaryCrossEntropy,
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
}

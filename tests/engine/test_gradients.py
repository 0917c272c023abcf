"""Backpropagation agrees with central differences for every combination the registries offer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.engine.activations import ACTIVATIONS
from mlpcli.engine.layers import NORMALIZATIONS, Embedding
from mlpcli.engine.losses import LOSSES
from mlpcli.engine.network import Architecture, Network, mlp

N, N_INPUTS, N_CLASSES = 5, 3, 3
REGULARIZED = {"dropout": 0.3, "input_noise": 0.2}
Vector = NDArray[np.float64]


def numeric_gradient(f: Callable[[], float], at: Vector, h: float = 1e-5) -> Vector:
    gradient = np.empty_like(at)
    for i, value in enumerate(at.copy()):
        at[i] = value + h
        above = f()
        at[i] = value - h
        gradient[i] = (above - f()) / (2 * h)
        at[i] = value
    return gradient


def relative_error(a: Vector, b: Vector) -> float:
    return float(np.linalg.norm(a - b) / max(np.linalg.norm(a) + np.linalg.norm(b), 1e-12))


def smoothed(y: NDArray[Any], n_outputs: int, smoothing: float) -> list[tuple[float, NDArray[Any]]]:
    """What label smoothing is: the truth, and each class, with their shares."""
    if y.dtype.kind == "f" and y.ndim == 1:
        return [(1.0, y)]
    n_classes = max(n_outputs, 2)
    return [(1 - smoothing, y)] + [(smoothing / n_classes, np.full(len(y), k)) for k in range(n_classes)]


def errors(
    net: Network, loss_name: str, smoothing: float, weighted: bool, x: Vector | None = None, is_soft: bool = False
) -> float:  # fmt: skip
    rng = np.random.default_rng(5)
    net.params += 0.3 * rng.standard_normal(net.params.size)  # the recipe starts its output layer at zero
    x = rng.standard_normal((N, N_INPUTS)) if x is None else x
    loss = LOSSES[loss_name](smoothing)
    y = rng.integers(0, max(net.n_outputs, 2), N) if loss.task == "classification" else rng.standard_normal(N)
    y = y if loss.task == "classification" or np.isinf(loss.min_target) else np.abs(y)
    y = rng.dirichlet(np.ones(N_CLASSES), N) if is_soft else y
    weights = rng.random(N) * 2 if weighted else None
    grad = np.empty((N, net.n_outputs))

    def logits() -> Vector:
        return net.forward(x, training=True, rng=np.random.default_rng(9))  # the same mask each time

    def value() -> float:
        rows = np.zeros(N)
        for shares, truth in smoothed(y, net.n_outputs, smoothing):
            rows += shares * loss.rows(logits(), truth)
        return float((rows if weights is None else rows * weights).mean())

    for _ in range(2):  # a step's gradients hold nothing of the step before
        loss.gradient(logits(), y, weights, grad)
        net.backward(grad)
    ours = net.grads.copy()
    return relative_error(ours, numeric_gradient(value, net.params))


@pytest.mark.parametrize("parametrization", ["standard", "ntk"])
@pytest.mark.parametrize("normalization", ["none", *NORMALIZATIONS])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_of_every_combination(activation, loss, normalization, parametrization):
    net = mlp(
        N_INPUTS,
        N_CLASSES if loss == "cross_entropy" else 1,
        Architecture(
            hidden=(3, 3),
            activation=activation,
            normalization=normalization,
            parametrization=parametrization,
            **REGULARIZED,
        ),
        rng=np.random.default_rng(3),
        dtype=np.float64,
    )
    assert errors(net, loss, smoothing=0.1, weighted=True) <= 1e-6


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradient_of_soft_targets(smoothing):
    net = mlp(N_INPUTS, N_CLASSES, Architecture(hidden=(3,)), rng=np.random.default_rng(3), dtype=np.float64)
    assert errors(net, "cross_entropy", smoothing, weighted=True, is_soft=True) <= 1e-6


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_without_smoothing_weights_or_hidden_layers(loss):
    net = mlp(
        N_INPUTS,
        N_CLASSES if loss == "cross_entropy" else 1,
        Architecture(hidden=()),
        rng=np.random.default_rng(3),
        dtype=np.float64,
    )
    assert errors(net, loss, smoothing=0.0, weighted=False) <= 1e-6


@pytest.mark.parametrize("parametrization", ["standard", "ntk"])
def test_gradient_of_learned_vectors(parametrization):
    net = mlp(
        N_INPUTS,
        1,
        Architecture(
            hidden=(3,),
            activation="tanh",
            parametrization=parametrization,
            embeddings=(Embedding(0, 3, 2), Embedding(2, 4, 3)),
        ),
        rng=np.random.default_rng(3),
        dtype=np.float64,
    )
    assert net.layers[0].tensors["e1"].start.tolist() == [[0.0] * 3] * 4
    numbers = np.array([[0, 0.3, 3], [2, -1.2, 0], [2, 0.7, 0], [1, 0.1, 2], [0, 2.0, 3]])  # some levels twice
    assert errors(net, "squared_error", smoothing=0.0, weighted=True, x=numbers) <= 1e-6


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_and_derivatives_stay_finite_far_out(activation):
    z = np.array([-1e9, -1e4, -90, -1e-30, 0, 1e-30, 90, 1e4, 1e9], np.float32)
    out, derivative = np.empty_like(z), np.empty_like(z)
    with np.errstate(over="ignore"):
        ACTIVATIONS[activation].forward(z, out, derivative)
        assert np.isfinite(out).all()
        ACTIVATIONS[activation].with_derivative(z, out, derivative)
    assert np.isfinite(out).all()
    assert np.isfinite(derivative).all()

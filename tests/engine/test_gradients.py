"""Every gradient against central differences in float64."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.engine.activations import ACTIVATIONS
from mlpcli.engine.losses import LOSSES
from mlpcli.engine.network import Network, mlp

STEP = 1e-6
N_ROWS, N_INPUTS, N_CLASSES = 9, 5, 3


def problem(loss_name, rng, smoothing=0.0):
    loss = LOSSES[loss_name](smoothing)
    n_outputs = N_CLASSES if loss_name == "cross_entropy" else 1
    if loss.task == "regression":
        y = rng.normal(size=N_ROWS)
    else:
        y = rng.integers(0, N_CLASSES if n_outputs > 1 else 2, N_ROWS)
    return loss, n_outputs, rng.normal(size=(N_ROWS, N_INPUTS)), y, rng.uniform(0.5, 1.5, N_ROWS)


def relative_error(network: Network, loss, x, y, weights, mask_seed=None) -> float:
    def rng():
        return None if mask_seed is None else np.random.default_rng(mask_seed)

    def value():
        grad = np.empty((len(x), network.n_outputs))
        return loss.value_and_grad(network.forward(x, training=True, rng=rng()), y, weights, grad)

    grad = np.empty((len(x), network.n_outputs))
    loss.value_and_grad(network.forward(x, training=True, rng=rng()), y, weights, grad)
    network.backward(grad)
    ours = network.grads.copy()
    central = np.empty_like(ours)
    for i in range(len(central)):
        kept = network.params[i]
        network.params[i] = kept + STEP
        above = value()
        network.params[i] = kept - STEP
        below = value()
        network.params[i] = kept
        central[i] = (above - below) / (2 * STEP)
    return float(np.abs(ours - central).max() / max(np.abs(central).max(), 1e-3))


def build(rng, n_outputs, **options) -> Network:
    network = mlp(N_INPUTS, n_outputs, rng=rng, dtype=np.float64, **{"hidden": (6, 4), **options})
    # Away from zero, where the kinks of relu and the zero start of the ntk output would hide mistakes.
    network.params += rng.normal(scale=0.3, size=network.params.shape)
    return network


@pytest.mark.parametrize("loss_name", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_with_every_loss(activation, loss_name):
    rng = np.random.default_rng(0)
    loss, n_outputs, x, y, weights = problem(loss_name, rng)
    network = build(rng, n_outputs, activation=activation)
    assert relative_error(network, loss, x, y, weights) <= 1e-6


@pytest.mark.parametrize("parametrization", ["standard", "ntk"])
@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
@pytest.mark.parametrize("loss_name", LOSSES)
def test_every_normalization_and_parametrization(loss_name, normalization, parametrization):
    rng = np.random.default_rng(1)
    loss, n_outputs, x, y, weights = problem(loss_name, rng)
    network = build(rng, n_outputs, activation="silu", normalization=normalization, parametrization=parametrization)
    assert relative_error(network, loss, x, y, weights) <= 1e-6


@pytest.mark.parametrize("loss_name", ["cross_entropy", "binary_cross_entropy"])
def test_label_smoothing(loss_name):
    rng = np.random.default_rng(2)
    loss, n_outputs, x, y, weights = problem(loss_name, rng, smoothing=0.1)
    assert relative_error(build(rng, n_outputs, activation="tanh"), loss, x, y, weights) <= 1e-6


def test_dropout_and_input_noise_with_a_fixed_draw():
    rng = np.random.default_rng(3)
    loss, n_outputs, x, y, weights = problem("cross_entropy", rng)
    network = build(rng, n_outputs, activation="tanh", dropout=0.3, input_noise=0.1)
    assert relative_error(network, loss, x, y, weights, mask_seed=5) <= 1e-6


@pytest.mark.parametrize("hidden", [(), (3,), (5, 4, 3)])
def test_any_number_of_hidden_layers(hidden):
    rng = np.random.default_rng(4)
    loss, n_outputs, x, y, weights = problem("cross_entropy", rng)
    network = build(rng, n_outputs, hidden=hidden, activation="gelu")
    assert network.n_layers == len(hidden) + 1
    assert relative_error(network, loss, x, y, weights) <= 1e-6


@pytest.mark.parametrize("loss_name", LOSSES)
def test_losses_stay_finite_at_extreme_logits(loss_name):
    loss, n_outputs, _, y, _ = problem(loss_name, np.random.default_rng(5))
    logits = np.where(np.arange(n_outputs) % 2, -1e4, 1e4) * np.ones((N_ROWS, 1))
    grad = np.empty_like(logits)
    assert np.isfinite(loss.value_and_grad(logits, y, None, grad))
    assert np.isfinite(grad).all()
    outputs = loss.link(logits)
    assert np.isfinite(outputs).all()
    if loss.task == "classification":
        assert outputs.sum(axis=1) == pytest.approx(1, abs=1e-6)

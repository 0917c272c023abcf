"""A network is its arguments and two vectors; its parts keep their promises."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.engine.layers import NORMALIZATIONS, Dropout, Embedding, InputNoise
from mlpcli.engine.losses import LOSSES
from mlpcli.engine.network import Architecture, Network, mlp

X = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)


def network(seed: int = 0, **options) -> Network:
    return mlp(4, 3, Architecture(**options), rng=np.random.default_rng(seed))


@pytest.mark.parametrize("parametrization", ["standard", "ntk"])
@pytest.mark.parametrize("normalization", ["none", *NORMALIZATIONS])
def test_the_same_arguments_and_vectors_restore_a_network(normalization, parametrization):
    options = {"normalization": normalization, "parametrization": parametrization, "hidden": (8, 8)}
    trained, rebuilt = network(0, **options), network(1, **options)
    trained.params[:] = np.random.default_rng(2).standard_normal(trained.params.size)
    trained.forward(X, training=True)
    rebuilt.params[:], rebuilt.state[:] = trained.params, trained.state
    np.testing.assert_array_equal(rebuilt.predict(X), trained.predict(X))


@pytest.mark.parametrize(("hidden", "layers"), [((), 1), ((8,), 2), ((8, 8, 8), 4)])
def test_layers_are_counted_without_the_input(hidden, layers):
    assert network(hidden=hidden).n_layers == layers


def test_parameters_are_weights_and_biases():
    assert network(hidden=(8, 5)).params.size == (4 * 8 + 8) + (8 * 5 + 5) + (5 * 3 + 3)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_dropout_and_noise_are_off_outside_training(dropout):
    net = network(dropout=dropout, input_noise=dropout)
    np.testing.assert_array_equal(net.predict(X), net.predict(X))
    np.testing.assert_allclose(net.predict(X), network().predict(X), rtol=1e-6)


def test_dropout_keeps_the_mean():
    net = mlp(4, 1, Architecture(hidden=(2000,), activation="identity", dropout=0.5), rng=np.random.default_rng(0))
    rng = np.random.default_rng(1)
    drawn = np.mean([net.forward(X[:1], training=True, rng=rng).copy() for _ in range(400)])
    assert drawn == pytest.approx(net.predict(X[:1]).item(), abs=0.05)


def test_input_noise_has_the_deviation_asked_for():
    net = mlp(4, 4, Architecture(hidden=(), input_noise=0.5), rng=np.random.default_rng(0))
    net.params[:] = 0
    net.params[:16] = np.eye(4).ravel()
    x = np.zeros((5000, 4), np.float32)
    assert net.forward(x, training=True, rng=np.random.default_rng(0)).std() == pytest.approx(0.5, rel=0.02)


def test_a_large_batch_is_predicted_like_its_rows():
    net = network()
    x = np.tile(X, (60, 1))
    np.testing.assert_allclose(net.predict(x)[-50:], net.predict(X), rtol=1e-5, atol=1e-6)


def test_prediction_of_no_rows_is_no_rows():
    assert network().predict(X[:0]).shape == (0, 3)


def test_a_short_batch_after_a_long_one_leaves_nothing_behind():
    net, fresh = network(normalization="layer"), network(normalization="layer")
    loss, grad = LOSSES["cross_entropy"](), np.empty((50, 3), np.float32)
    y = np.random.default_rng(3).integers(0, 3, 50)
    for used, n in ((net, 50), (net, 7), (fresh, 7)):
        loss.gradient(used.forward(X[:n], training=True), y[:n], None, grad[:n])
        used.backward(grad[:n])
    np.testing.assert_allclose(net.grads, fresh.grads, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_normalization_stays_finite_on_a_batch_of_one(normalization):
    net = network(normalization=normalization)
    loss, grad = LOSSES["cross_entropy"](), np.empty((1, 3), np.float32)
    loss.gradient(net.forward(X[:1], training=True), np.array([1]), None, grad)
    assert np.isfinite(grad).all()
    net.backward(grad)
    assert np.isfinite(net.grads).all()
    assert np.isfinite(net.state).all()
    assert np.isfinite(net.predict(X)).all()


def test_batch_normalization_comes_to_use_the_rows_statistics_outside_training():
    net = network(normalization="batch", hidden=(6,))
    for _ in range(200):
        trained = net.forward(X, training=True).copy()
    np.testing.assert_allclose(net.predict(X), trained, rtol=0.05, atol=0.05)


def test_norms_of_weights_are_limited_unit_by_unit_and_small_ones_left():
    net = network(hidden=())
    weights = net.params[:12].reshape(4, 3)
    weights[:] = [[3, 0.1, 0]] * 4
    net.limit_norms(1.0)
    np.testing.assert_allclose(np.linalg.norm(weights, axis=0), [1, 0.2, 0], rtol=1e-6)


def test_only_weights_decay():
    net = network(hidden=(5,), normalization="layer", parametrization="ntk")
    assert net.decay_factors.sum() == 4 * 5 + 5 * 3


def test_ntk_starts_and_steps_like_the_recipe():
    net = mlp(100, 3, Architecture(hidden=(400,), parametrization="ntk", n_plain=25), rng=np.random.default_rng(0))
    factors, sizes = np.unique(net.lr_factors.astype(np.float64).round(6), return_counts=True)
    expected = {0.2: 100 * 400, 0.05: 400 * 3, 0.1: 400 + 3, 6.0: 100}
    assert dict(zip(factors.tolist(), sizes.tolist(), strict=True)) == expected
    weights, biases = net.params[net.lr_factors == np.float32(0.2)], net.params[net.lr_factors == np.float32(0.1)]
    assert weights.std() == pytest.approx(0.2, rel=0.02)
    assert biases[:400].std() == pytest.approx(1, rel=0.1)
    assert (net.params[net.lr_factors == 6] == 1).all()
    assert not net.predict(np.ones((2, 100), np.float32)).any()


@pytest.mark.parametrize("layer", [Dropout(4, 0.5), InputNoise(4, 0.5)], ids=["dropout", "noise"])
def test_a_gradient_passes_unchanged_what_was_switched_off(layer):
    grad = X.copy()
    layer.forward(X, False, None)
    np.testing.assert_array_equal(layer.backward(grad, True), X)


def test_a_network_sees_its_stretches_of_a_row_and_no_other_input():
    x = np.random.default_rng(0).standard_normal((5, 9)).astype(np.float32)
    seen = np.concatenate([x[:, 1:3], x[:, 6:9]], axis=1)
    apart = mlp(5, 2, Architecture(inputs=(slice(1, 3), slice(6, 9))), rng=np.random.default_rng(1))
    together = mlp(5, 2, Architecture(), rng=np.random.default_rng(1))
    assert np.array_equal(apart.predict(x), together.predict(seen))


@pytest.mark.parametrize("embeddings", [(), (Embedding(1, 3, 2),)])
@pytest.mark.parametrize("parametrization", ["standard", "ntk"])
def test_a_network_without_some_inputs_has_the_other_weights_of_one_with_them(parametrization, embeddings):
    def drawn(unseen):
        architecture = Architecture(
            hidden=(5,), parametrization=parametrization, embeddings=embeddings, n_plain=3, unseen=unseen
        )
        return mlp(7, 2, architecture, rng=np.random.default_rng(0))

    whole, part = drawn(None), drawn(np.array([4, 6]))
    x = np.random.default_rng(1).standard_normal((9, 7)).astype(np.float32)
    x[:, 1] = np.arange(9) % 3
    for network in (whole, part):
        network.params[-12:] = np.arange(12)  # the recipe starts its output layer at zero
    whole.layers[-3].p["w"][[row - len(embeddings) for row in (4, 6)]] = 0
    assert part.params.size == whole.params.size - 2 * (5 + (parametrization == "ntk"))
    np.testing.assert_allclose(part.predict(x), whole.predict(x), rtol=1e-6)
    np.testing.assert_array_equal(part.saved(), whole.saved())
    again = drawn(np.array([4, 6]))
    again.load(whole.saved())
    np.testing.assert_array_equal(again.params, part.params)

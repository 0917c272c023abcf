"""`--preset classic` is the textbook network: an epoch of it, formula by formula in float64."""

from __future__ import annotations

import copy

import numpy as np
from samples import SAMPLES

from mlpcli.config.settings import Config
from mlpcli.training.events import History
from mlpcli.training.prepare import prepare

IRIS = str(SAMPLES / "iris.csv")


def test_it_is_mini_batch_gradient_descent_from_glorots_weights_with_relu_and_l2():
    prepared = prepare(IRIS, Config(preset="classic", hidden=(6,), epochs=1, l2=0.1))
    (member,), lr = prepared.members, prepared.settings.lr
    assert Config(preset="classic").resolve("classification").l2 > 0
    dense = [layer for layer in member.network.layers if "w" in layer.p]
    w1, b1, w2, b2 = (np.array(layer.p[name], np.float64) for layer in dense for name in ("w", "b"))
    for w, b in ((w1, b1), (w2, b2)):
        glorot = (6 / sum(w.shape)) ** 0.5
        assert 0.5 * glorot < np.abs(w).max() <= glorot
        assert not b.any()
    training = prepared.training()
    steps = list(member.train.batches(32, copy.deepcopy(member.rng)))
    assert [len(rows) for rows in steps] == [32, 32, 32, 9]
    History.of(training.events())
    for rows in steps:
        x, truth = member.train.x[rows].astype(np.float64), np.eye(3)[member.train.y[rows]]
        z = x @ w1 + b1
        h = np.maximum(z, 0)
        e = np.exp(h @ w2 + b2)
        d2 = (e / e.sum(axis=1, keepdims=True) - truth) / len(rows)
        d1 = (d2 @ w2.T) * (z > 0)
        w1, b1 = w1 - lr * (x.T @ d1 + 0.1 * w1), b1 - lr * d1.sum(axis=0)
        w2, b2 = w2 - lr * (h.T @ d2 + 0.1 * w2), b2 - lr * d2.sum(axis=0)
    for layer, w, b in zip(dense, (w1, w2), (b1, b2), strict=True):
        np.testing.assert_allclose(layer.p["w"], w, atol=1e-5)
        np.testing.assert_allclose(layer.p["b"], b, atol=1e-5)

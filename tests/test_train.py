from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from mlpcli.config import Config
from mlpcli.engine.losses import LOSSES
from mlpcli.engine.network import mlp
from mlpcli.errors import TrainingError
from mlpcli.events import EpochEnded, Finished, History, Started
from mlpcli.train import Member, Rows, train

PLAIN = Config(preset="classic", patience=0, epochs=200, l2=0.0).resolve("classification")


def rows(x, y, index=None):
    return Rows(x.astype(np.float32), y, None, np.arange(len(x)) if index is None else index)


def member(x, y, n_outputs, valid=None, seed=0, **options):
    rng = np.random.default_rng(seed)
    network = mlp(x.shape[1], n_outputs, rng=rng, **options)
    return Member(network, rows(x, y), valid, rng)


def two_classes(n=300, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 4))
    return x, (x[:, 0] + 0.5 * rng.normal(size=n) > 0).astype(np.int64)


def test_without_hidden_layer_and_with_squared_error_it_is_least_squares():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    y = (x @ [1.0, -2.0, 0.5] + 0.3 + 0.1 * rng.normal(size=200)).astype(np.float32)
    one = member(x, y, 1, hidden=())
    config = replace(PLAIN, batch_size="full", lr=0.2, epochs=500)
    list(train([one], LOSSES["squared_error"](), config))
    exact = np.linalg.lstsq(np.hstack([x, np.ones((200, 1))]), y, rcond=None)[0]
    assert one.network.params == pytest.approx(exact, abs=1e-4)


def test_a_network_memorises_a_tiny_set():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(16, 4)), rng.integers(0, 3, 16)
    one = member(x, y, 3, hidden=(32,))
    list(train([one], LOSSES["cross_entropy"](), replace(PLAIN, optimizer="adam", lr=0.01, epochs=300)))
    assert (one.network.predict(one.train.x).argmax(axis=1) == y).all()


@pytest.mark.parametrize(("hidden", "solves"), [((), False), ((8,), True)])
def test_xor_needs_a_hidden_layer(hidden, solves):
    x = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]] * 8, float)
    y = (x[:, 0] * x[:, 1] < 0).astype(np.int64)
    one = member(x, y, 2, hidden=hidden, activation="tanh")
    list(train([one], LOSSES["cross_entropy"](), replace(PLAIN, optimizer="adam", lr=0.05)))
    right = (one.network.predict(one.train.x).argmax(axis=1) == y).mean()
    assert (right == 1.0) if solves else (right <= 0.75)


def ensemble(seed=0):
    x, y = two_classes()
    x = x.astype(np.float32)
    members = []
    for k in range(3):
        rng = np.random.default_rng([seed, k])
        fold = np.arange(len(x)) % 3 == k
        network = mlp(4, 2, rng=rng, hidden=(16,))
        parts = [Rows(x, y, None, np.flatnonzero(rows)) for rows in (~fold, fold)]
        members.append(Member(network, parts[0], parts[1], rng))
    return members


def test_the_result_does_not_depend_on_the_number_of_threads():
    alone, together = ensemble(), ensemble()
    config = replace(PLAIN, epochs=5)
    list(train(alone, LOSSES["cross_entropy"](), config, jobs=1))
    list(train(together, LOSSES["cross_entropy"](), config, jobs=3))
    for a, b in zip(alone, together, strict=True):
        assert a.network.params.tobytes() == b.network.params.tobytes()


def test_the_best_epoch_is_restored():
    x, y = two_classes()
    valid = rows(*two_classes(seed=9))
    one = member(x, y, 2, valid, hidden=(64,))
    config = replace(PLAIN, optimizer="adam", lr=0.05, epochs=40)
    history = History.of(train([one], LOSSES["cross_entropy"](), config))
    after = LOSSES["cross_entropy"]().value(one.network.predict(valid.x), valid.y)
    assert after == pytest.approx(min(history.valid_loss), rel=1e-6)
    assert history.valid_loss[history.best_epoch - 1] == min(history.valid_loss)
    assert history.valid_loss[-1] > after  # it did overfit, or the test shows nothing


def test_patience_stops_and_says_so():
    x, y = two_classes()
    one = member(x, y, 2, rows(*two_classes(seed=9)), hidden=(64,))
    config = replace(PLAIN, optimizer="adam", lr=0.05, epochs=1000, patience=5)
    events = list(train([one], LOSSES["cross_entropy"](), config))
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert events[-1].stopped_by == "patience"
    assert events[-1].epochs == events[-1].best_epoch + 5


def test_a_stop_at_any_moment_leaves_the_best_weights_so_far():
    x, y = two_classes()
    valid = rows(*two_classes(seed=9))
    one = member(x, y, 2, valid, hidden=(64,))
    events = train([one], LOSSES["cross_entropy"](), replace(PLAIN, optimizer="adam", lr=0.05))
    seen = [e.valid_loss for e in itertools.islice(events, 31) if isinstance(e, EpochEnded)]
    events.close()
    assert LOSSES["cross_entropy"]().value(one.network.predict(valid.x), valid.y) == pytest.approx(min(seen), rel=1e-6)


def test_divergence_is_caught_and_the_rate_lowered():
    x, y = two_classes()
    one = member(x * 100, y, 2, rows(*two_classes(seed=9)), hidden=(16,))
    list(train([one], LOSSES["cross_entropy"](), replace(PLAIN, lr=1e3, epochs=5, optimizer="momentum")))
    assert np.isfinite(one.network.params).all()


def test_data_that_can_only_diverge_is_a_training_error():
    x, y = two_classes()
    one = member(x, (y * 1e30).astype(np.float32), 1, hidden=(16,))
    with pytest.raises(TrainingError, match="epoch 1"):
        list(train([one], LOSSES["squared_error"](), replace(PLAIN, lr=1e3, epochs=5)))


@pytest.mark.parametrize(("batch_size", "steps"), [("full", 1), ("1", 10), ("4", 3)])
def test_batch_stochastic_and_mini_batch_descent_take_their_number_of_steps(batch_size, steps):
    x, y = two_classes(10)
    one = member(x, y, 2, hidden=())
    taken = []
    forward = one.network.forward

    def counting(x, training=False, rng=None):
        if training:
            taken.append(len(x))
        return forward(x, training, rng)

    one.network.forward = counting
    list(train([one], LOSSES["cross_entropy"](), replace(PLAIN, batch_size=batch_size, epochs=1)))
    assert len(taken) == steps
    assert sum(taken) == 10


@pytest.mark.parametrize("penalty", ["l1", "l2", "weight_decay"])
def test_penalties_make_weights_smaller(penalty):
    x, y = two_classes()
    norms = []
    for strength in (0.0, 0.1):
        one = member(x, y, 2, hidden=(8,))
        list(train([one], LOSSES["cross_entropy"](), replace(PLAIN, epochs=30, **{penalty: strength})))
        norms.append(np.linalg.norm(one.network.params))
    assert norms[1] < 0.9 * norms[0]


def test_max_norm_bounds_the_weights_into_each_unit():
    x, y = two_classes()
    one = member(x, y, 2, hidden=(8,))
    list(train([one], LOSSES["cross_entropy"](), replace(PLAIN, epochs=30, lr=0.5, max_norm=0.5)))
    assert np.linalg.norm(one.network.layers[0].p["w"], axis=0).max() <= 0.5 + 1e-5


def test_the_last_row_alone_in_a_batch_keeps_batch_normalisation_finite():
    x, y = two_classes(33)
    one = member(x, y, 2, hidden=(8,), normalization="batch")
    list(train([one], LOSSES["cross_entropy"](), replace(PLAIN, epochs=5, batch_size="32")))
    assert np.isfinite(one.network.predict(one.train.x)).all()

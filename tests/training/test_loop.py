"""Training learns what can be learned, keeps the best epoch however it ends, and recovers from too high a rate."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest

from mlpcli.config.settings import LOSS_OF_TASK, Config
from mlpcli.engine.losses import LOSSES, Loss
from mlpcli.engine.network import Architecture, mlp
from mlpcli.errors import TrainingError
from mlpcli.metrics.scoring import METRICS
from mlpcli.training.events import EpochEnded, Finished, History, Started
from mlpcli.training.loop import Member, MemberTrainer, Rows, train

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
XOR_Y = np.array([0, 1, 1, 0])


def settings(**changes) -> Config:
    plain = {"parametrization": "standard", "schedule": "constant", "patience": 0, "epochs": 5}
    plain |= {"batch_size": "32", "lr": 0.01, "ensemble": 1}
    return Config(**(plain | changes)).resolve("classification")


def rows(x, y, index=None, weights=None) -> Rows:
    return Rows(x, y, weights, np.arange(len(x)) if index is None else index)


def blobs(n: int = 300, seed: int = 0):
    """Three classes, x (n, 4), that overlap a little."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    return (rng.standard_normal((n, 4)) + 1.5 * np.eye(3, 4)[y]).astype(np.float32), y


def member(seed: int = 0, hidden=(16,), n: int = 300, n_valid: int = 100, **options) -> Member:
    x, y = blobs(n)
    network = mlp(4, 3, Architecture(hidden=hidden, **options), rng=np.random.default_rng(seed))
    index = np.random.default_rng(seed).permutation(n)
    valid = rows(x, y, index[:n_valid]) if n_valid else None
    return Member(network, rows(x, y, index[n_valid:]), valid, np.random.default_rng(seed))


def valid_loss(m: Member) -> float:
    assert m.valid is not None
    return CROSS_ENTROPY.value(m.network.predict(m.valid.x[m.valid.index]), m.valid.y[m.valid.index])


CROSS_ENTROPY = LOSSES["cross_entropy"]()


# --- the order of rows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 32, 1000])
def test_an_epoch_takes_every_row_once_in_full_batches_whatever_the_blocks(size, monkeypatch):
    monkeypatch.setattr("mlpcli.training.loop.SHUFFLED", 4 * 4 * 50)  # blocks of 50 rows
    x, y = blobs()
    index = np.arange(0, 300, 2)
    batches = list(rows(x, y, index).batches(size, np.random.default_rng(0)))
    assert sorted(np.concatenate(batches).tolist()) == index.tolist()
    assert {len(b) for b in batches[:-1]} <= {size}
    again = list(rows(x, y, index).batches(size, np.random.default_rng(1)))
    assert np.concatenate(again).tolist() != np.concatenate(batches).tolist()


# --- what can be learned ---------------------------------------------------------------------------------


def xor_accuracy(hidden) -> float:
    m = Member(
        mlp(2, 2, Architecture(hidden=hidden, activation="tanh"), rng=np.random.default_rng(0)),
        rows(XOR, XOR_Y),
        None,
        np.random.default_rng(0),
    )
    list(train([m], CROSS_ENTROPY, settings(batch_size="full", epochs=500, lr=0.05)))
    return float((m.network.predict(XOR).argmax(1) == XOR_Y).mean())


def test_two_layers_learn_xor():
    assert xor_accuracy(hidden=(8,)) == 1


def test_a_single_layer_cannot_learn_xor():
    assert xor_accuracy(hidden=()) <= 0.75


def test_no_hidden_layer_and_squared_error_is_least_squares():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 3)), rng.standard_normal(60)
    network = mlp(3, 1, Architecture(hidden=()), rng=rng, dtype=np.float64)
    config = settings(optimizer="momentum", batch_size="full", epochs=800, lr=0.05, loss="squared_error")
    list(train([Member(network, rows(x, y), None, rng)], LOSSES["squared_error"](), config))
    closed_form = np.linalg.lstsq(np.c_[x, np.ones(60)], y, rcond=None)[0]
    np.testing.assert_allclose(network.params, closed_form, rtol=1e-8)


def test_l2_is_ridge_regression_and_spares_the_bias():
    rng = np.random.default_rng(0)
    x, y, l2 = rng.standard_normal((60, 3)), rng.standard_normal(60) + 5, 0.5
    network = mlp(3, 1, Architecture(hidden=()), rng=rng, dtype=np.float64)
    config = settings(optimizer="momentum", batch_size="full", epochs=800, lr=0.05, l2=l2)
    list(train([Member(network, rows(x, y), None, rng)], LOSSES["squared_error"](), config))
    design = np.c_[x, np.ones(60)]
    closed_form = np.linalg.solve(design.T @ design / 60 + l2 * np.diag([1, 1, 1, 0]), design.T @ y / 60)
    np.testing.assert_allclose(network.params, closed_form, rtol=1e-8)


def test_l1_drives_weights_without_use_to_zero():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 4)).astype(np.float32)
    network = mlp(4, 1, Architecture(hidden=()), rng=rng)
    config = settings(optimizer="sgd", batch_size="full", epochs=600, lr=0.02, l1=0.1, schedule="cosine")
    list(train([Member(network, rows(x, x[:, 0]), None, rng)], LOSSES["squared_error"](), config))
    assert np.abs(network.params[1:4]).max() < 5e-3
    assert network.params[0] == pytest.approx(0.9, abs=0.03)  # one less the penalty


def test_max_norm_holds_after_training():
    m = member()
    list(train([m], CROSS_ENTROPY, settings(max_norm=0.5, lr=0.05)))
    assert np.linalg.norm(m.network.params[: 4 * 16].reshape(4, 16), axis=0).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("batch_size", ["full", "1", "7", "1000"])
def test_a_tiny_set_is_memorised_in_batches_of_any_size(batch_size):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 4)).astype(np.float32), rng.integers(0, 3, 20)
    m = Member(mlp(4, 3, Architecture(hidden=(32, 32)), rng=rng), rows(x, y), None, rng)
    list(train([m], CROSS_ENTROPY, settings(batch_size=batch_size, epochs=150, lr=0.01)))
    assert (m.network.predict(x).argmax(1) == y).all()


def test_a_row_of_weight_zero_is_not_there():
    x, y = blobs(60)
    x = x.astype(np.float64)
    weights = (np.arange(60) < 40).astype(np.float32) * 1.5  # mean 1
    nets = [mlp(4, 3, Architecture(hidden=(8,)), rng=np.random.default_rng(0), dtype=np.float64) for _ in range(2)]
    for net, given in zip(nets, [rows(x, y, weights=weights), rows(x[:40], y[:40])], strict=True):
        config = settings(batch_size="full", epochs=20)
        list(train([Member(net, given, None, np.random.default_rng(0))], CROSS_ENTROPY, config))
    np.testing.assert_allclose(nets[0].params, nets[1].params, rtol=1e-5, atol=1e-7)


# --- batches ---------------------------------------------------------------------------------------------


class Spy(Loss):
    """Cross-entropy that remembers the class numbers of each batch it has seen."""

    task = "classification"

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[int]] = []

    def rows(self, logits, y):
        return np.zeros(len(y))

    def gradient(self, logits, y, weights, grad):
        self.batches.append(y.tolist())
        grad[:] = 0


@pytest.mark.parametrize(
    ("batch_size", "sizes"), [("full", [10]), ("1", [1] * 10), ("4", [4, 4, 2]), ("9", [9, 1]), ("50", [10])]
)
def test_every_epoch_uses_each_row_once_in_a_new_order(batch_size, sizes):
    x, y = np.zeros((10, 2), np.float32), np.arange(10)
    spy = Spy()
    m = Member(mlp(2, 10, Architecture(), rng=np.random.default_rng(0)), rows(x, y), None, np.random.default_rng(0))
    list(train([m], spy, settings(batch_size=batch_size, epochs=2)))
    assert [len(batch) for batch in spy.batches] == sizes * 2
    seen = [list(chain(*spy.batches[i : i + len(sizes)])) for i in (0, len(sizes))]
    assert [sorted(epoch) for epoch in seen] == [list(range(10))] * 2
    assert seen[0] != seen[1]


@pytest.mark.parametrize(("n", "sizes"), [(10, [8]), (13, [8, 5]), (12, [8]), (3, [3]), (16, [8, 8])])
def test_the_recipe_drops_a_last_batch_of_at_most_half_size(n, sizes):
    x, y = np.zeros((n, 2), np.float32), np.arange(n)
    spy = Spy()
    m = Member(mlp(2, n, Architecture(), rng=np.random.default_rng(0)), rows(x, y), None, np.random.default_rng(0))
    list(train([m], spy, settings(batch_size="8", epochs=1, parametrization="ntk")))
    assert [len(batch) for batch in spy.batches] == sizes


def test_an_index_into_shared_rows_is_like_a_copy_of_them():
    x, y = blobs(100)
    index = np.arange(0, 100, 3)
    ends = []
    for given in (rows(x, y, index), rows(x[index], y[index])):
        m = Member(mlp(4, 3, Architecture(), rng=np.random.default_rng(0)), given, None, np.random.default_rng(0))
        list(train([m], CROSS_ENTROPY, settings()))
        ends.append(m.network.params)
    np.testing.assert_array_equal(*ends)


# --- events ----------------------------------------------------------------------------------------------


def test_events_tell_the_run_in_order():
    members = [member(seed) for seed in range(2)]
    events = list(train(members, CROSS_ENTROPY, settings(epochs=3)))
    assert [type(event) for event in events] == [Started] + [EpochEnded] * 3 + [Finished]
    started, finished = events[0], events[-1]
    assert (started.n_members, started.n_train, started.n_valid, started.max_epochs) == (2, 200, 200, 3)
    assert started.n_parameters == members[0].network.params.size
    assert (finished.epochs, finished.stopped_by) == (3, "epochs")


def test_told_losses_are_means_and_spreads_over_members():
    together = History.of(train([member(0), member(1)], CROSS_ENTROPY, settings(epochs=3)))
    alone = [History.of(train([member(seed)], CROSS_ENTROPY, settings(epochs=3))) for seed in (0, 1)]
    losses = np.array([history.valid_loss for history in alone])
    np.testing.assert_allclose(together.valid_loss, losses.mean(axis=0))
    np.testing.assert_allclose(together.valid_spread, losses.std(axis=0))


def test_the_training_loss_of_few_rows_is_that_of_all_of_them_without_dropout():
    m = member(dropout=0.5, n_valid=0)
    history = History.of(train([m], CROSS_ENTROPY, settings(epochs=1)))
    x, y = blobs()
    assert history.train_loss == pytest.approx([CROSS_ENTROPY.value(m.network.predict(x), y)])


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_number_of_jobs_changes_nothing(dropout):
    ends = []
    for jobs in (1, 2, 5):
        members = [member(seed, dropout=dropout) for seed in range(3)]
        history = History.of(train(members, CROSS_ENTROPY, settings(epochs=4, patience=2), jobs=jobs))
        ends.append((history.valid_loss, [m.network.params.tolist() for m in members]))
    assert ends[0] == ends[1] == ends[2]


# --- the best epoch is kept ------------------------------------------------------------------------------


@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_the_best_epoch_is_restored(normalization):
    m = member(hidden=(64, 64), n=90, n_valid=60, normalization=normalization)
    history = History.of(train([m], CROSS_ENTROPY, settings(epochs=40, lr=0.02)))
    assert history.best_epoch == 1 + int(np.argmin(history.valid_loss)) < 40
    assert valid_loss(m) == pytest.approx(min(history.valid_loss), rel=1e-6)


def test_without_validation_rows_the_last_epoch_is_kept():
    kept = member(n_valid=0)
    *_, last, finished = train([kept], CROSS_ENTROPY, settings(epochs=4))
    assert last.valid_loss is None
    assert finished.best_epoch == 4
    x, y = blobs()
    assert CROSS_ENTROPY.value(kept.network.predict(x), y) == pytest.approx(last.train_loss)


def test_training_stops_when_no_member_improves():
    m = member(hidden=(64, 64), n=90, n_valid=60)
    history = History.of(train([m], CROSS_ENTROPY, settings(epochs=1000, lr=0.02, patience=5)))
    assert history.stopped_by == "patience"
    assert len(history.valid_loss) == history.best_epoch + 5


def test_a_member_that_has_stopped_is_as_it_would_be_alone():
    slow, quick = member(1, hidden=(2,)), member(0, hidden=(64,))
    config = settings(epochs=300, lr=0.02, patience=5)
    together = History.of(train([slow, quick], CROSS_ENTROPY, config))
    epochs = []
    for seed, hidden, one in ((1, (2,), slow), (0, (64,), quick)):
        alone = member(seed, hidden=hidden)
        history = History.of(train([alone], CROSS_ENTROPY, config))
        epochs.append(len(history.train_loss))
        np.testing.assert_array_equal(one.network.params, alone.network.params)
        assert history.stopped_by == "patience"
        assert len(history.train_loss) <= len(together.train_loss)
    assert len(History.of(train([member(0, hidden=(64,))], CROSS_ENTROPY, config)).train_loss) < len(
        together.train_loss
    )


@pytest.mark.parametrize("jobs", [1, 2])
def test_closing_the_generator_keeps_the_best_epoch(jobs):
    members = [member(seed, hidden=(64, 64), n=90, n_valid=60) for seed in range(2)]
    events, best = train(members, CROSS_ENTROPY, settings(epochs=1000, lr=0.02), jobs=jobs), [np.inf] * 2
    next(events)
    for _ in range(30):
        next(events)
        best = [min(old, valid_loss(m)) for old, m in zip(best, members, strict=True)]
    events.close()
    assert [valid_loss(m) for m in members] == pytest.approx(best)


def test_a_member_that_goes_back_averages_from_its_best_epoch_on():
    run = MemberTrainer(member(), CROSS_ENTROPY, settings(average=3.0))
    run.epoch()
    run.run_epoch()
    assert np.abs(run.average - run.best[0]).max() > 1e-3
    run.recover("a loss that is not finite")
    np.testing.assert_array_equal(run.average, run.best[0])
    np.testing.assert_array_equal(run.member.network.params, run.best[0])


class Interrupting(type(CROSS_ENTROPY)):
    """Cross-entropy that raises KeyboardInterrupt at the given call."""

    def __init__(self, call: int) -> None:
        super().__init__()
        self.calls_left = call

    def gradient(self, logits, y, weights, grad):
        self.calls_left -= 1
        if self.calls_left == 0:
            raise KeyboardInterrupt
        super().gradient(logits, y, weights, grad)


@pytest.mark.parametrize("call", [1, 10, 60, 95])
def test_an_interrupt_inside_an_epoch_keeps_the_best_one(call):
    m = member()
    start, emitted = m.network.params.copy(), []
    with pytest.raises(KeyboardInterrupt):
        emitted.extend(train([m], Interrupting(call), settings(epochs=50, batch_size="32")))
    whole = member()  # 7 steps an epoch
    history = History.of(train([whole], CROSS_ENTROPY, settings(epochs=max((call - 1) // 7, 1), batch_size="32")))
    expected = whole.network.params if call > 7 else start
    np.testing.assert_array_equal(m.network.params, expected)
    assert history.best_epoch <= max((call - 1) // 7, 1)


class Slow(type(CROSS_ENTROPY)):
    """Cross-entropy that takes 5 ms a batch."""

    def gradient(self, logits, y, weights, grad):
        time.sleep(0.005)
        super().gradient(logits, y, weights, grad)


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_time_limit_ends_an_epoch_in_its_middle(jobs):
    members = [member(seed) for seed in range(2)]  # 200 steps, a second, each
    config = settings(batch_size="1", epochs=100, time_limit=0.1)
    *_, last, finished = train(members, Slow(), config, jobs=jobs)
    assert finished.stopped_by == "time limit"
    assert finished.seconds < 1
    assert np.mean([valid_loss(m) for m in members]) == pytest.approx(last.valid_loss)


def test_no_thread_outlives_training():
    before = threading.active_count()
    events = train([member(seed) for seed in range(2)], CROSS_ENTROPY, settings(), jobs=2)
    next(events)
    next(events)
    events.close()
    assert threading.active_count() == before


# --- divergence ------------------------------------------------------------------------------------------


def exploding() -> Member:
    m = member()
    m.train = replace(m.train, x=m.train.x * np.float32(1e4))
    m.valid = replace(m.valid, x=m.train.x)
    return m


class Fragile(type(CROSS_ENTROPY)):
    """Cross-entropy of logits that are NaN at the given calls."""

    def __init__(self, calls) -> None:
        super().__init__()
        self.calls, self.call = calls, 0

    def gradient(self, logits, y, weights, grad):
        self.call += 1
        super().gradient(logits, y, weights, grad)
        if self.call in self.calls:
            logits[:] = np.nan


@pytest.mark.parametrize("calls", [{1}, {10}, {3, 10, 20}])
def test_up_to_three_divergences_are_recovered_from(calls):
    m = member()
    history = History.of(train([m], Fragile(calls), settings(epochs=10)))
    assert history.stopped_by == "epochs"
    assert np.isfinite(history.train_loss).all()
    assert valid_loss(m) == pytest.approx(min(history.valid_loss), rel=1e-6)


def test_after_the_fourth_divergence_the_best_epoch_is_kept():
    m = member()
    history = History.of(train([m], Fragile(range(20, 1000)), settings(epochs=10)))
    assert history.stopped_by == "diverged"
    assert history.best_epoch == 2
    assert valid_loss(m) == pytest.approx(min(history.valid_loss), rel=1e-6)


def test_the_fourth_divergence_is_the_last():
    history = History.of(train([member()], Fragile({20, 21, 22, 23}), settings(epochs=10)))
    assert (history.stopped_by, history.best_epoch) == ("diverged", 2)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_a_divergence_starts_the_optimizer_anew_at_a_tenth_of_the_rate(optimizer):
    plain = {"optimizer": optimizer, "batch_size": "full"}
    diverged, anew = member(), member()
    list(train([diverged], Fragile({3}), settings(epochs=4, lr=0.1, **plain)))  # in epoch 3, when two are done
    list(train([anew], CROSS_ENTROPY, settings(epochs=2, lr=0.1, **plain)))
    list(train([anew], CROSS_ENTROPY, settings(epochs=2, lr=0.01, **plain)))
    np.testing.assert_allclose(diverged.network.params, anew.network.params, rtol=1e-4, atol=1e-6)


def test_no_finite_epoch_is_an_error_that_says_where():
    m = member()
    start = m.network.params.copy()
    with pytest.raises(TrainingError, match=r"epoch 1, step 1\b"):
        list(train([m], Fragile(range(1, 1000)), settings()))
    np.testing.assert_array_equal(m.network.params, start)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_rate_of_a_million_leaves_no_number_that_is_not_finite(optimizer):
    m = exploding()
    try:
        history = History.of(train([m], CROSS_ENTROPY, settings(optimizer=optimizer, lr=1000.0, epochs=20)))
        assert np.isfinite([*history.train_loss, *history.valid_loss]).all()
    except TrainingError:
        pass
    assert np.isfinite(m.network.params).all()


def test_tiny_numbers_are_cleared_away():
    m = member()
    m.network.params[:] = 1e-40
    list(train([m], CROSS_ENTROPY, settings(lr=1e-30, optimizer="sgd", epochs=1)))
    smallest = np.finfo(np.float32).smallest_normal
    assert ((m.network.params == 0) | (np.abs(m.network.params) >= smallest)).all()


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_metric_of_each_epoch_is_the_metric_of_the_predictions(task):
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((50, 3 if task == "classification" else 1))
    y = rng.integers(0, 3, 50) if task == "classification" else rng.standard_normal(50)
    name = "accuracy" if task == "classification" else "r2"
    outputs = logits.argmax(axis=1) if task == "classification" else logits[:, 0]
    assert LOSSES[LOSS_OF_TASK[task]]().quick_metric(logits, y) == pytest.approx(METRICS[name].function(y, outputs))


def test_a_weight_that_became_infinite_is_a_divergence_even_behind_a_finite_loss():
    m = member()
    run = History.of(train([m], CROSS_ENTROPY, settings(epochs=2)))
    assert run.stopped_by == "epochs"

    class Poisoned(type(CROSS_ENTROPY)):
        def gradient(self, logits, y, weights, grad):
            grad[:] = np.inf

    with np.errstate(all="ignore"), pytest.raises(TrainingError, match="weight or its moment became infinite"):
        list(train([member()], Poisoned(), settings(epochs=2, optimizer="adam", batch_size=300)))

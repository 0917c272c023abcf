"""The training loop: a generator of events over one or several networks. It prints nothing.

The members of an ensemble advance in lock-step, an epoch each, on as many threads as asked for; the result does
not depend on their number. However the loop ends, each network is left with its best weights.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.config import Config
from mlpcli.engine.losses import Loss
from mlpcli.engine.network import Network
from mlpcli.engine.optimizers import OPTIMIZERS, TINY
from mlpcli.engine.schedules import SCHEDULES, with_warmup
from mlpcli.errors import TrainingError
from mlpcli.events import EpochEnded, Event, Finished, Started, Stop

Array = NDArray[np.floating]
Ints = NDArray[np.int64]

SAMPLE_ROWS = 1000  # training rows, at least, on which the training loss of the curve is measured
GATHERED = 4096  # rows copied at a time to measure a loss: never a whole fold
CLEANING = 64  # steps between two removals of tiny numbers
TINY_WEIGHT = 1e-15  # the product of three smaller weights would be a denormal
RETRIES = 3  # times a diverged member goes back to its best epoch with a tenth of the learning rate


@dataclass(frozen=True)
class Rows:
    """Encoded rows: x (n, n_inputs), y (n,), weights (n,) of mean 1 or None.

    `index` picks the rows that belong, so that members share one matrix.
    """

    x: Array
    y: NDArray[Any]
    weights: Array | None
    index: Ints

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: Ints, out: Array | None = None) -> tuple[Array, NDArray[Any], Array | None]:
        x = np.take(self.x, rows, axis=0, out=None if out is None else out[: len(rows)], mode="clip")
        return x, self.y[rows], None if self.weights is None else self.weights[rows]


@dataclass
class Member:
    """One network, the rows it trains on, the rows that choose its epoch, and its own randomness."""

    network: Network
    train: Rows
    valid: Rows | None
    rng: np.random.Generator


class DivergedError(Exception):
    """A loss that is not finite."""


class Run:
    """The training of one member: optimiser state, best weights, and `epoch()`."""

    def __init__(self, member: Member, loss: Loss, config: Config, deadline: float) -> None:
        assert config.epochs is not None
        assert config.lr is not None
        assert config.batch_size is not None
        assert config.optimizer is not None
        assert config.schedule is not None
        self.member, self.loss, self.config, self.deadline = member, loss, config, deadline
        self.epochs, self.lr = config.epochs, config.lr
        n, net = len(member.train), member.network
        self.batch_size = n if config.batch_size == "full" else min(int(config.batch_size), n)
        self.schedule = with_warmup(SCHEDULES[config.schedule], config.warmup or 0.0)
        self.optimizer = OPTIMIZERS[config.optimizer](
            len(net.params), net.params.dtype, config.momentum or 0.0, config.beta1 or 0.0, config.beta2 or 0.0
        )
        self.decay = config.weight_decay or self.optimizer.default_decay
        self.factors = None if np.all(net.lr_factors == 1) else net.lr_factors
        self.x = np.empty((self.batch_size, member.train.x.shape[1]), net.params.dtype)
        self.grad = np.empty((self.batch_size, net.n_outputs), net.params.dtype)
        self.best = (net.params.copy(), net.state.copy())
        self.best_loss, self.best_epoch, self.retries = np.inf, 0, 0
        n_sample = min(n, max(len(member.valid) if member.valid else 0, SAMPLE_ROWS))
        self.sample = np.sort(member.rng.permutation(member.train.index)[:n_sample])
        self.measured: tuple[float, float | None] = (np.inf, None)
        self.done = 0
        self.is_stopping = self.has_failed = False

    def epoch(self) -> tuple[float, float | None]:
        """One pass over the training rows -> training and validation loss after it."""
        while True:
            if self.has_failed:
                return self.measured
            try:
                self.descend()
                self.measured = self.measure()
                break
            except DivergedError as error:
                self.recover(str(error))
        self.done += 1
        train_loss, valid_loss = self.measured
        if valid_loss is None or valid_loss < self.best_loss:
            self.best_loss, self.best_epoch = train_loss if valid_loss is None else valid_loss, self.done
            np.copyto(self.best[0], self.member.network.params)
            np.copyto(self.best[1], self.member.network.state)
        return self.measured

    def descend(self) -> None:
        """The steps of one epoch, over the training rows in a new random order."""
        net, rng, size = self.member.network, self.member.rng, self.batch_size
        order = rng.permutation(self.member.train.index)
        if self.config.parametrization == "ntk" and len(order) > size and 2 * (len(order) % size) <= size:
            # A short last batch would take a full, noisy step at this recipe's high rate.
            order = order[: len(order) - len(order) % size]
        n_steps = -(-len(order) // size)
        for i in range(n_steps):
            if self.is_stopping or time.monotonic() > self.deadline:
                return
            if i % CLEANING == 0:
                self.clean()
            x, y, weights = self.member.train.take(order[i * size : (i + 1) * size], out=self.x)
            grad = self.grad[: len(x)]
            with np.errstate(over="ignore", invalid="ignore"):
                logits = net.forward(x, training=True, rng=rng)
                value = self.loss.value_and_grad(logits, y, weights, grad)
                if not np.isfinite(value):
                    raise DivergedError(f"loss became {value} at epoch {self.done + 1}, step {i + 1}")
                net.backward(grad)
                self.step(self.lr * self.schedule((self.done + i / n_steps) / self.epochs))

    def clean(self) -> None:
        """Zeroes numbers so small that they, or their products, are denormals, on which processors crawl."""
        self.optimizer.flush_tiny()
        params = self.member.network.params
        params[np.abs(params) < TINY_WEIGHT] = 0

    def step(self, lr: float) -> None:
        """Penalties and limits around one step of the optimiser."""
        net, config = self.member.network, self.config
        if config.l2:
            net.grads += config.l2 * net.decay_factors * net.params
        if config.l1:
            net.grads += config.l1 * net.decay_factors * np.sign(net.params)
        if config.clip_norm:
            net.grads *= min(1.0, config.clip_norm / max(float(np.linalg.norm(net.grads)), TINY))
        if self.decay:
            net.params *= 1 - lr * self.decay * net.decay_factors
        self.optimizer.step(net.params, net.grads, lr, self.factors)
        if config.max_norm:
            net.limit_norms(config.max_norm)

    def measure(self) -> tuple[float, float | None]:
        """Training loss on the fixed sample and validation loss, both with dropout and noise off."""
        valid = self.member.valid
        train_loss = self.loss_on(self.member.train, self.sample)
        return train_loss, None if valid is None else self.loss_on(valid, valid.index)

    def loss_on(self, rows: Rows, index: Ints) -> float:
        net = self.member.network
        logits = np.empty((len(index), net.n_outputs), net.params.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            for i in range(0, len(index), GATHERED):
                logits[i : i + GATHERED] = net.predict(rows.take(index[i : i + GATHERED])[0])
            value = self.loss.value(logits, rows.y[index], None if rows.weights is None else rows.weights[index])
        if not np.isfinite(value):
            raise DivergedError(f"loss became {value} after epoch {self.done + 1}")
        return value

    def recover(self, what: str) -> None:
        """Back to the best epoch, with a tenth of the learning rate; after RETRIES this member trains no more."""
        self.restore()
        if self.retries == RETRIES:
            if self.best_epoch == 0:
                raise TrainingError(
                    f"{what}, and again at a thousandth of the learning rate",
                    hint="lower --lr, or look at the data for extreme values with mlpcli inspect",
                )
            self.has_failed = True
        self.retries += 1
        self.lr /= 10
        self.optimizer.reset()

    def restore(self) -> None:
        np.copyto(self.member.network.params, self.best[0])
        np.copyto(self.member.network.state, self.best[1])


def train(members: Sequence[Member], loss: Loss, config: Config, jobs: int = 1) -> Iterator[Event]:
    """Trains every member; `config` is resolved, with epochs set.

    Stops when no member has improved for `patience` epochs. Closing the generator, or an exception in it such as
    KeyboardInterrupt, stops training and leaves the best weights so far.
    Raises TrainingError when the loss is never finite.
    """
    began = now = time.monotonic()
    runs = [Run(member, loss, config, began + (config.time_limit or np.inf)) for member in members]
    n_train = sum(len(m.train) for m in members)
    valid = {id(m.valid.index): len(m.valid) for m in members if m.valid is not None}
    yield Started(
        config.loss or "",
        runs[0].epochs,
        len(runs),
        n_train // len(runs),
        sum(valid.values()),
        len(members[0].network.params),
        runs[0].batch_size,
    )
    stopped: Stop = "epochs"
    epoch, best_epoch, best_mean = 0, 0, np.inf
    pool = ThreadPoolExecutor(jobs) if jobs > 1 and len(runs) > 1 else None
    try:
        for epoch in range(1, runs[0].epochs + 1):
            started = now
            losses = list(pool.map(Run.epoch, runs) if pool else map(Run.epoch, runs))
            now = time.monotonic()
            train_losses = np.array([of_train for of_train, _ in losses])
            valid_losses = np.array([of_valid for _, of_valid in losses if of_valid is not None])
            mean = float(valid_losses.mean()) if len(valid_losses) else None
            if mean is None or mean < best_mean:
                best_epoch, best_mean = epoch, np.inf if mean is None else mean
            yield EpochEnded(
                epoch,
                float(train_losses.mean()),
                mean,
                float(train_losses.std()),
                float(valid_losses.std()) if len(valid_losses) else 0.0,
                best_epoch,
                n_train / max(now - started, 1e-9),
                now - began,
            )
            if all(run.has_failed for run in runs):
                stopped = "diverged"
            elif config.patience and len(valid_losses) and all(epoch - r.best_epoch >= config.patience for r in runs):
                stopped = "patience"
            elif config.time_limit and now - began >= config.time_limit:
                stopped = "time limit"
            else:
                continue
            break
    finally:
        for run in runs:
            run.is_stopping = True
        if pool:
            pool.shutdown(wait=True)
        for run in runs:
            run.restore()
    yield Finished(epoch, best_epoch, stopped, time.monotonic() - began)

"""The training loop: a generator of events over one or several networks. It prints nothing.

The members of an ensemble advance in lock-step, an epoch each, on as many cores as asked for, by forks of this process
or threads; the result does not depend on their number. However the loop ends, each network is left with its best
weights. Between two epochs a training can be taken down as a `TrainingState`, from which another one goes on as if
nothing had happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import isfinite
from operator import methodcaller
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.settings import Settings
from mlpcli.data.splits import blocks
from mlpcli.engine.arrays import Array, Ints
from mlpcli.engine.losses import Loss
from mlpcli.engine.network import Line, Network
from mlpcli.engine.optimizers import OPTIMIZERS, TINY
from mlpcli.engine.schedules import SCHEDULES, with_warmup
from mlpcli.errors import TrainingError
from mlpcli.training.criterion import Criterion, rank
from mlpcli.training.events import EpochEnded, Event, Finished, Started, Stop
from mlpcli.training.forks import Forks, forks_pay
from mlpcli.training.state import Measured, MemberState, TrainingState, fill, place_of, set_place

# Training rows on which the curve's training loss is measured: of all members together, of one at least.
SAMPLE_ROWS, MIN_SAMPLED = 1000, 256
LOGIT_ROWS = 4096  # rows copied at a time to look at them: never a whole fold
SHUFFLED = 8 << 20  # bytes of rows that get a new order together; a larger table is shuffled block by block
FLUSH_STEPS = 64  # steps between two removals of tiny numbers
TINY_WEIGHT = 1e-15  # the product of three smaller weights would be a denormal
# The average of the weights moves on every fourth step where it reaches over so many, else every step.
AVERAGED_STEPS, LONG_HORIZON = 4, 64
RETRIES = 3  # times a diverged member goes back to its best epoch with a tenth of the learning rate


def block_rows(n_inputs: int) -> int:
    """How many float32 rows get a new order together."""
    return max(1, SHUFFLED // (4 * max(n_inputs, 1)))


@dataclass(frozen=True)
class Rows:
    """Encoded rows: x (n, n_inputs), y (n,), weights (n,) of mean 1 or None.

    `index` picks the rows that belong, so that members share one matrix; where the matrix is larger than a block,
    its rows are in an order in which every stretch is a random sample. `release` gives back the memory of rows
    that were read from a file.
    """

    x: Array
    y: NDArray[Any]
    weights: Array | None
    index: Ints
    release: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def block(self) -> int:
        return block_rows(self.x.shape[1])

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[Ints]:
        """Every row once in a new random order, `size` at a time: the blocks in random order, the rows within each."""
        rest = self.index[:0]
        for number in rng.permutation(-(-len(self) // self.block)):
            rows = np.append(rest, rng.permutation(self.index[number * self.block : (number + 1) * self.block]))
            n_whole = len(rows) // size * size
            for start in range(0, n_whole, size):
                yield rows[start : start + size]
            rest = rows[n_whole:]
            self.release()
        if len(rest):
            yield rest

    def take(self, rows: Ints, out: Array | None = None) -> tuple[Array, NDArray[Any], Array | None]:
        x = self.x.take(rows, axis=0, out=None if out is None else out[: len(rows)], mode="clip")
        return x, self.y[rows], None if self.weights is None else self.weights[rows]

    def logits(self, network: Network, rows: Ints | None = None) -> Array:
        """(n, n_outputs) logits of these rows, or of all that belong."""
        rows = self.index if rows is None else rows
        logits = np.empty((len(rows), network.n_outputs), network.params.dtype)
        for block in blocks(len(rows), min(LOGIT_ROWS, self.block)):
            logits[block] = network.predict(self.take(rows[block])[0])
            self.release()
        return logits


@dataclass
class Member:
    """One network, the rows it trains on, the rows that choose its epoch, and its own randomness."""

    network: Network
    train: Rows
    valid: Rows | None
    rng: np.random.Generator
    unseen: Mapping[str, Ints] | None = None  # inputs that its network is blind to, numbers in their block
    line: Line | None = None  # what its network answers before the first step


@dataclass(frozen=True)
class KindMembers:
    """The members of one kind of network, one a fold."""

    kind: str
    members: tuple[Member, ...]
    starts_at_leaves: bool = False  # their first units began as leaves of small trees


class DivergedError(Exception):
    """A loss or a weight that is not finite."""


def steps_of(n: int, config: Settings) -> int:
    """Steps of an epoch over n rows."""
    size = config.rows_a_step(n)
    if config.parametrization == "ntk" and n > size and 2 * (n % size) <= size:
        # A short last batch would take a full, noisy step at this recipe's high rate.
        return n // size
    return -(-n // size)


class MemberTrainer:
    """The training of one member: optimiser state, best weights, and `epoch()`."""

    def __init__(self, member: Member, loss: Loss, config: Settings, criterion: Criterion | None = None) -> None:
        self.member, self.loss, self.config, self.criterion = member, loss, config, criterion
        self.deadline = np.inf  # on the monotonic clock
        self.epochs, self.lr = config.epochs, config.lr
        n, net = len(member.train), member.network
        self.batch_size = config.rows_a_step(n)
        self.schedule = with_warmup(SCHEDULES[config.schedule], config.warmup)
        self.optimizer = OPTIMIZERS[config.optimizer](
            len(net.params), net.params.dtype, config.momentum, config.beta1, config.beta2
        )
        self.decay = config.weight_decay or self.optimizer.default_decay
        self.factors = None if np.all(net.lr_factors == 1) else net.lr_factors
        self.x = np.empty((self.batch_size, member.train.x.shape[1]), member.train.x.dtype)
        self.grad = np.empty((self.batch_size, net.n_outputs), net.params.dtype)
        # An exponential moving average of the weights over the last epochs, in steps.
        self.horizon = max(config.average * n / self.batch_size, 1.0)
        self.stride = AVERAGED_STEPS if self.horizon >= LONG_HORIZON else 1
        self.average = net.params.copy() if config.average else None
        self.change = np.empty_like(net.params)  # of the average in a step
        self.best = (net.params.copy(), net.state.copy())
        self.best_loss, self.best_epoch, self.retries = np.inf, 0, 0
        self.best_metric: float | None = None
        n_sample = min(n, max(SAMPLE_ROWS // config.ensemble, MIN_SAMPLED))
        self.sample = np.sort(member.rng.permutation(member.train.index[: member.train.block])[:n_sample])
        self.measured = Measured(np.inf, None, None)
        self.done = 0
        self.is_stopping = self.has_failed = False
        self.recoveries: list[str] = []  # of the epoch under way

    @property
    def has_stopped(self) -> bool:
        """This member trains no more: its loss was too often not finite, or its patience is over."""
        patience = self.config.patience if self.measured.valid_loss is not None else 0
        return self.has_failed or bool(patience and self.done - self.best_epoch >= patience)

    def epoch(self) -> Measured:
        """One pass over the training rows, and what it reached; nothing new from a member that has stopped."""
        while not self.has_stopped:
            try:
                self.run_epoch()
                with self.averaged():
                    self.measured = self.measure()
                    self.keep_best()
                break
            except DivergedError as error:
                self.recover(str(error))
        return self.measured

    def keep_best(self) -> None:
        """Counts the epoch that was just measured, and keeps its weights if none before it was better."""
        self.done += 1
        train_loss, valid_loss, metric = self.measured.train_loss, self.measured.valid_loss, self.measured.valid_metric
        of = self.criterion
        if valid_loss is None or rank(of, valid_loss, metric) < rank(of, self.best_loss, self.best_metric):
            self.best_loss, self.best_epoch = train_loss if valid_loss is None else valid_loss, self.done
            self.best_metric = None if of is None else metric
            np.copyto(self.best[0], self.member.network.params)
            np.copyto(self.best[1], self.member.network.state)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The network has the averaged weights, if the setting asks for an average."""
        params = self.member.network.params
        if self.average is None:
            yield
            return
        last = params.copy()
        np.copyto(params, self.average)
        try:
            yield
        finally:
            np.copyto(params, last)

    def run_epoch(self) -> None:
        """The steps of one epoch, over the training rows in a new random order."""
        rng, train = self.member.rng, self.member.train
        n_steps = steps_of(len(train), self.config)
        self.run_steps(range(n_steps), n_steps, train.batches(self.batch_size, rng), rng)

    def run_steps(self, numbers: range, n_steps: int, batches: Iterator[Ints], rng: np.random.Generator) -> None:
        """These of the `n_steps` steps of an epoch, each over the next batch."""
        net = self.member.network
        with np.errstate(over="ignore", invalid="ignore"):  # the loss tells
            for i, rows in zip(numbers, batches, strict=False):
                if self.is_stopping or time.monotonic() > self.deadline:
                    return
                if i % FLUSH_STEPS == 0:
                    self.flush_denormals()
                x, y, weights = self.member.train.take(rows, out=self.x)
                grad = self.grad[: len(x)]
                logits = net.forward(x, training=True, rng=rng)
                self.loss.gradient(logits, y, weights, grad)
                if not isfinite(np.add.reduce(logits, axis=None)):  # which is quicker than to compute the loss
                    value = self.loss.value(logits, y, weights)
                    raise DivergedError(f"loss became {value} at epoch {self.done + 1}, step {i + 1}")
                net.backward(grad)
                self.step(self.lr * self.schedule((self.done + i / n_steps) / self.epochs))

    def flush_denormals(self) -> None:
        """Zeroes numbers so small that they, or their products, are denormals, on which processors crawl."""
        self.optimizer.flush_tiny()
        for weights in (self.member.network.params, *([] if self.average is None else [self.average])):
            weights[np.abs(weights) < TINY_WEIGHT] = 0

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
        if self.average is not None and self.optimizer.t % self.stride == 0:
            # The first steps, far from where they lead, are soon forgotten: as in TensorFlow's moving averages.
            share = max(1 / self.horizon, 9 / (10 + self.optimizer.t))
            np.subtract(net.params, self.average, out=self.change)
            self.change *= 1 - (1 - share) ** self.stride
            self.average += self.change

    def measure(self) -> Measured:
        """Training loss on the fixed sample; validation loss and metric. Dropout and noise are off."""
        # A finite loss can hide an infinite weight into a dead unit, or a moment that has stopped its weight for good.
        if not all(np.isfinite(vector).all() for vector in self.vectors()):
            raise DivergedError(f"a weight or its moment became infinite at epoch {self.done + 1}")
        train, valid = self.member.train, self.member.valid
        of_sample, logits = self.answers()
        train_loss = self.loss_of(of_sample, train, self.sample)
        if valid is None or logits is None:
            return Measured(train_loss, None, None)
        valid_loss = self.loss_of(logits, valid, valid.index)
        y = valid.y[valid.index]
        metric = (
            self.loss.quick_metric(logits, y) if self.criterion is None
            else self.criterion.value(logits, y, valid.index)
        )  # fmt: skip
        return Measured(train_loss, valid_loss, metric)

    def answers(self) -> tuple[Array, Array | None]:
        """Logits of the sample of training rows, and of the validation rows, where there are any."""
        network, valid = self.member.network, self.member.valid
        return self.member.train.logits(network, self.sample), None if valid is None else valid.logits(network)

    def loss_of(self, logits: Array, rows: Rows, index: Ints) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
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
        back = f"epoch {self.best_epoch}" if self.best_epoch else "the start"
        then = "this network trains no more" if self.has_failed else f"learning rate now {self.lr:.3g}"
        self.recoveries.append(f"{what}; back to {back}, {then}")

    def restore(self) -> None:
        np.copyto(self.member.network.params, self.best[0])
        np.copyto(self.member.network.state, self.best[1])
        if self.average is not None:
            np.copyto(self.average, self.best[0])

    def finish(self) -> None:
        """The member has the best weights, as a model keeps them: as float32."""
        self.restore()
        if self.config.dtype != "float32":
            self.member.network.convert("float32")

    def vectors(self) -> list[Array]:
        params, state, *others = self.moving()
        return [params, state, *self.best, *others]

    def moving(self) -> list[Array]:
        """What a step changes: parameters, running statistics, average, moments."""
        average = [] if self.average is None else [self.average]
        network = self.member.network
        return [network.params, network.state, *average, *self.optimizer.state.values()]

    def state(self) -> MemberState:
        rng = place_of(self.member.rng)
        best_loss = self.best_loss if self.best_epoch else None
        return MemberState(
            self.done, self.best_epoch, best_loss, self.measured, self.lr, self.retries, self.has_failed,
            self.optimizer.t, rng, self.best_metric,
        )  # fmt: skip

    def load_state(self, state: MemberState, numbers: Array) -> None:
        """Takes the place of a run that was taken down; `numbers` are its vectors one after another."""
        self.done, self.measured, self.lr = state.done, state.measured, state.lr
        self.best_epoch, self.retries, self.has_failed = state.best_epoch, state.retries, state.has_failed
        self.best_loss = np.inf if state.best_loss is None else state.best_loss
        self.best_metric = state.best_metric
        self.optimizer.t = state.steps
        set_place(self.member.rng, state.rng)
        fill(self.vectors(), numbers)


class Training:
    """The members of every kind in training; iterate `events`. Without a criterion the loss chooses epochs."""

    is_here = True  # what its trainers compute with is all in this process

    def __init__(
        self, groups: Sequence[KindMembers], loss: Loss, config: Settings, criterion: Criterion | None = None
    ) -> None:
        self.loss, self.config, self.groups, self.criterion = loss, config, groups, criterion
        self.trainers = [MemberTrainer(member, loss, config, criterion) for group in groups for member in group.members]
        self.lead = self.trainers[: len(groups[0].members)]  # of the first kind, whose epochs are emitted
        self.emitted: list[EpochEnded] = []

    def events(self, jobs: int = 1) -> Iterator[Event]:
        """Trains. A training that goes on tells its past epochs again first.

        A member stops when it has not improved for `patience` epochs; its last losses then stand. Closing the
        generator, or an exception in it such as KeyboardInterrupt, stops training and leaves the best weights.
        Raises TrainingError when the loss is never finite.
        """
        trainers, members = self.trainers, self.groups[0].members
        now = time.monotonic()
        began = now - (self.emitted[-1].seconds if self.emitted else 0.0)
        for trainer in trainers:
            trainer.deadline = began + (self.config.time_limit or np.inf)
        n_train = sum(len(m.train) for m in members)
        valid = {id(m.valid.index): len(m.valid) for m in members if m.valid is not None}
        with self.crew(jobs) as train_epoch:
            yield Started(
                self.config.loss,
                self.loss.epoch_metric if self.criterion is None else self.criterion.name,
                trainers[0].epochs,
                len(members),
                n_train // len(members),
                sum(valid.values()),
                len(members[0].network.params),
                trainers[0].batch_size,
            )
            yield from list(self.emitted)
            while not self.is_over():
                others_only = all(trainer.has_stopped for trainer in self.lead)
                started, n_rows = now, sum(len(trainer.member.train) for trainer in trainers if not trainer.has_stopped)
                measured = train_epoch()
                now = time.monotonic()
                speed = n_rows / max(now - started, 1e-9)
                self.emitted.append(self.ended(measured, speed, now - began, others_only))
                yield self.emitted[-1]
        yield Finished(len(self.emitted), self.emitted[-1].best_epoch, self.stopped_by(), time.monotonic() - began)

    @contextmanager
    def crew(self, jobs: int) -> Iterator[Callable[[], list[Measured]]]:
        """What trains every member for an epoch, `jobs` at a time; however it ends, each then has its best weights."""
        trainers = self.trainers
        try:
            if jobs == 1 or len(trainers) == 1:
                yield lambda: [trainer.epoch() for trainer in trainers]
            elif self.is_here and forks_pay([trainer.member for trainer in trainers], self.config):
                with closing(Forks(trainers)) as forks:
                    forks.start(jobs)
                    yield forks.epoch
            else:
                with ThreadPoolExecutor(jobs) as pool, closing(self):
                    yield lambda: list(pool.map(methodcaller("epoch"), trainers))
        finally:
            self.close()
            for trainer in trainers:
                trainer.finish()

    def close(self) -> None:
        """Ends epochs under way at their next step."""
        for trainer in self.trainers:
            trainer.is_stopping = True

    def ended(
        self, measured: Sequence[Measured], rows_per_second: float, seconds: float, others_only: bool
    ) -> EpochEnded:
        """What to tell of the epoch that every member has just finished."""
        measured = measured[: len(self.lead)]
        train_losses = np.array([one.train_loss for one in measured])
        valid_losses = np.array([one.valid_loss for one in measured if one.valid_loss is not None])
        metrics = [one.valid_metric for one in measured if one.valid_metric is not None]
        mean = float(valid_losses.mean()) if len(valid_losses) else None
        metric = float(np.mean(metrics)) if metrics else None
        epoch, best_epoch = len(self.emitted) + 1, self.emitted[-1].best_epoch if self.emitted else 0
        best = self.emitted[best_epoch - 1] if best_epoch else None
        if mean is None or best is None or best.valid_loss is None or (
            rank(self.criterion, mean, metric) < rank(self.criterion, best.valid_loss, best.valid_metric)
        ):  # fmt: skip
            best_epoch = epoch
        recoveries = [
            what if len(self.trainers) == 1 else f"{name}: {what}"
            for name, trainer in zip(self.names(), self.trainers, strict=True) for what in trainer.recoveries
        ]  # fmt: skip
        for trainer in self.trainers:
            trainer.recoveries = []
        return EpochEnded(
            epoch, float(train_losses.mean()), mean, metric, float(train_losses.std()),
            float(valid_losses.std()) if len(valid_losses) else 0.0, best_epoch, rows_per_second, seconds,
            tuple(recoveries), others_only,
        )  # fmt: skip

    def names(self) -> Iterator[str]:
        """What each network is called: its number, from 1, among those of its kind."""
        for group in self.groups:
            for number in range(1, len(group.members) + 1):
                yield f"network {number}" if len(self.groups) == 1 else f"{group.kind} network {number}"

    def is_over(self) -> bool:
        """Whether every network has stopped, or the time or the epochs are used up."""
        if not self.emitted:
            return False
        return (
            all(trainer.has_stopped for trainer in self.trainers)
            or self.is_late()
            or len(self.emitted) >= self.trainers[0].epochs
        )

    def is_late(self) -> bool:
        return bool(self.config.time_limit and self.emitted[-1].seconds >= self.config.time_limit)

    def stopped_by(self) -> Stop:
        """Why the networks of the first kind stopped."""
        if all(trainer.has_failed for trainer in self.lead):
            return "diverged"
        if all(trainer.has_stopped for trainer in self.lead):
            return "patience"
        return "time limit" if self.is_late() else "epochs"

    def state(self) -> TrainingState:
        """Where the training stands; to be asked for while `events` waits after an epoch."""
        return TrainingState(
            tuple(self.emitted),
            tuple(trainer.state() for trainer in self.trainers),
            tuple(np.concatenate(trainer.vectors()) for trainer in self.trainers),
        )

    def load_state(self, state: TrainingState) -> None:
        """Makes a new training of the same members, loss and config stand where another one stood."""
        self.emitted = list(state.emitted)
        for trainer, member_state, numbers in zip(self.trainers, state.member_states, state.vectors, strict=True):
            trainer.load_state(member_state, numbers)


def train(members: Sequence[Member], loss: Loss, config: Settings, jobs: int = 1) -> Iterator[Event]:
    """The events of a training of one kind of network, from its start to its end."""
    yield from Training([KindMembers(config.lead, tuple(members))], loss, config).events(jobs)

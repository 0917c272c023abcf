"""The training loop: a generator of events that moves the members of an ensemble forward together.
A new setting is a field of TrainSettings and a line in `Run.step`. Nothing here prints."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Event as Flag
from typing import Literal

import numpy as np
import numpy.typing as npt

from mlpcli.engine.arrays import Array, Labels
from mlpcli.engine.losses import Loss
from mlpcli.engine.network import Network
from mlpcli.engine.optimizers import OPTIMIZERS, Hyper
from mlpcli.engine.schedules import SCHEDULES, with_warmup
from mlpcli.errors import TrainingError
from mlpcli.events import EpochEnded, Event, Finished, Started, Stop

GATHER = 2048  # rows copied at a time into a batch's order: fewer calls than batch by batch, small enough for the cache
LOSS_SAMPLE = 1000  # training rows, at least, on which the training loss is measured
RECOVERIES = 3  # times a diverged member goes back to its best epoch, each time at a tenth of the rate
TINY = 1e-15  # parameters smaller than this become 0: products of them would be denormal numbers, 59 times slower
TINY_MEMORY = 1e-30  # the same for the optimiser's memories of gradients and their squares
FLUSH_STEPS = 64  # steps between two such clean-ups


@dataclass(frozen=True)
class Rows:
    """Rows to learn from or to measure on: x (n, d), y (n,), weights (n,); `index` picks some of them, in order."""

    x: Array
    y: Array | Labels
    weights: Array | None = None
    index: npt.NDArray[np.integer] | None = None

    def __len__(self) -> int:
        return len(self.x) if self.index is None else len(self.index)

    def take(self, index: npt.NDArray[np.integer]) -> Rows:
        """The rows at these positions, as arrays of their own."""
        at = index if self.index is None else self.index[index]
        return Rows(self.x[at], self.y[at], None if self.weights is None else self.weights[at])


@dataclass(frozen=True)
class TrainSettings:
    """How to train. Sources stand in the engine's rooms."""

    loss: Loss
    optimizer: str = "adam"
    lr: float = 1e-3  # peak step size
    schedule: str = "constant"
    warmup: float = 0.0  # share of training over which the rate rises from 0
    batch_size: int | Literal["full"] = 32  # rows a step
    min_last_batch: int = 1  # a last batch of fewer rows is dropped, unless it is the only one
    epochs: int = 200  # at most
    patience: int | None = 20  # epochs without a better validation loss of any member; None: never stop early
    time_limit: float | None = None  # seconds
    l1: float = 0.0  # l1 * sum |w| added to the loss
    l2: float = 0.0  # l2 / 2 * sum w^2 added to the loss
    clip_norm: float | None = None  # longest gradient vector; a longer one is shortened
    max_norm: float | None = None  # longest vector of weights into one unit
    hyper: Hyper = Hyper()

"""Threads that answer rows at once. A network keeps what it computes, so each thread has twins of the networks."""

from __future__ import annotations

from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event
from typing import Self

import pandas as pd

from mlpcli.engine.arrays import Array
from mlpcli.model.trained import TrainedModel
from mlpcli.training.ensemble import Ensemble


@dataclass(frozen=True)
class AwaitedEnsemble(Ensemble):
    """Answers no more blocks of rows when nobody waits for them."""

    has_left: Event

    def outputs(self, x: Array) -> Array:
        if self.has_left.is_set():
            raise CancelledError
        return super().outputs(x)


class Crew:
    """A model on `n` threads; who leaves the block `with` it waits for the blocks of rows under way alone."""

    def __init__(self, model: TrainedModel, n: int) -> None:
        self.model, self.pool, self.has_left = model, ThreadPoolExecutor(n), Event()
        assert model.exact_sizes  # found here, with the model's own networks, and not on two threads at once
        self.idle: SimpleQueue[Ensemble] = SimpleQueue()
        for _ in range(n):
            twin = model.ensemble.twin()
            self.idle.put(AwaitedEnsemble(twin.components, twin.networks, twin.loss, twin.target, self.has_left))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.has_left.set()
        self.pool.shutdown(cancel_futures=True)

    def outputs(self, frame: pd.DataFrame) -> Future[Array]:
        """What the model says of n rows, to come."""
        return self.pool.submit(self.answer, frame)

    def answer(self, frame: pd.DataFrame) -> Array:
        ensemble = self.idle.get()
        try:
            return self.model.outputs(frame, ensemble=ensemble)
        finally:
            self.idle.put(ensemble)

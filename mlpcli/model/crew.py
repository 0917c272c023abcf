"""Threads that answer rows at once. A network keeps what it computes, so each thread has twins of the networks."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from queue import SimpleQueue

import pandas as pd

from mlpcli.engine.arrays import Array
from mlpcli.model.trained import TrainedModel
from mlpcli.training.ensemble import Ensemble


class Crew:
    """A model, and twins of its ensemble for the threads of a pool."""

    def __init__(self, model: TrainedModel, pool: Executor, n: int) -> None:
        self.model, self.pool = model, pool
        assert model.exact_sizes  # found here, with the model's own networks, and not on two threads at once
        self.idle: SimpleQueue[Ensemble] = SimpleQueue()
        for _ in range(n):
            self.idle.put(model.ensemble.twin())

    def outputs(self, frame: pd.DataFrame) -> Future[Array]:
        """What the model says of n rows, to come."""
        return self.pool.submit(self.answer, frame)

    def answer(self, frame: pd.DataFrame) -> Array:
        ensemble = self.idle.get()
        try:
            return self.model.outputs(frame, ensemble=ensemble)
        finally:
            self.idle.put(ensemble)

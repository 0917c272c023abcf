"""What a model answers to encoded rows, on one thread or several, always to the same bits."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue
from typing import Protocol, TypeVar

import numpy as np

from mlpcli.engine.arrays import Floats, Ints, Matrix
from mlpcli.engine.network import PREDICT_ROWS
from mlpcli.model.trained import TrainedModel

Task = TypeVar("Task")
Result = TypeVar("Result")

Watch = Callable[[Iterator[Result], int], Iterable[Result]]  # passes on what it is given, and knows how many come


def unwatched(results: Iterator[Result], total: int) -> Iterable[Result]:
    """Nobody looks on."""
    return results


def answers(model: TrainedModel, x: Matrix) -> Floats:
    """(n, n_inputs) -> probabilities (n, n_classes), or values (n, 1) in the target's unit

    Inputs that belong to two columns are made anew: rows may have the inputs of columns of several rows.
    """
    found = np.empty((len(x), len(model.labels) or 1))
    for start in range(0, len(x), PREDICT_ROWS):
        part = x[start : start + PREDICT_ROWS].copy()
        model.schema.fill_crosses(part)
        found[start : start + len(part)] = model.combined(part).reshape(len(part), -1)
    return found


class Spread(Protocol):
    """Gives tasks to workers of another kind than threads."""

    def in_order(
        self, model: TrainedModel, work: Callable[[TrainedModel, Task], Result], tasks: Sequence[Task]
    ) -> Iterator[Result]: ...


def in_order(
    model: TrainedModel, work: Callable[[TrainedModel, Task], Result], tasks: Sequence[Task], jobs: int | Spread
) -> Iterator[Result]:
    """The results of tasks in their order, from `jobs` threads: each has networks of its own, for they hold what they
    compute, and BLAS works without Python's lock."""
    if not isinstance(jobs, int):
        yield from jobs.in_order(model, work, tasks)
        return
    if jobs == 1:
        for task in tasks:
            yield work(model, task)
        return
    free: SimpleQueue[TrainedModel] = SimpleQueue()
    for _ in range(jobs):
        free.put(replace(model, ensemble=copy.deepcopy(model.ensemble)))

    def run(task: Task) -> Result:
        own = free.get()
        try:
            return work(own, task)
        finally:
            free.put(own)

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(run, tasks)


def inputs_of(model: TrainedModel, names: Sequence[str]) -> Ints:
    """The places of all inputs that are of one of these columns alone, in the encoded matrix."""
    schema = model.schema
    places = [
        np.arange(schema.n_inputs)[schema.blocks[block]][stretch]
        for name in names
        for block, stretch in schema.inputs_of[name].items()
    ]
    return np.concatenate(places) if places else np.empty(0, np.int64)

"""Where a training stands between two epochs: numbers, vectors, and the place of each generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlpcli.engine.arrays import Array
from mlpcli.files.jsonable import optional
from mlpcli.training.events import EpochEnded

RngPlace = tuple[int, int, int, int]  # of a PCG64 generator: state, increment, and half of a number kept back


@dataclass(frozen=True)
class Measured:
    """What one member reached after an epoch."""

    train_loss: float
    valid_loss: float | None  # None without validation rows
    valid_metric: float | None  # that of --stop-on, else the loss's `quick_metric`


@dataclass(frozen=True)
class MemberState:
    """One member between two epochs, but for its vectors."""

    done: int  # epochs
    best_epoch: int
    best_loss: float | None  # None before the first epoch
    measured: Measured  # after the last epoch
    lr: float
    retries: int
    has_failed: bool
    steps: int  # of the optimiser
    rng: RngPlace
    best_metric: float | None = optional(None)  # at the best epoch; None without --stop-on


@dataclass(frozen=True)
class TrainingState:
    """A training between two epochs: all that it takes to go on as if it had never stopped."""

    emitted: tuple[EpochEnded, ...]
    member_states: tuple[MemberState, ...]
    vectors: tuple[Array, ...]  # of each member: parameters, running statistics, both at their best, average, moments


def place_of(rng: np.random.Generator) -> RngPlace:
    """Where a generator stands."""
    bits = rng.bit_generator.state
    return bits["state"]["state"], bits["state"]["inc"], bits["has_uint32"], bits["uinteger"]


def set_place(rng: np.random.Generator, place: RngPlace) -> None:
    """Makes a generator stand there."""
    bits, increment, has_half, half = place
    rng.bit_generator.state = {
        "bit_generator": "PCG64", "state": {"state": bits, "inc": increment}, "has_uint32": has_half,
        "uinteger": half,
    }  # fmt: skip


def fill(vectors: Sequence[Array], numbers: Array) -> None:
    """Gives vectors the numbers that stand one after another in a long one."""
    at = 0
    for vector in vectors:
        vector[:] = numbers[at : at + len(vector)]
        at += len(vector)

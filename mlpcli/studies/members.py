"""The networks of one training as tasks: each is trained to its end by a worker, then the epochs of all are told.

Networks do not depend on each other, so that weights and history are those of a training on one machine, to the bit.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlpcli.config.settings import Settings
from mlpcli.engine.arrays import Array
from mlpcli.engine.losses import Loss
from mlpcli.evaluation.explain.answers import Watch, unwatched
from mlpcli.studies.tasks import each
from mlpcli.studies.workers import Shared, Workers
from mlpcli.training.criterion import Criterion
from mlpcli.training.events import Event, Finished, Stop
from mlpcli.training.loop import Member, MemberTrainer, Training
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import PreparedTraining
from mlpcli.training.state import Measured


@dataclass(frozen=True)
class TrainingParts:
    """What every network of a training is trained with."""

    members: tuple[Member, ...]
    loss: Loss
    config: Settings
    criterion: Criterion | None


@dataclass(frozen=True)
class MemberTask:
    """One network to train."""

    number: int
    name: str  # to show
    parts: Shared[TrainingParts]


@dataclass(frozen=True)
class MemberEpoch:
    """Where a network stood after an epoch."""

    measured: Measured
    recoveries: tuple[str, ...]
    done: int
    best_epoch: int
    has_failed: bool


@dataclass(frozen=True)
class TrainedMember:
    """A network that was trained: each of its epochs, and its best weights and running statistics."""

    number: int
    name: str
    epochs: tuple[MemberEpoch, ...]
    stop: Stop
    params: Array
    state: Array
    n_rows: int  # that it was trained on, in all epochs


def perform(task: MemberTask) -> TrainedMember:
    """Trains one network. Raises TrainingError when its loss is never finite."""
    parts = task.parts.value
    member = parts.members[task.number]
    member = replace(member, network=member.network.copy(), rng=copy.deepcopy(member.rng))
    trainer = MemberTrainer(member, parts.loss, parts.config, parts.criterion)
    trainer.deadline = time.monotonic() + (parts.config.time_limit or np.inf)
    epochs: list[MemberEpoch] = []
    while not epochs or not (
        trainer.has_stopped or len(epochs) >= trainer.epochs or time.monotonic() > trainer.deadline
    ):  # fmt: skip
        measured = trainer.epoch()
        of = MemberEpoch(measured, tuple(trainer.recoveries), trainer.done, trainer.best_epoch, trainer.has_failed)
        epochs.append(of)
        trainer.recoveries = []
    n_rows, stop = len(member.train) * len(epochs), stop_of(trainer, len(epochs))
    return TrainedMember(task.number, task.name, tuple(epochs), stop, *trainer.best, n_rows)


def stop_of(trainer: MemberTrainer, n_epochs: int) -> Stop:
    """Why a network stopped."""
    if trainer.has_stopped:
        return "diverged" if trainer.has_failed else "patience"
    return "epochs" if n_epochs >= trainer.epochs else "time limit"


class ReplayedTrainer(MemberTrainer):
    """A member that was trained elsewhere: its epochs come again, one after another."""

    def __init__(self, member: Member, training: Training, trained: TrainedMember) -> None:
        member = replace(member, rng=copy.deepcopy(member.rng))
        super().__init__(member, training.loss, training.config, training.criterion)
        self.best = (trained.params, trained.state)
        self.left = list(reversed(trained.epochs))

    @property
    def has_stopped(self) -> bool:
        return not self.left

    def epoch(self) -> Measured:
        if self.left:
            epoch = self.left.pop()
            self.measured, self.recoveries = epoch.measured, list(epoch.recoveries)
            self.done, self.best_epoch, self.has_failed = epoch.done, epoch.best_epoch, epoch.has_failed
        return self.measured


class ReplayedTraining(Training):
    """A training whose networks were trained elsewhere: its events, and the networks with their best weights."""

    def __init__(self, prepared: PreparedTraining, trained: Sequence[TrainedMember]) -> None:
        super().__init__(prepared.groups, build_loss(prepared.settings), prepared.settings, prepared.criterion())
        self.trainers = [ReplayedTrainer(m, self, one) for m, one in zip(prepared.members, trained, strict=True)]
        self.lead = self.trainers[: len(self.lead)]
        self.stops = {one.stop for one in trained[: len(self.lead)]}  # of the networks of the first kind

    def is_late(self) -> bool:
        return False  # what is told was trained in time

    def stopped_by(self) -> Stop:
        if self.stops == {"diverged"}:
            return "diverged"
        if self.stops <= {"diverged", "patience"}:
            return "patience"
        return "time limit" if "time limit" in self.stops else "epochs"


def training_events(
    prepared: PreparedTraining, on: int | Workers = 1, watch: Watch[TrainedMember] = unwatched
) -> Iterator[Event]:
    """The events of a training: on threads of this machine, or by workers, and then when all networks are trained.

    Raises TrainingError.
    """
    if isinstance(on, int):
        yield from prepared.events(on)
        return
    began, trained = time.monotonic(), watch(trained_members(prepared, on), len(prepared.members))
    training = ReplayedTraining(prepared, sorted(trained, key=lambda one: one.number))
    for event in training.events():
        yield replace(event, seconds=time.monotonic() - began) if isinstance(event, Finished) else event


def trained_members(prepared: PreparedTraining, workers: Workers) -> Iterator[TrainedMember]:
    """The networks of a training, as they end."""
    names = [f"{g.kind} network {n}" for g in prepared.groups for n in range(1, len(g.members) + 1)]
    parts = TrainingParts(prepared.members, build_loss(prepared.settings), prepared.settings, prepared.criterion())
    with Shared(parts) as shared, workers as executor:
        yield from each(perform, [MemberTask(i, name, shared) for i, name in enumerate(names)], executor)

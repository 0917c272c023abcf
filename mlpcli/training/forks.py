"""Members trained by processes that are forks of this one: they have its rows for nothing, and no lock in common.

Only epochs that every member has ended are taken over here, so that all stands as if this process had trained them;
the processes are up to two epochs ahead, and none waits for the slowest member. Whatever ends one of them, be it an
error, a warning or a kill, its member is trained in this process from there on, where the same is raised and shown.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from mlpcli.data.storage import SHARE_OF_FREE, free_memory
from mlpcli.engine.arrays import Array
from mlpcli.training.state import Measured, MemberState

if TYPE_CHECKING:
    from mlpcli.config.settings import Settings
    from mlpcli.training.loop import Member, MemberTrainer

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # are for the process that forks, which ends the others
PR_SET_PDEATHSIG = 1  # linux/prctl.h: the signal to get when the process that forked ends
# Rows of a step times parameters, of all steps: 1e10 take a second. Forks of six networks take a tenth of a second of
# processor time.
MIN_FORK_WORK, STEP_WORK = 10_000_000_000, 2_000_000  # of a training; of a step, beside its products
MAX_EPOCHS = 20  # counted: patience may end a training soon after
FORK_VECTORS = 24  # as long as a member's parameters: what is shared of it, and what a fork copies when it writes


def may_fork() -> bool:
    """Whether a fork of this process is sound: elsewhere than on Linux system libraries forbid it, and another thread
    may hold a lock, which nobody would release in the fork.
    """
    return sys.platform == "linux" and threading.active_count() == 1


def forks_pay(members: Sequence[Member], settings: Settings) -> bool:
    """Whether these members can be trained on forks of this process, in the memory that is free, and faster."""
    work = n_bytes = 0
    for member in members:
        n, size = len(member.train), settings.rows_a_step(len(member.train))
        work += -(-n // size) * (size * len(member.network.params) + STEP_WORK)
        n_bytes += FORK_VECTORS * member.network.params.nbytes
    is_long = len(members) > 1 and work * min(settings.epochs, MAX_EPOCHS) >= MIN_FORK_WORK
    return is_long and may_fork() and n_bytes <= SHARE_OF_FREE * free_memory()


@dataclass(frozen=True)
class Reached:
    """Where a member stands after an epoch."""

    turn: int  # epochs since the fork
    state: MemberState
    recoveries: tuple[str, ...]  # of the epoch

    @property
    def half(self) -> int:
        """Of the member's shared numbers, where its vectors are, from the first epoch on."""
        return self.turn % 2


@dataclass(frozen=True)
class Order:
    """Train a member for an epoch more."""

    number: int  # of the member
    start: Reached


class SharedMember:
    """A member, and what is known in this process of the epochs that it was trained for in others."""

    def __init__(self, number: int, trainer: MemberTrainer) -> None:
        self.number, self.trainer = number, trainer
        n, dtype = sum(map(len, all_vectors(trainer))), trainer.member.network.params.dtype
        self.halves: Array = np.frombuffer(mmap.mmap(-1, 2 * n * dtype.itemsize), dtype).reshape(2, n)
        self.last = Reached(0, trainer.state(), ())
        self.ahead: list[Reached] = []  # epochs that other members have not ended yet
        self.is_busy = self.is_here = False  # it is being trained elsewhere; it is trained by this process alone
        self.home: Fork | None = None  # that trained it last, and has memory for it

    @property
    def may_go_on(self) -> bool:
        """Whether another process can train it for its next epoch: the half to be written holds nothing needed.

        In a member that has stopped an epoch changes nothing.
        """
        is_free = not (self.is_busy or self.is_here)
        return is_free and len(self.ahead) < 2 and self.last.state.done < self.trainer.epochs

    def order(self, fork: Fork) -> Order:
        self.is_busy, self.home = True, fork
        return Order(self.number, self.last)

    def reach(self, reached: Reached) -> None:
        self.is_busy, self.last = False, reached
        self.ahead.append(reached)

    def advance(self) -> None:
        """Makes the trainer of this process stand one epoch further."""
        if self.is_here and not self.ahead:
            self.trainer.epoch()
        elif self.ahead:
            reached, trainer = self.ahead.pop(0), self.trainer
            numbers, grads = self.halves[reached.half], trainer.member.network.grads
            trainer.load_state(reached.state, numbers)
            grads[:] = numbers[len(numbers) - len(grads) :]
            trainer.recoveries = list(reached.recoveries)

    def train(self, order: Order) -> Reached:
        """What another process does for an epoch."""
        trainer, start = self.trainer, order.start
        if self.last.turn != start.turn:  # another process has trained it meanwhile
            trainer.load_state(start.state, self.halves[start.half])
        trainer.recoveries = []
        trainer.epoch()
        self.last = Reached(start.turn + 1, trainer.state(), tuple(trainer.recoveries))
        np.concatenate(all_vectors(trainer), out=self.halves[self.last.half])
        return self.last


def all_vectors(trainer: MemberTrainer) -> list[Array]:
    """What a training goes on from, and last the gradient of the last step, at which a watcher looks."""
    return [*trainer.vectors(), trainer.member.network.grads]


@contextmanager
def undisturbed() -> Iterator[None]:
    """What stops this process waits; a process that is forked meanwhile never hears of it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(eq=False)
class Fork:
    """A process that trains members, and the one that it trains."""

    pid: int
    connection: Connection[Any, Any]
    member: SharedMember | None = None

    def end(self) -> None:
        self.connection.close()
        with suppress(ProcessLookupError, ChildProcessError):  # somebody else has waited for it
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


class Forks:
    """Trains all members epoch by epoch on forks of this process; to be started and closed."""

    def __init__(self, trainers: Sequence[MemberTrainer]) -> None:
        self.forks: list[Fork] = []
        self.members = [SharedMember(number, trainer) for number, trainer in enumerate(trainers)]

    def start(self, n: int) -> None:
        """Makes up to `n` forks: where the system allows fewer, or none, the results are the same."""
        with suppress(OSError):
            for _ in range(min(n, len(self.members))):
                self.fork()

    def fork(self) -> None:
        own_end, other_end = Pipe()
        parent = os.getpid()
        with closing(other_end), undisturbed():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of threads, from Python 3.12 on: those of BLAS end before a fork
                pid = os.fork()
            if pid == 0:
                for parents_end in (own_end, *(fork.connection for fork in self.forks)):
                    parents_end.close()  # so that it closes when the parent closes its own
                run_fork(self.members, other_end, parent)
            self.forks.append(Fork(pid, own_end))

    def epoch(self) -> list[Measured]:
        """Every member that has not stopped is trained for one epoch more; what each has reached.

        Raises TrainingError.
        """
        members = [member for member in self.members if not member.trainer.has_stopped]
        self.hand_out()
        while any(not (member.ahead or member.is_here) for member in members):
            self.collect()
            self.hand_out()
        for member in members:
            member.advance()
        self.hand_out()  # so that they work while this epoch is told
        return [member.trainer.measured for member in self.members]

    def hand_out(self) -> None:
        """Gives each idle process the member that is most behind, of several one that it has trained last."""
        for fork in [fork for fork in self.forks if fork.member is None]:
            waiting = [(m.last.state.done, m.home is not fork, m.number) for m in self.members if m.may_go_on]
            if waiting:
                *_, number = min(waiting)
                fork.member = self.members[number]
                try:
                    fork.connection.send(fork.member.order(fork))
                except OSError:  # it has ended
                    self.lose(fork)
        if not self.forks:
            for member in self.members:
                member.is_here = True

    def collect(self) -> None:
        """Takes what processes have reached, after waiting for one."""
        busy = [fork for fork in self.forks if fork.member is not None]
        ready = wait([fork.connection for fork in busy])
        for fork in busy:
            if fork.connection not in ready:
                continue
            try:
                reached: Reached = fork.connection.recv()
            except (EOFError, OSError):
                self.lose(fork)
            else:
                assert fork.member is not None
                fork.member.reach(reached)
                fork.member = None

    def lose(self, fork: Fork) -> None:
        """A process has ended, maybe because of its member."""
        assert fork.member is not None
        fork.member.is_busy, fork.member.is_here = False, True
        self.forks.remove(fork)
        fork.end()

    def close(self) -> None:
        with undisturbed():
            for fork in self.forks:
                fork.end()
            self.forks = []


# --- in the fork ------------------------------------------------------------------------------------------


def run_fork(members: Sequence[SharedMember], orders: Connection[Any, Any], parent: int) -> NoReturn:
    """All that a forked process does. What its parent has begun, buffers, handlers, files, it does not end."""
    try:
        settle()
        if os.getppid() == parent:  # else it has ended before it could end this process
            serve(members, orders)
    finally:
        os._exit(0)


def settle() -> None:
    """This process is silent, ends with its parent, and leaves what its parent made for it to clean up."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    gc.freeze()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    warnings.showwarning = leave


def leave(*_: object, **__: object) -> NoReturn:
    """A warning is shown by the parent."""
    os._exit(0)


def serve(members: Sequence[SharedMember], orders: Connection[Any, Any]) -> None:
    """Trains members as it is told to, until nobody is there to tell."""
    with suppress(EOFError, OSError):
        while True:
            order: Order = orders.recv()
            orders.send(members[order.number].train(order))

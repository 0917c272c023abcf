"""Forked processes train members to the bytes of a training in one process, whatever ends them, and outlive nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from contextlib import closing, suppress
from dataclasses import replace
from multiprocessing.connection import Pipe
from pathlib import Path

import numpy as np
import pytest
from samples import SAMPLES

from mlpcli.config.settings import Config
from mlpcli.engine.losses import LOSSES
from mlpcli.errors import TrainingError
from mlpcli.model.assemble import assemble
from mlpcli.training import checkpoint, forks
from mlpcli.training.checkpoint import resumable
from mlpcli.training.events import EpochEnded, Finished, History
from mlpcli.training.forks import Fork, Forks, SharedMember, all_vectors, forks_pay, may_fork, serve
from mlpcli.training.loop import Training
from mlpcli.training.prepare import prepare
from mlpcli.training.watching import watcher_of

EPOCHS = 6
CASES = {
    "classification ensemble": ("penguins.csv", {}),
    "regression ensemble": ("diabetes.csv", {"target": "progression", "ensemble": 3}),
    "running statistics and dropout": (
        "iris.csv",
        {"ensemble": 2, "optimizer": "momentum", "lr": 0.01, "normalization": "batch", "dropout": 0.3,
         "parametrization": "standard"},
    ),
    "stops by patience": ("iris.csv", {"ensemble": 3, "patience": 2, "lr": 0.2, "epochs": 30}),
    "several kinds": ("iris.csv", {"ensemble": 2, "patience": 2, "kinds": ("mlp", "wide", "plain", "linear")}),
    "stops on a metric": ("iris.csv", {"ensemble": 2, "patience": 2, "lr": 0.2, "stop_on": "auc"}),
    "computes in float64": ("iris.csv", {"ensemble": 2, "dtype": "float64"}),
    "recovers": ("iris.csv", {"ensemble": 2, "preset": "classic", "lr": 100.0, "activation": "identity"}),
}  # fmt: skip


@pytest.fixture(autouse=True)
def pids(monkeypatch):
    """Any training of several members forks, also where tests are run on threads; no process is left at the end."""
    made, fork = [], Forks.fork

    def counted(self) -> None:
        fork(self)
        made.append(self.forks[-1].pid)

    monkeypatch.setattr(forks, "MIN_FORK_WORK", 0)
    monkeypatch.setattr(forks, "may_fork", lambda: True)
    monkeypatch.setattr(Forks, "fork", counted)
    yield made
    for pid in made:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def start(case: str, **more):
    name, settings = CASES[case]
    return prepare(str(SAMPLES / name), Config(**({"epochs": EPOCHS} | settings | more)))


def timeless(event):
    if isinstance(event, EpochEnded):
        return replace(event, seconds=0.0, rows_per_second=0.0)
    return replace(event, seconds=0.0) if isinstance(event, Finished) else event


def trained(case: str, jobs: int, path):
    prepared = start(case)
    events = list(prepared.events(jobs))
    history = replace(History.of(events), seconds=0.0)
    assemble(prepared, history).save(str(path))
    return [timeless(event) for event in events], path.read_bytes()


# --- the same bytes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_forks_train_to_the_events_and_bytes_of_one_process(case, tmp_path, pids):
    alone = trained(case, 1, tmp_path / "alone.npz")
    assert not pids
    assert trained(case, 2, tmp_path / "forked.npz") == alone
    assert len(pids) == 2


def test_there_are_no_more_forks_than_members(tmp_path, pids):
    case = "computes in float64"
    assert trained(case, 5, tmp_path / "five.npz") == trained(case, 1, tmp_path / "alone.npz")
    assert len(pids) == 2


@pytest.mark.slow
def test_what_is_watched_is_the_same(pids):
    seen = []
    for jobs in (1, 2):
        prepared = start("classification ensemble", epochs=3)
        training = prepared.training()
        seen.append([timeless(event) for event in watcher_of(prepared, None).events(training.events(jobs), training)])
    assert seen[0] == seen[1]


@pytest.mark.slow
@pytest.mark.parametrize(("first", "second"), [(2, 1), (1, 2), (2, 2)])
def test_a_stopped_training_goes_on_to_the_same_bytes(first, second, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)
    case, kept = "stops by patience", str(tmp_path / "run.ckpt")
    with closing(resumable(start(case), first, kept, None)) as events:
        while not (isinstance(event := next(events), EpochEnded) and event.epoch == 3):
            pass
    ends = []
    for jobs, resume in ((second, kept), (1, None)):
        prepared = start(case)
        assemble(prepared, History.of(resumable(prepared, jobs, None, resume))).save(str(tmp_path / "m.npz"))
        ends.append((tmp_path / "m.npz").read_bytes())
    assert ends[0] == ends[1]


# --- early ends ------------------------------------------------------------------------------------------


class Told(type(LOSSES["cross_entropy"]())):
    """Cross-entropy that does something in forks before each batch."""

    def __init__(self, act, only_forks: bool = True) -> None:
        super().__init__(0.0)
        self.act, self.spared = act, os.getpid() if only_forks else None

    def gradient(self, logits, y, weights, grad):
        if os.getpid() != self.spared:
            self.act()
        super().gradient(logits, y, weights, grad)


def training_with(act, only_forks: bool = True, **more) -> Training:
    prepared = start("classification ensemble", label_smoothing=0.0, **more)
    return Training(prepared.groups, Told(act, only_forks), prepared.settings)


def weights(training: Training) -> list[list[float]]:
    return [trainer.member.network.params.tolist() for trainer in training.trainers]


def test_an_interruption_keeps_the_best_of_the_epochs_that_were_told(monkeypatch):
    told = training_with(lambda: None, epochs=50, patience=0)
    with closing(told.events(1)) as events:
        for _ in range(4):
            next(events)
    interrupted, waits = training_with(lambda: time.sleep(0.002), epochs=50, patience=0), []

    def interrupt(connections):
        waits.append(interrupted.emitted[-1].epoch if interrupted.emitted else 0)
        if waits[-1] == 3:
            raise KeyboardInterrupt
        return wait(connections)

    wait = forks.wait
    monkeypatch.setattr(forks, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        list(interrupted.events(2))
    assert [event.epoch for event in interrupted.emitted] == [1, 2, 3]
    assert weights(interrupted) == weights(told)


def test_forks_are_ended_in_the_midst_of_an_epoch(tmp_path):
    own = os.getpid()

    def interrupt() -> None:
        with suppress(FileExistsError):  # once
            (tmp_path / "sent").mkdir()
            os.kill(own, signal.SIGINT)
        time.sleep(1000)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(training_with(interrupt).events(2))
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_the_time_limit_ends_an_epoch_in_its_middle():
    training = training_with(lambda: time.sleep(0.01), epochs=100, time_limit=0.2)
    *_, finished = training.events(2)
    assert finished.stopped_by == "time limit"
    assert finished.epochs < 100


def processes_of(session: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            state, _, _, of, *_ = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
            found += [int(pid)] if int(of) == session and state != "Z" else []
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_command_that_is_stopped_leaves_no_process_and_keeps_its_best_weights(number, tmp_path):
    x = np.random.default_rng(0).normal(size=(4000, 3))
    lines = "".join(f"{a},{b},{c},{'yn'[a * b + c > 0]}\n" for a, b, c in x.tolist())
    (tmp_path / "d.csv").write_text("a,b,c,y\n" + lines)
    flags = "--preset classic --ensemble 6 --hidden 16 --batch-size 32 --epochs 2000 --patience 0 --jobs 2 -v -o m.npz"
    train = [sys.executable, "-m", "mlpcli", "train", "d.csv", *flags.split()]
    with subprocess.Popen(train, cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True, text=True) as process:
        while not process.stderr.readline().startswith("epoch 3/"):
            pass
        there = processes_of(process.pid)
        os.killpg(process.pid, number)  # as a terminal does
        said = "" if number == signal.SIGKILL else process.stderr.read()
    for _ in range(100):
        if left := processes_of(process.pid):
            time.sleep(0.05)
    assert (len(there), left) == (3, [])
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        assert "best model (epoch" in said
        assert "Traceback" not in said
        assert (tmp_path / "m.npz").is_file()


# --- what ends a fork ------------------------------------------------------------------------------------


@pytest.mark.parametrize("victims", [1, 2])
def test_a_killed_fork_changes_nothing(victims, tmp_path, pids):
    expected = trained("several kinds", 1, tmp_path / "alone.npz")
    prepared = start("several kinds")
    events = []
    for event in prepared.events(2):
        events.append(event)
        if isinstance(event, EpochEnded) and event.epoch == 2:
            for pid in pids[:victims]:
                os.kill(pid, signal.SIGKILL)
    assemble(prepared, replace(History.of(events), seconds=0.0)).save(str(tmp_path / "killed.npz"))
    assert ([timeless(event) for event in events], (tmp_path / "killed.npz").read_bytes()) == expected


@pytest.fixture
def lost(monkeypatch):
    """The processes that ended by themselves."""
    found, lose = [], Forks.lose
    monkeypatch.setattr(Forks, "lose", lambda self, fork: (found.append(fork.pid), lose(self, fork)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("call", [1, 7, 20])
def test_forks_that_die_in_an_epoch_change_nothing(call, lost):
    expected, calls = training_with(lambda: None), []

    def die() -> None:
        calls.append(1)
        if len(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)

    dying = training_with(die)
    ends = [[timeless(event) for event in training.events(jobs)] for training, jobs in ((expected, 1), (dying, 2))]
    assert ends[0] == ends[1]
    assert weights(dying) == weights(expected)
    assert len(lost) == 2  # each, at its call


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [0, 1, 3])
def test_a_member_that_ends_its_process_leaves_the_other_ones_to_theirs(epoch, tmp_path, lost, monkeypatch):
    expected, train = trained("several kinds", 1, tmp_path / "alone.npz"), SharedMember.train

    def trained_or_dead(self, order):
        if (order.number, order.start.state.done) == (3, epoch):
            os._exit(1)
        return train(self, order)

    monkeypatch.setattr(SharedMember, "train", trained_or_dead)
    assert trained("several kinds", 2, tmp_path / "forked.npz") == expected
    assert len(lost) == 1


@pytest.mark.slow
def test_where_no_process_can_be_made_this_one_trains(tmp_path, monkeypatch, pids):
    expected = trained("stops by patience", 1, tmp_path / "alone.npz")

    def refuse():
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refuse)
    assert trained("stops by patience", 2, tmp_path / "refused.npz") == expected
    assert not pids


def test_a_loss_that_is_never_finite_is_the_same_error():
    found = []
    for jobs in (1, 2):
        training = training_with(lambda: None)
        for trainer in training.trainers:
            trainer.member.train = replace(trainer.member.train, x=trainer.member.train.x * np.float32(1e30))
        before = weights(training)
        with pytest.raises(TrainingError) as error:
            list(training.events(jobs))
        found.append((str(error.value), error.value.hint))
        assert weights(training) == before
    assert found[0] == found[1]


def test_a_bug_is_raised_here_with_its_place():
    def bug() -> None:
        raise ZeroDivisionError("in the loss")

    with pytest.raises(ZeroDivisionError, match="in the loss") as error:
        list(training_with(bug, only_forks=False).events(2))
    assert error.traceback[-1].name == "bug"


def test_a_warning_is_shown_by_this_process_once():
    def warn() -> None:
        warnings.warn("odd", RuntimeWarning, stacklevel=1)

    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        list(training_with(warn, only_forks=False, epochs=2).events(2))
    assert [str(one.message) for one in shown] == ["odd"]


def test_forks_say_nothing_and_leave_what_is_not_yet_written(capfd):
    sys.stdout.write("half a line")
    list(training_with(lambda: os.write(2, b"noise"), epochs=2).events(2))
    out, err = capfd.readouterr()
    assert (out, err) == ("half a line", "")


# --- in the fork -----------------------------------------------------------------------------------------


def test_a_fork_ends_when_nobody_tells_it_any_more(pids):
    crew = Forks(start("several kinds").training().trainers)
    crew.start(1)
    (fork,) = crew.forks
    crew.epoch()
    while fork.member is not None:  # it is ahead
        crew.collect()
    fork.connection.close()
    assert os.waitpid(fork.pid, 0) == (fork.pid, 0)
    crew.close()


def test_a_fork_that_was_killed_while_it_had_nothing_to_do_is_not_waited_for():
    training = start("computes in float64").training()
    with closing(Forks(training.trainers)) as crew:
        crew.start(1)
        (fork,) = crew.forks
        crew.epoch()
        while fork.member is not None:
            crew.collect()
        os.kill(fork.pid, signal.SIGKILL)
        os.waitid(os.P_PID, fork.pid, os.WEXITED | os.WNOWAIT)
        for _ in range(4):
            crew.epoch()
        assert not crew.forks
    assert [trainer.done for trainer in training.trainers] == [5, 5]


def test_a_process_does_what_it_is_told_until_the_end():
    training, other = start("several kinds").training(), start("several kinds").training()
    shared = [SharedMember(number, trainer) for number, trainer in enumerate(training.trainers)]
    theirs = [SharedMember(number, trainer) for number, trainer in enumerate(other.trainers)]
    for mine, its in zip(shared, theirs, strict=True):
        its.halves = mine.halves
    own_end, its_end = Pipe()
    thread = threading.Thread(target=serve, args=(theirs, its_end))
    thread.start()
    for _ in range(3):
        own_end.send(shared[1].order(Fork(0, own_end)))
        shared[1].reach(own_end.recv())
        shared[1].advance()
    own_end.close()
    thread.join()
    for mine, its in zip(all_vectors(training.trainers[1]), all_vectors(other.trainers[1]), strict=True):
        np.testing.assert_array_equal(mine, its)
    assert training.trainers[1].state() == other.trainers[1].state()
    assert training.trainers[1].done == 3


def test_a_member_is_never_more_than_two_epochs_ahead():
    one = SharedMember(0, start("several kinds").training().trainers[0])
    for n_ahead in (1, 2):
        one.reach(one.train(one.order(Fork(0, None))))
        assert one.may_go_on == (n_ahead < 2)
    one.advance()
    assert one.may_go_on


# --- where forks pay -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_rows", "epochs", "ensemble", "pays"),
    [(10_000, 20, 6, True), (10_000, 20, 1, False), (100_000, 1, 6, True), (300, 100, 6, False), (10_000, 1, 6, False)],
)
def test_forks_are_for_trainings_that_take_longer_than_they_do(n_rows, epochs, ensemble, pays, monkeypatch):
    monkeypatch.undo()
    prepared = start("classification ensemble", epochs=epochs)
    many = replace(prepared.members[0].train, index=np.arange(n_rows))
    members = [replace(member, train=many) for member in prepared.members[:ensemble]]
    settings = replace(prepared.settings, batch_size="32" if n_rows == 300 else "256")
    monkeypatch.setattr(forks, "may_fork", lambda: True)
    assert forks_pay(members, settings) == pays
    monkeypatch.setattr(forks, "free_memory", lambda: 10 << 20)
    assert not forks_pay(members, settings)


def test_a_process_with_threads_or_of_another_system_is_not_forked(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert may_fork() == (sys.platform == "linux")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not may_fork()
    monkeypatch.undo()
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    assert not may_fork()
    done.set()
    thread.join()

# ruff: noqa: E402
"""Prints how long the members of one ensemble take: in turn, on threads, on forks of the process, on worker processes
that are started afresh; on one and two cores.

    python tests/benchmarks/members.py [REPEATS [ROWS ...]]

A made-up table of 20 numbers, the recipe's six classifiers, ten epochs. Times are of the training alone, start of the
processes and the way of the rows to them included: in turn in seconds, of the others how many times as fast, and of
threads and forks in brackets their processor time over that in turn; medians over the repeats, in which all take turns.
The last column is one 3-D product for all members over a product for each, at the shapes of a step: what one batched
network could save, as it has nothing else to gain.
"""

from __future__ import annotations

import os
import sys

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported

import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mlpcli.config.settings import Config, Settings
from mlpcli.engine.losses import Loss
from mlpcli.studies.workers import LocalPool
from mlpcli.training import loop
from mlpcli.training.loop import Member, train
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import PreparedTraining, prepare

ROWS, COLUMNS, EPOCHS = (300, 1_000, 3_000, 10_000, 100_000), 20, 10


def table(n: int) -> PreparedTraining:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, COLUMNS)).astype(np.float32)
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(COLUMNS)])
    frame["y"] = np.where(x[:, 0] * x[:, 1] + rng.standard_normal(n) > 0, "yes", "no")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "table.csv")
        frame.to_csv(path, index=False)
        return prepare(path, Config(epochs=EPOCHS, patience=0))


def alone(member: Member, loss: Loss, config: Settings) -> np.ndarray:
    """What a worker process does for one member."""
    list(train([member], loss, config))
    return member.network.params


def on_processes(prepared: PreparedTraining, jobs: int) -> None:
    loss = build_loss(prepared.settings)
    with LocalPool(jobs) as pool:
        running = [pool.submit(alone, member, loss, prepared.settings) for member in prepared.members]
        for member, future in zip(prepared.members, running, strict=True):
            member.network.params[:] = future.result()


def forked_if(may_fork: bool) -> Callable[[PreparedTraining, int], None]:
    def run(prepared: PreparedTraining, jobs: int) -> None:
        loop.forks_pay = lambda members, settings: may_fork
        list(prepared.events(jobs))

    return run


WAYS = (("in turn", forked_if(False), 1), ("threads", forked_if(False), 2), ("forks", forked_if(True), 2),
        ("worker processes", on_processes, 2))  # fmt: skip


def processor_time() -> float:
    """Seconds that this process and those it has waited for have computed."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def seconds(n: int, run: Callable[[PreparedTraining, int], None], jobs: int) -> tuple[float, float]:
    """Of a training of n rows, by the clock and of processors."""
    prepared = table(n)
    began, used = time.perf_counter(), processor_time()
    run(prepared, jobs)
    return time.perf_counter() - began, processor_time() - used


def batched_over_single(n_inputs: int, members: int = 6, batch: int = 256, repeats: int = 200) -> float:
    rng = np.random.default_rng(0)
    shapes = [(n_inputs, 64), (64, 64), (64, 64)]
    pairs = [
        (rng.standard_normal((members, batch, a), np.float32), rng.standard_normal((members, a, b), np.float32))
        for a, b in shapes
    ]

    def timed(step: Callable[[], object]) -> float:
        began = time.perf_counter()
        for _ in range(repeats):
            step()
        return time.perf_counter() - began

    together = timed(lambda: [np.matmul(x, w) for x, w in pairs])
    one_by_one = timed(lambda: [np.matmul(x[k], w[k]) for k in range(members) for x, w in pairs])
    return together / one_by_one


def main(repeats: int, sizes: Sequence[int]) -> None:
    heads = ["rows", "cores", "in turn, s", *(name for name, _, _ in WAYS[1:]), "one batched product"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for n in sizes:
        ratio = batched_over_single(COLUMNS * 13)
        for cores in (1, 2):
            os.sched_setaffinity(0, range(cores))
            found = np.array([[seconds(n, run, jobs) for _, run, jobs in WAYS] for _ in range(repeats)])
            clock, used = np.moveaxis(found, 2, 0)
            faster, more = np.median(clock[:, :1] / clock, axis=0), np.median(used / used[:, :1], axis=0)
            cells = [f"{a:.2f} ({b:.2f})" for a, b in zip(faster[1:3], more[1:3], strict=True)]
            cells = [f"{n:,}", f"{cores}", f"{np.median(clock[:, 0]):.2f}", *cells, f"{faster[3]:.2f}", f"{ratio:.2f}"]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, [int(n) for n in sys.argv[2:]] or ROWS)

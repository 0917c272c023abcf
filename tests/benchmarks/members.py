# ruff: noqa: E402
"""Prints how long the members of one ensemble take: in turn, on threads, on worker processes; on one and two cores.

    python tests/benchmarks/members.py [repeats]

A made-up table of 20 numbers, the recipe's six classifiers, five epochs. Times are of the training alone, start of
the workers and the way of the rows to them included: medians over the repeats, in seconds and over `--jobs 1`. The
last column is one 3-D product for all members over a product for each, at the shapes of a step: what one batched
network could save, as it has nothing else to gain.
"""

from __future__ import annotations

import os
import sys

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from mlpcli.config.settings import Config, Settings
from mlpcli.engine.losses import Loss
from mlpcli.studies.workers import LocalPool
from mlpcli.training.loop import Member, train
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import PreparedTraining, prepare

ROWS, COLUMNS, EPOCHS = (1_000, 10_000, 100_000), 20, 5


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


def on_threads(prepared: PreparedTraining, jobs: int) -> None:
    list(prepared.events(jobs))


def seconds(n: int, run: Callable[[PreparedTraining, int], None], jobs: int, cores: int, repeats: int) -> float:
    os.sched_setaffinity(0, range(cores))
    found = []
    for _ in range(repeats):
        prepared = table(n)
        began = time.perf_counter()
        run(prepared, jobs)
        found.append(time.perf_counter() - began)
    return float(np.median(found))


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


def main(repeats: int) -> None:
    print("| rows | cores | in turn, s | 2 threads | 2 processes | one batched product |\n|---|---|---|---|---|---|")
    for n in ROWS:
        ratio = batched_over_single(COLUMNS * 13)
        for cores in (1, 2):
            base = seconds(n, on_threads, 1, cores, repeats)
            threads = seconds(n, on_threads, 2, cores, repeats)
            processes = seconds(n, on_processes, 2, cores, repeats)
            print(
                f"| {n:,} | {cores} | {base:.2f} | {threads / base:.2f} | {processes / base:.2f} | {ratio:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)

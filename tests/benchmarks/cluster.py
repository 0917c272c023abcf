"""A Dask cluster of this machine: scaling at 1 and 2 workers, overhead against --jobs, bytes a task, and kills.

    python tests/benchmarks/cluster.py [KILLS]

Prints ratios; without KILLS no worker is killed. A task is a training of about 2 s.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mlpcli.config.cluster import ClusterOptions
from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data.dataset import DataSet
from mlpcli.studies import cross_validation
from mlpcli.studies.cluster import Cluster, connected
from mlpcli.studies.tuning import Tuner
from mlpcli.studies.workers import Workers

N_ROWS, N_COLUMNS = 20_000, 20
SECONDS_BETWEEN_KILLS = (1.0, 4.0)


def table(folder: str) -> str:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N_ROWS, N_COLUMNS))
    y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=N_ROWS)
    path = Path(folder) / "table.csv"
    header = ",".join([f"x{i}" for i in range(N_COLUMNS)] + ["y"])
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header=header, comments="", fmt="%.5g")
    return str(path)


def cv(path: str, on: int | Workers) -> list[float]:
    config = Config(target="y", ensemble=1, kinds=("mlp",), epochs=8, patience=0)
    study = cross_validation.plan(DataSet.read(path, config, ReadOptions()), config, 8)
    return [fold.metrics["test"]["rmse"] for fold in study.result(list(study.outcomes(on))).folds]


def tune(path: str, on: int | Workers) -> list[float]:
    config = Config(target="y", epochs=8, patience=0)
    with tempfile.TemporaryDirectory() as folder:
        tuner = Tuner(
            DataSet.read(path, config, ReadOptions()), config, ReadOptions(), ["lr=1e-3..1e-1"], 2, f"{folder}/t"
        )
        list(tuner.events(6, on))
        return [trial.loss for trial in tuner.result().trials]


STUDIES: dict[str, Callable[[str, int | Workers], list[float]]] = {"cv": cv, "tune": tune}


def timed(
    study: Callable[[str, int | Workers], list[float]], path: str, on: int | Workers
) -> tuple[float, list[float]]:
    began = time.monotonic()
    found = study(path, on)
    return time.monotonic() - began, found


@contextmanager
def killing(cluster: Cluster, n: int) -> Iterator[list[int]]:
    """Kills a random worker every few seconds, n times at most."""
    rng, killed, is_over = random.Random(0), [], threading.Event()

    def kill() -> None:
        while len(killed) < n and not is_over.wait(rng.uniform(*SECONDS_BETWEEN_KILLS)):
            pids = list(cluster.client.run(os.getpid, on_error="ignore").values())
            if pids:
                killed.append(rng.choice(pids))
                os.kill(killed[-1], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        is_over.set()
        thread.join()


def main(n_kills: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = table(folder)
        for name, study in STUDIES.items():
            seconds, expected = timed(study, path, 2)
            print(f"{name}: --jobs 2 takes {seconds:.1f} s")
            there = {}
            for n in (1, 2):
                with connected(ClusterOptions(f"local:{n}")) as cluster:
                    there[n], found = timed(study, path, cluster)
                    assert found == expected
                    print(f"{name}: {n} workers {there[n]:.1f} s, {cluster.n_bytes / cluster.n_sent:,.0f} bytes a task")
            print(f"{name}: 2 workers are {there[1] / there[2]:.2f} times as fast as 1")
            print(f"{name}: overhead against --jobs 2: {there[2] / seconds - 1:+.1%}")
        n_killed = 0
        while n_killed < n_kills:
            for name, study in STUDIES.items():
                with connected(ClusterOptions("local:2")) as cluster, killing(cluster, n_kills - n_killed) as killed:
                    _, found = timed(study, path, cluster)
                n_killed += len(killed)
                same = found == study(path, 2)
                print(f"{name}: {len(killed)} kills, {cluster.n_retried} tasks run again, same results: {same}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)

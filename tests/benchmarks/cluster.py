"""A Dask cluster of this machine against --jobs: start-up, steady state, scaling, bytes a task, and kills.

    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/cluster.py [KILLS]

Start-up ends when every worker has loaded what trainings need. Then the workers stay, and each round does the same work
with --jobs 2, with one worker of a cluster and with two, so that ratios are of neighbours in time; the median of them
is printed. Tasks that only wait show what sending and fetching cost, on a busy machine too. Of trainings (about 2 s
each) the workers' own clock shows how busy they were, and what a task costs in seconds of a core.
With KILLS, so many random workers are killed over cross-validations, searches and trainings on shares of the rows,
whose results must not change.
"""

from __future__ import annotations

import importlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from mlpcli.config.cluster import ClusterOptions
from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data.dataset import DataSet
from mlpcli.model.assemble import assemble
from mlpcli.studies import cross_validation, distributed_rows
from mlpcli.studies.cluster import Cluster, connected
from mlpcli.studies.own_workers import TASKS
from mlpcli.studies.tasks import TrainingTask, each
from mlpcli.studies.tuning import Tuner
from mlpcli.studies.workers import Workers, local
from mlpcli.training.events import History

N_ROWS, N_COLUMNS = 20_000, 20
N_STARTS, N_ROUNDS = 3, 3
NAP_SECONDS, N_NAPS = 2.0, 8
N_ROWS_KILLED, TASKS_BETWEEN_KILLS = 3_000, (1.0, 4.0)  # in the time that a task takes, 0.5 s at least
PLACES: dict[str, Callable[[], Any]] = {
    "--jobs 2": partial(local, 2),
    "local:1": lambda: connected(ClusterOptions("local:1")),
    "local:2": lambda: connected(ClusterOptions("local:2")),
}


class Metered:
    """Workers that stay when a study is over, with what they did in it."""

    def __init__(self, workers: Workers) -> None:
        self.workers, self.jobs = workers, workers.jobs
        self.busy = self.cpu = 0.0
        self.n = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        result: Future[Any] = Future()

        def on_end(done: Future[Any]) -> None:
            found, seconds, cpu = done.result()
            self.busy, self.cpu, self.n = self.busy + seconds, self.cpu + cpu, self.n + 1
            result.set_result(found)

        self.workers.submit(metered, fn, *args).add_done_callback(on_end)
        return result

    def __enter__(self) -> Metered:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def metered(fn: Callable[..., Any], *args: Any) -> tuple[Any, float, float]:
    """The result, and how long this worker and its process took for it."""
    began, cpu = time.monotonic(), time.process_time()
    found = fn(*args)
    return found, time.monotonic() - began, time.process_time() - cpu


def nap(task: TrainingTask) -> int:
    time.sleep(NAP_SECONDS)
    return len(task.dataset.value.sets)


def ready(_: int) -> None:
    importlib.import_module(TASKS)


def table(folder: str, n_rows: int) -> str:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_rows, N_COLUMNS))
    y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=n_rows)
    path = Path(folder) / "table.csv"
    header = ",".join([f"x{i}" for i in range(N_COLUMNS)] + ["y"])
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header=header, comments="", fmt="%.5g")
    return str(path)


def plan(path: str) -> cross_validation.CrossValidationPlan:
    config = Config(target="y", ensemble=1, kinds=("mlp",), epochs=8, patience=0)
    return cross_validation.plan(DataSet.read(path, config, ReadOptions()), config, N_NAPS)


def waiting(path: str, on: Workers) -> list[float]:
    study = plan(path)
    with study.data:
        return [float(n) for n in each(nap, study.tasks, on)]


def cv(path: str, on: Workers) -> list[float]:
    study = plan(path)
    return [fold.metrics["test"]["rmse"] for fold in study.result(list(study.outcomes(on))).folds]


def tune(path: str, on: Workers) -> list[float]:
    config = Config(target="y", epochs=8, patience=0)
    with tempfile.TemporaryDirectory() as folder:
        tuner = Tuner(
            DataSet.read(path, config, ReadOptions()), config, ReadOptions(), ["lr=1e-3..1e-1"], 2, f"{folder}/t"
        )
        list(tuner.events(6, on))
        return [trial.loss for trial in tuner.result().trials]


def shares(path: str, on: Workers) -> list[float]:
    config = Config(target="y", ensemble=1, kinds=("mlp",), epochs=40, patience=0)
    header, *lines = Path(path).read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder:
        for i in range(2):
            Path(folder, f"{i}.csv").write_text("\n".join([header, *lines[i::2], ""]), encoding="utf-8")
        training = distributed_rows.prepare(f"{folder}/*.csv", config, ReadOptions(), Metered(on), 2)
        history = History.of(training.events())
        model = assemble(training.prepared, history)
    return [*history.valid_loss, *map(float, model.networks[0].params)]


Work = Callable[[str, Workers], list[float]]
STUDIES: dict[str, Work] = {"cv": cv, "tune": tune}
KILLED = {**STUDIES, "train --distribute rows": shares}


@dataclass(frozen=True)
class Time:
    """One piece of work: seconds, how many workers were busy on average, and seconds of a core a task."""

    seconds: float
    busy: float
    cpu: float
    n: int
    found: list[float]


def timed(work: Work, path: str, workers: Workers) -> Time:
    began, on = time.monotonic(), Metered(workers)
    found = work(path, on)
    seconds = time.monotonic() - began
    return Time(seconds, on.busy / seconds, on.cpu / on.n, on.n, found)


def start_up() -> None:
    """Seconds until every worker has loaded what trainings need; the best of several starts."""
    best = dict.fromkeys(PLACES, np.inf)
    for _ in range(N_STARTS):
        for name, opened in PLACES.items():
            began = time.monotonic()
            with opened() as workers:
                list(each(ready, range(workers.jobs), workers))
                best[name] = min(best[name], time.monotonic() - began)
    said = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in best.items())
    print(f"start-up: {said}: local:2 takes {best['local:2'] / best['--jobs 2']:.2f} of --jobs 2")


def steady_state(path: str) -> None:
    """Paired ratios of rounds with workers that are ready."""
    with ExitStack() as stack:
        places = {name: stack.enter_context(opened()) for name, opened in PLACES.items()}
        for workers in places.values():
            list(each(ready, range(workers.jobs), workers))
        for name, work in {"waiting": waiting, **STUDIES}.items():
            rounds = [{place: timed(work, path, on) for place, on in places.items()} for _ in range(N_ROUNDS)]
            assert all(one.found == rounds[0]["--jobs 2"].found for times in rounds for one in times.values())
            overhead = median(r["local:2"].seconds / r["--jobs 2"].seconds for r in rounds) - 1
            scaling = median(r["local:1"].seconds / r["local:2"].seconds for r in rounds)
            busy = ", ".join(f"{place} {median(r[place].busy for r in rounds):.2f}" for place in PLACES)
            cpu = ", ".join(f"{place} {median(r[place].cpu for r in rounds):.2f}" for place in PLACES)
            print(f"{name}: overhead against --jobs 2 {overhead:+.1%}; 2 workers are {scaling:.2f} times as fast as 1")
            print(f"{name}: workers busy: {busy}; seconds of a core a task: {cpu}", flush=True)
        sent = places["local:2"]
        print(f"{sent.n_bytes / sent.n_sent:,.0f} bytes a task")


@contextmanager
def killing(cluster: Cluster, n: int, rng: random.Random, seconds: float) -> Iterator[list[int]]:
    """Kills a random worker again and again, n times at most; tasks take so many seconds."""
    killed, is_over = [], threading.Event()

    def kill() -> None:
        while len(killed) < n and not is_over.wait(max(seconds, 0.5) * rng.uniform(*TASKS_BETWEEN_KILLS)):
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


def kills(path: str, n: int) -> None:
    """So many kills of random workers, over cross-validations and searches in turn."""
    rng, n_killed = random.Random(0), 0
    with local(2) as workers:
        list(each(ready, range(2), workers))
        expected = {name: timed(study, path, workers) for name, study in KILLED.items()}
    with connected(ClusterOptions("local:2")) as cluster:
        while n_killed < n:
            for name, study in KILLED.items():
                seconds = expected[name].busy * expected[name].seconds / expected[name].n
                with killing(cluster, n - n_killed, rng, seconds) as killed:
                    found = study(path, cluster)
                n_killed += len(killed)
                same = "the same results" if found == expected[name].found else "OTHER RESULTS"
                print(f"{name}: {len(killed)} kills, {n_killed} in all; {cluster.status}: {same}", flush=True)


def main(n_kills: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if n_kills:
            kills(table(folder, N_ROWS_KILLED), n_kills)
        else:
            start_up()
            steady_state(table(folder, N_ROWS))


if __name__ == "__main__":
    from cluster import main as run  # as a module, which workers find under the same name

    run(int(sys.argv[1]) if len(sys.argv) > 1 else 0)

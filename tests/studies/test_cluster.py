"""A Dask cluster of two worker processes: what travels, what is done again, who is blamed, who is told to stop."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass

import numpy as np
import pytest

from mlpcli.config.cluster import ClusterOptions
from mlpcli.errors import MachineError
from mlpcli.studies.cluster import Cluster, connected
from mlpcli.studies.tasks import each
from mlpcli.studies.workers import Shared

DIE = "__import__('os').kill(__import__('os').getpid(), 9)"
PID = "__import__('os').getpid()"
NAP = "__import__('time').sleep({}) or __import__('os').getpid()"
# What Dask's loop leaves behind when its client is closed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@dataclass(frozen=True)
class Named:
    """A task with a name and what it is given."""

    name: str
    code: str
    data: object = None


def done(task: Named) -> object:
    return eval(task.code, {"task": task})


@pytest.fixture(scope="module")
def joined(scheduler):
    with connected(ClusterOptions(scheduler)) as cluster:
        yield cluster


def pids(cluster: Cluster) -> list[int]:
    return list(cluster.client.run(os.getpid).values())


def until(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_tasks_run_on_the_workers_and_their_errors_reach_who_asked(joined):
    assert joined.jobs == 2
    assert joined.submit(eval, PID).result() in pids(joined)
    with pytest.raises(ZeroDivisionError):
        joined.submit(eval, "1 / 0").result()


def test_shared_values_and_large_arrays_travel_once_and_stay(joined):
    large, table = np.arange(100_000.0), Shared({"x": np.arange(1_000_000.0)})
    tasks = [Named(str(i), "id(task.data[0].value) + float(task.data[1].sum()) * 0", (table, large)) for i in range(6)]
    before, n_kept = joined.n_bytes, len(joined.kept)
    places = set(each(done, tasks, joined))
    assert (joined.n_bytes - before) / len(tasks) < 100_000
    assert len(joined.kept) - n_kept == 2
    assert len(places) <= 2  # one on each worker
    sums = joined.submit(done, Named("sum", "(task.data[0].value['x'].sum(), task.data[1].sum())", (table, large)))
    assert sums.result() == (table.value["x"].sum(), large.sum())


@pytest.mark.slow
def test_the_task_of_a_killed_worker_is_run_again_and_its_shared_values_with_it(joined):
    data = Shared(list(range(10)))
    tasks = [Named(f"task {i}", NAP.format(2) + " and sum(task.data.value)", data) for i in range(2)]
    waiting = [joined.submit(done, task) for task in tasks]
    until(lambda: all(call.starts for call in joined.running.values()))
    for pid in pids(joined):  # with both the data are lost
        os.kill(pid, signal.SIGKILL)
    assert [one.result(30) for one in waiting] == [45, 45]
    assert joined.n_retried >= 2
    assert joined.n_lost >= 2


@pytest.mark.slow
def test_a_task_that_kills_three_workers_is_named_and_others_are_not_disturbed(joined):
    bad = joined.submit(done, Named("the poisoned one", DIE))
    with pytest.raises(MachineError, match="the poisoned one: 3 workers that ran it were killed"):
        bad.result(60)
    until(lambda: len(joined.client.nthreads()) == 2)
    assert joined.submit(eval, "1 + 1").result(30) == 2

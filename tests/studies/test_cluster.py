"""A Dask cluster of two worker processes: what travels, what is done again, who is blamed, who is told to stop."""

from __future__ import annotations

import io
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from mlpcli.config.cluster import ClusterOptions
from mlpcli.errors import LostClusterError, MachineError, UsageError
from mlpcli.guide import page
from mlpcli.studies.cluster import (
    Call,
    CallPickler,
    Cluster,
    connected,
    run_call,
    stop_calls,
    versions_here,
)
from mlpcli.studies.tasks import each
from mlpcli.studies.workers import Shared

DIE = "__import__('os').kill(__import__('os').getpid(), 9)"
PID = "__import__('os').getpid()"
NAP = "__import__('time').sleep({}) or __import__('os').getpid()"


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


@contextmanager
def own_scheduler():
    """A scheduler to be killed, with one worker, in a process of its own; its address."""
    code = (
        "import asyncio, distributed as d\n"
        "async def main():\n"
        "    async with d.Scheduler(host='127.0.0.1', port=0, dashboard_address=None) as s:\n"
        "        async with d.Worker(s.address, nthreads=1, dashboard_address=None):\n"
        "            print(s.address, flush=True)\n"
        "            await s.finished()\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        yield process, process.stdout.readline().strip()
        process.kill()


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
    joined.client.amm.stop()  # every 2 s it drops the copies that no task waits for
    large, table = np.arange(100_000.0), Shared({"x": np.arange(1_000_000.0)})
    tasks = [Named(str(i), "id(task.data[0].value) + float(task.data[1].sum()) * 0", (table, large)) for i in range(6)]
    before, n_kept = joined.n_bytes, len(joined.kept)
    places = set(each(done, tasks, joined))
    assert (joined.n_bytes - before) / len(tasks) < 100_000
    assert len(joined.kept) - n_kept == 2
    assert len(places) <= 2  # one on each worker
    sums = joined.submit(done, Named("sum", "(task.data[0].value['x'].sum(), task.data[1].sum())", (table, large)))
    assert sums.result() == (table.value["x"].sum(), large.sum())
    joined.client.amm.start()


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


@pytest.mark.parametrize("error", [OSError("closed"), KeyError("tcp://127.0.0.1:1")], ids=["closed", "unknown"])
def test_what_is_sent_to_a_worker_that_ends_meanwhile_is_sent_again(joined, monkeypatch, error):
    scatter, errors = joined.client.scatter, [error]

    def ends_once(*args, **kwargs):
        if errors:
            raise errors.pop()
        return scatter(*args, **kwargs)

    monkeypatch.setattr("mlpcli.studies.cluster.WATCH_SECONDS", 0.01)
    monkeypatch.setattr(joined.client, "scatter", ends_once)
    with Shared([1, 2]) as shared:
        assert list(each(done, [Named("a", "sum(task.data.value)", shared)], joined)) == [3]
    assert not errors


@pytest.mark.slow
def test_a_task_that_kills_three_workers_is_named_and_others_are_not_disturbed(scheduler):
    with connected(ClusterOptions(scheduler)) as cluster:
        bad = cluster.submit(done, Named("the poisoned one", DIE))
        with pytest.raises(MachineError, match="the poisoned one: 3 workers that ran it were killed"):
            bad.result(60)
        until(lambda: len(cluster.client.nthreads()) == 2)
        assert cluster.submit(eval, "1 + 1").result(30) == 2


@pytest.mark.slow
def test_a_slow_worker_gets_fewer_tasks(joined):
    slow = pids(joined)[0]
    code = f"__import__('time').sleep({PID} == {slow}) or {PID}"
    places = list(each(done, [Named(f"task {i}", code) for i in range(12)], joined))
    assert len(places) == 12
    assert 1 <= places.count(slow) < 6


ACTIVE = "len(__import__('mlpcli.studies.cluster', fromlist=['x']).ACTIVE)"


@pytest.mark.slow
def test_leaving_the_block_ends_the_calls_on_the_workers(joined):
    slow = "[__import__('time').sleep(0.01) for _ in range(100_000)]"
    with pytest.raises(KeyboardInterrupt), joined:  # noqa: PT012
        waiting = [joined.submit(eval, slow) for _ in range(2)]
        until(lambda: any(call.starts for call in joined.running.values()))
        raise KeyboardInterrupt
    until(lambda: not any(joined.client.run(eval, ACTIVE).values()))
    assert not joined.running
    for one in waiting:
        with pytest.raises(CancelledError):
            one.result()
    assert joined.submit(eval, "1 + 1").result(30) == 2


def test_a_worker_with_another_version_is_refused_by_name(joined, monkeypatch):
    monkeypatch.setattr("mlpcli.__version__", "9.9")
    with pytest.raises(MachineError, match=r"worker tcp://.* has mlpcli .*, and here is 9\.9: results would differ"):
        joined.check_versions()
    with pytest.raises(MachineError, match=r"and here is 9\.9"):
        joined.submit(eval, "1").result(30)


@pytest.mark.slow
def test_the_scheduler_gone_is_one_error():
    with own_scheduler() as (process, address), connected(ClusterOptions(address)) as cluster:
        assert cluster.submit(eval, "1 + 1").result(30) == 2
        waiting = cluster.submit(eval, NAP.format(60))
        until(lambda: all(call.starts for call in cluster.running.values()))
        process.kill()
        with pytest.raises(LostClusterError, match=r"the scheduler at tcp://.* is gone"):
            waiting.result(30)
        with pytest.raises(LostClusterError):
            cluster.submit(eval, "1").result(30)


def test_without_a_scheduler_there_is_one_line(monkeypatch):
    monkeypatch.setattr("mlpcli.studies.cluster.CONNECT_SECONDS", 0.5)
    with pytest.raises(MachineError, match="no scheduler answers at tcp://127"), connected(
        ClusterOptions("tcp://127.0.0.1:9")
    ):  # fmt: skip
        pass


@pytest.mark.slow
def test_the_script_of_the_guide_starts_a_scheduler_and_two_workers(tmp_path, monkeypatch):
    (script,) = [
        text for text in re.findall(r"^```sh\n(.*?)^```$", page("cluster"), re.S | re.M) if "#!/bin/sh" in text
    ]
    assert len(script.splitlines()) <= 20
    (tmp_path / "cluster.sh").write_text(script)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "PORT": str(port), "PYTHON": sys.executable, "TMPDIR": str(tmp_path)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    monkeypatch.setattr("mlpcli.studies.cluster.CONNECT_SECONDS", 60)
    with subprocess.Popen(["sh", "cluster.sh"], cwd=tmp_path, env=env, start_new_session=True, **quiet) as process:
        try:
            with connected(ClusterOptions(f"tcp://127.0.0.1:{port}")) as cluster:
                until(lambda: len(cluster.client.nthreads()) == 2, 60)
                assert cluster.submit(eval, "1 + 1").result(30) == 2
        finally:
            os.killpg(process.pid, signal.SIGTERM)


class NoWorkers:
    """What is used of a client, of a cluster without workers."""

    status = "running"

    def nthreads(self):
        return {}

    def subscribe_topic(self, topic, handler):
        pass


def test_without_any_worker_nobody_is_waited_for_long(monkeypatch):
    monkeypatch.setattr("mlpcli.studies.cluster.WATCH_SECONDS", 0.01)
    cluster = Cluster(NoWorkers(), ClusterOptions("tcp://127.0.0.1:9"))
    call = Call("a task", b"", (), Future())
    cluster.running["key"] = call
    monkeypatch.setattr("mlpcli.studies.cluster.EMPTY_SECONDS", 0.05)
    with pytest.raises(LostClusterError, match="has had no worker"):
        call.result.result(10)
    cluster.close()


class Sender(NoWorkers):
    """A client that sends calls to nowhere, and the future of the last one, whose worker was killed once too often."""

    def submit(self, *args, key, pure, workers):
        self.key = key
        return self

    def add_done_callback(self, callback):
        pass

    def cancel(self, futures):
        pass

    def result(self):
        raise type("KilledWorker", (Exception,), {})


def test_a_task_is_not_to_blame_for_workers_that_others_lose_too_but_for_the_fifth():
    client = Sender()
    cluster = Cluster(client, ClusterOptions("tcp://127.0.0.1:9"))
    waiting = cluster.submit(eval, "1")
    for worker in "abc":
        cluster.on_start((0, {"key": client.key, "worker": worker}))
    cluster.n_retried += 1
    first = client.key
    cluster.on_end(client)
    assert not waiting.done()
    assert client.key != first
    for worker in "de":
        cluster.on_start((0, {"key": client.key, "worker": worker}))
    cluster.on_end(client)
    with pytest.raises(MachineError, match="5 workers that ran it were killed"):
        waiting.result(1)
    cluster.close()


class OneWorker:
    """What a call uses of its worker."""

    address = "tcp://here"

    def __init__(self):
        self.events = []

    def log_event(self, topic, event):
        self.events.append((topic, event))


def test_a_call_on_a_worker_gets_what_is_kept_there_and_is_left_when_nobody_wants_it(monkeypatch):
    worker, made = OneWorker(), []
    monkeypatch.setattr("distributed.get_worker", lambda: worker)
    cluster = Cluster(NoWorkers(), ClusterOptions("local:2", (), True))
    table = Shared([1, 2], recipe=partial(made.append, 1), is_table=True)
    numbers = np.arange(10_000.0)
    stem = io.BytesIO()
    pickler = CallPickler(stem, cluster)
    pickler.dump(partial(len, (numbers, table)))
    sent = [cluster.as_sent(cluster.kept[key][0]) for key in pickler.needs]
    call = ("topic", "key", versions_here(), stem.getvalue(), tuple(pickler.needs))
    assert run_call(*call, *sent) == run_call(*call, *sent) == 2
    assert worker.events == [("topic", {"key": "key", "worker": "tcp://here"})] * 2
    assert pickle.loads(pickle.dumps(cluster.as_sent(numbers))).get()[-1] == 9999
    with pytest.raises(UsageError, match="not those of one file"):
        cluster.as_sent(Shared([], is_table=True))
    stop_calls(["key"])
    assert run_call(*call, *sent) is None
    cluster.close()

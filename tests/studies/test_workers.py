"""Worker processes: what becomes of a task when its worker, or its parent, dies."""

from __future__ import annotations

import operator
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import wait
from pathlib import Path

import numpy as np
import pytest

from mlpcli.errors import MachineError
from mlpcli.studies.workers import Inline, LocalPool, Shared, local

DIE = "__import__('os').kill(__import__('os').getpid(), 9)"
PID = "__import__('os').getpid()"


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # gone before it was opened, or before it was read
        return False


def gone(pids: list[int], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while any(map(is_alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(is_alive, pids))


def test_one_job_runs_in_this_process_and_more_in_others(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    assert isinstance(local(1), Inline)
    assert local(1).submit(os.getpid).result() == os.getpid()
    with local(2) as pool:
        pids = {pool.submit(eval, PID).result() for _ in range(2)}
        assert os.getpid() not in pids
        # From its first instruction on: it may import a script, and NumPy with it, before it is told anything.
        began_with = pool.submit(eval, "open('/proc/self/environ', 'rb').read().split(b'\\0')").result()
    assert {b"OPENBLAS_NUM_THREADS=1", b"MKL_NUM_THREADS=1"} <= set(began_with)
    assert os.environ["OPENBLAS_NUM_THREADS"] == "2"
    assert "MKL_NUM_THREADS" not in os.environ
    assert gone(list(pids))


def test_errors_of_a_task_reach_who_asked():
    for executor in (Inline(), LocalPool(1)):
        with executor, pytest.raises(ZeroDivisionError):
            executor.submit(eval, "1 / 0").result()


def test_C04_the_task_of_a_killed_worker_is_run_once_more(tmp_path):
    seen = tmp_path / "seen"
    once = f"'again' if __import__('os').path.exists({str(seen)!r}) else (open({str(seen)!r}, 'w'), {DIE})"
    with LocalPool(1) as pool:
        assert pool.submit(eval, once).result() == "again"
        assert pool.submit(eval, "1 + 1").result() == 2


def test_C04_a_task_that_kills_two_workers_is_an_error_and_others_are_not_disturbed():
    with LocalPool(2) as pool:
        bad, good = pool.submit(eval, DIE), [pool.submit(eval, str(i)) for i in range(3)]
        with pytest.raises(MachineError, match="killed 2 times"):
            bad.result()
        assert [g.result() for g in good] == [0, 1, 2]


def test_leaving_the_block_early_ends_the_workers_at_once():
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), LocalPool(2) as pool:  # noqa: PT012
        pids = [pool.submit(eval, PID).result()]
        slow = pool.submit(time.sleep, 600)
        wait([slow], timeout=0.2)
        raise KeyboardInterrupt
    assert gone(pids)
    assert time.monotonic() - began < 60


def test_C05_workers_end_when_their_parent_is_killed():
    code = (
        "import time\nfrom mlpcli.studies.workers import LocalPool\n"
        "if __name__ == '__main__':\n"
        "    pool = LocalPool(2)\n"
        f"    print(pool.submit(eval, {PID!r}).result(), flush=True)\n"
        "    pool.submit(time.sleep, 600)\n    pool.submit(time.sleep, 600)\n    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        pids = [int(parent.stdout.readline())]
        time.sleep(0.5)
        children = [c.read_text().split() for c in Path(f"/proc/{parent.pid}/task").glob("*/children")]
        pids = sorted({*pids, *(int(pid) for of_thread in children for pid in of_thread)})
        assert len(pids) >= 2
        assert all(map(is_alive, pids))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    assert gone(pids)


def test_C07_a_shared_value_is_mapped_from_one_file_that_goes_away():
    value = {"x": np.arange(100_000.0), "names": ["a", "b"], "small": np.arange(3, dtype=np.int8)}
    with Shared(value) as shared:
        first, second = pickle.dumps(shared), pickle.dumps(shared)
        assert first == second
        assert len(first) < 500
        path = Path(str(shared.path))
        assert path.stat().st_size > value["x"].nbytes
        with LocalPool(1) as pool:
            found = pool.submit(operator.attrgetter("value"), shared).result()
            assert (found["x"] == value["x"]).all()
        copy = pickle.loads(first).value
        assert copy["names"] == value["names"]
        assert (copy["small"] == value["small"]).all()
        assert not copy["x"].flags.writeable
    assert not path.exists()


@pytest.mark.slow
def test_no_worker_hears_ctrl_c_from_its_first_instruction_on():
    """In a process of its own, whose first worker also starts what multiprocessing keeps beside the workers."""
    blocked = "(s := __import__('signal')).SIGINT in s.pthread_sigmask(s.SIG_BLOCK, [])"
    code = (
        "from mlpcli.studies.workers import LocalPool\n"
        "if __name__ == '__main__':\n"
        "    with LocalPool(2) as pool:\n"
        f"        print(all([pool.submit(eval, {blocked!r}).result() for _ in range(4)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"

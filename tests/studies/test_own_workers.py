"""Workers of this machine end with the command that started them, whatever they are doing."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import pytest

from mlpcli.config.cluster import ClusterOptions
from mlpcli.errors import MachineError
from mlpcli.studies.cluster import connected
from mlpcli.studies.own_workers import MAX_FOLDER, imported


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
@pytest.mark.parametrize("name", ["short", "n" * MAX_FOLDER])
def test_workers_end_in_the_middle_of_a_task_and_leave_nothing(name, monkeypatch):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(path))
        check_that_workers_end()
        assert not list(path.iterdir())


def check_that_workers_end():
    with connected(ClusterOptions("local:2")) as cluster:
        pids = list(cluster.client.run(os.getpid).values())
        cluster.submit(eval, "__import__('time').sleep(100)")
        while not any(call.starts for call in cluster.running.values()):
            time.sleep(0.02)
        assert all(map(is_alive, pids))
    end = time.monotonic() + 20
    while any(map(is_alive, pids)):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MachineError, match="not installed") as raised:
        imported()
    assert raised.value.hint == "pip install 'mlpcli[cluster]'"

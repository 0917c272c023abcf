"""Arrays in memory up to a budget, and beyond it in a file that no folder lists."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import mlpcli
from mlpcli.data.storage import Storage, free_memory, n_cores


def test_the_limit_of_a_container_counts(here, monkeypatch):
    (here / "memory.max").write_text("2000000\n")
    (here / "memory.current").write_text("1500000\n")
    monkeypatch.setattr("mlpcli.data.storage.CGROUP", here)
    assert free_memory() == 500_000
    (here / "memory.max").write_text("max\n")
    assert free_memory() > 2_000_000  # no limit: what the machine has
    monkeypatch.setattr("mlpcli.data.storage.CGROUP", here / "none")
    assert free_memory() > 0


def test_the_cores_are_those_of_the_process(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 5}, raising=False)
    assert n_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert n_cores() == (os.cpu_count() or 1)


def test_rows_live_in_a_file_where_disk_space_cannot_be_reserved(here, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate")
    from mlpcli.data.storage import Storage

    array = Storage(1, str(here)).array((1000,), np.float64)
    array[:] = 3
    assert array.sum() == 3000


def test_arrays_beyond_the_budget_are_in_a_file_that_no_folder_lists(tmp_path):
    storage = Storage(2_000_000, str(tmp_path))
    small, large = storage.array((1000,), np.float64), storage.array((1000, 1000), np.float64)
    small[:], large[:] = 1, np.arange(1000)
    storage.release()
    assert (large[7] == np.arange(1000)).all()
    assert list(tmp_path.iterdir()) == []
    maps = Path("/proc/self/maps")
    if maps.exists():
        assert maps.read_text().count(str(tmp_path)) == 1


def test_a_budget_is_given_back_with_the_array():
    storage = Storage(1_000_000, "/nowhere")  # where no file can be made
    for _ in range(100):
        storage.array((50_000,), np.float64)


def test_a_full_disk_is_an_error_and_no_signal(tmp_path):
    if not hasattr(os, "posix_fallocate"):
        pytest.skip("this system cannot reserve disk space")
    with pytest.raises(mlpcli.errors.MachineError, match="cannot write"):
        Storage(0, str(tmp_path)).array((1 << 60,), np.int8)

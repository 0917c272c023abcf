"""Where large arrays live: in memory up to a budget, beyond it in a file that no folder lists; what the machine has.

Code that uses them sees arrays either way. It works through them block by block and calls `release` after each, so
that no more of a file than a block counts as memory of this process.
"""

from __future__ import annotations

import math
import mmap
import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcli.files.atomic import unnamed_file, write_error

SHARE_OF_FREE = 0.25  # of the memory that is free: the budget nobody set
SHARE_FOR_ARRAYS = 0.5  # of the budget; the rest is for what works on them
CGROUP = Path("/sys/fs/cgroup")


class Storage:
    """Hands out arrays; `folder` is where the file goes."""

    def __init__(self, budget: int | None = None, folder: str = ".") -> None:
        self.budget = int(SHARE_OF_FREE * free_memory()) if budget is None else budget
        self.folder = folder
        self.left = int(SHARE_FOR_ARRAYS * self.budget)
        self.maps: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()

    def array(self, shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
        """An array to be filled. Raises MachineError when the disk has no room for it."""
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        if n_bytes <= self.left:
            self.left -= n_bytes
            array = np.empty(shape, dtype)
            weakref.finalize(array, self.give_back, n_bytes)
            return array
        descriptor = unnamed_file(self.folder)
        try:
            if hasattr(os, "posix_fallocate"):  # a full disk is an error here, and not a signal at some later write
                os.posix_fallocate(descriptor, 0, n_bytes)
            else:
                os.ftruncate(descriptor, n_bytes)
            mapped = mmap.mmap(descriptor, n_bytes)
        except OSError as error:
            raise write_error(error, self.folder) from error
        finally:
            os.close(descriptor)
        self.maps.add(mapped)
        return np.frombuffer(mapped, dtype).reshape(shape)

    def __reduce__(self) -> tuple[type[Storage], tuple[int, str]]:
        return Storage, (self.budget, self.folder)  # for another process

    def give_back(self, n_bytes: int) -> None:
        self.left += n_bytes

    def release(self) -> None:
        """Lets go of the memory of arrays in files; their content stays."""
        for mapped in self.maps:
            mapped.madvise(mmap.MADV_DONTNEED)


def n_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory() -> int:
    """Bytes that this process can take without harm to others: what the system or its container has left."""
    found = []
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
        limit = (CGROUP / "memory.max").read_text(encoding="ascii").strip()
        if limit != "max":
            found.append(int(limit) - int((CGROUP / "memory.current").read_text(encoding="ascii")))
    except (OSError, ValueError):  # another system
        pass
    return max(min(found, default=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2), 0)

"""Workers of this machine for `--cluster local:N`: a Dask scheduler and its processes, apart from this one."""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlpcli.errors import MachineError
from mlpcli.studies.workers import BLAS_THREADS

MAX_DEATHS = 3  # of workers at the same task: then the task is to blame
MAX_DEATHS_AMONG_OTHERS = 5  # where other tasks lost workers too: something else may end them
TASKS = "mlpcli.studies.tasks"  # which loads all that a training needs
MAX_FOLDER = 75  # bytes of its path; that of a socket in it is 32 longer, and may be of 107
QUIET = logging.CRITICAL + 1
LOGGERS = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application", "asyncio")
NEEDS_EXTRA = "pip install 'mlpcli[cluster]'"


def imported() -> Any:
    """Dask's `distributed`, silent. Raises MachineError where it is not installed."""
    try:
        # An extra: type checkers need not have it.
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise MachineError("--cluster needs Dask's distributed, which is not installed", NEEDS_EXTRA) from error
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = False
        logger.setLevel(QUIET)
    return distributed


# The workers are forks of one process without threads of Python's, which has loaded all that they need: the others
# start at once, as does the one that follows a killed one. Elsewhere than on Linux a fork is not safe; there, and where
# the path of its socket would be too long, each worker loads all by itself.
OWN_WORKERS = """
import logging, multiprocessing, multiprocessing.forkserver, select, sys
if __name__ == "__main__":
    n, n_failures, tasks, method = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
    if method == "forkserver":
        multiprocessing.set_forkserver_preload(["distributed", tasks])
        multiprocessing.forkserver.ensure_running()
    import dask, distributed
    dask.config.set({
        "distributed.scheduler.allowed-failures": n_failures,
        "distributed.worker.multiprocessing-method": method,
        "distributed.deploy.lost-worker-timeout": "10s",
        "distributed.worker.profile.enabled": False,  # nobody reads it; it takes a hundredth of a core
    })
    with distributed.LocalCluster(
        n_workers=n, threads_per_worker=1, host="127.0.0.1", scheduler_port=0, dashboard_address=None,
        worker_dashboard_address=None, silence_logs=logging.CRITICAL, memory_limit=0,
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        while not select.select([sys.stdin], [], [], 1.0)[0]:
            cluster.scale(n)  # what Dask could not start again, because it was killed as it began, is started anew
"""


@contextmanager
def own_workers(n: int) -> Iterator[str]:
    """The address of a scheduler of this machine with so many workers of one thread; they end with this process.

    All are processes apart, which Ctrl-C does not reach and whose messages nobody sees.
    """
    own = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **dict.fromkeys(BLAS_THREADS, "1")}
    with tempfile.TemporaryDirectory(prefix="mlpcli-", ignore_cleanup_errors=True) as folder, subprocess.Popen(
        [sys.executable, "-P", "-c", OWN_WORKERS, str(n), str(MAX_DEATHS - 1), TASKS, method_in(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True, env={**os.environ, **own, "TMPDIR": folder},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            imported()  # meanwhile
            address = process.stdout.readline().strip()
            if not address:
                raise MachineError("no worker could be started", "too little memory? try --jobs 2")
            yield address
        finally:
            process.kill()  # its workers end with it, at once: a close in order would wait for their tasks


def method_in(folder: str) -> str:
    """How processes whose temporary files are in this folder start others."""
    return "forkserver" if sys.platform == "linux" and len(os.fsencode(folder)) <= MAX_FOLDER else "spawn"

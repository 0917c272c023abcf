"""Work on other processes of this machine, as a `concurrent.futures.Executor`, and data that they share.

A worker is started afresh (no fork of a process with threads), uses one BLAS thread, leaves Ctrl-C to its parent,
and ends with it: it holds one end of a pipe whose other end closes when the parent does, however that dies.
Its environment says so from its first instruction on: it may import the caller's script, and NumPy with it.
"""

from __future__ import annotations

import functools
import mmap
import multiprocessing
import os
import pickle
import signal
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Generic, ParamSpec, Protocol, Self, TypeVar

from mlpcli.errors import MachineError

T = TypeVar("T")
P = ParamSpec("P")

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
ATTEMPTS = 2  # at a task whose worker was killed
ALIGNED = 64  # bytes; a processor's cache line


class Workers(Protocol):
    """What runs tasks, `jobs` of them at a time, each result a future."""

    @property
    def jobs(self) -> int: ...
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: Any) -> bool | None: ...


class Inline(Executor):
    """Runs each task at once, in this process."""

    jobs = 1

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class LocalPool(ThreadPoolExecutor):
    """Runs `jobs` tasks at a time, each on a worker process of its own thread.

    A task whose worker was killed is run once more, on a new worker; then MachineError. A block `with` it that
    ends early, by an exception or Ctrl-C, ends the workers at once.
    """

    def __init__(self, jobs: int) -> None:
        # Signals reach the main thread; a worker inherits the mask of the thread that starts it. That of the thread
        # which starts the tracker is reset, so it is started here.
        resource_tracker.ensure_running()
        super().__init__(jobs, initializer=signal.pthread_sigmask, initargs=(signal.SIG_BLOCK, {signal.SIGINT}))
        self.jobs = jobs
        self.context = multiprocessing.get_context("spawn")
        self.worker_end, self.own_end = self.context.Pipe(duplex=False)
        self.mine = threading.local()
        self.is_closing = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return super().submit(self.remote, functools.partial(fn, *args, **kwargs))

    def remote(self, call: Callable[[], T]) -> T:
        """The result of the call on this thread's worker."""
        for _ in range(ATTEMPTS):
            if self.is_closing:
                raise CancelledError
            if not hasattr(self.mine, "worker"):
                self.mine.worker = ProcessPoolExecutor(1, self.context, begin_worker, (self.worker_end,))
            try:
                with one_blas_thread():  # the worker is started here, and may import NumPy before it begins
                    future: Future[T] = self.mine.worker.submit(call)
                return future.result()
            except BrokenProcessPool:
                self.mine.worker.shutdown()
                del self.mine.worker
        raise MachineError(
            f"a worker process was killed {ATTEMPTS} times at the same task",
            "too little memory? try fewer --jobs; a script needs: if __name__ == '__main__'",
        )

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:
        self.is_closing = True
        self.own_end.close()
        super().shutdown(wait, cancel_futures=cancel_futures)
        self.worker_end.close()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Processes that are started meanwhile use one BLAS thread, whatever they import first."""
    with ENVIRONMENT:
        before = {name: os.environ.get(name) for name in BLAS_THREADS}
        os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


ENVIRONMENT = threading.Lock()  # of those that set it, and set it back


def begin_worker(parent: Connection) -> None:
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()


def end_with(parent: Connection) -> None:
    """Ends this process when the parent's end of the pipe closes."""
    with suppress(EOFError, OSError):
        parent.recv_bytes()
    os._exit(0)


def local(jobs: int) -> Inline | LocalPool:
    """What runs `jobs` tasks at a time on this machine."""
    return LocalPool(jobs) if jobs > 1 else Inline()


def opened(on: int | Workers) -> Workers:
    """What runs tasks: so many at a time on this machine, or workers that are there already, and stay."""
    return local(on) if isinstance(on, int) else on


class Shared(Generic[T]):
    """A value for all workers: its arrays are mapped from one temporary file, written when first sent to one.

    The process that made it keeps the value itself; `close` removes the file. A table may have a `recipe`, which makes
    it anew where its file lies. One that is `pinned` stays with one worker of a cluster, where all calls that need it
    are run, as long as that worker lives.
    """

    def __init__(
        self, value: T, recipe: Callable[[], T] | None = None, *, is_table: bool = False, is_pinned: bool = False
    ) -> None:
        self.value, self.recipe, self.is_table, self.is_pinned = value, recipe, is_table, is_pinned
        self.closers: list[Callable[[], object]] = []  # what lets go of it elsewhere
        self.path: str | None = None
        self.lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        with self.lock:
            if self.path is None:
                self.path = write_mapped(self.value)
        return read_mapped, (self.path,)

    def __enter__(self) -> Shared[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for let_go in self.closers:
            let_go()
        if self.path is not None:
            with suppress(FileNotFoundError):
                os.unlink(self.path)


def write_mapped(value: object) -> str:
    """Writes a value with its arrays apart from its pickle, so that `read_mapped` need not copy them.

    The file is: number of parts, length of each part, then the parts, each at a multiple of ALIGNED bytes.
    """
    buffers: list[pickle.PickleBuffer] = []
    stem = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    parts = [memoryview(stem), *(b.raw() for b in buffers)]
    descriptor, path = tempfile.mkstemp(prefix="mlpcli-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(struct.pack(f"<{len(parts) + 1}q", len(parts), *(p.nbytes for p in parts)))
        for part in parts:
            file.write(b"\0" * (-file.tell() % ALIGNED))
            file.write(part)
    return path


@functools.cache
def read_mapped(path: str) -> Shared[Any]:
    """What `write_mapped` wrote, once a process; its arrays are read-only views of the file."""
    with open(path, "rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    (n_parts,) = struct.unpack_from("<q", mapped)
    parts, place = [], 8 * (n_parts + 1)
    for size in struct.unpack_from(f"<{n_parts}q", mapped, 8):
        place += -place % ALIGNED
        parts.append(mapped[place : place + size])
        place += size
    return Shared(pickle.loads(parts[0], buffers=parts[1:]))

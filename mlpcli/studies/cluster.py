"""Work on the workers of a Dask cluster, as a `concurrent.futures.Executor`; needs the extra `cluster`.

A call travels as its pickle, without what is `Shared` in it and without large arrays: these are sent to one worker
once, straight from here, and stay; the others fetch them from there, again where Dask has dropped a copy that no task
waited for. A call whose worker is lost is run again by Dask; one whose shared values were lost with all their workers
is sent again with them.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib
import io
import pickle
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd

import mlpcli
from mlpcli.config.cluster import ClusterOptions
from mlpcli.errors import LostClusterError, MachineError, MlpcliError, UsageError, plural
from mlpcli.studies import tls
from mlpcli.studies.own_workers import MAX_DEATHS, MAX_DEATHS_AMONG_OTHERS, TASKS, imported, own_workers
from mlpcli.studies.workers import Shared

T = TypeVar("T")
P = ParamSpec("P")

LARGE = 16_384  # bytes of an array that travels once, and not with each task
CONNECT_SECONDS = 10.0  # until a scheduler answers and a worker is there
WATCH_SECONDS = 1.0  # between two looks at the workers
EMPTY_SECONDS = 30.0  # without any worker: then nobody is waited for
STOP_SECONDS = 1.5  # that workers have to leave their tasks


@contextmanager
def connected(address: ClusterOptions) -> Iterator[Cluster]:
    """The workers at an address, all of them with the versions that are here. Raises MachineError.

    They get ready for trainings while this process goes on.
    """
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"distributed|dask|tornado|asyncio|contextlib")
        try:
            scheduler = (
                stack.enter_context(own_workers(address.n_processes)) if address.n_processes else address.cluster
            )
            distributed = imported()
            own = (distributed, str(address.cluster), address.cluster_tls, CONNECT_SECONDS)
            security = tls.security(*own) if address.cluster_tls else None
            client = stack.enter_context(
                distributed.Client(scheduler, timeout=CONNECT_SECONDS, security=security, set_as_default=False)
            )
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError) as error:
            raise unreachable(address, error) from error
        cluster = Cluster(client, address)
        try:
            cluster.check_versions()
            yield cluster
        finally:
            cluster.close()


def unreachable(address: ClusterOptions, error: Exception) -> MachineError:
    if isinstance(error, OSError) and error.filename is not None:
        return MachineError(f"--cluster-tls: cannot read: {error.strerror}", file=str(error.filename))
    if "worker" in str(error):
        return MachineError(f"the cluster {address.cluster} has no worker", "start one: dask worker HOST:8786")
    if type(error).__name__.endswith("CommClosedError"):
        hint = "a certificate that its authority signed" if address.cluster_tls else "does it ask for --cluster-tls?"
        return MachineError(f"what answers at {address.cluster} breaks the connection off", hint)
    return MachineError(
        f"no scheduler answers at {address.cluster}", "is it running, and may this machine reach it? --cluster local:2"
    )


# --- here -------------------------------------------------------------------------------------------------


@dataclass
class Call:
    """A call that is under way: its pickle, what it needs of the shared values, and who waits for it."""

    name: str
    stem: bytes
    needs: tuple[str, ...]
    result: Future[Any]
    there: Any = None  # Dask's future
    starts: list[str] = field(default_factory=list)  # the workers that began it, one after another

    def is_deadly(self, n_deaths: int, n_retried: int) -> bool:
        """Whether it is to blame for the loss of so many of its workers, with so many calls run again in all."""
        n_others = n_retried - (len(self.starts) - 1)
        return n_deaths >= (MAX_DEATHS_AMONG_OTHERS if n_others > 0 else MAX_DEATHS)


class Cluster(Executor):
    """Runs as many calls at a time as the workers of a cluster have threads."""

    def __init__(self, client: Any, address: ClusterOptions) -> None:
        self.client, self.address = client, address
        self.session = uuid.uuid4().hex
        self.topic = f"mlpcli-{self.session}"
        self.lock = threading.Lock()  # never held while Dask is waited for
        self.sending = threading.Lock()
        self.kept: dict[str, tuple[Any, Any]] = {}  # by key: the value, and where it is on the workers
        self.homes: dict[str, str] = {}  # by key of a pinned value, the worker that has it
        self.running: dict[str, Call] = {}
        self.n_done = self.n_retried = self.n_sent = self.n_bytes = self.n_rows = 0
        self.began = self.ended = 0.0  # the first call and the last result, on the monotonic clock
        self.threads: dict[str, int] = client.nthreads()
        self.is_closing = threading.Event()
        client.subscribe_topic(self.topic, self.on_start)
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    @property
    def jobs(self) -> int:
        return max(sum(self.threads.values()), 1)

    @property
    def n_lost(self) -> int:
        """Tasks whose worker went away, those that were not begun again yet included."""
        with self.lock:
            waiting = sum(bool(c.starts) and c.starts[-1] not in self.threads for c in self.running.values())
        return self.n_retried + waiting

    @property
    def status(self) -> str:
        """One line on all workers and tasks, and on the rows that these were trained on or answered."""
        rows = f", {self.n_rows / (self.ended - self.began):,.0f} rows/s" if self.n_rows else ""
        return (
            f"{plural(len(self.threads), 'worker')}: {self.n_done} done, {len(self.running)} running, "
            f"{self.n_lost} lost, {self.n_retried} run again{rows}"
        )

    def check_versions(self) -> None:
        """MachineError that names the first worker with other versions than here."""
        own = versions_here()
        with self.is_reached():
            found = self.client.run(get_ready, on_error="return")
        for worker, versions in sorted(found.items()):
            check_same(worker, versions if isinstance(versions, dict) else {}, own)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        name = str(getattr(args[0], "name", fn)) if args else str(fn)
        result: Future[T] = Future()
        result.set_running_or_notify_cancel()
        stem = io.BytesIO()
        pickler = CallPickler(stem, self)
        pickler.dump(functools.partial(fn, *args, **kwargs))
        call = Call(name, stem.getvalue(), tuple(pickler.needs), result)
        self.began = self.began or time.monotonic()
        self.n_sent, self.n_bytes = self.n_sent + 1, self.n_bytes + len(call.stem)
        self.start(call)
        return result

    def start(self, call: Call) -> None:
        """Sends a call to a worker, for the first time or again."""
        key = f"mlpcli-{uuid.uuid4().hex}"
        with self.lock:
            self.running[key] = call
        try:
            with self.is_reached():
                there = [self.at_workers(name) for name in call.needs]
                homes = [self.homes[name] for name in call.needs if name in self.homes]
                given = (self.topic, key, versions_here(), call.stem, call.needs, *there)
                call.there = self.client.submit(run_call, *given, key=key, pure=False, workers=homes or None)
                call.there.add_done_callback(self.on_end)
        except Exception as error:
            self.end(key, error)

    def at_workers(self, key: str) -> Any:
        """The future of a shared value, which is sent where no worker has it."""
        with self.sending:
            value, there = self.kept[key]
            if there is None or there.status != "finished":
                there = self.sent(key, value)
                self.kept[key] = value, there
            return there

    def sent(self, key: str, value: Any, n_left: int = MAX_DEATHS) -> Any:
        """The future of a value that is sent to a worker; to another one where that dies meanwhile."""
        home = None
        if isinstance(value, Shared) and value.is_pinned:  # to the worker with the fewest of these
            self.client.wait_for_workers(1, EMPTY_SECONDS)
            self.homes.pop(key, None)
            home = self.homes[key] = min(sorted(self.client.nthreads()), key=[*self.homes.values()].count)
        try:
            return self.client.scatter(self.as_sent(value), direct=True, hash=False, workers=home and [home])
        except (OSError, KeyError):  # the latter where the scheduler hears of the worker's end before what it was sent
            if self.client.status != "running" or n_left == 1:
                raise
        self.is_closing.wait(WATCH_SECONDS)
        return self.sent(key, value, n_left - 1)

    def as_sent(self, value: Any) -> Kept:
        """A value on its way to the workers, or how they make it themselves. Raises UsageError."""
        if not isinstance(value, Shared):
            return Kept(value)
        if self.address.data_on_workers and value.is_table:
            if value.recipe is None:
                raise UsageError("--data-on-workers: the rows are not those of one file", "leave out --data-on-workers")
            return Kept(None, value.recipe, is_shared=True)
        return Kept(value.value, is_shared=True)

    def keep(self, key: str, value: Any) -> None:
        with self.sending:
            if key not in self.kept and isinstance(value, Shared):
                value.closers.append(functools.partial(self.let_go, key))
            self.kept.setdefault(key, (value, None))

    def let_go(self, key: str) -> None:
        """A shared value is wanted no more, here or by the workers."""
        with self.sending:
            self.kept.pop(key, None)
            self.homes.pop(key, None)

    @contextmanager
    def is_reached(self) -> Iterator[None]:
        """What fails because the scheduler is gone is LostClusterError."""
        try:
            yield
        except MlpcliError:
            raise
        except Exception as error:
            if self.client.status == "running" and not isinstance(error, OSError):
                raise
            raise self.gone() from error

    def gone(self) -> LostClusterError:
        return LostClusterError(
            f"the scheduler at {self.address.cluster} is gone", "what was finished is kept; start it and run this again"
        )

    def on_start(self, event: tuple[float, dict[str, str]]) -> None:
        """A worker begins a call."""
        with self.lock:
            call = self.running.get(event[1]["key"])
            if call is None:
                return
            self.n_retried += bool(call.starts)
            call.starts.append(event[1]["worker"])
            n_deaths = len(call.starts) - 1
            is_deadly = call.is_deadly(n_deaths, self.n_retried)
        if is_deadly:
            self.end(event[1]["key"], deadly(call, n_deaths))

    def on_end(self, future: Any) -> None:
        """A call has ended, in one way or another; runs on a thread of Dask's."""
        with self.lock:
            call = self.running.get(future.key)
        if call is None or self.is_closing.is_set():
            return
        try:
            self.end(future.key, future.result())
        except CancelledError as error:
            if getattr(error, "reason", "") == "scheduler-connection-lost" or self.client.status != "running":
                self.end(future.key, self.gone())
                return
            self.start_again(call, future.key)  # its shared values are lost
        except Exception as error:
            if type(error).__name__ == "KilledWorker":
                n_deaths = max(len(call.starts), MAX_DEATHS)
                if not call.is_deadly(n_deaths, self.n_retried):
                    self.start_again(call, future.key)
                    return
                error = deadly(call, n_deaths)
            self.end(future.key, error if self.client.status == "running" else self.gone())

    def start_again(self, call: Call, key: str) -> None:
        with self.lock:
            self.running.pop(key, None)
        self.start(call)

    def end(self, key: str, found: Any) -> None:
        """Gives who waits for a call its result, or its error."""
        with self.lock:
            call = self.running.pop(key, None)
            if call is None:
                return
            self.n_done += not isinstance(found, Exception)
            self.n_rows += getattr(found, "n_rows", 0)  # of a training or a file
            self.ended = time.monotonic()
        if isinstance(found, Exception):
            call.result.set_exception(found)
        else:
            call.result.set_result(found)

    def watch(self) -> None:
        """Counts workers; where there has been none for a while, nobody is waited for."""
        empty = 0.0
        while not self.is_closing.wait(WATCH_SECONDS):
            try:
                self.threads = self.client.nthreads()
            except Exception:  # the scheduler is gone, which every call is told
                continue
            empty = 0.0 if self.threads else empty + WATCH_SECONDS
            if empty >= EMPTY_SECONDS:
                for key in list(self.running):
                    self.end(key, LostClusterError(f"the cluster {self.address.cluster} has had no worker for 30 s"))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:
        """Ends all calls that are under way, on the workers too; none of them comes to a result. The workers stay."""
        with self.lock:
            calls, self.running = self.running, {}
        for call in calls.values():
            call.result.set_exception(CancelledError())
        if calls and self.client.status == "running":
            with suppress(Exception):  # a cluster that is gone has nothing to end
                self.client.cancel([call.there for call in calls.values() if call.there is not None])
                self.client.sync(
                    self.client._run, stop_calls, list(calls), on_error="ignore", callback_timeout=STOP_SECONDS
                )

    def close(self) -> None:
        self.is_closing.set()
        self.shutdown()
        self.watcher.join(STOP_SECONDS)
        self.kept.clear()


def deadly(call: Call, n: int) -> MachineError:
    return MachineError(
        f"{call.name}: {n} workers that ran it were killed, one after another",
        "too little memory there? fewer columns with --drop, smaller --hidden, or workers with more memory",
    )


class CallPickler(pickle.Pickler):
    """Pickles a call; shared values and large arrays are named in `needs`, and kept by the cluster."""

    def __init__(self, file: io.BytesIO, cluster: Cluster) -> None:
        super().__init__(file, protocol=5)
        self.cluster = cluster
        self.needs: dict[str, None] = {}

    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, Shared):
            return self.named(f"shared-{id(value)}", value)
        if type(value) is np.ndarray and value.nbytes > LARGE and not value.dtype.hasobject:
            content = np.ascontiguousarray(value)
            digest = hashlib.sha256(content.data).hexdigest()
            return self.named(f"{digest}-{value.dtype.str}-{value.shape}", value)
        return None

    def named(self, key: str, value: Any) -> str:
        self.cluster.keep(key, value)
        self.needs[key] = None
        return key


# --- on a worker ------------------------------------------------------------------------------------------


class Kept:
    """A value that stays with the workers, made there where it comes as a recipe; that of a `Shared` is in one."""

    def __init__(self, value: Any, recipe: Callable[[], Any] | None = None, *, is_shared: bool = False) -> None:
        self.value, self.recipe, self.is_shared = value, recipe, is_shared
        self.made: Any = None

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial(Kept, is_shared=self.is_shared), (self.value, self.recipe)

    def get(self) -> Any:
        """The value, the same one for every call on this worker."""
        with MAKING:
            if self.made is None:
                value = self.value if self.recipe is None else self.recipe()
                self.made = Shared(value) if self.is_shared else value
            return self.made


MAKING = threading.Lock()


class CallUnpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, kept: dict[str, Kept]) -> None:
        super().__init__(file)
        self.kept = kept

    def persistent_load(self, pid: Any) -> Any:
        return self.kept[pid].get()


class LeftError(BaseException):
    """Raised in the thread of a call that nobody wants any more."""


ACTIVE: dict[str, int] = {}  # the threads of the calls under way, by key
LEFT: set[str] = set()  # keys of calls that are wanted no more


def run_call(topic: str, key: str, versions: dict[str, str], stem: bytes, needs: tuple[str, ...], *kept: Kept) -> Any:
    """Runs a call on a worker, and says that it begins."""
    worker: Any = importlib.import_module("distributed").get_worker()
    check_same(worker.address, versions_here(), versions)
    worker.log_event(topic, {"key": key, "worker": worker.address})
    ACTIVE[key] = threading.get_ident()
    try:
        if key not in LEFT:
            return CallUnpickler(io.BytesIO(stem), dict(zip(needs, kept, strict=True))).load()()
    except LeftError:
        return None
    finally:
        ACTIVE.pop(key, None)


def stop_calls(keys: Sequence[str]) -> None:
    """Makes the threads of these calls leave them, at their next step of Python."""
    LEFT.update(keys)
    for thread in [ACTIVE[key] for key in keys if key in ACTIVE]:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(LeftError))


def get_ready() -> dict[str, str]:
    """The versions of a worker, which loads meanwhile what its first task will need."""
    threading.Thread(target=importlib.import_module, args=(TASKS,), daemon=True).start()
    return versions_here()


def versions_here() -> dict[str, str]:
    return {"mlpcli": mlpcli.__version__, "NumPy": np.__version__, "pandas": pd.__version__}


def check_same(worker: str, found: dict[str, str], own: dict[str, str]) -> None:
    for name, version in own.items():
        if found.get(name) != version:
            other = found.get(name, "another version")
            raise MachineError(
                f"worker {worker} has {name} {other}, and here is {version}: results would differ",
                "install the same versions on all workers",
            )

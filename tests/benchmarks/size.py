# ruff: noqa: E402
"""Tables of any size: memory, speed of reading, growth of time with rows, and the throughput of predict.

    python tests/benchmarks/size.py memory [MEGABYTES]   # of --memory; the CSV is 20 times as large
    python tests/benchmarks/size.py reading [ROWS]
    python tests/benchmarks/size.py growth [ROWS]        # from 10^4 rows on
    python tests/benchmarks/size.py predict [ROWS]

Times are processor times, so that other work on the machine counts little; for `predict` of a process that may use one
core only. Tables have 16 columns of numbers, 4 categories of 8 levels and a target.
"""

from __future__ import annotations

import hashlib
import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data import raw
from mlpcli.model.assemble import assemble
from mlpcli.model.prediction import Predictor
from mlpcli.model.trained import load
from mlpcli.training.events import History
from mlpcli.training.prepare import prepare

CHUNK = 50_000  # rows written at once
SMALL = 2_000  # rows of a table whose training shows what the interpreter and the libraries take
FAST = ("--preset", "classic", "--hidden", "16", "--epochs", "1", "-q")


class Run(NamedTuple):
    seconds: float  # of the processor, all threads
    megabytes: float  # most memory


def write_csv(path: Path, n_rows: int) -> None:
    rng = np.random.default_rng(0)
    with open(path, "w") as out:
        for start in range(0, n_rows, CHUNK):
            n = min(CHUNK, n_rows - start)
            frame = pd.DataFrame(rng.normal(size=(n, 16)).round(4), columns=[f"x{i}" for i in range(16)])
            for i in range(4):
                frame[f"c{i}"] = np.array([f"level{k}" for k in range(8)])[rng.integers(0, 8, n)]
            frame["y"] = np.where(frame.x0 + frame.x1 * frame.x2 > 0, "yes", "no")
            frame.to_csv(out, index=False, header=start == 0)


def run(*args: object, stdin: Path | None = None, stdout: Path | None = None, one_core: bool = False) -> Run:
    """Runs mlpcli; `stdin` comes through a pipe."""
    command = [sys.executable, "-m", "mlpcli", *map(str, args)]
    if one_core:
        command = ["taskset", "-c", str(min(os.sched_getaffinity(0))), *command]
    with (
        subprocess.Popen(["cat", str(stdin or os.devnull)], stdout=subprocess.PIPE) as feeder,
        open(stdout or os.devnull, "wb") as out,
    ):
        process = subprocess.Popen(command, stdin=feeder.stdout, stdout=out)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return Run(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def cpu(work: Callable[[], object], times: int = 3) -> tuple[float, float]:
    """Least processor and wall-clock seconds of several runs."""
    found = []
    for _ in range(times):
        start = time.process_time(), time.perf_counter()
        work()
        found.append((time.process_time() - start[0], time.perf_counter() - start[1]))
    return min(f[0] for f in found), min(f[1] for f in found)


def memory(folder: Path, megabytes: int = 20) -> None:
    small, large = folder / "small.csv", folder / "large.csv"
    write_csv(small, SMALL)
    n_rows = int(20 * megabytes * 1e6 * SMALL / small.stat().st_size)
    write_csv(large, n_rows)
    flags = (*FAST, "--memory", f"{megabytes}MB", "-o", folder / "m.npz")
    own, whole = run("train", small, *flags), run("train", large, *flags)
    print(f"--memory {megabytes} MB, CSV of {large.stat().st_size / 1e6:.0f} MB, {n_rows} rows: {whole.seconds:.0f} s")
    print(f"peak {whole.megabytes:.0f} MB, of a table of {SMALL} rows {own.megabytes:.0f} MB")
    print(f"{(whole.megabytes - own.megabytes) * 2**20 / 1e6 / megabytes:.2f} times the budget beyond that (1.2 asked)")


def reading(folder: Path, n_rows: int = 500_000) -> None:
    path = folder / "d.csv"
    write_csv(path, n_rows)
    config = Config(preset="classic", ensemble=1)
    bare, bare_wall = cpu(lambda: pd.read_csv(path))
    ours, ours_wall = cpu(lambda: prepare(str(path), config))
    print(f"{n_rows} rows, {path.stat().st_size / 1e6:.0f} MB: bare pandas {bare:.2f} s, read and encoded {ours:.2f} s")
    print(f"{bare / ours:.2f} of the speed in processor time, {bare_wall / ours_wall:.2f} by the clock (0.33 asked)")


def growth(folder: Path, n_rows: int = 1_000_000) -> None:
    config = Config(preset="classic", hidden=(16,), epochs=1, ensemble=1, batch_size="256")
    n, first = 10_000, 0.0
    while n <= n_rows:
        path = folder / f"{n}.csv"
        write_csv(path, n)

        def work(path: Path = path) -> None:
            prepared = prepare(str(path), config)
            assemble(prepared, History.of(prepared.events()))

        found = cpu(work, 3 if n < 1_000_000 else 1)[0] / n
        first = first or found
        print(f"{n:>9} rows: {found * 1e6:6.2f} us a row, {found / first - 1:+.0%}", flush=True)
        n *= 10


def predict(folder: Path, n_rows: int = 1_000_000) -> None:
    small, large, tenth = folder / "small.csv", folder / "large.csv", folder / "tenth.csv"
    write_csv(small, 20_000)
    write_csv(large, n_rows)
    write_csv(tenth, n_rows // 10)
    for preset in ("classic", "default"):
        model = folder / f"{preset}.npz"
        run("train", small, "--preset", preset, "--epochs", "2", "-q", "-o", model)
        part, whole = (run("predict", model, "-", "-q", stdin=path, one_core=True) for path in (tenth, large))
        rows = (n_rows - n_rows // 10) / (whole.seconds - part.seconds)
        print(
            f"{preset}: {n_rows / whole.seconds:,.0f} rows/s of processor time with the start, {rows:,.0f} without "
            f"(300,000 asked); peak {whole.megabytes:.0f} MB, for a tenth of the rows {part.megabytes:.0f} MB"
        )
    seen = set()
    for size in (1 << 14, 1 << 18, 1 << 21, 1 << 23):
        raw.PART = size
        with open(tenth, "rb") as file:
            digest = hashlib.sha256()
            for lines in Predictor(load(str(model)), proba=True).predict(
                raw.parts_of(file.fileno()), "tenth", ReadOptions()
            ):
                digest.update(lines)
        seen.add(digest.hexdigest())
    print(f"{len(seen)} different outputs for 4 chunk sizes from 16 kB to 8 MB (1 asked)")


if __name__ == "__main__":
    asked = {"memory": memory, "reading": reading, "growth": growth, "predict": predict}[sys.argv[1]]
    with tempfile.TemporaryDirectory() as scratch:
        asked(Path(scratch), *map(int, sys.argv[2:]))

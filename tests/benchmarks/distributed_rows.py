"""Rows shared among workers: accuracy beside one machine, what an average costs, rows a second.

    python tests/benchmarks/distributed_rows.py [FOLDER ...]

Accuracy is that of simulated shares in this process, on two made-up tables and on the two largest CSV files of each
FOLDER, the rows in random order: accuracy or R2 of the test rows, and how much less that is than with one share.
Seconds are those of two worker processes on this machine.
"""

from __future__ import annotations

import functools
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mlpcli.config.cluster import ClusterOptions
from mlpcli.config.settings import Config, ReadOptions
from mlpcli.evaluation.evaluate import evaluate_dataset
from mlpcli.model.assemble import assemble
from mlpcli.studies import distributed_rows
from mlpcli.studies.cluster import connected
from mlpcli.studies.workers import Inline
from mlpcli.training.averaging import STEPS, OuterStep
from mlpcli.training.events import EpochEnded, History

N_ROWS, N_TIMED = 60_000, 200_000
CONFIG = Config(preset="fast", ensemble=1)
N_LARGEST = 2  # tables of a folder


def made_up(n: int, *, is_numbers: bool) -> list[str]:
    """A header and n rows: 12 numbers, 3 categories, interactions, noise."""
    rng, fixed = np.random.default_rng(0), np.random.default_rng(1)
    x, levels = rng.normal(size=(n, 12)), rng.integers(0, 8, (n, 3))
    score = np.tanh(x @ fixed.normal(size=(12, 6)) / 2) @ fixed.normal(size=6) + x[:, 0] * x[:, 1]
    score += sum(fixed.normal(size=8)[levels[:, i]] for i in range(3)) * (1 + 0.5 * x[:, 2])
    noise = rng.normal(size=n) / 2
    y = [f"{v:.4f}" for v in score + noise] if is_numbers else np.where(score + noise > 0, "yes", "no")
    header = ",".join([*(f"x{i}" for i in range(12)), "c0", "c1", "c2", "y"])
    cells = zip(x.round(4).tolist(), np.array(list("abcdefgh"))[levels].tolist(), y, strict=True)
    return [header, *(",".join([*map(str, numbers), *texts, str(end)]) for numbers, texts, end in cells)]


def parts(lines: Sequence[str], n: int, folder: str) -> str:
    """The rows as n files; their pattern."""
    for i in range(n):
        Path(folder, f"{i}.csv").write_text("\n".join([lines[0], *lines[1 + i :: n], ""]), encoding="utf-8")
    return f"{folder}/*.csv"


def reached(pattern: str, n_shares: int, every: int = STEPS, momentum: float | None = None) -> float:
    """Accuracy or R2 of the test rows."""
    outer = functools.partial(OuterStep, momentum=momentum) if momentum is not None else OuterStep
    distributed_rows.OuterStep = outer  # type: ignore[misc,assignment]
    training = distributed_rows.prepare(pattern, CONFIG, ReadOptions(), Inline(), n_shares, every)
    model = assemble(training.prepared, History.of(training.events()))
    found = evaluate_dataset(model, training.prepared.dataset, linear=False).metrics["test"]
    return found["accuracy" if model.labels else "r2"].value


WAYS: tuple[tuple[str, int, int, float | None], ...] = (
    ("2 shares", 2, STEPS, None), ("4 shares", 4, STEPS, None),
    ("4, every 10 steps", 4, 10, None), ("4, every 30", 4, 30, None), ("4, every 300", 4, 300, None),
    ("4, plain average", 4, STEPS, 0.0), ("4, momentum 0.9", 4, STEPS, 0.9),
)  # fmt: skip


def tables(folders: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Names, and headers with rows in random order."""
    yield "made up, numbers", made_up(N_ROWS, is_numbers=True)
    yield "made up, classes", made_up(N_ROWS, is_numbers=False)
    for folder in folders:
        for path in sorted(Path(folder).glob("*.csv"), key=lambda p: -p.stat().st_size)[:N_LARGEST]:
            header, *rows = path.read_text(encoding="utf-8").splitlines()
            order = np.random.default_rng(0).permutation(len(rows))
            yield path.name, [header, *(rows[i] for i in order)]


def compare(folders: Sequence[str]) -> None:
    for name, lines in tables(folders):
        with tempfile.TemporaryDirectory() as folder:
            pattern = parts(lines, 4, folder)
            alone = reached(pattern, 1)
            print(f"{name}, {len(lines) - 1:,} rows: {alone:.4f} on one machine", flush=True)
            for way, n, every, momentum in WAYS:
                found = reached(pattern, n, every, momentum)
                print(f"  {way:18} {found:.4f} {found / alone - 1:+7.2%}", flush=True)


def time_rounds() -> None:
    config = Config(target="y", ensemble=1, epochs=5, patience=0)
    with tempfile.TemporaryDirectory() as folder, connected(ClusterOptions("local:2")) as cluster:
        pattern = parts(made_up(N_TIMED, is_numbers=True), 4, folder)
        for n, every in ((1, STEPS), (2, 300), (2, STEPS), (2, 30), (2, 10)):
            began = time.monotonic()
            training = distributed_rows.prepare(pattern, config, ReadOptions(), cluster, n, every)
            ready = time.monotonic() - began
            epochs = [event for event in training.events() if isinstance(event, EpochEnded)]
            seconds = float(np.median(np.diff([epoch.seconds for epoch in epochs])))
            rows = sum(of_share[0] for of_share in training.n_fit)
            n_bytes = training.prepared.members[0].network.params.nbytes
            print(
                f"{n} workers, every {every} steps: {rows / seconds:,.0f} rows/s, {seconds:.2f} s an epoch, read in "
                f"{ready:.1f} s; {n_bytes:,} bytes of weights",
                flush=True,
            )


if __name__ == "__main__":
    time_rounds()
    compare(sys.argv[1:])

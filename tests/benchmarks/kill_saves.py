"""Kills a training that saves its model and its checkpoint over and over, at random moments, with SIGKILL.

    python tests/benchmarks/kill_saves.py 2000

Every other kill waits until a save has begun. After each both files must load, whole; at most one temporary file of
each may be left, and the next save removes it. Prints how many kills fell into a save. Exit code 1 when a file was
lost.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mlpcli.config.settings import Config
from mlpcli.errors import MlpcliError
from mlpcli.files import archive
from mlpcli.model import trained as model
from mlpcli.model.assemble import assemble
from mlpcli.training import checkpoint
from mlpcli.training.events import History
from mlpcli.training.prepare import prepare

IRIS = Path(__file__).parents[2] / "sample_data" / "iris.csv"
LONGEST = 0.15  # seconds to live
WAITED = 5.0  # seconds for a save to begin


def train_for_ever(folder: Path) -> None:
    checkpoint.SHARE = 1e9  # a checkpoint after every epoch
    seed = 0
    while True:
        prepared = prepare(str(IRIS), Config(epochs=2, preset="classic", hidden=(128, 128), seed=seed))
        trained = assemble(prepared, History.of(checkpoint.resumable(prepared, 1, str(folder / "run.ckpt"), None)))
        for _ in range(5):
            trained.save(str(folder / "m.npz"))
        seed += 1


def temporary_files(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if p.name.endswith(".tmp")]


def await_save(folder: Path) -> None:
    """Until a temporary file is there that was not before."""
    before, end = temporary_files(folder), time.monotonic() + WAITED
    while time.monotonic() < end and set(temporary_files(folder)) <= set(before):
        pass


def complaint(folder: Path, left: list[str]) -> str | None:
    try:
        if (folder / "m.npz").exists():
            model.load(str(folder / "m.npz"))
        if (folder / "run.ckpt").exists():
            archive.load(str(folder / "run.ckpt"))
    except MlpcliError as error:
        return str(error)
    for name in ("m.npz", "run.ckpt"):
        if sum(name in one for one in left) > 1:
            return f"left behind: {left}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kills", type=int, nargs="?", default=2000)
    kills = parser.parse_args().kills
    rng = np.random.default_rng(0)
    broken = in_save = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(kills):
            # A fork, so that the interpreter and its modules are started once.
            child = os.fork()
            if child == 0:
                train_for_ever(folder)
            time.sleep(float(rng.uniform(0, LONGEST)))
            if number % 2:
                await_save(folder)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            left = temporary_files(folder)
            in_save += bool(left)
            problem = complaint(folder, left)
            if problem:
                broken += 1
                print(problem)
        written = (folder / "m.npz").exists() and (folder / "run.ckpt").exists()
    print(f"{kills} kills, {in_save} of them in the middle of a save: {broken} files lost or broken")
    return 0 if broken == 0 and written else 1


if __name__ == "__main__":
    sys.exit(main())

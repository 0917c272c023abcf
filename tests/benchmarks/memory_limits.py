"""Trains under 25 limits on memory (row N15 of the checklist of bad inputs): each ends well, or in one message.

    python tests/benchmarks/memory_limits.py [--rows 100000]

Prints exit code and message a limit. Exit code 1 when one ends in a traceback, without a word, in a hang, or in an
error that leaves a file behind or is not code 1.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

LIMITS = np.linspace(150, 2000, 25).astype(int)  # MB of address space
LONGEST = 300  # seconds


def make_table(path: Path, n: int) -> None:
    x = np.random.default_rng(0).standard_normal((n, 12)).round(4)
    y = np.where(x[:, 0] + x[:, 1] > 0, "a", "b")
    with path.open("w") as file:
        file.write(",".join(f"x{i}" for i in range(12)) + ",y\n")
        file.writelines(",".join(map(str, row)) + f",{label}\n" for row, label in zip(x.tolist(), y, strict=True))


def train(folder: Path, limit: int, flags: Sequence[str]) -> tuple[int, str]:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit << 20, limit << 20))

    command = [sys.executable, "-m", "mlpcli", "train", "d.csv", "-q", "--epochs", "1", *flags]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, preexec_fn=limited, timeout=LONGEST, check=False
    )
    return done.returncode, done.stderr


def is_well(code: int, said: str, left: list[str]) -> bool:
    if code == 0:
        return left == ["d.csv", "model.npz"] and not said
    return code == 1 and left == ["d.csv"] and "Traceback" not in said and "mlpcli: " in said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    n_bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_table(folder / "d.csv", parser.parse_args().rows)
        for limit in LIMITS:
            (folder / "model.npz").unlink(missing_ok=True)
            code, said = train(folder, int(limit), ["--ensemble", "1"])
            well = is_well(code, said, sorted(os.listdir(folder)))
            n_bad += not well
            print(f"{limit:5} MB: exit {code} {'' if well else 'NOT WELL '}{said.strip()[-300:]}", flush=True)
    print(f"{len(LIMITS)} limits, {n_bad} ended badly")
    return int(n_bad > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Time of a step when weights and inputs are driven towards denormal numbers, against ordinary ones.

    python tests/benchmarks/denormals.py

Processors work through numbers below 1e-38 up to a hundred times slower. Weight decay that halves every weight at each
step would bring all of them there within 130 steps. Prints the ratios, the median of rounds in turn; exit code 1
when one is above 1.5.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mlpcli.config.settings import Config
from mlpcli.training.prepare import prepare

MOST = 1.5
ROUNDS = 3
EPOCHS = 20
CASES = {
    "weights that decay": {"weight_decay": 500.0, "lr": 1e-3, "optimizer": "sgd"},
    "weights that decay, adam": {"weight_decay": 500.0, "lr": 1e-3},
    "weights under a heavy L2 penalty": {"l2": 500.0, "lr": 1e-3, "optimizer": "sgd"},
}
ORDINARY = {"lr": 1e-3}


def make_table(path: Path, scale: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, 30))
    y = np.where(x[:, 0] > 0, "a", "b")
    with path.open("w") as file:
        file.write(",".join(f"x{i}" for i in range(30)) + ",y\n")
        file.writelines(
            ",".join(f"{v * scale:.6g}" for v in row) + f",{label}\n" for row, label in zip(x, y, strict=True)
        )


def seconds(path: Path, settings: dict[str, object]) -> tuple[float, float]:
    """Of a training, and the share of its weights that end as denormal numbers."""
    config = Config(**{"preset": "classic", "hidden": (128, 128), "epochs": EPOCHS, "patience": 0, **settings})
    prepared = prepare(str(path), config)
    began = time.perf_counter()
    for _ in prepared.events():
        pass
    took = time.perf_counter() - began
    weights = np.abs(prepared.members[0].network.params)
    return took, float(((weights > 0) & (weights < np.finfo(np.float32).tiny)).mean())


def main() -> int:
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        plain, tiny = Path(folder) / "plain.csv", Path(folder) / "tiny.csv"
        make_table(plain, 1)
        make_table(tiny, 1e-310)
        cases = {name: (plain, settings) for name, settings in CASES.items()}
        cases["inputs of 1e-310"] = (tiny, ORDINARY)
        cases["inputs of 1e-310, not scaled"] = (tiny, {**ORDINARY, "scale": "none"})
        for name, (path, settings) in cases.items():
            like = {"optimizer": settings.get("optimizer", "adam"), **ORDINARY}
            ratios, share = [], 0.0
            for _ in range(ROUNDS):
                ordinary = seconds(plain, like)[0]
                driven, share = seconds(path, settings)
                ratios.append(driven / ordinary)
            ratio = float(np.median(ratios))
            worst = max(worst, ratio)
            print(
                f"{name}: {ratio:.2f} times the time of ordinary numbers; {share:.1%} of the weights denormal",
                flush=True,
            )
    return int(worst > MOST)


if __name__ == "__main__":
    sys.exit(main())

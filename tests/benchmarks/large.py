# ruff: noqa: E402
"""Prints what large tables cost: error, log-loss and processor time of made-up tables of several sizes.

    python tests/benchmarks/large.py [rows ...]

Three laws: `net` (three classes, a random network of 20 numbers, and noise), `steps` (three classes, waves, thresholds
and categories, little noise) and `prices` (numbers with heavy tails, waves, thresholds and categories). Each is trained
by the default, and by the course of smaller tables (`--schedule constant`); one BLAS thread, one network at a time.
Error is the share of wrong labels, or RMSE over the target's deviation, of 15 % of the rows that were held back.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
from suite import Case, run

ROWS = (10_000, 60_000, 200_000)
LEVELS = np.array(list("abcdefg"))


def net(n: int) -> Case:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 20))
    logits = np.tanh(2 * x @ rng.normal(size=(20, 40)) / 20**0.5) @ rng.normal(size=(40, 3))
    return case("net", x, [], LEVELS[(logits + rng.gumbel(size=(n, 3))).argmax(axis=1)])


def steps(n: int) -> Case:
    rng = np.random.default_rng(5)
    x, c = rng.normal(size=(n, 12)), rng.integers(0, 6, (3, n))
    value = np.sin(2 * x[:, 0]) * x[:, 1] + 1.5 * (x[:, 2] > 0.5) * (x[:, 3] < 0) + (c[0] == c[1]) + np.abs(x[:, 4])
    value += 0.1 * rng.normal(size=n) - x[:, 5] * (c[2] > 2)
    return case("steps", x, c, LEVELS[np.digitize(value, np.quantile(value, [0.33, 0.7]))])


def prices(n: int) -> Case:
    rng = np.random.default_rng(3)
    x, c, worth = rng.normal(size=(n, 12)), rng.integers(0, 7, (3, n)), rng.normal(size=(3, 7))
    x[:, 3] = np.exp(x[:, 3])
    value = 2 * np.log1p(x[:, 3]) + np.sin(2 * x[:, 0]) * x[:, 1] + (x[:, 2] > 1) * x[:, 4] + np.abs(x[:, 5])
    value += sum(of_level[levels] for of_level, levels in zip(worth, c, strict=True)) / 2 + 0.3 * rng.normal(size=n)
    return case("prices", x, c, np.exp(value / 2).round(4), is_regression=True)


def case(name: str, numbers: np.ndarray, levels: object, target: np.ndarray, *, is_regression: bool = False) -> Case:
    frame = pd.DataFrame(numbers.round(4)).add_prefix("x").astype(str)
    for i, column in enumerate(levels):
        frame[f"c{i}"] = LEVELS[column]
    return Case(name, frame.assign(target=target.astype(str)), "target", is_regression)


LAWS: tuple[Callable[[int], Case], ...] = (net, steps, prices)
VARIANTS = {"default": {}, "constant": {"schedule": "constant"}}


def main() -> None:
    print(f"{'law':8}{'rows':>9}  {'variant':10}{'error':>8}{'log-loss':>10}{'seconds':>9}{'us a row':>10}")
    for n in [int(arg) for arg in sys.argv[1:]] or ROWS:
        for law in LAWS:
            made = law(n)
            for name, settings in VARIANTS.items():
                found = run(made, 0, settings)
                times = f"{found.seconds:9.1f}{1e6 * found.seconds / n:10.0f}"
                print(f"{made.name:8}{n:9}  {name:10}{found.error:8.4f}{found.log_loss:10.4f}{times}", flush=True)


if __name__ == "__main__":
    main()

"""Prints what each piece of the recipe is worth: a Markdown table, a line a piece.

    python tests/benchmarks/ablation.py [FOLDER] [splits]

Each line is the recipe with one piece taken out or changed, as the geometric mean over tables of its error, log-loss
and processor time over the recipe's: above 1 the piece earns its place. Tables are those of suite.py.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from suite import OFFSET, Case, Result, geometric_mean, run, tables

PIECES: dict[str, Mapping[str, Any]] = {
    "one network, one validation set": {"ensemble": 1},
    "three members": {"ensemble": 3},
    "numbers without piecewise-linear encoding": {"embed_numbers": "none"},
    "numbers scaled by mean and deviation, not clipped": {"scale": "standard"},
    "standard parametrisation, He, Adam 0.001": {"parametrization": "standard", "init": "he_normal", "lr": 0.001},
    "no label smoothing": {"label_smoothing": 0.0},
    "no temperature": {"calibrate": False},
    "no learned vectors of levels": {"embed_categories": "none"},
    "ReLU": {"activation": "relu"},
    "SiLU": {"activation": "silu"},
    "Mish": {"activation": "mish"},
    "3 layers of 64": {"hidden": (64, 64, 64)},
    "2 layers of 128": {"hidden": (128, 128)},
    "learning rate 0.01": {"lr": 0.01},
    "the last weights, not averaged ones": {"average": 0.0},
    "the last weights, learning rate 0.01": {"average": 0.0, "lr": 0.01},
    "batches of 64": {"batch_size": "64"},
    "patience 20": {"patience": 20},
    "cosine schedule, no patience": {"schedule": "cosine", "patience": 0},
    "dropout 0.1": {"dropout": 0.1},
    "weight decay 0.02": {"weight_decay": 0.02},
    "another seed": {"seed": 1},
    "fast": {"preset": "fast"},
    "best": {"preset": "best"},
}


def all_runs(cases: list[Case], n_splits: int, settings: Mapping[str, Any]) -> list[list[Result]]:
    return [[run(case, number, settings) for number in range(n_splits)] for case in cases]


def line(name: str, cases: list[Case], found: list[list[Result]], recipe: list[list[Result]]) -> str:
    def mean(results: list[Result], field: str) -> float:
        return sum(getattr(r, field) for r in results) / len(results)

    def ratios(field: str, offset: float, regression: bool | None = None) -> float:
        chosen = [
            (mean(ours, field) + offset) / (mean(theirs, field) + offset)
            for case, ours, theirs in zip(cases, found, recipe, strict=True)
            if regression is None or case.is_regression == regression
        ]
        return geometric_mean(chosen)

    numbers = [
        ratios("error", OFFSET), ratios("error", OFFSET, False), ratios("log_loss", 0.01, False),
        ratios("error", OFFSET, True), ratios("seconds", 0.0),
    ]  # fmt: skip
    return f"| {name} | " + " | ".join(f"{x:.3f}" for x in numbers) + " |"


def main(folder: str | None, n_splits: int) -> None:
    cases = list(tables(folder))
    print("Tables: " + ", ".join(f"{c.name} ({len(c.frame)})" for c in cases) + f"; {n_splits} splits\n")
    print(
        "| instead of the recipe | error | of classes | log-loss | RMSE | time |\n|---|---|---|---|---|---|", flush=True
    )
    recipe = all_runs(cases, n_splits, {})
    for name, settings in PIECES.items():
        print(line(name, cases, all_runs(cases, n_splits, settings), recipe), flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(given[0] if given else None, int(given[1]) if len(given) > 1 else 1)

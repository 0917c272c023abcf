# ruff: noqa: E402
"""Prints the expected calibration error on held-out rows, pooled over the classification tables; goal: below 0.03.

    python tests/benchmarks/calibration.py [FOLDER] [splits] [preset]

15 bins of equal width over the confidence of the predicted label (Guo et al. 2017).
"""

from __future__ import annotations

import os
import sys

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported

import numpy as np
from suite import run, tables

BINS = 15


def expected_calibration_error(confidence: np.ndarray, is_hit: np.ndarray) -> float:
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [abs(confidence[place == b].sum() - is_hit[place == b].sum()) for b in range(BINS)]
    return float(sum(gaps) / len(confidence))


def main(folder: str | None, n_splits: int, preset: str) -> None:
    pooled = []
    for case in tables(folder):
        if case.is_regression:
            continue
        found = [run(case, number, {"preset": preset}) for number in range(n_splits)]
        pooled += found
        confidence, is_hit = (np.concatenate([getattr(r, k) for r in found]) for k in ("confidence", "is_hit"))
        print(f"{case.name:20s} {expected_calibration_error(confidence, is_hit):.4f} of {len(is_hit)} rows", flush=True)
    confidence, is_hit = (np.concatenate([getattr(r, k) for r in pooled]) for k in ("confidence", "is_hit"))
    print(f"{'pooled':20s} {expected_calibration_error(confidence, is_hit):.4f} of {len(is_hit)} rows, goal 0.03")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(given[0] if given else None, int(given[1]) if len(given) > 1 else 1, given[2] if len(given) > 2 else "default")

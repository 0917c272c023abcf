"""In how many simulated samples the 95 % interval of each metric holds its true value.

python tests/benchmarks/intervals.py [samples]

Truth and outputs are drawn anew in each sample; the true value is that of 400,000 rows. Prints the coverage by metric
and number of rows. Errors are normal, then Student's t with 3 degrees of freedom: heavy tails, of which `evaluate`
says that the interval of rmse is too narrow. ECE has no interval.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from mlpcli.engine.losses import LOSSES
from mlpcli.metrics.scoring import METRICS, score

ROWS, TRUE_ROWS, N_BOOTSTRAP = (100, 400), 400_000, 500
Draw = Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def classes(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two classes, probabilities that hold."""
    p = rng.beta(1, 1.5, n)
    return (rng.random(n) < p).astype(np.int64), np.column_stack([1 - p, p])


def normal(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    values = rng.normal(size=n)
    return values + rng.normal(size=n), values


def heavy(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    values = rng.normal(size=n)
    return values + rng.standard_t(3, n), values


SAMPLES: dict[str, tuple[str, Draw]] = {
    "classes": ("cross_entropy", classes), "normal errors": ("squared_error", normal),
    "heavy tails": ("squared_error", heavy),
}  # fmt: skip


def main(n_samples: int) -> None:
    for title, (name, draw) in SAMPLES.items():
        loss, rng = LOSSES[name], np.random.default_rng(0)
        true = {k: v.value for k, v in score(loss, *draw(TRUE_ROWS, rng), n_bootstrap=0, rng=rng).items()}
        for n in ROWS:
            hits = dict.fromkeys(true, 0)
            for _ in range(n_samples):
                for metric, found in score(loss, *draw(n, rng), n_bootstrap=N_BOOTSTRAP, rng=rng).items():
                    hits[metric] += found.low <= true[metric] <= found.high
            for metric, n_hits in hits.items():
                shown = f"{n_hits / n_samples:.0%}" if METRICS[metric].has_interval else "no interval"
                print(f"{title:14} {n:5} rows  {metric:22} {shown}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)

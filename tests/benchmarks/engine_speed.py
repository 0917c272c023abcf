# ruff: noqa: E402
"""Prints how many times faster than scikit-learn's MLPClassifier the engine trains, on one core.

    python tests/benchmarks/engine_speed.py [repeats]

Same rows, shape, epochs, batch size, Adam, ReLU and learning rate; no penalty, no validation rows. Both shuffle every
epoch. Both timings are of the whole call: ours includes the training loss of 1,000 rows after each epoch, measured
by a pass of its own, where scikit-learn keeps the mean over the batches. The two run in turn; the ratio printed is
the median over the repeats, and its range.
"""

from __future__ import annotations

import os
import sys
import time
import warnings

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from mlpcli.config.settings import Config
from mlpcli.engine.losses import LOSSES
from mlpcli.engine.network import Architecture, mlp
from mlpcli.training.loop import Member, Rows, train

# inputs, hidden layers, classes, batch size, rows, epochs, goal
CASES = [
    (16, (64, 64), 3, 32, 8_000, 5, 2.5),
    (16, (64, 64), 3, 256, 30_000, 8, 2.5),
    (32, (256, 256, 256), 10, 256, 10_000, 3, 1.3),
]
LR = 1e-3


def ours(x: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], batch_size: int, epochs: int) -> float:
    config = Config(
        parametrization="standard", batch_size=str(batch_size), epochs=epochs, lr=LR, patience=0, beta2=0.999
    ).resolve("classification")
    began = time.perf_counter()
    network = mlp(x.shape[1], int(y.max()) + 1, Architecture(hidden=hidden), rng=np.random.default_rng(0))
    member = Member(network, Rows(x, y, None, np.arange(len(x))), None, np.random.default_rng(0))
    list(train([member], LOSSES["cross_entropy"](), config))
    return time.perf_counter() - began


def theirs(x: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], batch_size: int, epochs: int) -> float:
    network = MLPClassifier(
        hidden, batch_size=batch_size, max_iter=epochs, learning_rate_init=LR, alpha=0, tol=0, n_iter_no_change=epochs
    )
    began = time.perf_counter()
    network.fit(x, y)
    return time.perf_counter() - began


def main(repeats: int) -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)  # a few epochs are all that is asked for
    for n_inputs, hidden, n_classes, batch_size, n, epochs, goal in CASES:
        rng = np.random.default_rng(0)
        x = rng.standard_normal((n, n_inputs)).astype(np.float32)
        y = (x[:, :n_classes] + rng.standard_normal((n, n_classes))).argmax(axis=1)
        seconds = np.array(
            [(ours(x, y, hidden, batch_size, epochs), theirs(x, y, hidden, batch_size, epochs)) for _ in range(repeats)]
        )
        ratios = seconds[:, 1] / seconds[:, 0]
        rate, their_rate = n * epochs / np.median(seconds, axis=0)
        shape = "-".join(str(width) for width in (n_inputs, *hidden, n_classes))
        print(
            f"{shape:22s} batch {batch_size:3d}: {rate:9,.0f} rows/s, scikit-learn {their_rate:9,.0f}; "
            f"ratio {np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f}), goal {goal}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)

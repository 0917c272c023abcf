# ruff: noqa: E402
"""Prints how the engine's training compares, on one core, with its own matrix products and with its peers.

    python tests/benchmarks/engine_speed.py [repeats]

First what a step of training takes over the matrix products in it alone, of the same shapes, with the default recipe
for classes (100-128-128-3, SiLU, a scale on each input, averaged weights, label smoothing) and with a textbook network.
Then how many times faster than scikit-learn's MLPClassifier, and PyTorch where it is installed, whole trainings are:
same rows, shape, epochs, batch size, Adam, ReLU and learning rate; no penalty, no validation rows. All shuffle every
epoch. Ours includes the training loss of 1,000 rows after each epoch, measured by a pass of its own, where scikit-learn
keeps the mean over the batches. All is processor time, of one thread each, taken in turn; a ratio printed is the
median over the repeats, with its range.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from itertools import pairwise

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from mlpcli.config.settings import Config, Settings
from mlpcli.engine.losses import LOSSES
from mlpcli.engine.network import Architecture, Network, mlp
from mlpcli.training.loop import Member, MemberTrainer, Rows, train

try:
    import torch
except ImportError:
    torch = None

# batch size and goal of a step over its products, with the recipe; the textbook network has none
STEPS = ((1, None), (32, 2.6), (64, 2.0), (128, 1.6), (256, 1.45))
STEP_ROWS = 12_000  # trained on for one timing; fewer where batches are small
# inputs, hidden layers, classes, batch size, rows, epochs, goal
CASES = [
    (16, (64, 64), 3, 1, 1_000, 1, 4),
    (16, (64, 64), 3, 32, 8_000, 5, 4),
    (16, (64, 64), 3, 256, 30_000, 8, 3.3),
    (16, (64, 64), 3, 10_000, 10_000, 20, 2.2),
    (32, (256, 256, 256), 10, 256, 10_000, 3, 1.65),
    (64, (1024, 1024), 10, 1024, 8_192, 2, 1.2),
]
LR = 1e-3


def made_up(n_inputs: int, n_classes: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, n_inputs)).astype(np.float32)
    return x, (x[:, :n_classes] + rng.standard_normal((n, n_classes))).argmax(axis=1)


def textbook(batch_size: int, epochs: int) -> Settings:
    return Config(
        preset="classic", optimizer="adam", l2=0.0, lr=LR, batch_size=str(batch_size), epochs=epochs, patience=0
    ).resolve("classification")


def timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


# --- a step and its products ------------------------------------------------------------------------------


def of_products(widths: tuple[int, ...], batch_size: int, n_steps: int) -> float:
    """Seconds of the matrix products of some steps, into arrays that are there."""
    rng = np.random.default_rng(0)
    x, out, below = ([rng.standard_normal((batch_size, w)).astype(np.float32) for w in widths] for _ in range(3))
    weights, grads = ([rng.standard_normal(s).astype(np.float32) for s in pairwise(widths)] for _ in range(2))

    def work() -> None:
        for _ in range(n_steps):
            for i, w in enumerate(weights):
                np.matmul(x[i], w, out=out[i + 1])
            for i in range(len(weights) - 1, -1, -1):
                np.matmul(x[i].T, x[i + 1], out=grads[i])
                if i:
                    np.matmul(x[i + 1], weights[i].T, out=below[i])

    return timed(work)


def of_steps(network: Network, settings: Settings, x: np.ndarray, y: np.ndarray) -> float:
    """Seconds of an epoch of steps, after one that makes room for them."""
    member = Member(network, Rows(x, y, None, np.arange(len(x))), None, np.random.default_rng(0))
    trainer = MemberTrainer(member, LOSSES["cross_entropy"](settings.label_smoothing), settings)
    trainer.run_epoch()
    return timed(trainer.run_epoch)


def steps_over_products(repeats: int) -> None:
    recipe = Architecture(hidden=(128, 128), activation="silu", parametrization="ntk")
    for widths, architecture in (((100, 128, 128, 3), recipe), ((16, 64, 64, 3), Architecture(hidden=(64, 64)))):
        for batch_size, goal in STEPS:
            n_steps = STEP_ROWS // (batch_size + 60)
            x, y = made_up(widths[0], widths[-1], n_steps * batch_size)
            is_recipe = architecture is recipe
            settings = textbook(batch_size, 24)
            if is_recipe:
                settings = Config(batch_size=str(batch_size), epochs=24).resolve("classification")
            seconds = []
            for _ in range(repeats):
                network = mlp(widths[0], widths[-1], architecture, rng=np.random.default_rng(0))
                seconds.append((of_products(widths, batch_size, n_steps), of_steps(network, settings, x, y)))
            micros = np.median(seconds, axis=0) / n_steps * 1e6
            print(
                f"{'-'.join(map(str, widths)):22s} batch {batch_size:6,d}: step {micros[1]:6.0f} us, products "
                f"{micros[0]:6.0f}; {told(seconds)}" + f", goal {goal}" * bool(is_recipe and goal),
                flush=True,
            )


# --- whole trainings --------------------------------------------------------------------------------------


def ours(x: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], batch_size: int, epochs: int) -> None:
    network = mlp(x.shape[1], int(y.max()) + 1, Architecture(hidden=hidden), rng=np.random.default_rng(0))
    member = Member(network, Rows(x, y, None, np.arange(len(x))), None, np.random.default_rng(0))
    list(train([member], LOSSES["cross_entropy"](), textbook(batch_size, epochs)))


def theirs(x: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], batch_size: int, epochs: int) -> None:
    MLPClassifier(
        hidden, batch_size=batch_size, max_iter=epochs, learning_rate_init=LR, alpha=0, tol=0, n_iter_no_change=epochs
    ).fit(x, y)


def pytorchs(x: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], batch_size: int, epochs: int) -> None:
    torch.set_num_threads(1)
    widths = [x.shape[1], *hidden, int(y.max()) + 1]
    layers = [layer for a, b in pairwise(widths) for layer in (torch.nn.Linear(a, b), torch.nn.ReLU())]
    network, loss = torch.nn.Sequential(*layers[:-1]), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(network.parameters(), LR)
    inputs, classes = torch.from_numpy(x), torch.from_numpy(y)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(batch_size):
            optimizer.zero_grad()
            loss(network(inputs[rows]), classes[rows]).backward()
            optimizer.step()


def told(pairs: list[tuple[float, ...]], peer: int = 1) -> str:
    """The ratio of the seconds of a column to those of the first, its median and range."""
    of_first = np.array(pairs)[:, peer] / np.array(pairs)[:, 0]
    return f"ratio {np.median(of_first):.2f} ({of_first.min():.2f} to {of_first.max():.2f})"


def main(repeats: int) -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)  # a few epochs are all that is asked for
    steps_over_products(repeats)
    trainings = [ours, theirs] + [pytorchs] * (torch is not None)
    for n_inputs, hidden, n_classes, batch_size, n, epochs, goal in CASES:
        x, y = made_up(n_inputs, n_classes, n)
        runs = [partial(training, x, y, hidden, batch_size, epochs) for training in trainings]
        seconds = [tuple(map(timed, runs)) for _ in range(repeats)]
        shape = "-".join(str(width) for width in (n_inputs, *hidden, n_classes))
        print(
            f"{shape:22s} batch {batch_size:6,d}: {n * epochs / np.median(seconds, axis=0)[0]:9,.0f} rows/s; "
            f"scikit-learn {told(seconds)}, goal {goal}" + (f"; PyTorch {told(seconds, 2)}" if torch else ""),
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)

"""The default preset is the recipe: its columns and ten steps of one member, formula by formula in float64."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from mlpcli.config.settings import Config
from mlpcli.data.kinds.protocol import BLOCKS
from mlpcli.training.events import History
from mlpcli.training.loop import train
from mlpcli.training.prepare import build_loss, prepare

N = 240


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> tuple[str, pd.DataFrame]:
    """A number with gaps, a skewed one, one of two values, a category with rare levels, one of two levels."""
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "gaps": np.where(rng.random(N) < 0.2, np.nan, rng.normal(10, 3, N).round(2)),
            "skewed": np.exp(rng.normal(0, 2, N)).round(4),
            "often0": np.where(rng.random(N) < 0.9, 0, 7),
            "city": rng.choice(["Oslo", "Rome", "Lima", *"abcdefgh"], N, p=[0.4, 0.35, 0.17, *[0.01] * 8]),
            "half": rng.choice(["yes", "no"], N),
        }
    )
    frame["kind"] = np.where(
        frame.skewed + (frame.city == "Oslo") > 1.2, "big", np.where(rng.random(N) < 0.5, "x", "y")
    )
    frame["amount"] = (frame.skewed.clip(0, 20) + frame.gaps.fillna(8) + rng.normal(0, 1, N)).round(3)
    path = str(tmp_path_factory.mktemp("recipe") / "table.csv")
    frame.to_csv(path, index=False)
    return path, frame


def ready(table, task: str):
    path, frame = table
    target, other = ("kind", "amount") if task == "classification" else ("amount", "kind")
    config = Config(target=target, test="0", drop=(other,), patience=0, epochs=10, batch_size="full", average=2)
    return prepare(path, config), frame.drop(columns=other), target


# --- columns ---------------------------------------------------------------------------------------------


def clipped(x: np.ndarray) -> np.ndarray:
    z = (x - x.mean()) / x.std()
    return z / np.sqrt(1 + (z / 6) ** 2)


def robust(x: np.ndarray) -> np.ndarray:
    q25, q50, q75 = np.quantile(x, [0.25, 0.5, 0.75])
    z = (x - q50) / (q75 - q25 if q75 > q25 else (x.max() - x.min()) / 2)
    return z / np.sqrt(1 + (z / 3) ** 2)


SCALE = {"classification": clipped, "regression": robust}
BINS, SHRINK = {"classification": 16, "regression": 32}, {"classification": 0.25, "regression": 0.5}


def piecewise_linear(x: np.ndarray, n_bins: int, shrink: float) -> list[np.ndarray]:
    edges = sorted(set(np.quantile(x, np.arange(n_bins + 1) / n_bins)))
    if len(edges) <= 3:
        return []
    inside = [np.clip((x - low) / (high - low), 0, 1) for low, high in pairwise(edges)]
    return [2 * shrink * (share - 0.5) for share in inside]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_columns_become_the_recipes_inputs(table, task):
    prepared, frame, _ = ready(table, task)
    scale, gaps = SCALE[task], frame.gaps
    filled = gaps.fillna(gaps.median()).to_numpy()
    counts = frame.city.value_counts()
    kept = sorted(counts[counts >= 5].index, key=lambda c: (-counts[c], c))
    plain = [
        scale(filled),
        scale(gaps.isna().to_numpy(float)),
        scale(frame.skewed.to_numpy()),
        scale(frame.often0.to_numpy(float)),
        *[scale((frame.city == c).to_numpy(float)) for c in kept],
        scale((~frame.city.isin(kept)).to_numpy(float)),
        # Of two levels the second, the rarer or later one, has the input.
        scale((frame.half == frame.half.value_counts(sort=True).index[1]).to_numpy(float)),
    ]
    encoded = [
        column
        for x in (filled, frame.skewed.to_numpy(), frame.often0.to_numpy(float))
        for column in piecewise_linear(x, BINS[task], SHRINK[task])
    ]
    assert prepared.schema.width(["plain"]) == len(plain)
    inputs = prepared.encoded.x[:, : prepared.schema.blocks["cuts"].start]  # test_cuts judges the cuts
    np.testing.assert_allclose(inputs, np.stack([*plain, *encoded], axis=1), atol=2e-6)


# --- ten steps -------------------------------------------------------------------------------------------

ACTIVATION = {  # value and derivative
    "silu": (lambda z: z / (1 + np.exp(-z)), lambda z: (1 + np.exp(-z) * (1 + z)) / (1 + np.exp(-z)) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
}


HIDDEN = {"classification": (128, 128), "regression": (64, 64, 64)}


class Formulas:
    """One member: learned front scale, hidden layers, Adam with a rate for each tensor, an average of the weights.

    In regression two units of each hidden layer carry a line and do not learn, and the rate of the output layer is
    the share that the line leaves of the target.
    """

    def __init__(self, start, activation: str, widths: list[int], n_plain: int, lr: float, left: float | None) -> None:
        self.act, self.slope = ACTIVATION[activation]
        self.lr, self.t, i = lr, 0, 0
        self.tensors, self.rates = [], []
        for k, (fan_in, fan_out) in enumerate(pairwise(widths)):
            shapes = [(fan_in, fan_out), (fan_out,), *([(fan_in,)] if k == 0 else [])]
            counted = n_plain if k == 0 else fan_in
            self.rates += [counted**-0.5, 0.1, 6.0][: len(shapes)]
            for shape in shapes:
                self.tensors.append(start[i : i + np.prod(shape)].astype(np.float64).reshape(shape))
                i += np.prod(shape)
        assert i == len(start)
        w1, b1, self.a, *rest = self.tensors
        self.carries = np.arange(widths[1]) < (0 if left is None else 2)
        if left is not None:
            for k in (0, 1, 3, 4, 5, 6):  # weights and biases of hidden layers; number 2 is the front scale
                learns = np.arange(self.tensors[k].shape[-1]) >= 2
                self.rates[k] = self.rates[k] * np.broadcast_to(learns, self.tensors[k].shape)
            self.rates[7] = self.rates[7] * left * (np.arange(widths[-2]) >= 2)[:, None]
            self.rates[8] *= left
        self.w, self.b = [w1, *rest[::2]], [b1, *rest[1::2]]
        self.m = [np.zeros_like(t) for t in self.tensors]
        self.v = [np.zeros_like(t) for t in self.tensors]
        self.average = [t.copy() for t in self.tensors]

    def averaged(self, x):
        """The logits of the averaged weights."""
        last = [t.copy() for t in self.tensors]
        for tensor, mean in zip(self.tensors, self.average, strict=True):
            tensor[...] = mean
        logits = self.forward(x)
        for tensor, kept in zip(self.tensors, last, strict=True):
            tensor[...] = kept
        return logits

    def forward(self, x):
        self.z = []  # of each layer
        h = x
        for k, (w, b) in enumerate(zip(self.w, self.b, strict=True)):
            self.z.append(h @ (w if k else w * self.scale) + b)
            h = self.act(self.z[-1])
        return self.z[-1]

    @property
    def scale(self):
        return np.where(self.carries, 1, self.a[:, None])

    def step(self, x, d):
        grads = []
        for k in reversed(range(len(self.w))):
            if k:
                grads = [self.act(self.z[k - 1]).T @ d, d.sum(0), *grads]
            else:
                of_inputs = x.T @ d
                of_scale = (of_inputs * self.w[0])[:, ~self.carries].sum(1)
                grads = [of_inputs * self.scale, d.sum(0), of_scale, *grads]
            if k:
                d = d @ self.w[k].T * self.slope(self.z[k - 1])
        self.t += 1
        for tensor, g, m, v, rate in zip(self.tensors, grads, self.m, self.v, self.rates, strict=True):
            m[...] = 0.9 * m + 0.1 * g
            v[...] = 0.99 * v + 0.01 * g**2
            tensor -= self.lr * rate * (m / (1 - 0.9**self.t)) / (np.sqrt(v / (1 - 0.99**self.t)) + 1e-8)
        keep = min(1 - 1 / 2, (1 + self.t) / (10 + self.t))
        self.average = [
            keep * mean + (1 - keep) * tensor for mean, tensor in zip(self.average, self.tensors, strict=True)
        ]


def softmax(z):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("member", [0, 1])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_ten_steps_of_a_member_are_the_recipes(table, task, member):
    prepared, frame, target = ready(table, task)
    if task == "classification":
        y = np.searchsorted(sorted(set(frame[target])), frame[target])
        smooth = 0.9 * np.eye(3)[y] + 0.1 / 3
    else:
        y = ((frame[target] - frame[target].mean()) / frame[target].std(ddof=0)).to_numpy()
    for given in prepared.members:
        given.network.convert("float64")  # in which rounding hides nothing
    one, n_plain = prepared.members[member], prepared.schema.width(["plain"])
    unseen = prepared.schema.start("cuts", BLOCKS) + one.unseen["cuts"]
    x = np.delete(prepared.encoded.x.astype(np.float64), unseen, axis=1)
    fold = one.valid.index
    rest = np.setdiff1d(np.arange(N), fold)
    lr = 0.02 if task == "classification" else 0.04
    widths = [x.shape[1], *HIDDEN[task], 3 if task == "classification" else 1]
    assert (one.line is None) == (task == "classification")
    left = None if one.line is None else one.line.rest
    formulas = Formulas(one.network.params, prepared.settings.activation, widths, n_plain, lr, left)
    expected = []
    for _ in range(10):
        z = formulas.forward(x[rest])
        grad = softmax(z) - smooth[rest] if task == "classification" else z - y[rest, None]
        formulas.step(x[rest], grad / len(rest))
        z = formulas.averaged(x[fold])
        if task == "classification":
            expected.append(-np.log(softmax(z)[np.arange(len(fold)), y[fold]]).mean())
        else:
            expected.append(((z[:, 0] - y[fold]) ** 2).mean() / 2)

    history = History.of(train([one], build_loss(prepared.settings), prepared.settings))
    np.testing.assert_allclose(history.valid_loss, expected, rtol=1e-3)
    assert history.best_epoch == np.argmin(expected) + 1


def test_members_validate_on_folds_that_hold_each_row_once(table):
    prepared, frame, _ = ready(table, "classification")
    folds = [m.valid.index for m in prepared.members]
    assert len(folds) == 6
    np.testing.assert_array_equal(np.sort(np.concatenate(folds)), np.arange(N))
    counts = np.array([frame.kind.iloc[fold].value_counts().sort_index().to_numpy() for fold in folds])
    assert np.ptp(counts, axis=0).max() <= 1

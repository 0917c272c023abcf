"""Layers: forward and backward on preallocated buffers, with views into the network's flat vectors.

A layer names its tensors in `tensors`; the network lays them out, and `bind` hands the views back. To add one:
subclass Layer, use it in `network.mlp`, add it to the gradient test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcli.engine.activations import ACTIVATIONS
from mlpcli.engine.arrays import Array, Floats, Ints


@dataclass
class Tensor:
    """One named parameter: its start, its share of the learning rate and of the weight decay."""

    start: NDArray[np.float64]
    lr_factor: float | Floats = 1.0  # or one for each number
    decay: float | Floats = 0.0

    def numbers(self) -> tuple[Floats, Floats, Floats]:
        """Start, share of the learning rate and of the weight decay of each number."""
        shape = self.start.shape
        return self.start, np.full(shape, self.lr_factor), np.full(shape, self.decay)


class Room:
    """Where batches of up to n rows are computed. Sums before activations have one place a width: each is soon done."""

    def __init__(self, n: int, dtype: np.dtype[np.floating]) -> None:
        self.n, self.dtype = n, dtype
        self.sums: dict[int, Array] = {}

    def array(self, width: int) -> Array:
        return np.empty((self.n, width), self.dtype)

    def shared(self, width: int) -> Array:
        """(n, width), which every layer that asks gets: written by one, and read by the next in its forward alone."""
        if width not in self.sums:
            self.sums[width] = self.array(width)
        return self.sums[width]


@dataclass
class Layer:
    """(n, n_in) -> (n, n_out); `backward` gives the gradient of the input and fills those of the tensors.

    The gradient of an input is written over the input, once nothing needs that any more: a step then works in half the
    memory, and stays in the processor's cache.
    """

    buffers: ClassVar[tuple[str, ...]] = ("out",)  # arrays that each batch fills anew
    n_in: int
    n_out: int
    tensors: dict[str, Tensor] = field(default_factory=dict)
    running: dict[str, NDArray[np.float64]] = field(default_factory=dict)  # state that is not learned

    def bind(self, params: Mapping[str, Array], grads: Mapping[str, Array], state: Mapping[str, Array]) -> None:
        self.p, self.g, self.s = params, grads, state

    def unseen_rows(self, name: str) -> Ints:
        """The rows that a tensor has in a model file and not here, numbers in the file's."""
        return np.empty(0, np.int64)

    def saved(self) -> dict[str, Array]:
        """The tensors as a model file has them."""
        return dict(self.p)

    def reserve(self, room: Room) -> None:
        """Takes its place there."""
        self.out: Array = room.array(self.n_out)

    def share_buffers(self, other: Layer) -> None:
        """Works in the arrays of a layer of the same kind, where they have the same shape."""
        for name in self.buffers:
            if getattr(self, name).shape == getattr(other, name).shape:
                setattr(self, name, getattr(other, name))

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> Array:
        raise NotImplementedError

    def backward(self, grad: Array, need_input: bool) -> Array:
        raise NotImplementedError


SMALL = 64 * 64  # weights up to which copying them is quicker than OpenBLAS's product with a transposed matrix


class Dense(Layer):
    """x W + b, or (a x) W + b with a learned scale a on each input.

    The scale is applied to the weights, once a step, and not to the rows, so it costs no pass over the batch. The
    first `n_given` inputs are the rows' own, below which nothing learns: their gradient is not computed.
    """

    buffers = ("out", "scaled")

    def __init__(
        self, weights: Tensor, bias: Tensor, scale: Tensor | None = None, n_given: int = 0, unseen: Ints | None = None,
        n_unscaled: int = 0,
    ) -> None:  # fmt: skip
        """`unseen` are inputs of the data that it has no weights for, numbers among them all. The first `n_unscaled`
        units take the inputs as they are.
        """
        n_in, n_out = weights.start.shape
        super().__init__(n_in, n_out, {"w": weights, "b": bias} | ({"a": scale} if scale else {}))
        self.n_given, self.unseen, self.n_unscaled = n_given, unseen, n_unscaled

    def unseen_rows(self, name: str) -> Ints:
        return super().unseen_rows(name) if name == "b" or self.unseen is None else self.unseen

    def reserve(self, room: Room) -> None:
        self.out = room.shared(self.n_out)
        self.ones = np.ones(room.n, room.dtype)
        self.scaled = np.empty((self.n_in, self.n_out), room.dtype)

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> Array:
        self.x = x
        out = self.out[: len(x)]
        self.weights = self.p["w"]
        if "a" in self.p:
            self.weights = self.scale(self.scaled)
        np.matmul(x, self.weights, out=out)
        out += self.p["b"]
        return out

    def scale(self, out: Array) -> Array:
        """The weights of the inputs as they come, without a scale of their own."""
        np.multiply(self.p["a"][:, None], self.p["w"], out=out)
        if self.n_unscaled:
            out[:, : self.n_unscaled] = self.p["w"][:, : self.n_unscaled]
        return out

    def saved(self) -> dict[str, Array]:
        """The tensors as a file has them. Where some units take the inputs as they are, all do: a scale of 1."""
        if not self.n_unscaled or "a" not in self.p:
            return dict(self.p)
        return {**self.p, "w": self.scale(np.empty_like(self.p["w"])), "a": np.ones_like(self.p["a"])}

    def backward(self, grad: Array, need_input: bool) -> Array:
        n = len(grad)
        np.matmul(self.x.T, grad, out=self.g["w"])
        np.matmul(self.ones[:n], grad, out=self.g["b"])
        if "a" in self.p:
            if self.n_unscaled:
                self.g["w"][:, : self.n_unscaled] = 0
            np.vecdot(self.p["w"], self.g["w"], out=self.g["a"])
            self.g["w"] *= self.p["a"][:, None]
        if not need_input:
            return grad
        back = self.weights[self.n_given :].T
        if back.size <= SMALL:
            back = back.copy()
        np.matmul(grad, back, out=self.x[:, self.n_given :])
        return self.x


class Embedding(NamedTuple):
    """An input that is the number of a level, 0, 1, ..., and the width of the vector learned for each."""

    place: int
    n_levels: int
    width: int


class Embed(Layer):
    """(n, n_in) with numbers of levels among the inputs -> the other inputs, then the vectors of the levels.

    Vectors start at zero: a level not met in training then says nothing.
    """

    def __init__(self, n_in: int, embeddings: Sequence[Embedding], lr_factor: float = 1.0) -> None:
        self.embeddings = embeddings
        places = sorted(e.place for e in embeddings)
        # The other inputs, copied stretch by stretch: NumPy takes five times as long to pick columns one by one.
        self.stretches = [slice(a + 1, b) for a, b in pairwise([-1, *places, n_in])]
        self.n_others = n_in - len(embeddings)
        tables = {f"e{i}": Tensor(np.zeros((e.n_levels, e.width)), lr_factor, 1.0) for i, e in enumerate(embeddings)}
        super().__init__(n_in, self.n_others + sum(e.width for e in embeddings), tables)
        ends = accumulate((e.width for e in embeddings), initial=self.n_others)
        self.spans = [slice(start, start + e.width) for start, e in zip(ends, embeddings, strict=False)]

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> Array:
        out = self.out[: len(x)]
        for i, stretch in enumerate(self.stretches):
            out[:, stretch.start - i : stretch.stop - i] = x[:, stretch]
        self.numbers = [x[:, e.place].astype(np.intp) for e in self.embeddings]
        for table, numbers, span in zip(self.p.values(), self.numbers, self.spans, strict=True):
            out[:, span] = table[numbers]
        return out

    def backward(self, grad: Array, need_input: bool) -> Array:
        for table, numbers, span in zip(self.g.values(), self.numbers, self.spans, strict=True):
            table[:] = 0
            width = table.shape[1]
            # Flat: NumPy is many times faster at adding to places of one axis.
            np.add.at(table.reshape(-1), (numbers[:, None] * width + np.arange(width)).ravel(), grad[:, span].ravel())
        return grad


class Activate(Layer):
    """One of ACTIVATIONS on every unit."""

    buffers = ("out", "derivative")

    def __init__(self, n: int, activation: str) -> None:
        super().__init__(n, n)
        self.name, self.activation = activation, ACTIVATIONS[activation]

    def reserve(self, room: Room) -> None:
        super().reserve(room)
        self.derivative = room.array(self.n_out)

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> Array:
        n = len(x)
        compute = self.activation.with_derivative if training else self.activation.forward
        compute(x, self.out[:n], self.derivative[:n])
        return self.out[:n]

    def backward(self, grad: Array, need_input: bool) -> Array:
        grad *= self.derivative[: len(grad)]
        return grad


class Dropout(Layer):
    """Each unit is off with probability p in training, the others scaled up; Srivastava et al. 2014."""

    def __init__(self, n: int, p: float) -> None:
        super().__init__(n, n)
        self.rate = p

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> Array:
        self.mask: Array | None = None
        if not training or rng is None:
            return x
        keep = rng.random(x.shape, dtype=np.float32) >= self.rate
        self.mask = keep.astype(x.dtype) / x.dtype.type(1 - self.rate)
        return np.multiply(x, self.mask, out=self.out[: len(x)])

    def backward(self, grad: Array, need_input: bool) -> Array:
        if self.mask is not None:
            grad *= self.mask
        return grad


class InputNoise(Layer):
    """Normal noise on the inputs in training; Bishop 1995."""

    def __init__(self, n: int, std: float) -> None:
        super().__init__(n, n)
        self.std = std

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> Array:
        if not training or rng is None:
            return x
        noise = rng.standard_normal(x.shape, dtype=np.float32)
        noise *= self.std
        out = self.out[: len(x)]
        np.add(x, noise, out=out)
        return out

    def backward(self, grad: Array, need_input: bool) -> Array:
        return grad


NORM_EPSILON = 1e-5  # Ioffe & Szegedy 2015; keeps a batch of one row, of variance 0, finite
RUNNING = 0.1  # share of each batch in the running statistics, as in PyTorch


class Normalize(Layer):
    """(x - mean) / deviation over an axis, then a learned scale and shift."""

    axis: int

    def __init__(self, n: int, running: dict[str, NDArray[np.float64]] | None = None) -> None:
        tensors = {"scale": Tensor(np.ones(n)), "shift": Tensor(np.zeros(n))}
        super().__init__(n, n, tensors, running or {})

    def normalize(self, x: Array, mean: Array, variance: Array, by_batch: bool) -> Array:
        self.inverse = 1 / np.sqrt(variance + NORM_EPSILON)
        self.by_batch = by_batch
        self.hat = (x - mean) * self.inverse
        out = self.out[: len(x)]
        np.multiply(self.hat, self.p["scale"], out=out)
        out += self.p["shift"]
        return out

    def backward(self, grad: Array, need_input: bool) -> Array:
        np.sum(grad * self.hat, axis=0, out=self.g["scale"])
        np.sum(grad, axis=0, out=self.g["shift"])
        d = grad * self.p["scale"]
        if self.by_batch:
            along = (d * self.hat).mean(axis=self.axis, keepdims=True)
            d -= d.mean(axis=self.axis, keepdims=True) + self.hat * along
        np.multiply(d, self.inverse, out=grad)
        return grad


class BatchNorm(Normalize):
    """Over the rows of the batch; running statistics outside training; Ioffe & Szegedy 2015."""

    axis = 0

    def __init__(self, n: int) -> None:
        super().__init__(n, {"mean": np.zeros(n), "variance": np.ones(n)})

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> Array:
        if not training:
            return self.normalize(x, self.s["mean"], self.s["variance"], by_batch=False)
        mean, variance = x.mean(axis=0, keepdims=True), x.var(axis=0, keepdims=True)
        self.s["mean"][:] += RUNNING * (mean[0] - self.s["mean"])
        self.s["variance"][:] += RUNNING * (variance[0] - self.s["variance"])
        return self.normalize(x, mean, variance, by_batch=True)


class LayerNorm(Normalize):
    """Over the units of each row; Ba et al. 2016."""

    axis = 1

    def forward(self, x: Array, training: bool, rng: np.random.Generator | None) -> Array:
        return self.normalize(x, x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True), by_batch=True)


NORMALIZATIONS: dict[str, type[Normalize]] = {"batch": BatchNorm, "layer": LayerNorm}

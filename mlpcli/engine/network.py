"""The network: layers in a row over one flat vector of parameters. The only mutable thing in mlpcli.

`mlp` builds a multi-layer perceptron. Layers are counted without the input: a network with two hidden layers has
three layers; one without hidden layers is a single-layer perceptron.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcli.engine.activations import ACTIVATIONS
from mlpcli.engine.arrays import Array, Floats, Ints
from mlpcli.engine.initializers import INITIALIZERS
from mlpcli.engine.layers import (
    NORMALIZATIONS,
    Activate,
    Dense,
    Dropout,
    Embed,
    Embedding,
    InputNoise,
    Layer,
    Room,
    Tensor,
)

CARRIERS = 2  # units of a hidden layer that carry a linear start: f(z) and f(-z) give z back
PREDICT_ROWS = 1024  # rows predicted at once: their activations stay in the processor's cache
# Learning-rate factors of biases and of the front scale; RealMLP, arXiv 2407.04491.
NTK_BIAS, NTK_SCALE = 0.1, 6.0


class Network:
    """Layers, and their parameters, gradients and running statistics as flat vectors."""

    def __init__(
        self, layers: Sequence[Layer], dtype: DTypeLike = np.float32, inputs: Sequence[slice] | None = None,
        others: Ints | None = None,
    ) -> None:  # fmt: skip
        """`inputs` are the stretches of a row that the network sees, by default its first inputs; `others` are single
        inputs behind them.
        """
        self.layers = list(layers)
        self.inputs, self.others = tuple(inputs or (slice(0, self.layers[0].n_in),)), others
        self.is_scattered = len(self.inputs) > 1 or others is not None
        self.n_inputs, self.n_outputs = self.layers[0].n_in, self.layers[-1].n_out
        # Below the first layer that learns no gradient is needed.
        self.lowest = next((i for i, layer in enumerate(self.layers) if layer.tensors), len(self.layers))
        self.allocate(dtype)

    def allocate(self, dtype: DTypeLike) -> None:
        """Makes the vectors, with the first weights, and gives each layer its views."""
        tensors = [t for layer in self.layers for t in layer.tensors.values()]
        running = [s for layer in self.layers for s in layer.running.values()]
        self.params = flat([t.start for t in tensors], dtype)
        self.state = flat(running, dtype)
        self.grads = np.zeros_like(self.params)
        self.lr_factors = flat([np.full(t.start.shape, t.lr_factor) for t in tensors], dtype)
        self.decay_factors = flat([np.full(t.start.shape, t.decay) for t in tensors], dtype)
        self.room = 0
        i = j = 0
        for layer in self.layers:
            params, grads, state = {}, {}, {}
            for name, tensor in layer.tensors.items():
                shape, size = tensor.start.shape, tensor.start.size
                params[name] = self.params[i : i + size].reshape(shape)
                grads[name] = self.grads[i : i + size].reshape(shape)
                i += size
            for name, start in layer.running.items():
                state[name] = self.state[j : j + start.size]
                j += start.size
            layer.bind(params, grads, state)

    def convert(self, dtype: DTypeLike) -> None:
        """Its numbers are of another type from now on."""
        if self.params.dtype != dtype:
            params, state = self.params, self.state
            self.allocate(dtype)
            self.params[:], self.state[:] = params, state

    def copy(self) -> Network:
        """The same network over vectors of its own: what `copy.deepcopy` and `pickle` give has lost its views."""
        made = Network(copy.deepcopy(self.layers), self.params.dtype, self.inputs, self.others)
        made.params[:], made.state[:] = self.params, self.state
        return made

    @property
    def n_layers(self) -> int:
        return sum(isinstance(layer, Dense) for layer in self.layers)

    def reserve(self, n: int) -> None:
        """Makes room for batches of up to n rows."""
        self.room = n
        if self.is_scattered:
            self.seen = np.empty((n, self.n_inputs), self.params.dtype)
        room = Room(n, self.params.dtype)
        for layer in self.layers:
            layer.reserve(room)

    def twin(self) -> Network:
        """The same network over the same vectors, to be asked, not trained: it computes in arrays of its own."""
        made = copy.copy(self)
        made.layers, made.room = [copy.copy(layer) for layer in self.layers], 0
        return made

    def share_buffers(self, other: Network) -> None:
        """Works in the arrays of another network where they have the same shape: who asks both, asks them in turn."""
        self.reserve(other.room)
        if self.is_scattered and other.is_scattered and self.seen.shape == other.seen.shape:
            self.seen = other.seen
        for layer, of_other in zip(self.layers, other.layers, strict=False):
            if type(layer) is type(of_other):
                layer.share_buffers(of_other)

    def forward(self, x: Array, training: bool = False, rng: np.random.Generator | None = None) -> Array:
        """(n, width of a row) -> logits (n, n_outputs), a view that the next call overwrites

        Warns of overflow unless the caller ignores it: no setting of NumPy is changed within a step.
        """
        x = self.seen_of(x)
        for layer in self.layers:
            x = layer.forward(x, training, rng)
        return x

    def seen_of(self, x: Array) -> Array:
        """(n, width of a row) -> (n, n_inputs), what the network sees of the rows; there is room for them."""
        if len(x) > self.room:
            self.reserve(len(x))
        parts = [x[:, stretch] for stretch in self.inputs]
        if self.others is not None:
            parts.append(x.take(self.others, axis=1))
        return np.concatenate(parts, axis=1, out=self.seen[: len(x)]) if self.is_scattered else parts[0]

    def walk(self, x: Array) -> Iterator[tuple[Layer, Array, Array]]:
        """Each layer, what goes in and what comes out, which the layers after it overwrite."""
        x = self.seen_of(x)
        for layer in self.layers:
            out = layer.forward(x, training=False, rng=None)
            yield layer, x, out
            x = out

    def backward(self, grad: Array) -> None:
        """d loss / d logits (n, n_outputs) of the rows last passed forward in training -> `grads`; once for each pass

        grad is overwritten.
        """
        for i in range(len(self.layers) - 1, self.lowest - 1, -1):
            grad = self.layers[i].backward(grad, need_input=i > self.lowest)

    def predict(self, x: Array) -> Array:
        """(n, n_inputs) -> logits (n, n_outputs)"""
        logits = np.empty((len(x), self.n_outputs), self.params.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(x), PREDICT_ROWS):
                logits[start : start + PREDICT_ROWS] = self.forward(x[start : start + PREDICT_ROWS])
        return logits

    def whole(self) -> tuple[Array, Ints]:
        """All parameters and running statistics as a file has them, those of inputs that the network has no weights
        for included, at what they start with; and where in this vector its own stand.
        """
        parts, places, end = [], [], 0
        for layer in self.layers:
            for name, array in layer.p.items():
                rows = layer.unseen_rows(name)
                start = np.full((len(array) + len(rows), *array.shape[1:]), float(name == "a"), self.params.dtype)
                own = np.delete(np.arange(end, end + start.size).reshape(start.shape), rows, axis=0)
                parts.append(start.ravel())
                places.append(own.ravel())
                end += start.size
        vector = np.concatenate([*parts, self.state])
        return vector, np.concatenate([*places, np.arange(end, len(vector))])

    def saved(self) -> Array:
        """Parameters and running statistics as one vector; the weights of inputs that it does not see are 0."""
        vector, places = self.whole()
        tensors = [array.ravel() for layer in self.layers for array in layer.saved().values()]
        vector[places] = np.concatenate([*tensors, self.state])
        return vector

    def load(self, vector: Array) -> None:
        """Takes the numbers that `saved` gave."""
        own = vector[self.whole()[1]]
        self.params[:], self.state[:] = own[: len(self.params)], own[len(self.params) :]

    def limit_norms(self, largest: float) -> None:
        """Scales down the weights into any unit whose norm exceeds `largest`; Srebro & Shraibman 2005."""
        for layer in self.layers:
            if isinstance(layer, Dense):
                norms = np.linalg.norm(layer.p["w"], axis=0)
                layer.p["w"][:] *= np.minimum(1, largest / np.maximum(norms, 1e-30))


def flat(arrays: Sequence[NDArray[np.float64]], dtype: DTypeLike) -> Array:
    return np.concatenate([a.ravel() for a in arrays] or [np.empty(0)]).astype(dtype)


def places_of(inputs: Sequence[slice], unseen: Ints) -> tuple[Sequence[slice], Ints | None]:
    """Stretches of a row but for the inputs `unseen`, numbers among those in them: as one stretch and single inputs."""
    if not len(unseen):
        return inputs, None
    seen = np.delete(np.concatenate([np.arange(stretch.start, stretch.stop) for stretch in inputs]), unseen)
    n_first = int(np.argmax(np.append(seen - seen[0] != np.arange(len(seen)), True)))
    return (slice(int(seen[0]), int(seen[0]) + n_first),), seen[n_first:]


@dataclass(frozen=True)
class Line:
    """A linear function of the inputs, from which a network of one output starts."""

    weights: Floats  # (n_inputs,), but for inputs that are numbers of levels
    bias: float
    rest: float  # deviation of the target from it, as a share of the target's own


@dataclass(frozen=True)
class Architecture:
    """What a multi-layer perceptron is made of, between its inputs and its outputs."""

    hidden: Sequence[int] = (64, 64)  # units of each hidden layer; () is a single-layer perceptron
    activation: str = "relu"
    init: str = "auto"
    parametrization: str = "standard"  # or "ntk", see `mlp`
    n_plain: int | None = None  # inputs without the piecewise-linear ones; None: all
    normalization: str = "none"
    dropout: float = 0.0
    input_noise: float = 0.0
    embeddings: Sequence[Embedding] = ()  # inputs that are numbers of levels, of which vectors are made first
    inputs: Sequence[slice] | None = None  # the stretches of a row that it sees; None: all
    unseen: Ints | None = None  # of these, the inputs, all behind the levels, that it has no weights for
    line: Line | None = None  # of a network that has weights for all inputs, what it answers before its first step


def mlp(
    n_inputs: int, n_outputs: int, architecture: Architecture, *, rng: np.random.Generator,
    dtype: DTypeLike = np.float32,
) -> Network:  # fmt: skip
    """A multi-layer perceptron.

    parametrization "ntk" is RealMLP's (arXiv 2407.04491): weights N(0, 1/fan_in), hidden biases N(0, 1), output
    zero, learning rates 1/sqrt(fan_in) for weights, 0.1 for biases and vectors of levels, 6 for a scale on each input.
    There `n_plain` is the first layer's fan_in.

    First weights are drawn for the inputs `unseen` too, and then left out: a network has the same others without them.

    With a `line` the first two units of each hidden layer carry it to the output, and never learn; the output layer,
    which learns what the line leaves, has that share of the learning rate. It takes an activation with a slope.
    """
    a, hidden, embeddings = architecture, architecture.hidden, architecture.embeddings
    n_plain, unseen = a.n_plain, np.empty(0, np.int64) if architecture.unseen is None else architecture.unseen
    inputs, others = places_of(a.inputs or (slice(0, n_inputs),), unseen)
    act, ntk = ACTIVATIONS[a.activation], a.parametrization == "ntk"
    name = a.init if a.init != "auto" else "lecun_normal" if ntk else act.init
    layers: list[Layer] = []
    n_given = 0
    if embeddings:
        embed = Embed(n_inputs - len(unseen), embeddings, NTK_BIAS if ntk else 1.0)
        layers.append(embed)
        n_more = embed.n_out - embed.n_in
        n_plain, n_given, n_inputs = (n_plain or n_inputs) + n_more, embed.n_others, n_inputs + n_more
    if a.input_noise:
        layers.append(InputNoise(n_inputs - len(unseen), a.input_noise))
    widths = [n_inputs, *hidden, n_outputs]
    for i, (fan_in, fan_out) in enumerate(pairwise(widths)):
        is_output = i == len(hidden)
        weights = INITIALIZERS[name](rng, fan_in, fan_out, 1.0 if is_output else act.gain)
        bias, lr_factor = np.zeros(fan_out), 1.0
        if ntk:
            counted = max(n_plain or fan_in, 1) if i == 0 else fan_in
            lr_factor = counted**-0.5
            if is_output:
                weights = np.zeros((fan_in, fan_out))
            else:
                weights *= (fan_in / counted) ** 0.5
                bias = rng.standard_normal(fan_out)
        missing = unseen - len(embeddings) if i == 0 else unseen[:0]
        matrix = Tensor(np.delete(weights, missing, axis=0), lr_factor, 1.0)
        offset = Tensor(bias, NTK_BIAS if ntk else 1.0)
        if a.line is not None:
            carry(a.line, matrix, offset, act.slope or 1.0, is_first=i == 0, is_output=is_output)
        scale = Tensor(np.ones(len(matrix.start)), NTK_SCALE) if ntk and i == 0 else None
        given, n_unscaled = n_given if i == 0 else 0, CARRIERS if a.line and not is_output else 0
        layers.append(Dense(matrix, offset, scale, given, missing, n_unscaled))
        if not is_output:
            if a.normalization != "none":
                layers.append(NORMALIZATIONS[a.normalization](fan_out))
            layers.append(Activate(fan_out, a.activation))
            if a.dropout:
                layers.append(Dropout(fan_out, a.dropout))
    return Network(layers, dtype, inputs, others)


def carry(line: Line, weights: Tensor, bias: Tensor, slope: float, is_first: bool, is_output: bool) -> None:
    """Sets a layer's part in what carries the line: z and -z into the first units, their difference out of them.

    What carries is not learned; what the output layer adds to it has a share of the learning rate.
    """
    (w, *rates), (b, *bias_rates) = weights.numbers(), bias.numbers()
    signs = np.array([1.0, -1.0])[: 1 if is_output else CARRIERS]
    units = slice(0, len(signs))
    if is_first:
        w[:, units] = 0
        w[: len(line.weights), units] = line.weights[:, None] * signs
        b[units] = line.bias * signs
    else:
        w[:CARRIERS, units] = np.array([[1.0], [-1.0]]) / slope * signs
    if is_output:
        rates[0] *= line.rest
        bias_rates[0] *= line.rest
        if not is_first:
            for rate in rates:
                rate[:CARRIERS] = 0
    else:
        if not is_first:
            w[CARRIERS:, units], b[units] = 0, 0
        for rate in (*rates, *bias_rates):
            rate[..., units] = 0
    weights.start, weights.lr_factor, weights.decay = w, rates[0], rates[1]
    bias.start, bias.lr_factor, bias.decay = b, bias_rates[0], bias_rates[1]

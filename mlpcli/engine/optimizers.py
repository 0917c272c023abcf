"""Optimizers: one step of gradient descent on the flat parameter vector, in place, without allocation.

`step(params, grads, lr, factors)`: factors (n,) multiply the rate of each parameter. State lives in `state`, flat
vectors of the same length. To add one: subclass Optimizer, add a line to OPTIMIZERS.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from mlpcli.engine.arrays import Array

EPSILON = 1e-8  # Kingma & Ba 2014, section 2
ADAMW_DECAY = 0.01  # default decoupled decay of adamw, as in PyTorch
BLOCK = 32768  # parameters a step works on at a time: all its vectors then stay in the processor's cache
TINY = 1e-30  # below this a number is set to 0 before it becomes a denormal, on which processors crawl


class Optimizer:
    vectors: tuple[str, ...] = ()
    default_decay = 0.0  # decoupled weight decay where the user asks for none

    def __init__(
        self,
        n: int,
        dtype: DTypeLike = np.float32,
        momentum: float = 0.9,
        beta1: float = 0.9,
        beta2: float = 0.999,
    ) -> None:
        self.momentum, self.beta1, self.beta2 = momentum, beta1, beta2
        self.t = 0
        self.state = {name: np.zeros(n, dtype) for name in self.vectors}
        work: Array = np.empty(min(n, BLOCK), dtype)
        parts = [slice(i, min(i + BLOCK, n)) for i in range(0, n, BLOCK)]
        self.blocks = [
            (part, {name: vector[part] for name, vector in self.state.items()}, work[: part.stop - part.start])
            for part in parts
        ]

    def step(self, params: Array, grads: Array, lr: float, factors: Array | None = None) -> None:
        self.t += 1
        for part, state, work in self.blocks:
            scale = self.direction(grads[part], state, work)
            work *= lr * scale
            if factors is not None:
                work *= factors[part]
            params[part] -= work

    def direction(self, grads: Array, state: dict[str, Array], work: Array) -> float:
        """Writes the direction to `work`, and moves the state on; returns a factor for the direction."""
        raise NotImplementedError

    def reset(self) -> None:
        self.t = 0
        for vector in self.state.values():
            vector[:] = 0

    def flush_tiny(self) -> None:
        for vector in self.state.values():
            vector[np.abs(vector) < TINY] = 0


class SGD(Optimizer):
    """Robbins & Monro 1951."""

    def direction(self, grads: Array, state: dict[str, Array], work: Array) -> float:
        np.copyto(work, grads)
        return 1.0


class Momentum(Optimizer):
    """Polyak 1964, in the form of Sutskever et al. 2013."""

    vectors = ("velocity",)

    def direction(self, grads: Array, state: dict[str, Array], work: Array) -> float:
        velocity = state["velocity"]
        velocity *= self.momentum
        velocity += grads
        np.copyto(work, velocity)
        return 1.0


class Nesterov(Momentum):
    """Nesterov 1983: the gradient one step ahead, written at the current point."""

    def direction(self, grads: Array, state: dict[str, Array], work: Array) -> float:
        super().direction(grads, state, work)
        work *= self.momentum
        work += grads
        return 1.0


class RMSprop(Optimizer):
    """Hinton 2012, lecture 6e."""

    vectors = ("square",)

    def direction(self, grads: Array, state: dict[str, Array], work: Array) -> float:
        square = state["square"]
        square *= self.beta2
        np.square(grads, out=work)
        work *= 1 - self.beta2
        square += work
        np.sqrt(square, out=work)
        work += EPSILON
        np.divide(grads, work, out=work)
        return 1.0


class Adam(Optimizer):
    """Kingma & Ba 2014, algorithm 1.

    The state holds m / (1 - beta1) and v / (1 - beta2), which saves two passes a step; the factors and the bias
    correction go into one scalar.
    """

    vectors = ("m", "v")

    def direction(self, grads: Array, state: dict[str, Array], work: Array) -> float:
        m, v = state["m"], state["v"]
        m *= self.beta1
        m += grads
        np.square(grads, out=work)
        v *= self.beta2
        v += work
        of_m = (1 - self.beta1) / (1 - self.beta1**self.t)
        of_root_v = ((1 - self.beta2) / (1 - self.beta2**self.t)) ** 0.5
        np.sqrt(v, out=work)
        work += EPSILON / of_root_v
        np.divide(m, work, out=work)
        return float(of_m / of_root_v)


class AdamW(Adam):
    """Loshchilov & Hutter 2017: Adam with decoupled weight decay."""

    default_decay = ADAMW_DECAY


class Adagrad(Optimizer):
    """Duchi et al. 2011."""

    vectors = ("square",)

    def direction(self, grads: Array, state: dict[str, Array], work: Array) -> float:
        square = state["square"]
        np.square(grads, out=work)
        square += work
        np.sqrt(square, out=work)
        work += EPSILON
        np.divide(grads, work, out=work)
        return 1.0


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
    "adagrad": Adagrad,
}

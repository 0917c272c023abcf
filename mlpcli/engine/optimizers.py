"""Optimizers: one step of gradient descent on the flat parameter vector, in place, without allocation.

`step(params, grads, lr, factors)`: factors (n,) multiply the rate of each parameter. State lives in `state`, flat
vectors of the same length. To add one: subclass Optimizer, add a line to OPTIMIZERS.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[np.floating]

EPSILON = 1e-8  # Kingma & Ba 2014, section 2
ADAMW_DECAY = 0.01  # default decoupled decay of adamw, as in PyTorch
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
        self.work: Array = np.empty(n, dtype)

    def step(self, params: Array, grads: Array, lr: float, factors: Array | None = None) -> None:
        self.t += 1
        scale = self.direction(grads)  # leaves the direction in self.work
        if factors is not None:
            self.work *= factors
        self.work *= lr * scale
        params -= self.work

    def direction(self, grads: Array) -> float:
        """Writes the direction to self.work; returns a factor for it."""
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

    def direction(self, grads: Array) -> float:
        np.copyto(self.work, grads)
        return 1.0


class Momentum(Optimizer):
    """Polyak 1964, in the form of Sutskever et al. 2013."""

    vectors = ("velocity",)

    def direction(self, grads: Array) -> float:
        velocity = self.state["velocity"]
        velocity *= self.momentum
        velocity += grads
        np.copyto(self.work, velocity)
        return 1.0


class Nesterov(Momentum):
    """Nesterov 1983: the gradient one step ahead, written at the current point."""

    def direction(self, grads: Array) -> float:
        super().direction(grads)
        self.work *= self.momentum
        self.work += grads
        return 1.0


class RMSprop(Optimizer):
    """Hinton 2012, lecture 6e."""

    vectors = ("square",)

    def direction(self, grads: Array) -> float:
        square = self.state["square"]
        square *= self.beta2
        np.square(grads, out=self.work)
        self.work *= 1 - self.beta2
        square += self.work
        np.sqrt(square, out=self.work)
        self.work += EPSILON
        np.divide(grads, self.work, out=self.work)
        return 1.0


class Adam(Optimizer):
    """Kingma & Ba 2014, algorithm 1.

    The state holds m / (1 - beta1) and v / (1 - beta2), which saves two passes a step; the factors and the bias
    correction go into one scalar.
    """

    vectors = ("m", "v")

    def direction(self, grads: Array) -> float:
        m, v = self.state["m"], self.state["v"]
        m *= self.beta1
        m += grads
        np.square(grads, out=self.work)
        v *= self.beta2
        v += self.work
        of_m = (1 - self.beta1) / (1 - self.beta1**self.t)
        of_root_v = ((1 - self.beta2) / (1 - self.beta2**self.t)) ** 0.5
        np.sqrt(v, out=self.work)
        self.work += EPSILON / of_root_v
        np.divide(m, self.work, out=self.work)
        return float(of_m / of_root_v)


class AdamW(Adam):
    """Loshchilov & Hutter 2017: Adam with decoupled weight decay."""

    default_decay = ADAMW_DECAY


class Adagrad(Optimizer):
    """Duchi et al. 2011."""

    vectors = ("square",)

    def direction(self, grads: Array) -> float:
        square = self.state["square"]
        np.square(grads, out=self.work)
        square += self.work
        np.sqrt(square, out=self.work)
        self.work += EPSILON
        np.divide(grads, self.work, out=self.work)
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

"""Activations: each with its derivative, named in ACTIVATIONS.

`forward(z, out, work)` writes the activation of z to out.
`with_derivative(z, out, derivative)` writes both, for backpropagation; z may be overwritten.
All are (batch, n_units) of one type. To add one: write the pair, add a line with its gain and initialisation.
Bounds are set by `clip`, which takes a third of the time of `np.maximum` and `np.minimum` with a number.
Overflow to infinity is meant, where the callers ignore it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mlpcli.engine.arrays import Array

LEAK = 0.01  # slope of leaky_relu below 0; Maas et al. 2013
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # Klambauer et al. 2017, appendix
GELU_C, GELU_CUBIC = (2 / np.pi) ** 0.5, 0.044715  # tanh form; Hendrycks & Gimpel 2016
MISH_LINEAR = 20.0  # from here on mish is the identity to the last bit of float64, and exp cannot overflow


class Activation(NamedTuple):
    forward: Callable[[Array, Array, Array], None]
    with_derivative: Callable[[Array, Array, Array], None]
    gain: float  # keeps the variance of the signal from layer to layer; He et al. 2015
    init: str  # the initialisation that suits it, a name in INITIALIZERS
    slope: float | None = None  # f(z) - f(-z) is this times z; None where it is no multiple


def sigmoid_of(z: Array, out: Array) -> None:
    """1 / (1 + e^-z), which is 0 where the exponential overflows."""
    np.negative(z, out=out)
    np.exp(out, out=out)
    out += 1
    np.divide(1, out, out=out)


def identity(z: Array, out: Array, work: Array) -> None:
    np.copyto(out, z)


def identity_derivative(z: Array, out: Array, derivative: Array) -> None:
    np.copyto(out, z)
    derivative[:] = 1


def sigmoid(z: Array, out: Array, work: Array) -> None:
    sigmoid_of(z, out)


def sigmoid_derivative(z: Array, out: Array, derivative: Array) -> None:
    sigmoid_of(z, out)
    np.subtract(1, out, out=derivative)
    derivative *= out


def tanh(z: Array, out: Array, work: Array) -> None:
    np.tanh(z, out=out)


def tanh_derivative(z: Array, out: Array, derivative: Array) -> None:
    np.tanh(z, out=out)
    np.square(out, out=derivative)
    np.subtract(1, derivative, out=derivative)


def relu(z: Array, out: Array, work: Array) -> None:
    z.clip(0, np.inf, out=out)


def relu_derivative(z: Array, out: Array, derivative: Array) -> None:
    np.greater(z, 0, out=derivative, casting="unsafe")  # np.sign is ten times slower on values of mixed sign
    np.multiply(z, derivative, out=out)


def leaky_relu(z: Array, out: Array, work: Array) -> None:
    np.multiply(z, LEAK, out=out)
    np.maximum(z, out, out=out)


def leaky_relu_derivative(z: Array, out: Array, derivative: Array) -> None:
    leaky_relu(z, out, derivative)
    np.greater(z, 0, out=derivative, casting="unsafe")
    derivative *= 1 - LEAK
    derivative += LEAK


def elu(z: Array, out: Array, work: Array) -> None:
    z.clip(-np.inf, 0, out=work)
    np.expm1(work, out=work)
    z.clip(0, np.inf, out=out)
    out += work


def elu_derivative(z: Array, out: Array, derivative: Array) -> None:
    elu(z, out, derivative)
    derivative += 1


def selu(z: Array, out: Array, work: Array) -> None:
    z.clip(-np.inf, 0, out=work)
    np.expm1(work, out=work)
    work *= SELU_ALPHA
    z.clip(0, np.inf, out=out)
    out += work
    out *= SELU_SCALE


def selu_derivative(z: Array, out: Array, derivative: Array) -> None:
    selu(z, out, derivative)
    derivative += SELU_ALPHA
    derivative *= SELU_SCALE
    derivative[z > 0] = SELU_SCALE


def gelu(z: Array, out: Array, work: Array) -> None:
    np.square(z, out=work)
    work *= GELU_C * GELU_CUBIC
    work += GELU_C
    work *= z
    np.tanh(work, out=work)
    np.add(work, 1, out=out)
    out *= z
    out *= 0.5


def gelu_derivative(z: Array, out: Array, derivative: Array) -> None:
    # (1 + t)/2 + z (1 - t^2) c (1 + 3 a z^2)/2 = ((1 + t)/2 z (1 - t) c (1 + 3 a z^2)) + (1 + t)/2
    gelu(z, out, derivative)
    np.square(z, out=z)
    z *= 3 * GELU_C * GELU_CUBIC
    z += GELU_C
    z *= out
    z *= 1 - derivative
    derivative += 1
    derivative *= 0.5
    derivative += z


def silu(z: Array, out: Array, work: Array) -> None:
    # The sigmoid as (1 + tanh(z / 2)) / 2: a fifth faster than by exp, and nothing overflows.
    np.multiply(z, 0.5, out=work)
    np.tanh(work, out=work)
    work *= 0.5
    work += 0.5
    np.multiply(z, work, out=out)


def silu_derivative(z: Array, out: Array, derivative: Array) -> None:
    silu(z, out, derivative)  # with s the sigmoid it is out + s (1 - out)
    np.subtract(1, out, out=z)
    derivative *= z
    derivative += out


def mish(z: Array, out: Array, work: Array) -> None:
    # tanh(log w) = 1 - 2 / (w^2 + 1) with w = 1 + e^z: no logarithm needed
    z.clip(-np.inf, MISH_LINEAR, out=work)
    np.exp(work, out=work)
    work += 1
    np.square(work, out=out)
    out += 1
    np.divide(-2, out, out=out)
    out += 1
    out *= z


def mish_derivative(z: Array, out: Array, derivative: Array) -> None:
    # 1 + (4 h w / (w + 1) - 2) / (w^2 + 1) with h = mish(z)
    mish(z, out, derivative)
    np.multiply(out, derivative, out=z)
    z /= derivative + 1
    z *= 4
    z -= 2
    np.square(derivative, out=derivative)
    derivative += 1
    np.divide(z, derivative, out=derivative)
    derivative += 1


def softplus(z: Array, out: Array, work: Array) -> None:
    np.abs(z, out=out)
    np.negative(out, out=out)
    np.exp(out, out=out)
    out += 1
    np.log(out, out=out)  # log1p would be exact below 1e-7, and is seven times slower
    z.clip(0, np.inf, out=work)
    out += work


def softplus_derivative(z: Array, out: Array, derivative: Array) -> None:
    softplus(z, out, derivative)
    sigmoid_of(z, derivative)


ACTIVATIONS = {
    "identity": Activation(identity, identity_derivative, 1.0, "glorot_uniform", 2.0),
    "sigmoid": Activation(sigmoid, sigmoid_derivative, 1.0, "glorot_uniform"),
    "tanh": Activation(tanh, tanh_derivative, 5 / 3, "glorot_uniform"),
    "relu": Activation(relu, relu_derivative, 2**0.5, "he_normal", 1.0),
    "leaky_relu": Activation(leaky_relu, leaky_relu_derivative, (2 / (1 + LEAK**2)) ** 0.5, "he_normal", 1 + LEAK),
    "elu": Activation(elu, elu_derivative, 2**0.5, "he_normal"),
    "selu": Activation(selu, selu_derivative, 1.0, "lecun_normal"),
    "gelu": Activation(gelu, gelu_derivative, 2**0.5, "he_normal", 1.0),
    "silu": Activation(silu, silu_derivative, 2**0.5, "he_normal", 1.0),
    "mish": Activation(mish, mish_derivative, 2**0.5, "he_normal"),
    "softplus": Activation(softplus, softplus_derivative, 1.0, "glorot_uniform", 1.0),
}

"""Activations: forward and backward side by side, named in ACTIVATIONS.

`forward(z, out, kept)` writes the activation of z to out, and to `kept` what backward will need.
`backward(z, out, kept, grad)` multiplies grad by the derivative, in place; z, out and kept may be overwritten.
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
    backward: Callable[[Array, Array, Array, Array], None]
    gain: float  # keeps the variance of the signal from layer to layer; He et al. 2015
    init: str  # the initialisation that suits it, a name in INITIALIZERS
    slope: float | None = None  # f(z) - f(-z) is this times z; None where it is no multiple


def sigmoid_of(z: Array, out: Array) -> None:
    """1 / (1 + e^-z), which is 0 where the exponential overflows."""
    np.negative(z, out=out)
    np.exp(out, out=out)
    out += 1
    np.divide(1, out, out=out)


def identity(z: Array, out: Array, kept: Array) -> None:
    np.copyto(out, z)


def identity_backward(z: Array, out: Array, kept: Array, grad: Array) -> None:
    pass


def sigmoid(z: Array, out: Array, kept: Array) -> None:
    sigmoid_of(z, out)


def sigmoid_backward(z: Array, out: Array, kept: Array, grad: Array) -> None:
    grad *= out
    np.subtract(1, out, out=out)
    grad *= out


def tanh(z: Array, out: Array, kept: Array) -> None:
    np.tanh(z, out=out)


def tanh_backward(z: Array, out: Array, kept: Array, grad: Array) -> None:
    np.square(out, out=out)
    np.subtract(1, out, out=out)
    grad *= out


def relu(z: Array, out: Array, kept: Array) -> None:
    z.clip(0, np.inf, out=out)


def relu_backward(z: Array, out: Array, kept: Array, grad: Array) -> None:
    np.greater(z, 0, out=kept, casting="unsafe")  # np.sign is ten times slower on values of mixed sign
    grad *= kept


def leaky_relu(z: Array, out: Array, kept: Array) -> None:
    np.multiply(z, LEAK, out=out)
    np.maximum(z, out, out=out)


def leaky_relu_backward(z: Array, out: Array, kept: Array, grad: Array) -> None:
    np.greater(z, 0, out=kept, casting="unsafe")
    kept *= 1 - LEAK
    kept += LEAK
    grad *= kept


def elu(z: Array, out: Array, kept: Array) -> None:
    z.clip(-np.inf, 0, out=kept)
    np.expm1(kept, out=kept)
    z.clip(0, np.inf, out=out)
    out += kept


def elu_backward(z: Array, out: Array, kept: Array, grad: Array) -> None:
    kept += 1
    grad *= kept


def selu(z: Array, out: Array, kept: Array) -> None:
    z.clip(-np.inf, 0, out=kept)
    np.expm1(kept, out=kept)
    kept *= SELU_ALPHA
    z.clip(0, np.inf, out=out)
    out += kept
    out *= SELU_SCALE


def selu_backward(z: Array, out: Array, kept: Array, grad: Array) -> None:
    kept += SELU_ALPHA
    kept *= SELU_SCALE
    kept[z > 0] = SELU_SCALE
    grad *= kept


def gelu(z: Array, out: Array, kept: Array) -> None:
    np.square(z, out=kept)
    kept *= GELU_C * GELU_CUBIC
    kept += GELU_C
    kept *= z
    np.tanh(kept, out=kept)
    np.add(kept, 1, out=out)
    out *= z
    out *= 0.5


def gelu_backward(z: Array, out: Array, kept: Array, grad: Array) -> None:
    # (1 + t)/2 + z (1 - t^2) c (1 + 3 a z^2)/2 = (1 + t)/2 * (1 + (1 - t) z c (1 + 3 a z^2))
    np.square(z, out=out)
    out *= 3 * GELU_C * GELU_CUBIC
    out += GELU_C
    out *= z
    np.subtract(1, kept, out=z)
    out *= z
    out += 1
    kept += 1
    out *= kept
    out *= 0.5
    grad *= out


def silu(z: Array, out: Array, kept: Array) -> None:
    sigmoid_of(z, kept)
    np.multiply(z, kept, out=out)


def silu_backward(z: Array, out: Array, kept: Array, grad: Array) -> None:
    np.subtract(1, kept, out=z)  # derivative: s + out (1 - s)
    out *= z
    out += kept
    grad *= out


def mish(z: Array, out: Array, kept: Array) -> None:
    # tanh(log w) = 1 - 2 / (w^2 + 1) with w = 1 + e^z: no logarithm needed
    z.clip(-np.inf, MISH_LINEAR, out=kept)
    np.exp(kept, out=kept)
    kept += 1
    np.square(kept, out=out)
    out += 1
    np.divide(-2, out, out=out)
    out += 1
    out *= z


def mish_backward(z: Array, out: Array, kept: Array, grad: Array) -> None:
    # 1 + (4 h w / (w + 1) - 2) / (w^2 + 1) with h = mish(z)
    out *= kept
    np.add(kept, 1, out=z)
    out /= z
    out *= 4
    out -= 2
    np.square(kept, out=kept)
    kept += 1
    out /= kept
    out += 1
    grad *= out


def softplus(z: Array, out: Array, kept: Array) -> None:
    np.abs(z, out=out)
    np.negative(out, out=out)
    np.exp(out, out=out)
    out += 1
    np.log(out, out=out)  # log1p would be exact below 1e-7, and is seven times slower
    z.clip(0, np.inf, out=kept)
    out += kept


def softplus_backward(z: Array, out: Array, kept: Array, grad: Array) -> None:
    sigmoid_of(z, kept)
    grad *= kept


ACTIVATIONS = {
    "identity": Activation(identity, identity_backward, 1.0, "glorot_uniform", 2.0),
    "sigmoid": Activation(sigmoid, sigmoid_backward, 1.0, "glorot_uniform"),
    "tanh": Activation(tanh, tanh_backward, 5 / 3, "glorot_uniform"),
    "relu": Activation(relu, relu_backward, 2**0.5, "he_normal", 1.0),
    "leaky_relu": Activation(leaky_relu, leaky_relu_backward, (2 / (1 + LEAK**2)) ** 0.5, "he_normal", 1 + LEAK),
    "elu": Activation(elu, elu_backward, 2**0.5, "he_normal"),
    "selu": Activation(selu, selu_backward, 1.0, "lecun_normal"),
    "gelu": Activation(gelu, gelu_backward, 2**0.5, "he_normal", 1.0),
    "silu": Activation(silu, silu_backward, 2**0.5, "he_normal", 1.0),
    "mish": Activation(mish, mish_backward, 2**0.5, "he_normal"),
    "softplus": Activation(softplus, softplus_backward, 1.0, "glorot_uniform", 1.0),
}

"""The networks that settings and columns ask for."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mlpcli.config.settings import Settings
from mlpcli.data.schema import Schema
from mlpcli.engine.arrays import Ints
from mlpcli.engine.layers import Dense
from mlpcli.engine.losses import LOSSES, Loss
from mlpcli.engine.network import Architecture, Network, mlp
from mlpcli.errors import DataError
from mlpcli.training.kinds import KINDS, hidden_of

MAX_PARAMETERS = 200_000_000  # parameters; past that the widths are a mistake and memory runs out


def build_loss(settings: Settings) -> Loss:
    """The loss that the settings name."""
    kind = LOSSES[settings.loss]
    return kind(**{name: getattr(settings, name) for name in kind.settings})


def n_outputs(config: Settings, schema: Schema) -> int:
    return 1 if config.loss == "binary_cross_entropy" else schema.target.n_outputs


def layer_widths(config: Settings, schema: Schema, kind: str) -> list[int]:
    """Inputs, hidden units of each layer, outputs."""
    return [schema.width(KINDS[kind].sees), *hidden_of(config, kind), n_outputs(config, schema)]


def n_weights(widths: list[int]) -> int:
    """Weights and biases of the layers, the fewest parameters that a network has."""
    return sum((a + 1) * b for a, b in pairwise(widths))


def build_network(
    config: Settings, schema: Schema, rng: np.random.Generator, kind: str, unseen: Ints | None = None
) -> Network:
    """An untrained network without inputs for the cuts `unseen`, numbers in their block.

    Raises DataError when it would be too large to train.
    """
    widths, sees = layer_widths(config, schema, kind), KINDS[kind].sees
    size = n_weights(widths)
    if size > MAX_PARAMETERS:
        raise DataError(
            f"a network of {size:,} parameters needs about {size * 4 * 5 / 2**30:.0f} GB",
            "fewer units with --hidden, or fewer columns with --drop",
        )
    n_plain = schema.width([block for block in sees if block == "plain"])
    blind_to = unseen + schema.start("cuts", sees) if unseen is not None and "cuts" in sees else None
    architecture = Architecture(
        hidden=widths[1:-1], activation=config.activation, init=config.init, parametrization=config.parametrization,
        n_plain=n_plain or None, normalization=config.normalization, dropout=config.dropout,
        input_noise=config.input_noise, embeddings=schema.embeddings(sees), inputs=schema.stretches(sees),
        unseen=blind_to,
    )  # fmt: skip
    return mlp(widths[0], widths[-1], architecture, rng=rng)


def unseen_cuts(network: Network, schema: Schema, kind: str) -> Ints:
    """The cuts, numbers in their block, that a network has no weights for but zeros."""
    sees = KINDS[kind].sees
    n_cuts = schema.width([block for block in sees if block == "cuts"])
    first = next(layer for layer in network.layers if isinstance(layer, Dense))
    start = schema.start("cuts", sees) - len(schema.embeddings(sees))
    return np.flatnonzero(~first.p["w"][start : start + n_cuts].any(axis=1)) if n_cuts else np.empty(0, np.int64)

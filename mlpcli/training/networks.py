"""The networks that settings and columns ask for."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from mlpcli.config.settings import Settings
from mlpcli.data.schema import Schema
from mlpcli.engine.arrays import Ints
from mlpcli.engine.layers import Dense
from mlpcli.engine.losses import LOSSES, Loss
from mlpcli.engine.network import Architecture, Line, Network, mlp
from mlpcli.errors import DataError
from mlpcli.training.kinds import KINDS, hidden_of

UNSEEN = ("cuts", "crosses")  # blocks of inputs that other members may ask for
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
    config: Settings, schema: Schema, rng: np.random.Generator, kind: str, unseen: Mapping[str, Ints] | None = None,
    line: Line | None = None,
) -> Network:  # fmt: skip
    """An untrained network, which answers `line`, without weights for the inputs `unseen`: by block, numbers there.

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
    places = [schema.start(block, sees) + of for block, of in (unseen or {}).items() if block in sees]
    architecture = Architecture(
        hidden=widths[1:-1], activation=config.activation, init=config.init, parametrization=config.parametrization,
        n_plain=n_plain or None, normalization=config.normalization, dropout=config.dropout,
        input_noise=config.input_noise, embeddings=schema.embeddings(sees), inputs=schema.stretches(sees),
        unseen=np.concatenate(places) if places else None, line=line,
    )  # fmt: skip
    return mlp(widths[0], widths[-1], architecture, rng=rng)


def unseen_inputs(network: Network, schema: Schema, kind: str) -> dict[str, Ints]:
    """By block, numbers there: the cuts and pairs that a network has no weights for but zeros."""
    sees = KINDS[kind].sees
    first = next(layer for layer in network.layers if isinstance(layer, Dense))
    has_weights = np.asarray(first.p["w"].any(axis=1))
    found = {}
    for block in (b for b in UNSEEN if b in sees):
        start = schema.start(block, sees) - len(schema.embeddings(sees))
        found[block] = np.flatnonzero(~has_weights[start : start + schema.width([block])])
    return found

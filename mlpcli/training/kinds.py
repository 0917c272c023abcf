"""Kinds of network, and which of them a training has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlpcli.config import BASE, Config
from mlpcli.data.kinds.protocol import BLOCKS


@dataclass(frozen=True)
class Kind:
    """How networks of this kind differ from the settings."""

    hidden: tuple[int, ...] | None  # None: as the settings say
    sees: tuple[str, ...] = BLOCKS  # blocks of inputs


# The choices of --kinds.
KINDS: Mapping[str, Kind] = {
    "mlp": Kind(None),
    "wide": Kind((256, 256)),
    "plain": Kind(None, ("plain",)),
    "linear": Kind((), ("plain",)),
}


def kinds_of(config: Config) -> tuple[str, ...]:
    """The kinds of network; history and evidence are those of the first, the lead."""
    return config.kinds or BASE["kinds"]


def lead_of(config: Config) -> str:
    return kinds_of(config)[0]


def hidden_of(config: Config, kind: str) -> tuple[int, ...]:
    """Units of the hidden layers of this kind."""
    own = KINDS[kind].hidden
    return (config.hidden or ()) if own is None else own


def obeys_hidden(config: Config) -> bool:
    """Whether the layers of the first kind are those of --hidden."""
    return KINDS[lead_of(config)].hidden is None

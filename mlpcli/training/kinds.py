"""Kinds of network: what each sees of a row, and its layers. To add one: add a line to KINDS and to KIND_NAMES."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlpcli.config.settings import Settings
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


def hidden_of(settings: Settings, kind: str) -> tuple[int, ...]:
    """Units of the hidden layers of this kind."""
    own = KINDS[kind].hidden
    return settings.hidden if own is None else own


def obeys_hidden(settings: Settings) -> bool:
    """Whether the layers of the first kind are those of --hidden."""
    return KINDS[settings.lead].hidden is None

"""A column that is no input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from mlpcli.data.kinds.protocol import ColumnKind
from mlpcli.engine.arrays import Matrix


@dataclass(frozen=True)
class LeftOut(ColumnKind):
    """A column that is no input, and why."""

    kind: Literal["left out"]
    name: str
    reason: str
    hint: str  # the flag that would keep it; '' when there is none

    is_input = False
    format = None
    n_missing = 0  # not counted

    @property
    def n_inputs(self) -> Mapping[str, int]:
        return {}

    def encode(self, values: Any, inputs: Mapping[str, Matrix]) -> None:
        """Nothing to fill."""

    def unseen(self, values: Any) -> dict[str, int]:
        return {}

    def widened(self, values: Any) -> Self:
        return self

    def is_valid(self) -> bool:
        return bool(self.reason)

    def becomes(self) -> str:
        return self.reason

    def note(self) -> str:
        return f"{self.name} is left out: {self.reason}" + (f" ({self.hint})" if self.hint else "")

"""A column that is no input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class LeftOut:
    """A column that is no input, and why."""

    kind: Literal["left out"]
    name: str
    reason: str
    hint: str  # the flag that would keep it; '' when there is none

    n_plain = 0
    n_ple = 0

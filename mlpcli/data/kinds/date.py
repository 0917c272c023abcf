"""A column of dates or times as inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from mlpcli.data.dates import date_parts, parse_dates
from mlpcli.data.kinds.number import NumberColumn
from mlpcli.engine.arrays import Matrix


@dataclass(frozen=True)
class DateColumn:
    """A date or time: elapsed days, year, and month, day, weekday and hour as points on a circle."""

    kind: Literal["date"]
    name: str
    n_missing: int
    format: str
    parts: tuple[NumberColumn, ...]

    @property
    def n_plain(self) -> int:
        return sum(part.n_plain for part in self.parts)

    @property
    def n_ple(self) -> int:
        return sum(part.n_ple for part in self.parts)

    def encode(self, values: pd.Categorical, plain: Matrix, ple: Matrix) -> None:
        found = date_parts(parse_dates(values, self.format))
        i = j = 0
        for part in self.parts:
            part.encode(found[part.name], plain[:, i : i + part.n_plain], ple[:, j : j + part.n_ple])
            i, j = i + part.n_plain, j + part.n_ple

"""A column of dates or times as inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from mlpcli.data.dates import DATE_FORMATS, ELAPSED, date_parts, parse_dates
from mlpcli.data.kinds.number import NumberColumn
from mlpcli.data.kinds.protocol import ColumnKind
from mlpcli.engine.arrays import Floats, Matrix


@dataclass(frozen=True)
class DateColumn(ColumnKind):
    """A date or time: elapsed days, year, and month, day, weekday and hour as points on a circle."""

    kind: Literal["date"]
    name: str
    n_missing: int
    format: str
    parts: tuple[NumberColumn, ...]

    @property
    def n_inputs(self) -> Mapping[str, int]:
        of_parts = [part.n_inputs for part in self.parts]
        return {block: sum(one[block] for one in of_parts) for block in ("plain", "ple")}

    def encode(self, values: pd.Categorical, inputs: Mapping[str, Matrix]) -> None:
        found = date_parts(parse_dates(values, self.format))
        starts = dict.fromkeys(inputs, 0)
        for part in self.parts:
            of_part = {}
            for block, n in part.n_inputs.items():
                of_part[block] = inputs[block][:, starts[block] : starts[block] + n]
                starts[block] += n
            part.encode(found[part.name], of_part)

    def unseen(self, values: pd.Categorical) -> dict[str, int]:
        times = parse_dates(values, self.format)
        found = {"not written like the dates in training": int((times.isna() & (values.codes >= 0)).sum())}
        elapsed = next((part for part in self.parts if part.name == ELAPSED), None)
        return found | ({} if elapsed is None else elapsed.unseen(date_parts(times)[ELAPSED]))

    def seconds(self, values: pd.Categorical) -> Floats:
        times = parse_dates(values, self.format)
        return np.asarray((times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1), np.float64)

    def is_valid(self) -> bool:
        names = [part.name for part in self.parts]
        return (
            self.format in DATE_FORMATS
            and len(set(names)) == len(names)
            and set(names) <= date_parts(pd.DatetimeIndex([], tz="UTC")).keys()
            and all(part.is_valid() for part in self.parts)
        )

"""A column of dates or times of day as inputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np

from mlpcli.data.formats.dates import TimeFormat, as_times
from mlpcli.data.kinds.number import NumberColumn
from mlpcli.data.kinds.protocol import BLOCKS, ColumnKind
from mlpcli.engine.arrays import Floats, Matrix

MINUTES_A_DAY = 24 * 60
ELAPSED = "elapsed days"  # the part of a time that grows without end


@dataclass(frozen=True)
class DateColumn(ColumnKind):
    """A date or time: elapsed days, year, and month, day, weekday and hour as points on a circle.

    Its values are seconds since 1970, of a time of day those since midnight; float64, NaN where missing.
    """

    kind: Literal["date"]
    name: str
    n_missing: int
    format: TimeFormat
    parts: tuple[NumberColumn, ...]

    @property
    def n_inputs(self) -> Mapping[str, int]:
        of_parts = [part.n_inputs for part in self.parts]
        return {block: sum(one.get(block, 0) for one in of_parts) for block in BLOCKS}

    def encode(self, values: Floats, inputs: Mapping[str, Matrix]) -> None:
        found = date_parts(values)
        starts = dict.fromkeys(inputs, 0)
        for part in self.parts:
            of_part = {}
            for block, n in part.n_inputs.items():
                of_part[block] = inputs[block][:, starts[block] : starts[block] + n]
                starts[block] += n
            part.encode(found[part.name], of_part)

    def straight(self, blocks: Collection[str]) -> list[tuple[str, Floats]]:
        found, starts = [], dict.fromkeys(BLOCKS, 0)
        for part in self.parts:
            for block, weights in part.straight(blocks):
                padded = np.zeros(self.n_inputs[block])
                padded[starts[block] : starts[block] + len(weights)] = weights
                found.append((block, padded))
            starts = {block: start + part.n_inputs.get(block, 0) for block, start in starts.items()}
        return found

    def unseen(self, values: Floats) -> dict[str, int]:
        elapsed = next((part for part in self.parts if part.name == ELAPSED), None)
        return {} if elapsed is None else elapsed.unseen(date_parts(values)[ELAPSED])

    def seconds(self, values: Floats) -> Floats | None:
        return values if self.format.kind == "date" else None

    def widened(self, values: Floats) -> Self:
        found = date_parts(values)
        parts = tuple(part.widened(found[part.name]) for part in self.parts)
        return replace(self, n_missing=self.n_missing + int(np.isnan(values).sum()), parts=parts)

    def is_valid(self) -> bool:
        names = [part.name for part in self.parts]
        return (
            self.format.is_sound()
            and self.format.kind in ("date", "clock")
            and len(set(names)) == len(names)
            and set(names) <= date_parts(np.empty(0)).keys()
            and all(part.is_valid() for part in self.parts)
        )

    def reads(self) -> str:
        return self.format.describe()


def date_parts(seconds: Floats) -> dict[str, Floats]:
    """(n,) seconds since 1970, NaN where there is no time -> name of the part -> (n,) values"""
    times = as_times(seconds)
    minute = (times.hour * 60 + times.minute).to_numpy(np.float64)
    circles = {
        "month": (times.month.to_numpy(np.float64) - 1) / 12,
        "day": (times.day.to_numpy(np.float64) - 1) / 31,
        "weekday": times.day_of_week.to_numpy(np.float64) / 7,
        "hour": minute / MINUTES_A_DAY,
    }
    parts = {ELAPSED: seconds / 86400.0, "year": times.year.to_numpy(np.float64)}
    for name, turn in circles.items():
        parts[f"{name} on a circle, sine"] = np.sin(2 * np.pi * turn)
        parts[f"{name} on a circle, cosine"] = np.cos(2 * np.pi * turn)
    return parts

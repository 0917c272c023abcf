"""Columns of numbers encoded side by side: what a few rows of them cost is then a few operations, not some a column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.kinds import Column
from mlpcli.data.kinds.date import DateColumn, date_parts
from mlpcli.data.kinds.number import JUMP, MAX_NUMBER, MIN_INPUT, NumberColumn
from mlpcli.engine.arrays import Floats, Ints, Matrix

Places = Mapping[str, slice]  # block -> where a column's inputs stand in the whole matrix


@dataclass(frozen=True)
class Bins:
    """The piecewise-linear inputs of all columns; each array is (n_bins,)."""

    of: Ints  # the column of each
    place: Ints  # in the matrix
    lowest: Floats  # edge of the column
    highest: Floats
    low: Floats  # edge of the bin
    width: Floats
    begins: Floats  # where a number is in the bin, the first of a column without a lower end
    ends: Floats
    height: Floats

    def encode(self, x: Floats, out: Matrix) -> None:
        """Fills the inputs from the columns' numbers (n, n_columns) as `NumberColumn.encode_bins` does."""
        inside = x.take(self.of, axis=1).clip(self.lowest, self.highest)
        share = ((inside - self.low) / self.width).clip(0, 1)
        own = 2 * self.height * (share - 0.5)
        above = np.where(self.begins > inside, -self.height, own)
        out[:, self.place] = np.where(self.ends <= inside, self.height, above)


@dataclass(frozen=True)
class SideBySide:
    """Columns of numbers, and where the inputs of each stand."""

    columns: Sequence[NumberColumn]
    places: Sequence[Places]

    def of_each(self, name: str) -> Floats:
        return np.asarray([getattr(c, name) for c in self.columns], np.float64)

    @cached_property
    def scaling(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Median, center, factor and clip of each column."""
        return self.of_each("median"), self.of_each("center"), self.of_each("factor"), self.of_each("clip")

    @cached_property
    def plain(self) -> Ints:
        return np.asarray([places["plain"].start for places in self.places], np.int64)

    @cached_property
    def indicators(self) -> tuple[Ints, Ints, NDArray[np.float64]]:
        """Which columns have one, where each stands, and (2, n) its inputs."""
        which = [i for i, c in enumerate(self.columns) if c.indicator]
        inputs = np.asarray([self.columns[i].indicator for i in which], np.float64).reshape(-1, 2)
        return np.asarray(which, np.int64), self.plain[which] + 1, inputs.T

    @cached_property
    def bins(self) -> Bins | None:
        each = [(i, c, np.asarray(c.edges)) for i, c in enumerate(self.columns) if c.edges]
        if not each:
            return None
        counts = [len(edges) - 1 for *_, edges in each]
        return Bins(
            of=np.repeat([i for i, *_ in each], counts),
            place=numbers(self.places[i]["ple"] for i, *_ in each),
            lowest=np.repeat([edges[0] for *_, edges in each], counts),
            highest=np.repeat([edges[-1] for *_, edges in each], counts),
            low=np.concatenate([edges[:-1] for *_, edges in each]),
            width=np.concatenate([np.diff(edges) for *_, edges in each]),
            begins=np.concatenate([np.append(-np.inf, edges[1:-1]) for *_, edges in each]),
            ends=np.concatenate([np.append(edges[1:-1], np.inf) for *_, edges in each]),
            height=np.repeat([c.shrink for _, c, _ in each], counts),
        )

    @cached_property
    def cuts(self) -> tuple[Ints, Ints, Floats]:
        """Of each cut its column, where its input stands, and the number."""
        of = [i for i, c in enumerate(self.columns) for _ in c.cuts]
        place = numbers(places["cuts"] for places in self.places)
        return np.asarray(of, np.int64), place, np.asarray([cut for c in self.columns for cut in c.cuts], np.float64)

    def encode(self, values: Floats, out: Matrix) -> None:
        """Fills the inputs from (n, n_columns), NaN where missing, to the last bit as `NumberColumn.encode` does."""
        median, center, factor, clip = self.scaling
        missing = np.isnan(values)
        x = np.clip(np.where(missing, median, values), -MAX_NUMBER, MAX_NUMBER)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # also where a column needs no quotient
            z = np.clip((x - center) * factor, -1e6, 1e6)
            z[np.abs(z) < MIN_INPUT] = 0
            out[:, self.plain] = np.where(clip == 0, z, z / np.sqrt(1 + np.square(z / clip)))
            if self.bins is not None:
                self.bins.encode(x, out)
        which, place, (present, absent) = self.indicators
        out[:, place] = np.where(missing[:, which], absent, present)
        of, place, cuts = self.cuts
        out[:, place] = np.where(cuts < x.take(of, axis=1), JUMP, -JUMP)


def numbers(stretches: Iterable[slice]) -> Ints:
    """The numbers in stretches, one after another."""
    found = [np.arange(s.start, s.stop) for s in stretches]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def number_parts(column: Column) -> tuple[NumberColumn, ...]:
    """The columns of numbers that it is made of: itself, or the parts of a time."""
    return (column,) if isinstance(column, NumberColumn) else column.parts if isinstance(column, DateColumn) else ()


def values_of_parts(column: Column, values: Floats) -> Sequence[Floats]:
    """The values (n,) of each of them."""
    found = date_parts(values) if isinstance(column, DateColumn) else {column.name: values}
    return [found[part.name] for part in number_parts(column)]

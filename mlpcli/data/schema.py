"""What the columns of a table are, fitted on training rows and kept in the model file, and where their inputs stand.

The encoded matrix is made of blocks, one after another; within a block the columns stand in the order of the file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.data.kinds import Column
from mlpcli.data.kinds.category import CategoryColumn, Cross
from mlpcli.data.kinds.number import NumberColumn
from mlpcli.data.kinds.protocol import BLOCKS, Format
from mlpcli.data.side_by_side import SideBySide, number_parts, values_of_parts
from mlpcli.data.splits import blocks
from mlpcli.data.target import Target
from mlpcli.data.values import RowValues, column_values
from mlpcli.engine.arrays import Floats, Matrix
from mlpcli.engine.layers import Embedding
from mlpcli.files.jsonable import optional

ENCODE_ROWS = 4096  # rows encoded at once: the block stays in the processor's cache
FEW_ROWS = 64  # up to which columns of numbers are encoded side by side; of some hundred each by itself is as fast


@dataclass(frozen=True)
class Schema:
    """All columns in the order of the file, and the target. What is counted over columns is counted once."""

    columns: tuple[Column, ...]
    target: Target
    crosses: tuple[Cross, ...] = optional(())  # their inputs stand in this order

    @cached_property
    def features(self) -> tuple[Column, ...]:
        """The columns that are inputs."""
        return tuple(c for c in self.columns if c.is_input)

    @cached_property
    def inputs_of(self) -> Mapping[str, Mapping[str, slice]]:
        """Column -> block -> where its inputs stand within the block, of blocks in which it has any."""
        filled, found = dict.fromkeys(BLOCKS, 0), {}
        for c in self.features:
            found[c.name] = {block: slice(filled[block], filled[block] + n) for block, n in c.n_inputs.items()}
            filled |= {block: places.stop for block, places in found[c.name].items()}
        return found

    @cached_property
    def blocks(self) -> Mapping[str, slice]:
        """Block -> where it stands in the matrix."""
        found, start = {}, 0
        for block in BLOCKS:
            width = sum(c.n_inputs.get(block, 0) for c in (*self.features, *self.crosses))
            found[block] = slice(start, start + width)
            start += width
        return found

    @cached_property
    def places(self) -> Mapping[str, Mapping[str, slice]]:
        """Column -> block -> where its inputs stand in the matrix."""
        starts = {block: places.start for block, places in self.blocks.items()}
        return {
            name: {block: slice(starts[block] + of.start, starts[block] + of.stop) for block, of in inputs.items()}
            for name, inputs in self.inputs_of.items()
        }

    @cached_property
    def numbers(self) -> SideBySide:
        """All columns of numbers, and the parts of times."""
        columns, places = list[NumberColumn](), list[dict[str, slice]]()
        for c in self.features:
            starts = {block: of.start for block, of in self.places[c.name].items()}
            for part in number_parts(c):
                columns.append(part)
                places.append({block: slice(starts[block], starts[block] + n) for block, n in part.n_inputs.items()})
                starts |= {block: of.stop for block, of in places[-1].items()}
        return SideBySide(columns, places)

    @cached_property
    def n_inputs(self) -> int:
        return self.width(BLOCKS)

    def width(self, blocks: Collection[str]) -> int:
        """Inputs in these blocks together."""
        return sum(self.blocks[block].stop - self.blocks[block].start for block in blocks)

    def start(self, block: str, blocks: Collection[str]) -> int:
        """Where a block's inputs begin among those in these blocks."""
        return self.width([b for b in BLOCKS[: BLOCKS.index(block)] if b in blocks])

    def stretches(self, blocks: Collection[str]) -> tuple[slice, ...]:
        """Where these blocks stand in the matrix, in its order, neighbours as one."""
        found: list[slice] = []
        for block in (b for b in BLOCKS if b in blocks):
            here = self.blocks[block]
            if found and found[-1].stop == here.start:
                here = slice(found.pop().start, here.stop)
            found.append(here)
        return tuple(found)

    def embeddings(self, blocks: Collection[str]) -> tuple[Embedding, ...]:
        """The inputs that are numbers of levels, by their place among the inputs in these blocks."""
        if "plain" not in blocks:
            return ()
        start = self.start("plain", blocks)
        return tuple(
            Embedding(start + self.inputs_of[c.name]["plain"].start, c.embedding.n_levels, c.embedding.width)
            for c in self.features if c.embedding is not None
        )  # fmt: skip

    def straight(self, blocks: Collection[str]) -> list[tuple[slice, Floats]]:
        """Sums of inputs, of which linear laws of the columns are made: where among those in these blocks, weights."""
        found = []
        for c in self.features:
            for block, weights in c.straight(blocks):
                places, start = self.inputs_of[c.name][block], self.start(block, blocks)
                found.append((slice(start + places.start, start + places.stop), weights))
        return found

    def widened(self, frame: pd.DataFrame, cells: pd.Series[Any]) -> Schema:
        """The same once these rows and their target have been trained on too."""
        columns = tuple(c.widened(column_values(frame[c.name])) if c.is_input else c for c in self.columns)
        target = self.target
        if not target.labels and len(cells):
            target = replace(target, low=min(target.low, float(cells.min())), high=max(target.high, float(cells.max())))
        return replace(self, columns=columns, target=target)

    def formats(self) -> dict[str, Format | None]:
        """How each feature column is written in a file; None for text."""
        return {c.name: c.format for c in self.features}

    def encode(self, frame: pd.DataFrame) -> Matrix:
        """n rows -> (n, n_inputs)"""
        x = np.empty((len(frame), self.n_inputs), np.float32)
        values = self.values_of(frame)
        for rows in blocks(len(frame), ENCODE_ROWS):
            self.fill(x[rows], values, rows.start)
        return x

    def encoded_parts(self, frame: pd.DataFrame | RowValues) -> Iterator[Matrix]:
        """The same, ENCODE_ROWS rows at a time."""
        values = self.values_of(frame)
        for rows in blocks(len(frame), ENCODE_ROWS):
            yield self.encoded(values, rows)

    def values_of(self, frame: pd.DataFrame | RowValues) -> list[Any]:
        """The values of each feature."""
        return [column_values(frame[c.name]) for c in self.features]

    def encoded(self, values: Sequence[Any], rows: slice) -> Matrix:
        """Some rows of the features' values -> (n, n_inputs)"""
        x = np.empty((rows.stop - rows.start, self.n_inputs), np.float32)
        self.fill(x, values, rows.start)
        return x

    def fill(self, x: Matrix, values: Sequence[Any], start: int) -> None:
        """Encodes the rows of the features' values from `start` on, as many as x has."""
        numbers, has_few = list[Floats](), len(x) <= FEW_ROWS
        for c, column in zip(self.features, values, strict=True):
            here = column[start : start + len(x)]
            if has_few and number_parts(c):
                numbers += values_of_parts(c, here)
            else:
                c.encode(here, {block: x[:, places] for block, places in self.places[c.name].items()})
        if numbers:
            self.numbers.encode(np.stack(numbers, axis=1), x)
        self.fill_crosses(x)

    def fill_crosses(self, x: Matrix) -> None:
        """Sets the inputs of pairs of levels by those of the levels, in rows that have these."""
        if not self.crosses:
            return
        active, inputs, done = self.active(x), x[:, self.blocks["crosses"]], 0
        for cross in self.crosses:
            here = slice(done, done + len(cross.pairs))
            cross.encode(active[cross.first], active[cross.second], inputs[:, here])
            done = here.stop

    def active(self, x: Matrix) -> dict[str, NDArray[np.int64]]:
        """Encoded rows -> category -> (n,) which of its inputs is on; their number where none is"""
        plain = x[:, self.blocks["plain"]]
        return {
            c.name: c.active(plain[:, self.inputs_of[c.name]["plain"]])
            for c in self.features if isinstance(c, CategoryColumn)
        }  # fmt: skip

    def unseen_values(self, frame: pd.DataFrame) -> dict[str, dict[str, int]]:
        """Column -> what is odd about its values -> how many are so; only what occurs."""
        found = {c.name: c.unseen(column_values(frame[c.name])) for c in self.features}
        odd = {name: {what: n for what, n in counts.items() if n} for name, counts in found.items()}
        return {name: counts for name, counts in odd.items() if counts}

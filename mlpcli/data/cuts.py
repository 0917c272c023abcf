"""Where the values of numbers part the classes: thresholds of a small tree on each column alone.

Bins between quantiles are blind in the tails, where a few rows may decide; an input that jumps at a threshold is not.
Cuts know the target, so each member of an ensemble has its own, found without the rows that it validates on.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.data.kinds.number import NumberColumn
from mlpcli.data.schema import Schema
from mlpcli.engine.arrays import Floats, Ints

MAX_COLUMN_CUTS = 7  # of a column for one member; 15 are no better
MAX_CUTS = 64  # for one member, of all columns: those that tell most
LEAF_SHARE, MIN_LEAF_ROWS = 1 / 400, 5  # of the rows, and rows, on either side of a cut within its leaf
MIN_GAIN = 6.0  # nats of all rows together that a cut brings; below it is likely to be chance
MAX_CUT_ROWS, MAX_COUNTS = 20_000, 2_000_000  # rows that cuts are found on, and rows times classes


def n_cut_rows(n_classes: int) -> int:
    """How many rows cuts are found on, at most."""
    return min(MAX_CUT_ROWS, max(1, MAX_COUNTS // n_classes))


def add_cuts(
    schema: Schema, frame: pd.DataFrame, classes: Ints, part: NDArray[np.int8], n_parts: int
) -> tuple[Schema, list[Ints]]:
    """The schema with the cuts of all members together, and for each the cuts of others: numbers in their block.

    `frame` holds the rows to find cuts on; `classes` and `part` (n,) are theirs. Member k sees all parts but k.
    """
    numbers = [c for c in schema.features if isinstance(c, NumberColumn)]
    columns = [c.filled(frame[c.name].to_numpy(np.float64)) for c in numbers]
    own = {c.name: found for c, found in zip(numbers, find_cuts(columns, classes, part, n_parts), strict=True)}
    with_cuts = {
        c.name: replace(c, cuts=tuple(np.unique(np.concatenate(own[c.name])).tolist())) for c in numbers
    }  # fmt: skip
    schema = replace(schema, columns=tuple(with_cuts.get(c.name, c) for c in schema.columns))
    unseen = []
    for k in range(n_parts):
        of_others = [
            schema.inputs_of[name]["cuts"].start + np.flatnonzero(~np.isin(c.cuts, own[name][k]))
            for name, c in with_cuts.items()
        ]
        unseen.append(np.concatenate([np.empty(0, np.int64), *of_others]))
    return schema, unseen


def find_cuts(columns: Sequence[Floats], classes: Ints, part: NDArray[np.integer], n_parts: int) -> list[list[Floats]]:
    """The cuts of each column for each member, ascending: member k sees the rows of all parts but k.

    `columns` hold (n,) values without gaps; `classes` and `part` are (n,). A value above a cut is on its far side.
    """
    n_classes = int(classes.max(initial=0)) + 1
    found: list[list[tuple[float, int, float]]] = [[] for _ in range(n_parts)]  # gain, column, cut
    for number, values in enumerate(columns):
        distinct, place = np.unique(values, return_inverse=True)
        shape = len(distinct), n_classes
        every = class_counts(place, classes, shape)
        for k in range(n_parts):
            is_held = part == k
            seen = every - class_counts(place[is_held], classes[is_held], shape)
            found[k] += [(gain, number, middle(distinct, at)) for gain, at in grow(seen)]
    best = [sorted(of_member, key=lambda cut: -cut[0])[:MAX_CUTS] for of_member in found]
    return [
        [np.unique(np.array([cut for _, of, cut in of_member if of == number])) for of_member in best]
        for number in range(len(columns))
    ]


def class_counts(place: Ints, classes: Ints, shape: tuple[int, int]) -> Floats:
    """(n_values, n_classes) rows of each distinct value and class."""
    return np.bincount(place * shape[1] + classes, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)


def middle(distinct: Floats, at: int) -> float:
    """A number that values of place `at` and later exceed, and earlier ones do not: half-way, where there is one."""
    between = distinct[at - 1] + (distinct[at] - distinct[at - 1]) / 2
    return float(between if between < distinct[at] else distinct[at - 1])


def grow(counts: Floats) -> Iterator[tuple[float, int]]:
    """The largest gains of information in turn, each with its place, by splitting the best leaf further."""
    below = np.concatenate([np.zeros((1, counts.shape[1])), np.cumsum(counts, axis=0)])
    min_rows = max(MIN_LEAF_ROWS, below[-1].sum() * LEAF_SHARE)
    leaves = [best_cut(below, 0, len(counts), min_rows)]
    for _ in range(MAX_COLUMN_CUTS):
        loss, at, start, stop = heapq.heappop(leaves)
        if -loss < MIN_GAIN:
            return
        yield -loss, at
        heapq.heappush(leaves, best_cut(below, start, at, min_rows))
        heapq.heappush(leaves, best_cut(below, at, stop, min_rows))


def best_cut(below: Floats, start: int, stop: int, min_rows: float) -> tuple[float, int, int, int]:
    """(- gain, place, start, stop) of the best cut of the leaf of these distinct values; `below` is cumulative."""
    left, right = below[start + 1 : stop] - below[start], below[stop] - below[start + 1 : stop]
    order = order_in(left) + order_in(right)
    order[np.minimum(left.sum(axis=1), right.sum(axis=1)) < min_rows] = -np.inf
    at = int(np.argmax(order)) if len(order) else 0
    gain = order[at] - order_in(below[stop] - below[start]) if len(order) else -np.inf
    return -float(gain), start + 1 + at, start, stop


def order_in(counts: Floats) -> Floats:
    """(..., n_classes) rows of each class in a leaf -> (...) minus their entropy in nats, over all rows."""
    n = counts.sum(axis=-1)
    return np.asarray(np.sum(counts * np.log(np.maximum(counts, 1)), axis=-1) - n * np.log(np.maximum(n, 1)))

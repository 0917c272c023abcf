"""Pairs of levels of categories: inputs for tables whose classes hang on what occurs together.

Whether they tell more than the levels by themselves is asked of ridge regression on the classes, by its leave-one-out
errors; it takes a small part of a training. All pairs or none are taken: few rows can tell that pairs help, but not
which. The answer rests on the target, so each member of an ensemble has its own, without the rows that it validates on.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.data.kinds.category import CategoryColumn, Cross
from mlpcli.data.schema import Schema
from mlpcli.engine.arrays import Floats, Ints, Matrix

MAX_PAIRS = 400  # of levels, and of columns; with more that occur none is tried
MIN_MET = 5  # rows in which both levels of a pair occur
MAX_INPUTS = 300  # without the pairs, and classes; with more none is tried
MAX_ROWS, MAX_CELLS = 10_000, 2_000_000  # rows that are asked, and rows times inputs and classes
MIN_GAIN, SURE = 0.03, 1.0  # share of the squared error that pairs must take away, and in standard errors
RIDGE, PAIR_RIDGE = 3.0, 100.0  # rows' worth of pull to zero; weak for pairs, noise would hide what they tell
N_ASKED = 6  # members that are asked for themselves; of more, those that share an answer leave out each other's folds
MAX_ASKED = 100.0  # larger inputs are brought down to it


def may_cross(schema: Schema) -> bool:
    """Whether the rows are asked at all: of classes, where few columns and inputs make it cheap."""
    n_categories, n_classes = len(categories(schema)), len(schema.target.labels)
    n_columns = n_categories * (n_categories - 1) // 2
    return n_classes > 0 and 0 < n_columns <= MAX_PAIRS and schema.n_inputs + n_classes <= MAX_INPUTS


def categories(schema: Schema) -> list[CategoryColumn]:
    return [c for c in schema.features if isinstance(c, CategoryColumn)]


def add_crosses(
    schema: Schema, frame: pd.DataFrame, classes: Ints, part: NDArray[np.int8], n_parts: int
) -> tuple[Schema, NDArray[np.bool_]]:
    """The schema with crosses, and whether each member's rows ask for them; without crosses where none do.

    `frame` holds the rows to ask; `classes` and `part` (n,) are theirs. Member k is told nothing of part k.
    """
    n_classes, crosses = len(schema.target.labels), find_crosses(schema, schema.encode(frame))
    if not crosses:
        return schema, np.zeros(n_parts, bool)
    crossed = replace(schema, crosses=crosses)
    step = -(-len(classes) * (crossed.n_inputs + n_classes) // MAX_CELLS)
    x, classes, part = crossed.encode(frame[::step]).astype(np.float64), classes[::step], part[::step]
    x[:, crossed.blocks["crosses"]] = x[:, crossed.blocks["crosses"]] > 0
    asked = ask(np.clip(x, -MAX_ASKED, MAX_ASKED), np.eye(n_classes)[classes], crossed.width(["crosses"]), part)
    asks = np.resize(asked, n_parts)
    return crossed if asks.any() else schema, asks


def find_crosses(schema: Schema, x: Matrix) -> tuple[Cross, ...]:
    """The pairs of levels that meet in enough of the encoded rows; none when there are too many of them."""
    active, found, n_pairs = schema.active(x), list[Cross](), 0
    for a, b in combinations(categories(schema), 2):
        both = (active[a.name] < len(a.on)) & (active[b.name] < len(b.on))
        pairs, met = np.unique(active[a.name][both] * len(b.on) + active[b.name][both], return_counts=True)
        first, second = np.divmod(pairs[met >= MIN_MET], len(b.on))
        n_pairs += len(first)
        if n_pairs > MAX_PAIRS:
            return ()
        if len(first):
            found.append(Cross(a.name, b.name, tuple(zip(first.tolist(), second.tolist(), strict=True))))
    return tuple(found)


def ask(x: Floats, y: Floats, n_pairs: int, part: NDArray[np.int8]) -> list[bool]:
    """x (n, n_inputs), the last of them pairs; y (n, n_classes) -> whether pairs help, asked without each part in turn

    Parts from N_ASKED on are left out together with earlier ones; rows of the part -1 never.
    """
    x = np.insert(x, 0, 1, axis=1)
    n = x.shape[1] - n_pairs
    penalty = np.concatenate([[1e-6], np.full(n - 1, RIDGE), np.full(n_pairs, PAIR_RIDGE)])
    products, targets = x.T @ x + np.diag(penalty), x.T @ y
    helps = []
    for k in range(min(int(part.max()) + 1, N_ASKED) or 1):
        is_held = (part >= 0) & (part % N_ASKED == k)
        held, asked, truth = x[is_held], x[~is_held], y[~is_held]
        of_k = products - held.T @ held, targets - held.T @ y[is_held]
        without = left_out_errors(asked[:, :n], truth, of_k[0][:n, :n], of_k[1][:n])
        gain = without - left_out_errors(asked, truth, *of_k)
        helps.append(bool(gain.mean() >= max(MIN_GAIN * without.mean(), SURE * gain.std() / len(gain) ** 0.5)))
    return helps


def left_out_errors(x: Floats, y: Floats, products: Floats, targets: Floats) -> Floats:
    """(n,) squared errors, summed over classes, each by ridge regression without that row; Allen 1974's PRESS.

    `products` are x'x and the penalty, `targets` x'y.
    """
    mapped = x @ np.linalg.inv(products)
    leverage = np.einsum("ij,ij->i", mapped, x)
    residuals = (y - mapped @ targets) / np.maximum(1 - leverage, 1e-6)[:, None]
    return np.asarray(np.sum(residuals**2, axis=1))

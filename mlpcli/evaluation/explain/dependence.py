"""How strongly columns depend on each other, and the groups that are to be shuffled together.

Of two columns of numbers or times it is Spearman's rank correlation; of a number and a category the correlation ratio
of ranks; of two categories Cramer's V; the last two corrected for chance (Bergsma 2013). From 0 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.data.values import column_values
from mlpcli.engine.arrays import Floats, Ints

MAX_DEPENDENCE_ROWS = 2_000  # of which the dependence is measured
MIN_DEPENDENCE_ROWS = 20  # of fewer none is: chance alone would give much


def dependences(frame: pd.DataFrame, texts: Sequence[str] = ()) -> Floats:
    """n rows of d columns -> (d, d), symmetric, 0 on the diagonal and for columns of free text, `texts`."""
    frame = frame.iloc[:MAX_DEPENDENCE_ROWS]
    found = np.zeros((frame.shape[1], frame.shape[1]))
    if len(frame) < MIN_DEPENDENCE_ROWS:
        return found
    columns = {i: column_values(frame[name]) for i, name in enumerate(frame.columns) if name not in texts}
    numbers = [i for i, values in columns.items() if not isinstance(values, pd.Categorical)]
    levels = {i: used_codes(values) for i, values in columns.items() if isinstance(values, pd.Categorical)}
    ranks = standard_ranks([columns[i] for i in numbers], len(frame))
    found[np.ix_(numbers, numbers)] = np.abs(ranks.T @ ranks) / len(frame)
    for i, codes in levels.items():
        found[i, numbers] = found[numbers, i] = correlation_ratio(codes, ranks)
        for j, others in levels.items():
            if j < i:
                found[i, j] = found[j, i] = cramers_v(codes, others)
    np.fill_diagonal(found, 0)
    return found


def used_codes(values: pd.Categorical[Any]) -> Ints:
    """(n,) numbers from 0 on of the levels that occur; the missing value is one."""
    return np.asarray(np.unique(values.codes, return_inverse=True)[1], np.int64)


def standard_ranks(columns: Sequence[Floats], n: int) -> Floats:
    """Columns (n,) -> ranks (n, d) of mean 0 and variance 1; 0 where missing, and for a column of one value."""
    ranks = np.empty((n, len(columns)))
    for place, values in enumerate(columns):
        ranks[:, place] = pd.Series(values).rank().to_numpy()
    if not columns:
        return ranks
    has_value = ~np.isnan(ranks)
    ranks = np.where(has_value, ranks, 0.0)
    ranks -= has_value * (ranks.sum(axis=0) / np.maximum(has_value.sum(axis=0), 1))
    spread = ranks.std(axis=0)
    return np.asarray(np.divide(ranks, spread, out=np.zeros_like(ranks), where=spread > 0))


def correlation_ratio(codes: Ints, ranks: Floats) -> Floats:
    """Levels (n,), standard ranks (n, d) -> (d,) root of the share of the variance of ranks between levels."""
    n, counts = len(codes), np.bincount(codes)
    if len(counts) < 2 or n <= len(counts):
        return np.zeros(ranks.shape[1])
    order = np.argsort(codes, kind="stable")
    sums = np.add.reduceat(ranks[order], np.r_[0, np.cumsum(counts)[:-1]], axis=0)
    share = (sums**2 / counts[:, None]).sum(axis=0) / n
    corrected = 1 - (1 - share) * (n - 1) / (n - len(counts))
    return np.asarray(np.sqrt(np.where(np.ptp(ranks, axis=0) > 0, corrected, 0).clip(0, 1)))


def cramers_v(first: Ints, second: Ints) -> float:
    """Levels (n,) and (n,) -> Cramer's V."""
    n, rows, columns = len(first), int(first.max()) + 1, int(second.max()) + 1
    table = np.bincount(first * columns + second, minlength=rows * columns).reshape(rows, columns)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = float(((table - expected) ** 2 / expected).sum()) / n - (rows - 1) * (columns - 1) / (n - 1)
    most = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return min(max(phi, 0) / most, 1.0) ** 0.5 if most > 1e-9 else 0.0


def groups_of(names: Sequence[str], dependence: Floats, least: float) -> list[tuple[str, ...]]:
    """Names in groups: two columns that depend on each other by more than `least` are in one, and so on from each."""
    group = list(range(len(names)))
    for i, j in np.argwhere(np.triu(dependence) > least).tolist():
        old, new = group[j], group[i]
        group = [new if g == old else g for g in group]
    return [tuple(n for n, g in zip(names, group, strict=True) if g == one) for one in dict.fromkeys(group)]

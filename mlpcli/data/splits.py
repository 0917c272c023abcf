"""Which row goes where: training, validation, test, and the folds of an ensemble.

A row's set is a function of the seed, its stratum (class) and its running number within the stratum, so it does
not depend on the rows after it: rows appended to a file never move old ones between sets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

TRAIN, VALIDATION, TEST = 0, 1, 2
SETS = ("train", "validation", "test")


def stratum_rng(seed: int, name: str, purpose: str) -> np.random.Generator:
    """A generator of its own for each seed, stratum and purpose, the same on every machine and run."""
    digest = hashlib.sha256(f"{purpose}\0{name}".encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, dtype=np.uint32).tolist()])


def every_share(n: int, share: float, rng: np.random.Generator) -> Ints:
    """One random position out of every stretch of 1/share positions below n: in any prefix exact to a row."""
    if share <= 0 or n == 0:
        return np.empty(0, np.int64)
    k = np.arange(int(np.ceil(n * share)) + 1)
    positions = ((k + rng.random(len(k))) / share).astype(np.int64)
    # Neighbouring stretches can round to the same position; the later pick then moves one up.
    positions = np.maximum.accumulate(positions - k) + k
    return positions[positions < n]


def assign(strata: Ints, names: Sequence[str], validation: float, test: float, seed: int) -> NDArray[np.int8]:
    """(n,) stratum of each row -> (n,) set of each row, in proportion within every stratum.

    `names[s]` is the stratum's name, on which its random stream depends (not on its number).
    """
    sets = np.full(len(strata), TRAIN, np.int8)
    order = np.argsort(strata, kind="stable")
    ends = np.searchsorted(strata[order], np.arange(len(names) + 1))
    for name, start, stop in zip(names, ends[:-1], ends[1:], strict=True):
        rows = order[start:stop]
        tested = every_share(len(rows), test, stratum_rng(seed, name, "test"))
        sets[rows[tested]] = TEST
        rest = np.delete(rows, tested)
        chosen = every_share(len(rest), validation / (1 - test), stratum_rng(seed, name, "validation"))
        sets[rest[chosen]] = VALIDATION
    return sets


def assign_groups(groups: Ints, validation: float, test: float, seed: int) -> NDArray[np.int8]:
    """(n,) group of each row -> (n,) set of each row; the groups, in order of appearance, are drawn like rows."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    of_group = np.empty(len(order), np.int8)
    of_group[order] = assign(np.zeros(len(order), np.int64), ["groups"], validation, test, seed)
    return of_group[inverse]


def assign_time(times: NDArray[np.float64], validation: float, test: float) -> NDArray[np.int8]:
    """(n,) times -> (n,) sets: the latest rows are the test rows, those before them the validation rows.

    Rows of one moment stay together, on the earlier side.
    """
    ranks = np.searchsorted(np.sort(times), times, side="left")
    n = len(times)
    sets = np.full(n, TRAIN, np.int8)
    sets[ranks >= round(n * (1 - test - validation))] = VALIDATION
    sets[ranks >= round(n * (1 - test))] = TEST
    return sets


def folds(strata: Ints, k: int, seed: int) -> Ints:
    """(n,) stratum of each row -> (n,) fold 0..k-1: sizes differ by one row at most, strata spread evenly."""
    order = stratum_rng(seed, "", "folds").permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    fold = np.empty(len(strata), np.int64)
    fold[order] = np.arange(len(strata)) % k
    return fold


def group_folds(groups: Ints, k: int, seed: int) -> Ints:
    """(n,) group of each row -> (n,) fold 0..k-1: a group in one fold, the largest first to the smallest fold."""
    unique, inverse, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shuffled = stratum_rng(seed, "", "folds").permutation(len(unique))
    filled = np.zeros(k, np.int64)
    of_group = np.empty(len(unique), np.int64)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        of_group[group] = np.argmin(filled)
        filled[of_group[group]] += sizes[group]
    return of_group[inverse]

"""Which row goes where: training, validation, test, and the folds of an ensemble.

A row's set is a function of the seed, its stratum (class) and its running number within the stratum, so it does
not depend on the rows after it: rows appended to a file never move old ones between sets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from mlpcli.engine.arrays import Floats, Ints
from mlpcli.errors import UsageError

Codes = NDArray[np.integer]
Sets = NDArray[np.int8]  # (n,) the set or fold of each row

TRAIN, VALIDATION, TEST = 0, 1, 2
UNUSED = np.int8(-1)  # a row that a training must not see
SETS = ("train", "validation", "test")
SplitKind = Literal["stratified", "random", "group", "time"]


ROWS = 1 << 16  # of a table, handled at once
SKIPPED = 1 << 20  # positions passed over at once


def blocks(n: int, size: int = ROWS) -> Iterator[slice]:
    """0..n in stretches of at most `size`."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def stratum_rng(seed: int, name: str, purpose: str) -> np.random.Generator:
    """A generator of its own for each seed, stratum and purpose, the same on every machine and run."""
    digest = hashlib.sha256(f"{purpose}\0{name}".encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, dtype=np.uint32).tolist()])


class SystematicSampler:
    """One random position of every stretch of 1/share of them, asked for in order: in any prefix exact to a row."""

    def __init__(self, share: float, rng: np.random.Generator) -> None:
        self.share, self.rng = share, rng
        self.asked = self.drawn = self.shift = 0  # positions; stretches; how far picks have moved up
        self.waiting = np.empty(0, np.int64)  # picks behind the positions asked for

    def next(self, n: int) -> NDArray[np.bool_]:
        """(n,) whether each of the next n positions is picked"""
        chosen = np.zeros(n, bool)
        if self.share <= 0 or n == 0:
            return chosen
        stop = self.asked + n
        k = np.arange(self.drawn, max(self.drawn, int(np.ceil(stop * self.share)) + 1))
        if len(k):
            positions = ((k + self.rng.random(len(k))) / self.share).astype(np.int64)
            # Neighbouring stretches can round to the same position; the later pick then moves one up.
            shifts = np.maximum.accumulate(np.maximum(positions - k, self.shift))
            self.drawn, self.shift = int(k[-1]) + 1, int(shifts[-1])
            self.waiting = np.concatenate([self.waiting, shifts + k])
        n_now = int(np.searchsorted(self.waiting, stop))
        chosen[self.waiting[:n_now] - self.asked] = True
        self.waiting, self.asked = self.waiting[n_now:], stop
        return chosen

    def skip(self, n: int) -> int:
        """Passes over the next n positions; how many of them are picked."""
        return sum(int(np.count_nonzero(self.next(part.stop - part.start))) for part in blocks(n, SKIPPED))


def of_stratum(strata: Codes) -> Iterator[tuple[int, Ints]]:
    """Each stratum that occurs, and its rows in order."""
    order = np.argsort(strata, kind="stable")
    present, starts = np.unique(strata[order], return_index=True)
    yield from zip(present.tolist(), np.split(order, starts[1:]), strict=True)


def assign(
    strata: Codes, names: Sequence[str], validation: float, test: float, seed: int,
    sets: NDArray[np.int8] | None = None, before: Sequence[int] | None = None,
) -> NDArray[np.int8]:  # fmt: skip
    """(n,) stratum of each row -> (n,) set of each row, in proportion within every stratum.

    `names[s]` is the stratum's name, on which its random stream depends (not on its number). `sets` is filled if given.
    `before[s]` rows of the stratum stand elsewhere, before these.
    """
    sets = np.empty(len(strata), np.int8) if sets is None else sets
    pickers = {}
    for rows in blocks(len(strata)):
        found = np.full(rows.stop - rows.start, TRAIN, np.int8)
        for s, members in of_stratum(strata[rows]):
            if s not in pickers:
                tested = SystematicSampler(test, stratum_rng(seed, names[s], "test"))
                chosen = SystematicSampler(validation / (1 - test), stratum_rng(seed, names[s], "validation"))
                if before is not None:
                    chosen.skip(before[s] - tested.skip(before[s]))
                pickers[s] = tested, chosen
            tested, chosen = pickers[s]
            is_test = tested.next(len(members))
            found[members[is_test]] = TEST
            rest = members[~is_test]
            found[rest[chosen.next(len(rest))]] = VALIDATION
        sets[rows] = found
    return sets


def assign_groups(groups: Ints, validation: float, test: float, seed: int) -> NDArray[np.int8]:
    """(n,) group of each row -> (n,) set of each row; the groups, in order of appearance, are drawn like rows."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    of_group = np.empty(len(order), np.int8)
    of_group[order] = assign(np.zeros(len(order), np.int64), ["groups"], validation, test, seed)
    return of_group[inverse]


def assign_time(times: Floats, validation: float, test: float) -> NDArray[np.int8]:
    """(n,) times -> (n,) sets: the latest rows are the test rows, those before them the validation rows.

    Rows of one moment stay together, on the earlier side.
    """
    ranks = np.searchsorted(np.sort(times), times, side="left")
    n = len(times)
    sets = np.full(n, TRAIN, np.int8)
    sets[ranks >= round(n * (1 - test - validation))] = VALIDATION
    sets[ranks >= round(n * (1 - test))] = TEST
    return sets


def folds(strata: Codes, k: int, seed: int, fold: NDArray[np.int8] | None = None) -> NDArray[np.int8]:
    """(n,) stratum of each row -> (n,) fold 0..k-1: sizes differ by one row at most, strata spread evenly.

    The rows of a stratum are dealt in order, k of them to k folds; a random turn for every k rows decides who
    begins. `fold` is filled if given.
    """
    n = len(strata)
    fold = np.empty(n, np.int8) if fold is None else fold
    counts = np.zeros(1, np.int64)
    for rows in blocks(n):
        here = np.bincount(strata[rows], minlength=len(counts))
        here[: len(counts)] += counts
        counts = here
    place = np.cumsum(counts) - counts  # of the stratum's next row among all rows sorted by stratum
    turns = stratum_rng(seed, "", "folds").integers(k, size=n // k + 1, dtype=np.int8)
    for rows in blocks(n):
        found = np.empty(rows.stop - rows.start, np.int8)
        for s, members in of_stratum(strata[rows]):
            positions = place[s] + np.arange(len(members))
            place[s] += len(members)
            found[members] = (positions + turns[positions // k]) % k
        fold[rows] = found
    return fold


class RowShuffler:
    """An order of n rows in which every stretch of a block's length is a random sample of all of them.

    Like cards: each round gives one row to every block, and a random turn decides who begins. So rows can be dealt
    as they come, and a table that is shuffled block by block is shuffled well, however its file is sorted.
    """

    def __init__(self, n: int, block: int, seed: int) -> None:
        self.n_blocks = max(1, -(-n // block))
        self.n_rounds, self.n_last = divmod(n, self.n_blocks)  # full rounds; rows of the last one
        self.turns = stratum_rng(seed, "", "deal").integers(self.n_blocks, size=self.n_rounds + 1)

    def positions(self, first: int, n: int) -> Ints:
        """(n,) places of the n rows from row `first` on"""
        number, card = np.divmod(np.arange(first, first + n), self.n_blocks)
        width = np.where(number < self.n_rounds, self.n_blocks, max(self.n_last, 1))
        block = (card + self.turns[number]) % width
        return np.asarray(block * self.n_rounds + np.minimum(block, self.n_last) + number)


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


def time_blocks(times: Floats, k: int) -> Ints:
    """(n,) times -> (n,) block 0..k in the order of time: fold i of k trains on blocks 0..i and is evaluated on i + 1.

    Rows of one moment stay together, on the earlier side.
    """
    ranks = np.searchsorted(np.sort(times), times, side="left")
    return np.asarray(ranks * (k + 1) // len(times), np.int64)


class Splitter(Protocol):
    """Says which row goes where, for n rows of a table. `--group` and `--time` have implementations of their own."""

    @property
    def kind(self) -> SplitKind: ...

    def sets(self, validation: float, test: float, seed: int, out: Sets | None = None) -> Sets:
        """(n,) TRAIN, VALIDATION or TEST for shares of validation and test rows; in `out` if given."""
        ...

    def folds(self, k: int, seed: int, out: Sets | None = None) -> Sets:
        """(n,) fold 0..k-1 that evaluates each row; in `out` if given. In the order of time -1 is in no fold."""
        ...

    def cross_folds(self, k: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
        """For each of k folds the rows that train, and those that are then evaluated."""
        ...

    def growing_order(self, seed: int) -> Ints:
        """(n,) the rows in an order of which every beginning is a sample of them all. Raises UsageError."""
        ...

    def take(self, rows: Ints) -> Splitter:
        """That of these rows."""
        ...

    def extended(self, strata: Codes, names: Sequence[str]) -> Splitter:
        """That of these rows and more behind them, whose sets are known; `strata` (n + more,) are those of all."""
        ...


@dataclass(frozen=True)
class Stratified:
    """Every set and fold holds each class in proportion; one stratum where there are no classes."""

    strata: Codes  # (n,) number of each row's class
    names: Sequence[str]  # of the classes
    kind: SplitKind = "stratified"

    @classmethod
    def unclassed(cls, n: int) -> Stratified:
        """All n rows alike."""
        return cls(np.broadcast_to(np.int8(0), n), [""], "random")

    def sets(self, validation: float, test: float, seed: int, out: Sets | None = None) -> Sets:
        return assign(self.strata, self.names, validation, test, seed, out)

    def folds(self, k: int, seed: int, out: Sets | None = None) -> Sets:
        return folds(self.strata, k, seed, out)

    def cross_folds(self, k: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
        return each_against_rest(self.folds(k, seed), k)

    def growing_order(self, seed: int) -> Ints:
        shuffled = stratum_rng(seed, "", "learning curve").permutation(len(self.strata))
        # A row's place is its share of the way through its class: beginnings then hold each class in proportion.
        share = np.empty(len(shuffled))
        for _, members in of_stratum(self.strata[shuffled]):
            share[members] = (np.arange(len(members)) + 0.5) / len(members)
        return np.asarray(shuffled[np.argsort(share, kind="stable")])

    def take(self, rows: Ints) -> Stratified:
        return replace(self, strata=self.strata[rows])

    def extended(self, strata: Codes, names: Sequence[str]) -> Stratified:
        return replace(self, strata=strata, names=names or self.names)


@dataclass(frozen=True)
class Grouped:
    """All rows of a group stand in one set and one fold."""

    groups: Ints  # (n,) number of each row's group
    kind: SplitKind = "group"

    def sets(self, validation: float, test: float, seed: int, out: Sets | None = None) -> Sets:
        return filled(assign_groups(self.groups, validation, test, seed), out)

    def folds(self, k: int, seed: int, out: Sets | None = None) -> Sets:
        return filled(group_folds(self.groups, k, seed), out)

    def cross_folds(self, k: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
        return each_against_rest(self.folds(k, seed), k)

    def growing_order(self, seed: int) -> Ints:
        place = stratum_rng(seed, "", "learning curve").permutation(int(self.groups.max()) + 1)
        return np.asarray(np.argsort(place[self.groups], kind="stable"))

    def take(self, rows: Ints) -> Grouped:
        return replace(self, groups=self.groups[rows])

    def extended(self, strata: Codes, names: Sequence[str]) -> Grouped:
        return replace(self, groups=np.append(self.groups, np.full(len(strata) - len(self.groups), -1)))


@dataclass(frozen=True)
class Timed:
    """The latest rows are the test rows; a fold is evaluated by a model of what came before it alone."""

    times: Floats  # (n,) growing with time
    kind: SplitKind = "time"

    def sets(self, validation: float, test: float, seed: int, out: Sets | None = None) -> Sets:
        return filled(assign_time(self.times, validation, test), out)

    def folds(self, k: int, seed: int, out: Sets | None = None) -> Sets:
        return filled(time_blocks(self.times, k) - 1, out)

    def cross_folds(self, k: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
        fold = self.folds(k, seed)
        for number in range(k):
            yield np.flatnonzero(fold < number), np.flatnonzero(fold == number)

    def growing_order(self, seed: int) -> Ints:
        raise UsageError("--time: rows in the order of time have no random parts to grow", "leave out --time")

    def take(self, rows: Ints) -> Timed:
        return replace(self, times=self.times[rows])

    def extended(self, strata: Codes, names: Sequence[str]) -> Timed:
        return replace(self, times=np.append(self.times, np.full(len(strata) - len(self.times), np.inf)))


def each_against_rest(fold: Sets, k: int) -> Iterator[tuple[Ints, Ints]]:
    """For each of k folds the rows of all others, and its own."""
    for number in range(k):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def filled(found: NDArray[np.integer], out: Sets | None) -> Sets:
    """The numbers found, as bytes, in `out` if given."""
    if out is None:
        return found.astype(np.int8)
    out[:] = found
    return out

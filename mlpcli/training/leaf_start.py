"""A start at leaves, for classes: some units of the first layer begin as leaves of small boosted trees, and learn on.

Where a class is "above this threshold, and not that level", a network from random weights approaches each such rule
slowly; a leaf is one from the first step on. On smooth classes leaves crowd out what a network does better, so a race
decides: the first members train for a few epochs with and without them, and only a sure lead on their validation rows
lets all members begin with leaves. They are weights, so a model is like any other.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.settings import Settings
from mlpcli.data.cuts import n_cut_rows
from mlpcli.data.target import Target
from mlpcli.engine.activations import ACTIVATIONS
from mlpcli.engine.arrays import Array, Floats, Ints
from mlpcli.engine.layers import Dense
from mlpcli.engine.losses import log_softmax
from mlpcli.engine.network import Network
from mlpcli.training.ensemble import OutOfFold, held_out
from mlpcli.training.kinds import KINDS, hidden_of
from mlpcli.training.loop import KindMembers, Member, Rows, Training
from mlpcli.training.networks import build_loss

DEPTH = 2  # inputs that a leaf asks; 3 are as good, 4 worse
UNIT_SHARE, MIN_UNITS = 0.5, 8  # of the units of the first layer that begin as leaves; of so many units at least
STEEPNESS = 4.0  # a unit gets half of it where all its inputs are as the leaf asks, and 4 less for each that is not
TREE_RATE, PULL = 0.5, 3.0  # share of each tree that counts, and rows' worth of pull to 0 in its leaves
MAX_STEP = 4.0  # of a leaf's logit: a class without rows in it would ask for one without end
MIN_LEAF_ROWS = 5
RACE_EPOCHS = 6  # that a racing member trains; after 3 leaves lead on smooth classes too
MAX_RACE_ROWS = 2_500  # of each set of a racing member
SURE = (1.5, 3.0)  # standard errors of the lead that the first racing member needs, and both together


@dataclass(frozen=True)
class Leaves:
    """A row is in leaf i where its inputs `places[i]` have their higher value, or their lower, as `is_high[i]` says."""

    places: Ints  # (n, DEPTH) inputs of a row
    is_high: NDArray[np.bool_]  # (n, DEPTH)


def may_start(settings: Settings, kind: str) -> bool:
    """Whether networks of this kind can begin as leaves, and train for long enough that a race is worth its time."""
    plain = (settings.dropout, settings.input_noise, settings.max_norm) == (0, 0, 0)
    hidden = hidden_of(settings, kind)
    return (
        settings.loss == "cross_entropy"
        and settings.parametrization == "ntk"
        and settings.init == "auto"
        and settings.normalization == "none"
        and plain
        and "cuts" in KINDS[kind].sees
        and ACTIVATIONS[settings.activation].slope is not None
        and bool(hidden)
        and hidden[0] >= MIN_UNITS
        and settings.epochs > RACE_EPOCHS
    )


def start_at_leaves(group: KindMembers, settings: Settings, target: Target) -> KindMembers:
    """The members, which all begin with leaves found on the rows that they train on, if leaves win the race."""
    first = group.members[0]
    if not may_start(settings, group.kind) or any(member.valid is None for member in group.members):
        return group
    if not isinstance(first.network.layers[0], Dense):  # it learns vectors of levels first
        return group
    two = two_valued(first.train)
    fewest = min(len(two.seen_by(member.network).places) for member in group.members)
    if fewest <= DEPTH or not wins(group, two, settings, target):
        return group
    for member in group.members:
        plant(member.network, leaves_of(member, two, len(target.labels)), two)
    return replace(group, starts_at_leaves=True)


# --- leaves -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TwoValued:
    """The inputs of a row that take two values: levels, flags and cuts."""

    places: Ints  # (n,)
    low: Array  # (n,)
    high: Array  # (n,)

    def seen_by(self, network: Network) -> TwoValued:
        """Those that a network has weights for."""
        of = np.isin(self.places, places_of(network))
        return TwoValued(self.places[of], self.low[of], self.high[of])


def two_valued(rows: Rows) -> TwoValued:
    """The inputs with two values in the first rows of those for training."""
    x = rows.take(rows.index[: n_cut_rows(1)])[0]
    low, high = x.min(axis=0), x.max(axis=0)
    places = np.flatnonzero((low < high) & ((x == low) | (x == high)).all(axis=0))
    rows.release()
    return TwoValued(places, low[places], high[places])


def leaves_of(member: Member, two: TwoValued, n_classes: int) -> Leaves:
    """The leaves that a member's units begin as, found on the rows that it trains on."""
    rows, seen = member.train, two.seen_by(member.network)
    n_trees = int(member.network.layers[0].n_out * UNIT_SHARE) >> DEPTH
    x, y, weights = rows.take(rows.index[: n_cut_rows(n_classes)])
    is_high = (x[:, seen.places] > (seen.low + seen.high) / 2).astype(np.float32)
    rows.release()
    found = list(grow_trees(is_high, y, weights, n_classes, n_trees))
    places = np.concatenate([np.tile(seen.places[inputs], (len(sides), 1)) for inputs, sides in found])
    return Leaves(places, np.concatenate([sides for _, sides in found]))


def places_of(network: Network) -> Ints:
    """The inputs of a row that a network sees, in its order."""
    stretches = [np.arange(stretch.start, stretch.stop) for stretch in network.inputs]
    return np.concatenate([*stretches, *([] if network.others is None else [network.others])])


def grow_trees(
    is_high: Array, y: Ints, weights: Array | None, n_classes: int, n_trees: int
) -> Iterator[tuple[Ints, NDArray[np.bool_]]]:
    """Boosted trees that ask the same inputs in all their leaves (Prokhorenkova et al., arXiv 1706.09516).

    is_high (n, n_inputs) 0 or 1, y (n,) classes -> for each tree the DEPTH inputs that it asks, and (n_leaves, DEPTH)
    which of them are high in its leaves of enough rows.
    """
    counted = np.ones(len(y), np.float32) if weights is None else weights.astype(np.float32)
    truth = np.eye(n_classes, dtype=np.float32)[y]
    shares = (counted @ truth + 0.5) / (counted.sum() + 0.5 * n_classes)
    logits = np.tile(np.log(shares), (len(y), 1)).astype(np.float32)
    sides = (np.arange(1 << DEPTH)[:, None] >> np.arange(DEPTH) & 1).astype(bool)
    for _ in range(n_trees):
        p = np.exp(log_softmax(logits))
        residuals, curvature = (truth - p) * counted[:, None], p * (1 - p) * counted[:, None]
        inputs = best_inputs(is_high, np.column_stack([residuals, counted]))
        leaf = (is_high[:, inputs] @ (1 << np.arange(DEPTH))).astype(np.int64)
        of_leaf = np.eye(len(sides), dtype=np.float32)[:, leaf]
        steps = (of_leaf @ residuals) / (of_leaf @ curvature + PULL / 4)
        steps = TREE_RATE * np.clip(steps, -MAX_STEP, MAX_STEP) * (n_classes - 1) / n_classes
        logits += steps.astype(np.float32)[leaf]
        yield inputs, sides[np.bincount(leaf, minlength=len(sides)) >= MIN_LEAF_ROWS]


def best_inputs(is_high: Array, sums: Array) -> Ints:
    """The inputs that part the residuals best, one after the other; `sums` (n, n_classes + 1), the last the weights."""
    n, n_inputs, width = len(sums), is_high.shape[1], sums.shape[1]
    leaf, chosen = np.zeros(n, np.int64), list[int]()
    for depth in range(DEPTH):
        of_leaf = np.zeros((n, 1 << depth, width), np.float32)
        of_leaf[np.arange(n), leaf] = sums
        high = (is_high.T @ of_leaf.reshape(n, -1)).reshape(n_inputs, -1, width)
        parts = np.stack([high, of_leaf.sum(axis=0) - high])
        order = (np.square(parts[..., :-1]).sum(axis=-1) / (parts[..., -1] + PULL)).sum(axis=(0, 2))
        order[chosen] = -1
        chosen.append(int(np.argmax(order)))
        leaf += is_high[:, chosen[-1]].astype(np.int64) << depth
    return np.array(chosen)


def plant(network: Network, leaves: Leaves, two: TwoValued) -> None:
    """Makes the first units of the first layer leaves; what they ask is learned on like all weights."""
    first, sees = network.layers[0], places_of(network)
    of = np.searchsorted(two.places, leaves.places)
    slopes = STEEPNESS / (two.high - two.low)[of] * np.where(leaves.is_high, 1, -1)
    start = np.where(leaves.is_high, two.low[of], two.high[of])  # where it counts nothing
    rows, n = np.argsort(sees)[np.searchsorted(np.sort(sees), leaves.places)], len(leaves.places)
    first.p["w"][:, :n] = 0
    first.p["w"][rows, np.arange(n)[:, None]] = slopes
    first.p["b"][:n] = -(slopes * start).sum(axis=1) - (DEPTH - 0.5) * STEEPNESS


# --- the race ---------------------------------------------------------------------------------------------


def wins(group: KindMembers, two: TwoValued, settings: Settings, target: Target) -> bool:
    """Whether networks with leaves surely lead after a few epochs, on rows that validate them."""
    settings = replace(settings, epochs=RACE_EPOCHS, schedule="constant", time_limit=None, kinds=(group.kind,))
    leads = list[Floats]()
    for member, errors in zip(group.members, SURE[-len(group.members) :], strict=False):
        begun = replace(member, network=member.network.copy())
        plant(begun.network, leaves_of(member, two, len(target.labels)), two)
        leads.append(losses_of(member, settings, target) - losses_of(begun, settings, target))
        lead = np.concatenate(leads)
        if not lead.any() or lead.mean() < errors * lead.std() / len(lead) ** 0.5:
            return False
    return True


def losses_of(member: Member, settings: Settings, target: Target) -> Floats:
    """The losses of a member's validation rows after a short training of a copy of it."""
    copied, kind, rows = runner(member), settings.lead, member.train
    for _ in Training([KindMembers(kind, (copied,))], build_loss(settings), settings).events():
        pass
    found = OutOfFold(settings, target, rows.y, rows.weights, {kind: held_out([copied])})
    losses = found.losses(found.outputs(found.component(kind, found.temperature(kind))))
    return np.asarray(losses if rows.weights is None else losses * rows.weights[found.rows], np.float64)


def runner(member: Member) -> Member:
    """A copy of a member that trains on some of its rows, and leaves its network and its randomness alone."""
    train, valid = member.train, member.valid
    assert valid is not None
    return replace(
        member, network=member.network.copy(), rng=copy.deepcopy(member.rng),
        train=replace(train, index=train.index[:MAX_RACE_ROWS]),
        valid=replace(valid, index=valid.index[:MAX_RACE_ROWS]),
    )  # fmt: skip

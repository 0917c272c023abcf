"""What a finished training tells about itself: facts measured once on training and validation rows.

`gather` fills an Evidence, which is kept in the model file; `diagnose` turns it into findings. The test rows have no
part in it, so that acting on a finding does not use them up. Each row counts by its weight; intervals are 95 %
percentile bootstrap intervals over rows (Efron 1979) unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.schema import Schema
from mlpcli.data.splits import blocks
from mlpcli.engine.arrays import Array, Floats, Ints
from mlpcli.engine.layers import Activate
from mlpcli.engine.losses import Loss
from mlpcli.engine.network import Network
from mlpcli.metrics.intervals import Interval, estimate, resampled_means, share_of
from mlpcli.training.loop import LOGIT_ROWS, Member, Rows

MAX_EVIDENCE_ROWS = 20_000  # rows on which facts are measured; more would change no verdict
MAX_EVIDENCE_CELLS = 8_000_000  # inputs looked at one by one: of wide tables fewer rows
N_QUANTILES = 65

N_FEATURES = 256  # random features of the second model
MAX_RESIDUAL_ROWS = 4_000
MAX_LINEAR_INPUTS = 512  # inputs up to which the second model sees each by itself: its time grows with their cube
SCALES = (1.0, 0.5, 0.25, 0.1)  # lengths of its random features, in units of the inputs' typical distance
RIDGES = np.geomspace(1e-3, 1e3, 13)
N_FOLDS = 4

UNIT_ROWS = 1_024  # rows on which units are watched
DEAD_SLOPE = 0.01  # a unit whose slope stays below this on every row passes no gradient back
FLAT_SLOPE, FLAT_SHARE = 0.05, 0.9  # a unit is saturated when its slope is below 5 % of its most on 90 % of rows


@dataclass(frozen=True)
class Evidence:
    """Facts of one training. Losses are in the unit of the loss curve, means over rows."""

    n_train: int  # rows a member was fitted on
    n_valid: int  # rows that validated some member; 0 without validation rows
    constant_loss: float  # of the best constant answer on the same rows
    train_loss: Interval  # of rows by the members fitted on them
    valid_loss: Interval | None  # of rows by the members that never saw them
    valid_std: float  # standard deviation of the validation rows' losses
    valid_quantiles: tuple[float, ...]  # of those losses, at evenly spaced levels from 0 to 1; () without rows
    gap: Interval | None  # validation minus training loss
    gap_share: Interval | None  # share of the training rows' gain over a constant that validation rows do not show
    skill: Interval | None  # constant minus calibrated validation loss, paired, as a share of the constant's
    class_skill: Interval | None  # balanced accuracy on validation rows, 0 by chance and 1 at best; None for regression
    accuracy: Interval | None  # on validation rows; None for regression
    residual_signal: Interval | None  # share of the target's variance on validation rows that a second model adds
    dead: tuple[float, ...]  # share of dead units, a hidden layer each
    saturated: tuple[float, ...]  # share of saturated units, a hidden layer each
    univariate_strength: dict[str, Interval]  # of the best columns: how nearly the target is a function of each, 0 to 1
    class_counts: dict[str, int]  # of the rows not kept for testing


# --- the bootstrap ----------------------------------------------------------------------------------------


# --- all facts --------------------------------------------------------------------------------------------


def gather(
    members: Sequence[Member], loss: Loss, schema: Schema, n: int, held_out: Sequence[Array], temperature: float,
    seed: int,
) -> Evidence:  # fmt: skip
    """Measures everything on the first n encoded rows. `held_out` has the validation logits of members."""
    with np.errstate(over="ignore", invalid="ignore"):
        return measure(members, loss, schema, n, held_out, temperature, np.random.default_rng([seed, 0xD0C]))


def measure(
    members: Sequence[Member], loss: Loss, schema: Schema, n: int, held_out: Sequence[Array], temperature: float,
    rng: np.random.Generator,
) -> Evidence:  # fmt: skip
    target, all_rows = schema.target, members[0].train
    sample = np.sort(rng.permutation(n)[:MAX_EVIDENCE_ROWS])
    place = np.full(n, -1)  # of each row in the sample
    place[sample] = np.arange(len(sample))
    all_y, y = all_rows.y[:n], all_rows.y[sample]
    all_weight = np.ones(n) if all_rows.weights is None else all_rows.weights[:n].astype(np.float64)
    weight = all_weight[sample]
    seen, unseen, calibrated = Means(len(sample)), Means(len(sample)), Means(len(sample))
    errors = np.zeros((len(sample), max(target.n_outputs, 1)))
    logits = iter(held_out)
    for member in members:
        rows = place[member.train.index]
        rows = rows[rows >= 0]
        seen.add(rows, loss.rows(member.train.logits(member.network, sample[rows]), y[rows]))
        if member.valid is None:
            continue
        rows = place[member.valid.index]
        z = next(logits)[rows >= 0].astype(np.float64)
        rows = rows[rows >= 0]
        unseen.add(rows, loss.rows(z, y[rows]))
        calibrated.add(rows, loss.rows(z / temperature, y[rows]))
        errors[rows] += loss.residuals(z / temperature, y[rows])
    fitted = np.flatnonzero(seen.counts)
    judged = np.flatnonzero(unseen.counts)
    errors[judged] /= unseen.counts[judged, None]
    logits_of_constant = np.tile(loss.constant(all_y, all_weight, target.n_outputs), (len(y), 1))
    constant = loss.rows(logits_of_constant, y).astype(np.float64)
    train_means = resampled_means((weight * seen.of)[fitted, None], rng)[:, 0]
    n_looked_at = max(MAX_RESIDUAL_ROWS, MAX_EVIDENCE_CELLS // max(schema.width(["plain"]), 1))
    plain = taken_inputs(all_rows, sample[:n_looked_at], schema.blocks["plain"])
    facts: dict[str, Any] = dict.fromkeys(
        ("valid_loss", "gap", "gap_share", "skill", "class_skill", "accuracy", "residual_signal")
    )
    facts["valid_std"], facts["valid_quantiles"] = 0.0, ()
    if len(judged):
        w = weight[judged]
        columns = [w * unseen.of[judged], w * constant[judged], w * calibrated.of[judged]]
        paired = len(fitted) == len(judged) and bool(np.all(fitted == judged))
        if paired:
            columns.append(w * seen.of[judged])
        if target.labels:
            hit = is_hit(errors[judged], y[judged])
            columns += [hit.astype(np.float64), w_balanced(y[judged]) * hit]
        means = resampled_means(np.column_stack(columns), rng)
        valid, base, ours = means[:, 0], means[:, 1], means[:, 2]
        train = means[:, 3] if paired else train_means
        facts["valid_loss"] = estimate(valid)
        facts["valid_std"] = float(np.std(columns[0]))
        facts["valid_quantiles"] = tuple(np.quantile(unseen.of[judged], np.linspace(0, 1, N_QUANTILES)).tolist())
        facts["gap"] = estimate(valid - train)
        facts["gap_share"] = estimate(share_of(valid - train, np.maximum(base - train, 0)))
        facts["skill"] = estimate(share_of(base - ours, base))
        if target.labels:
            chance = 1 / len(np.unique(y[judged]))
            facts["accuracy"] = estimate(means[:, -2])
            facts["class_skill"] = estimate(np.minimum((means[:, -1] - chance) / max(1 - chance, 1e-12), 1))
        variance = float(np.var(loss.residuals(logits_of_constant[judged], y[judged]), axis=0).sum())
        fit_rows: Ints | None = None
        if not paired and len(members) == 1:
            fit_rows = rng.permutation(fitted[fitted < len(plain)])[:MAX_RESIDUAL_ROWS]
            z = all_rows.logits(members[0].network, sample[fit_rows]).astype(np.float64)
            errors[fit_rows] = loss.residuals(z / temperature, y[fit_rows])
        facts["residual_signal"] = residual_signal(plain, errors, judged[judged < len(plain)], fit_rows, variance, rng)
    watched = [units(m.network, m.train.take(rng.permutation(m.train.index)[:UNIT_ROWS])[0]) for m in members]
    all_rows.release()
    layers = range(min(len(w) for w in watched))
    counts = np.bincount(all_y.astype(np.int64), minlength=len(target.labels)).tolist() if target.labels else []
    return Evidence(
        n_train=len(all_rows), n_valid=int(np.count_nonzero(valid_counts(members, n))),
        constant_loss=float(np.average(constant, weights=weight)), train_loss=estimate(train_means),
        dead=tuple(float(np.mean([w[i][0] for w in watched])) for i in layers),
        saturated=tuple(float(np.mean([w[i][1] for w in watched])) for i in layers),
        univariate_strength=univariate_strength(schema, plain, y[: len(plain)], rng),
        class_counts=dict(zip(target.labels, counts, strict=True)), **facts,
    )  # fmt: skip


def taken_inputs(rows: Rows, chosen: Ints, places: slice) -> Floats:
    """The inputs in these places of the chosen rows, (n, number of places)."""
    found = np.empty((len(chosen), places.stop - places.start))
    for block in blocks(len(chosen), LOGIT_ROWS):
        found[block] = rows.x[chosen[block], places]
        rows.release()
    return found


class Means:
    """The mean of what is added to each row."""

    def __init__(self, n: int) -> None:
        self.sums, self.counts = np.zeros(n), np.zeros(n)

    def add(self, rows: Ints, values: Array) -> None:
        self.sums[rows] += values
        self.counts[rows] += 1

    @property
    def of(self) -> Floats:
        return self.sums / np.maximum(self.counts, 1)


def valid_counts(members: Sequence[Member], n: int) -> Ints:
    index = [m.valid.index for m in members if m.valid is not None]
    return np.bincount(np.concatenate(index), minlength=n) if index else np.zeros(n, np.int64)


def is_hit(errors: Floats, y: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether the true class is the most probable, from one-hot minus probabilities."""
    p = -errors
    p[np.arange(len(y)), y] += 1
    return np.asarray(p.argmax(axis=1) == y)


def w_balanced(y: NDArray[Any]) -> Floats:
    """Weights under which the mean hit is the balanced accuracy."""
    counts = np.bincount(y.astype(np.int64)).astype(np.float64)
    return np.asarray(len(y) / (np.count_nonzero(counts) * counts[y.astype(np.int64)]))


# --- structure the network missed -------------------------------------------------------------------------


def residual_signal(
    plain: Floats, errors: Floats, judged: Ints, fit_rows: Ints | None, variance: float, rng: np.random.Generator
) -> Interval:
    """How much squared error, as a share of `variance`, ridge regression on random Fourier features takes away.

    Rahimi & Recht 2007. Fitted on the errors of `fit_rows`, or by cross-validation among the judged rows. Errors
    that are mere noise leave nothing to explain: the share is then about 0 or below.
    """
    rows = rng.permutation(judged)[:MAX_RESIDUAL_ROWS]
    if len(rows) < 2 * N_FOLDS:
        return Interval(0.0, 0.0, 0.0)
    spread = plain.std(axis=0)
    spread[spread <= 1e-12] = 1
    d = len(spread)
    scales = np.repeat(SCALES, -(-N_FEATURES // len(SCALES)))[:N_FEATURES] * (2 * d) ** 0.5
    directions, phases = rng.standard_normal((d, N_FEATURES)) / scales, rng.uniform(0, 2 * np.pi, N_FEATURES)

    def features(r: Ints) -> Floats:
        inputs = plain[r] / spread
        waves = inputs @ directions
        straight = inputs if d <= MAX_LINEAR_INPUTS else waves.copy()
        waves += phases
        return np.hstack([straight, np.cos(waves, out=waves)])

    after = np.empty(len(rows))
    if fit_rows is not None:
        after[:] = np.square(errors[rows] - ridge(features(fit_rows), errors[fit_rows])(features(rows))).sum(axis=1)
    else:
        fold, f = np.arange(len(rows)) % N_FOLDS, features(rows)
        for k in range(N_FOLDS):
            fitted = ridge(f[fold != k], errors[rows[fold != k]])
            left = errors[rows[fold == k]] - fitted(f[fold == k])
            after[fold == k] = np.square(left).sum(axis=1)
    before = np.square(errors[rows]).sum(axis=1)
    means = resampled_means(np.column_stack([before, after]), rng)
    return estimate(share_of(means[:, 0] - means[:, 1], np.full(len(means), variance)))


def ridge(features: Floats, targets: Floats) -> Callable[[Floats], Floats]:
    """Ridge regression, its penalty chosen by generalised cross-validation (Golub, Heath & Wahba 1979)."""
    center, mean = features.mean(axis=0), targets.mean(axis=0)
    f, t = features - center, targets - mean
    n = len(f)
    values, vectors = np.linalg.eigh(f.T @ f / n)
    values = np.maximum(values, 0)
    along = vectors.T @ (f.T @ t) / n
    total = float(np.square(t).sum()) / n
    best, chosen = np.inf, RIDGES[-1]
    for penalty in RIDGES:
        shrunk = 1 / (values + penalty)
        explained = (np.square(along) * (2 * shrunk - values * shrunk**2)[:, None]).sum()
        freedom = 1 - min(float((values * shrunk).sum()) / n, 0.999)
        score = (total - float(explained)) / freedom**2
        if score < best:
            best, chosen = score, penalty
    w = vectors @ (along / (values + chosen)[:, None])
    return lambda g: np.asarray((g - center) @ w + mean)


# --- units ------------------------------------------------------------------------------------------------


def units(network: Network, x: Array) -> list[tuple[float, float]]:
    """For each hidden layer the shares of its units that are dead, and that are saturated, on these rows."""
    network.forward(x)
    found = []
    for layer in network.layers:
        if not isinstance(layer, Activate):
            continue
        slope = slopes(layer, layer.z)
        ends = np.full((1, layer.n_out), 60, layer.z.dtype)
        is_bounded = max(float(np.abs(slopes(layer, z)).max()) for z in (ends, -ends)) < DEAD_SLOPE
        steepest = float(slopes(layer, np.zeros_like(ends)).max())
        flat = (slope < FLAT_SLOPE * steepest).mean(axis=0) >= FLAT_SHARE
        dead = np.abs(slope).max(axis=0) < DEAD_SLOPE
        found.append((0.0, float(flat.mean())) if is_bounded else (float(dead.mean()), 0.0))
    return found


def slopes(layer: Activate, z: Array) -> Array:
    """(n, n_units) -> the activation's derivative there"""
    out, kept, grad = np.empty_like(z), np.empty_like(z), np.ones_like(z)
    layer.activation.forward(z, out, kept)
    layer.activation.backward(z.copy(), out, kept, grad)
    return grad


# --- one column alone -------------------------------------------------------------------------------------

MAX_STRENGTHS = 32  # kept of those that alone tell most


def univariate_strength(
    schema: Schema, plain: Floats, y: NDArray[Any], rng: np.random.Generator
) -> dict[str, Interval]:
    """How nearly the target is a function of one column: the agreement of rows that are neighbours in it.

    For numbers Chatterjee's xi (2021) with its finite-sample maximum taken as 1; for classes the same idea, one minus
    the share of neighbours of different class over that share among random pairs. Intervals are normal ones.
    """
    rows = rng.permutation(len(y))  # ties stand in random order
    truth = y[rows]
    n = len(rows)
    if schema.target.labels:
        by_chance = 1 - float(np.square(np.bincount(truth.astype(np.int64)) / n).sum())
    else:
        by_chance = (n - 1 / n) / 3
        truth = np.argsort(np.argsort(truth, kind="stable"), kind="stable").astype(np.float64)
    found = {}
    for column in schema.features:
        inputs = plain[rows, schema.inputs_of[column.name].get("plain", slice(0))]
        # One order of the rows in which equal cells stand together.
        order = np.lexsort(inputs.T[::-1])
        apart = truth[order][1:] != truth[order][:-1] if schema.target.labels else np.abs(np.diff(truth[order]))
        least = (len(np.unique(truth)) - 1) / (n - 1) if schema.target.labels else 1.0
        scale = max(by_chance - least, 1e-12)
        value = 1 - (float(np.mean(apart)) - least) / scale
        half = 1.96 * float(np.std(apart)) / (n - 1) ** 0.5 / scale
        found[column.name] = Interval(value, value - half, value + half)
    best = sorted(found.items(), key=lambda item: -item[1].value)[:MAX_STRENGTHS]
    return dict(best)

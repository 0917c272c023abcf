"""What a finished training tells about itself: facts measured once on training and validation rows.

`gather` fills an Evidence, which is kept in the model file; `diagnose` turns it into findings. The test rows have no
part in it, so that acting on a finding does not use them up. Each row counts by its weight; intervals are 95 %
percentile bootstrap intervals over rows (Efron 1979) unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.schema import Schema
from mlpcli.data.splits import blocks
from mlpcli.engine.arrays import Array, Floats, Ints
from mlpcli.engine.layers import Activate
from mlpcli.engine.losses import Loss, Target
from mlpcli.engine.network import Network
from mlpcli.metrics.intervals import Interval, estimate, resampled_means, share_of

if TYPE_CHECKING:  # a model that predicts does not train
    from mlpcli.training.loop import Member, Rows

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
    """The steps of `gather`. `held_out` has (n_valid, n_outputs) logits of each member with validation rows."""
    all_rows, labels = members[0].train, schema.target.labels
    sample = draw_sample(all_rows, loss, n, schema.target.n_outputs, rng)
    found = results_of(members, loss, sample, held_out, temperature)
    train_means = resampled_means((sample.weights * found.train.of)[found.fitted, None], rng)[:, 0]
    n_looked_at = max(MAX_RESIDUAL_ROWS, MAX_EVIDENCE_CELLS // max(schema.width(["plain"]), 1))
    plain = taken_inputs(all_rows, sample.rows[:n_looked_at], schema.blocks["plain"])
    facts, signal = ValidationFacts(), None
    if len(found.validating):
        facts = validation_facts(sample, found, train_means, bool(labels), rng)
        fit_rows = residuals_of_training(members, loss, sample, found, temperature, len(plain), rng)
        variance = float(np.var(sample.constant_residuals[found.validating], axis=0).sum())
        rows = found.validating[found.validating < len(plain)]
        signal = residual_signal(plain, found.residuals, rows, fit_rows, variance, rng)
    dead, saturated = watched_units(members, rng)
    all_rows.release()
    counts = np.bincount(all_rows.y[:n].astype(np.int64), minlength=len(labels)).tolist() if labels else []
    return Evidence(
        n_train=len(all_rows), n_valid=int(np.count_nonzero(valid_counts(members, n))),
        constant_loss=float(np.average(sample.constant, weights=sample.weights)), train_loss=estimate(train_means),
        residual_signal=signal, dead=dead, saturated=saturated,
        univariate_strength=univariate_strength(schema, plain, sample.y[: len(plain)], rng),
        class_counts=dict(zip(labels, counts, strict=True)), **vars(facts),
    )  # fmt: skip


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


@dataclass(frozen=True)
class Sample:
    """The n rows on which facts are measured, and what the best constant answer is worth on them."""

    rows: Ints  # (n,) their numbers among the encoded rows, growing
    places: Ints  # of each encoded row in the sample, -1 outside
    y: Target  # (n,)
    weights: Floats  # (n,)
    constant: Floats  # (n,) losses of the constant answer
    constant_residuals: Floats  # (n, 1), or (n, n_classes)


def draw_sample(rows: Rows, loss: Loss, n: int, n_outputs: int, rng: np.random.Generator) -> Sample:
    """MAX_EVIDENCE_ROWS of the first n encoded rows at most, at random; the constant is the best for all n."""
    chosen = np.sort(rng.permutation(n)[:MAX_EVIDENCE_ROWS])
    places = np.full(n, -1)
    places[chosen] = np.arange(len(chosen))
    weights = np.ones(n) if rows.weights is None else rows.weights[:n].astype(np.float64)
    y = rows.y[chosen]
    constant = np.tile(loss.constant(rows.y[:n], weights, n_outputs), (len(y), 1))
    losses = loss.rows(constant, y).astype(np.float64)
    return Sample(chosen, places, y, weights[chosen], losses, loss.residuals(constant, y))


@dataclass(frozen=True)
class Results:
    """What members made of the rows of a sample."""

    train: Means  # losses by the members fitted on a row
    valid: Means  # losses by the members that never saw it
    calibrated: Means  # the latter, of logits divided by the temperature
    residuals: Floats  # (n, 1) or (n, n_classes) means of what those leave; 0 for rows that validate no member

    @property
    def fitted(self) -> Ints:
        """Rows of the sample that some member is fitted on."""
        return np.flatnonzero(self.train.counts)

    @property
    def validating(self) -> Ints:
        """Rows of the sample that validate some member."""
        return np.flatnonzero(self.valid.counts)

    @property
    def is_paired(self) -> bool:
        """Whether each row is both: then the gap is a mean of differences."""
        return np.array_equal(self.fitted, self.validating)


def results_of(
    members: Sequence[Member], loss: Loss, sample: Sample, held_out: Sequence[Array], temperature: float
) -> Results:
    """Losses and residuals of the sampled rows; arguments as for `measure`."""
    n = len(sample.rows)
    train, valid, calibrated = Means(n), Means(n), Means(n)
    residuals = np.zeros(sample.constant_residuals.shape)
    logits = iter(held_out)
    for member in members:
        rows = sample.places[member.train.index]
        rows = rows[rows >= 0]
        train.add(rows, loss.rows(member.train.logits(member.network, sample.rows[rows]), sample.y[rows]))
        if member.valid is None:
            continue
        rows = sample.places[member.valid.index]
        z = next(logits)[rows >= 0].astype(np.float64)
        rows = rows[rows >= 0]
        valid.add(rows, loss.rows(z, sample.y[rows]))
        calibrated.add(rows, loss.rows(z / temperature, sample.y[rows]))
        residuals[rows] += loss.residuals(z / temperature, sample.y[rows])
    residuals /= np.maximum(valid.counts, 1)[:, None]
    return Results(train, valid, calibrated, residuals)


@dataclass(frozen=True)
class ValidationFacts:
    """The fields of Evidence that need validation rows; as they are without."""

    valid_loss: Interval | None = None
    valid_std: float = 0.0
    valid_quantiles: tuple[float, ...] = ()
    gap: Interval | None = None
    gap_share: Interval | None = None
    skill: Interval | None = None
    class_skill: Interval | None = None
    accuracy: Interval | None = None


def validation_facts(
    sample: Sample, found: Results, train_means: Array, is_classes: bool, rng: np.random.Generator
) -> ValidationFacts:
    """Losses of validation rows beside those of training rows, whose bootstrap means (N_RESAMPLES + 1,) are given."""
    rows = found.validating
    w, y = sample.weights[rows], sample.y[rows]
    columns = [w * found.valid.of[rows], w * sample.constant[rows], w * found.calibrated.of[rows]]
    if found.is_paired:
        columns.append(w * found.train.of[rows])
    if is_classes:
        hit = is_hit(found.residuals[rows], y)
        columns += [hit.astype(np.float64), w_balanced(y) * hit]
    means = resampled_means(np.column_stack(columns), rng)
    valid, base, ours = means[:, 0], means[:, 1], means[:, 2]
    train = means[:, 3] if found.is_paired else train_means
    accuracy = class_skill = None
    if is_classes:
        chance = 1 / len(np.unique(y))
        accuracy = estimate(means[:, -2])
        class_skill = estimate(np.minimum((means[:, -1] - chance) / max(1 - chance, 1e-12), 1))
    return ValidationFacts(
        valid_loss=estimate(valid), valid_std=float(np.std(columns[0])),
        valid_quantiles=tuple(np.quantile(found.valid.of[rows], np.linspace(0, 1, N_QUANTILES)).tolist()),
        gap=estimate(valid - train), gap_share=estimate(share_of(valid - train, np.maximum(base - train, 0))),
        skill=estimate(share_of(base - ours, base)), class_skill=class_skill, accuracy=accuracy,
    )  # fmt: skip


def residuals_of_training(
    members: Sequence[Member], loss: Loss, sample: Sample, found: Results, temperature: float, n_plain_rows: int,
    rng: np.random.Generator,
) -> Ints | None:  # fmt: skip
    """The training rows to fit a second model on, their residuals filled in; None where validation rows must do.

    These are rows of one network only: with fold members every row validates one, and its residual is out of fold.
    """
    if found.is_paired or len(members) > 1:
        return None
    rows = rng.permutation(found.fitted[found.fitted < n_plain_rows])[:MAX_RESIDUAL_ROWS]
    z = members[0].train.logits(members[0].network, sample.rows[rows]).astype(np.float64)
    found.residuals[rows] = loss.residuals(z / temperature, sample.y[rows])
    return rows


def taken_inputs(rows: Rows, chosen: Ints, places: slice) -> Floats:
    """The inputs in these places of the chosen rows, (n, number of places)."""
    from mlpcli.training.loop import LOGIT_ROWS

    found = np.empty((len(chosen), places.stop - places.start))
    for block in blocks(len(chosen), LOGIT_ROWS):
        found[block] = rows.x[chosen[block], places]
        rows.release()
    return found


def valid_counts(members: Sequence[Member], n: int) -> Ints:
    """(n,) how many members each row validates."""
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
    plain: Floats, errors: Floats, validating: Ints, fit_rows: Ints | None, variance: float, rng: np.random.Generator
) -> Interval:
    """How much squared error, as a share of `variance`, ridge regression on random Fourier features takes away.

    Rahimi & Recht 2007. Fitted on the errors of `fit_rows`, or by cross-validation among the evaluated rows. Errors
    that are mere noise leave nothing to explain: the share is then about 0 or below.
    """
    rows = rng.permutation(validating)[:MAX_RESIDUAL_ROWS]
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
        return np.hstack([straight, np.cos(waves.astype(np.float32))])  # in float64 it takes ten times as long

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


def watched_units(members: Sequence[Member], rng: np.random.Generator) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Shares of dead and of saturated units, (n_hidden,) each, means over members, on UNIT_ROWS rows of each."""
    watched = [units(m.network, m.train.take(rng.permutation(m.train.index)[:UNIT_ROWS])[0]) for m in members]
    layers = range(min(len(w) for w in watched))
    dead, saturated = (tuple(float(np.mean([w[i][k] for w in watched])) for i in layers) for k in (0, 1))
    return dead, saturated


def units(network: Network, x: Array) -> list[tuple[float, float]]:
    """For each hidden layer the shares of its units that are dead, and that are saturated, on these rows."""
    found = []
    for layer, z, _ in network.walk(x):
        if not isinstance(layer, Activate):
            continue
        slope = slopes(layer, z)
        ends = np.full((1, layer.n_out), 60, z.dtype)
        is_bounded = max(float(np.abs(slopes(layer, z)).max()) for z in (ends, -ends)) < DEAD_SLOPE
        steepest = float(slopes(layer, np.zeros_like(ends)).max())
        flat = (slope < FLAT_SLOPE * steepest).mean(axis=0) >= FLAT_SHARE
        dead = np.abs(slope).max(axis=0) < DEAD_SLOPE
        found.append((0.0, float(flat.mean())) if is_bounded else (float(dead.mean()), 0.0))
    return found


def slopes(layer: Activate, z: Array) -> Array:
    """(n, n_units) -> the activation's derivative there"""
    derivative = np.empty_like(z)
    layer.activation.with_derivative(z.copy(), np.empty_like(z), derivative)
    return derivative


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
        least = (len(np.unique(truth)) - 1) / (n - 1)
    else:
        by_chance, least = (n - 1 / n) / 3, 1.0
        truth = np.argsort(np.argsort(truth, kind="stable"), kind="stable").astype(np.float64)
    scale, found = max(by_chance - least, 1e-12), {}
    for column in schema.features:
        inputs = plain[rows, schema.inputs_of[column.name].get("plain", slice(0))]
        # One order of the rows in which equal cells stand together.
        order = np.lexsort(inputs.T[::-1])
        apart = truth[order][1:] != truth[order][:-1] if schema.target.labels else np.abs(np.diff(truth[order]))
        value = 1 - (float(np.mean(apart)) - least) / scale
        half = 1.96 * float(np.std(apart)) / (n - 1) ** 0.5 / scale
        found[column.name] = Interval(value, value - half, value + half)
    best = sorted(found.items(), key=lambda item: -item[1].value)[:MAX_STRENGTHS]
    return dict(best)

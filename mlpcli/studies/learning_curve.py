"""More data or more regularisation? Training and validation loss against the number of training rows.

The test rows take no part; the others are dealt into folds. A repeat holds one fold back for validation and trains on
growing parts of the rest, each part containing the one before, so that differences along the curve are differences of
size. At full size it also trains with more regularisation: the other remedy, measured on the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mlpcli.config.flags import as_flags
from mlpcli.config.settings import Config, Settings
from mlpcli.data import splits
from mlpcli.data.dataset import MIN_ROWS, DataSet
from mlpcli.engine.arrays import Floats, Ints
from mlpcli.errors import DataError, TrainingError, UsageError
from mlpcli.metrics.intervals import Interval, paired_difference, t_quantile
from mlpcli.metrics.scoring import resampled_interval
from mlpcli.studies.tasks import TaskOutcome, TrainingTask, run, shared, validated
from mlpcli.studies.workers import Shared, Workers, opened
from mlpcli.training.criterion import as_loss, loss_name, selecting_metric

Advice = Literal["more rows", "regularisation", "both", "neither"]

REPEATS = 10
SIZES = 6  # points of the curve, each twice the size of the one before
MIN_CURVE_ROWS = 30  # training rows of the smallest point, and at least three points are needed
# Decay exponents seen on real learning curves: Viering & Loog 2021, section 4; Hestness et al. 2017.
EXPONENTS = np.linspace(0.1, 2.0, 39)
N_BOOTSTRAP = 400
TINY = 1e-12
NOTICEABLE = 0.01  # share of the loss; a remedy that buys less is not worth advice
DROPOUT, WEIGHT_DECAY = 0.2, 0.05  # of the regularised training, where the settings have less


@dataclass(frozen=True)
class Point:
    """One size of the training part, in rows: losses over the repeats with 95 % intervals."""

    rows: int
    train: Interval
    valid: Interval
    seconds: float  # of one training


@dataclass(frozen=True)
class PowerLaw:
    """loss(n) = a + b n^-c; `a` is what no number of rows would take away."""

    a: float
    b: float
    c: float

    def __call__(self, n: float) -> float:
        return float(self.a + self.b * n**-self.c)


@dataclass(frozen=True)
class LearningCurve:
    """`doubling` is the fall of the validation loss that twice the rows would buy, `regularising` that measured with
    more regularisation at full size; both with 95 % intervals, above 0 where the remedy helps."""

    metric: str  # that of the loss; with --stop-on that metric, or 1 less it where higher is better
    points: tuple[Point, ...]
    law: PowerLaw
    doubling: Interval
    regularising: Interval | None  # None when no such training was finished
    flags: str  # of the regularised training
    gap: Interval  # validation less training loss at full size
    advice: Advice
    n_repeats: int


@dataclass(frozen=True)
class LearningCurvePlan:
    """A learning curve that is ready to run: iterate `outcomes`, then take `result` of them."""

    table: DataSet
    tasks: tuple[TrainingTask, ...]
    data: Shared[DataSet]
    sizes: tuple[int, ...]  # rows
    n_repeats: int
    flags: str
    seed: int

    def outcomes(self, on: int | Workers = 1) -> Iterator[TaskOutcome]:
        with self.data, opened(on) as executor:
            yield from run(self.tasks, executor)

    @property
    def metric(self) -> str:
        """By which sizes are compared: that of --stop-on, else that of the loss."""
        return selecting_metric(self.tasks[0].config.resolve(self.table.task, self.table.n_learn))

    def result(self, outcomes: Sequence[TaskOutcome]) -> LearningCurve:
        """Of all or some outcomes: those of repeats whose every size was trained. Raises TrainingError."""
        metric = self.metric

        def loss_of(outcome: TaskOutcome, name: str) -> float:
            return as_loss(metric, outcome.metrics[name][metric])

        by_number = {o.number: o for o in outcomes if o.error is None}
        n_sizes = len(self.sizes)
        a_repeat = n_sizes + 1
        whole = [r for r in range(self.n_repeats) if all(r * a_repeat + i in by_number for i in range(n_sizes))]
        if len(whole) < 2:
            raise TrainingError("fewer than two repeats were finished: there is no curve to draw")
        losses = {
            name: np.array([[loss_of(by_number[r * a_repeat + i], name) for i in range(n_sizes)] for r in whole])
            for name in ("train", "test")
        }
        seconds = [float(np.mean([by_number[r * a_repeat + i].seconds for r in whole])) for i in range(n_sizes)]
        last = by_number[whole[0] * a_repeat + n_sizes - 1]
        ratio = last.rows["test"] / self.sizes[-1]
        points = tuple(
            Point(
                n, resampled_loss(metric, losses["train"][:, i].tolist(), ratio),
                resampled_loss(metric, losses["test"][:, i].tolist(), ratio), seconds[i],
            )
            for i, n in enumerate(self.sizes)
        )  # fmt: skip
        sizes = np.array(self.sizes, np.float64)
        law = fit_power_law(sizes, losses["test"].mean(axis=0), spread(losses["test"]))
        doubling = gain_of_doubling(sizes, losses["test"], law, np.random.default_rng(self.seed))
        regularised = [(r, by_number[r * a_repeat + n_sizes]) for r in whole if r * a_repeat + n_sizes in by_number]
        regularising = None
        if len(regularised) >= 2:
            gains = [
                loss_of(by_number[r * a_repeat + n_sizes - 1], "test") - loss_of(o, "test") for r, o in regularised
            ]
            regularising = paired_difference(gains, ratio)
        gap = paired_difference(losses["test"][:, -1] - losses["train"][:, -1], ratio)
        return LearningCurve(
            loss_name(metric),
            points,
            law,
            doubling,
            regularising,
            self.flags,
            gap,
            advise(doubling, regularising, points[-1].valid.value),
            len(whole),
        )


def plan(table: DataSet, config: Config, n_repeats: int = REPEATS, n_sizes: int = SIZES) -> LearningCurvePlan:
    """Nested parts of the training rows, `n_repeats` times. Raises DataError or UsageError."""
    if not 2 <= n_repeats <= 100:
        raise UsageError(f"--repeats: expected a number from 2 to 100, found {n_repeats}")
    if not 3 <= n_sizes <= 20:
        raise UsageError(f"--sizes: expected a number from 3 to 20, found {n_sizes}")
    own_file = config.share("validation") is None
    taken = np.flatnonzero(table.sets == splits.TRAIN if own_file else table.sets != splits.TEST)
    n_folds = max(n_repeats, 5)
    parts = [part_order(table, taken, n_folds, repeat, config.seed) for repeat in range(n_repeats)]
    full = min(len(order) for order, _ in parts)
    sizes = sizes_up_to(full, n_sizes)
    if len(sizes) < 3 or full < 2 * MIN_ROWS:
        raise DataError(
            f"{full} training rows are too few for a learning curve", f"it needs {4 * MIN_CURVE_ROWS} at least",
            file=table.name,
        )  # fmt: skip
    more, flags = regularised(config.resolve(table.task, table.n_learn), config)
    data = shared(table)
    tasks: list[TrainingTask] = []
    for repeat, (order, scored) in enumerate(parts):
        seeded = replace(config, seed=(config.seed + repeat) % 2**64)
        for n in (*sizes, sizes[-1]):
            is_last = len(tasks) % (len(sizes) + 1) == len(sizes)
            sets = np.full(len(table.sets), splits.UNUSED)
            sets[order[:n]], sets[scored] = splits.TRAIN, splits.TEST
            if own_file:
                sets[table.sets == splits.VALIDATION] = splits.VALIDATION
            else:
                sets = validated(table, config, sets, seeded.seed)
            name = f"repeat {repeat + 1}, {n} rows" + (", regularised" if is_last else "")
            chosen = replace(more, seed=seeded.seed) if is_last else seeded
            tasks.append(TrainingTask(len(tasks), name, chosen, data, sets))
    return LearningCurvePlan(table, tuple(tasks), data, sizes, n_repeats, flags, config.seed)


def sizes_up_to(full: int, n_sizes: int) -> tuple[int, ...]:
    """Rows of each point: the largest is `full`, each other half of the next, none below FEWEST."""
    found = [round(full / 2**k) for k in range(n_sizes)]
    return tuple(n for n in reversed(found) if n >= MIN_CURVE_ROWS)


def part_order(dataset: DataSet, taken: Ints, n_folds: int, repeat: int, seed: int) -> tuple[Ints, Ints]:
    """The rows that train, in an order of which every beginning is a sample of all, and the rows that evaluate.

    Classes keep their proportion in every beginning; a group's rows follow each other.
    """
    round_seed = (seed + repeat // n_folds) % 2**64
    fold = dataset.splitter.take(taken).folds(n_folds, round_seed)
    trained, scored = taken[fold != repeat % n_folds], taken[fold == repeat % n_folds]
    return trained[dataset.splitter.take(trained).growing_order(seed + repeat)], scored


def regularised(resolved: Settings, config: Config) -> tuple[Config, str]:
    """The settings with more dropout and weight decay, and those as flags."""
    dropout = max(DROPOUT, min(2 * (resolved.dropout), 0.5))
    decay = max(WEIGHT_DECAY, 3 * (resolved.weight_decay))
    more: dict[str, float] = {"weight_decay": decay}
    if resolved.hidden:
        more["dropout"] = dropout  # there is nothing to drop without hidden units
    return replace(config, **more), as_flags(more)  # type: ignore[arg-type]


def resampled_loss(metric: str, losses: Sequence[float], ratio: float) -> Interval:
    """`resampled_interval` of what `as_loss` made of a metric's values."""
    found = resampled_interval(metric, [as_loss(metric, loss) for loss in losses], ratio)
    low, high = sorted((as_loss(metric, found.low), as_loss(metric, found.high)))
    return Interval(as_loss(metric, found.value), low, high)


def spread(losses: Floats) -> Floats:
    """(repeats, sizes) -> standard error of the mean for each size, never 0."""
    error = losses.std(axis=0, ddof=1) / len(losses) ** 0.5
    return np.asarray(np.maximum(error, 1e-3 * np.abs(losses).mean()))


def fit_power_law(sizes: Floats, losses: Floats, errors: Floats) -> PowerLaw:
    """(n_sizes,) rows, losses and their errors -> the law that fits best."""
    a, b, c = fit_power_laws(sizes, losses[None, :], errors)
    return PowerLaw(float(a[0]), float(b[0]), float(c[0]))


def fit_power_laws(sizes: Floats, losses: Floats, errors: Floats) -> tuple[Floats, Floats, Floats]:
    """(n_curves, n_sizes) losses -> a, b, c of each curve: weighted least squares with a, b >= 0 on a grid of c.

    For each exponent the best a and b are both free, or one of them is 0; all are tried at once.
    """
    w = 1 / errors**2
    v = (sizes / sizes[-1]) ** -EXPONENTS[:, None]  # (n_exponents, n_sizes)
    s0, s1, s2 = w.sum(), v @ w, v**2 @ w
    y0, y1, yy = (losses @ w)[:, None], losses @ (v * w).T, (losses**2 @ w)[:, None]
    slope = (s0 * y1 - s1 * y0) / (s0 * s2 - s1**2)
    zero = np.zeros_like(y1)
    a = np.stack([(y0 - slope * s1) / s0, y0 / s0 + zero, zero])
    b = np.stack([slope, zero, y1 / s2 + zero])
    error = yy - 2 * a * y0 - 2 * b * y1 + a**2 * s0 + 2 * a * b * s1 + b**2 * s2
    error = np.where((a >= 0) & (b >= 0), error, np.inf).transpose(1, 0, 2).reshape(len(losses), -1)
    best = error.argmin(axis=1)
    curve = np.arange(len(losses))
    a, b = (x.transpose(1, 0, 2).reshape(len(losses), -1)[curve, best] for x in (a, b))
    c = EXPONENTS[best % len(EXPONENTS)]
    return a, b * sizes[-1] ** c, c


def gain_of_doubling(sizes: Floats, losses: Floats, law: PowerLaw, rng: np.random.Generator) -> Interval:
    """What the law expects of twice the rows, and its 95 % range over resampled repeats and ways to extrapolate.

    (n_repeats, n_sizes) losses. Each resample draws repeats with replacement. Of the points all but the last are left
    out in turn, since a law that hangs on one of them predicts little. The upper end also heeds the last two points
    alone, since a curve may fall ever faster, as no such law does. Both ends are then widened as Student's t is over
    the normal law, since repeats are few; the lower one by ratios, since the laws promise no loss.
    """
    n, errors, n_repeats = float(sizes[-1]), spread(losses), len(losses)
    turns = range(len(sizes) - 1) if len(sizes) > 3 else [None]
    by_law = []
    for left_out in turns:
        kept = np.flatnonzero(np.arange(len(sizes)) != left_out)
        _, b, c = fit_power_laws(sizes[kept], resampled(losses, N_BOOTSTRAP // len(turns), rng)[:, kept], errors[kept])
        by_law.append(b * n**-c * (1 - 2**-c))
    half, full = resampled(losses, N_BOOTSTRAP // len(turns), rng)[:, -2:].T
    by_last_step = full * (1 - full / np.maximum(half, TINY))
    low = float(np.percentile(np.concatenate(by_law), 2.5))
    high = float(np.percentile(np.concatenate([*by_law, by_last_step]), 97.5))
    gain, loss = law(n) - law(2 * n), float(losses[:, -1].mean())
    wider = t_quantile(n_repeats - 1) / 1.96 * (n_repeats / (n_repeats - 1)) ** 0.5
    low = gain * (min(low, gain) / gain) ** wider if gain > 0 else 0.0
    high = gain + wider * max(high - gain, 0.0)
    return Interval(gain, low, max(min(high, loss), gain))


def resampled(losses: Floats, n: int, rng: np.random.Generator) -> Floats:
    """(n_repeats, n_sizes) -> (n, n_sizes) means over repeats drawn with replacement"""
    return np.asarray(losses[rng.integers(len(losses), size=(n, len(losses)))].mean(axis=1))


def advise(doubling: Interval, regularising: Interval | None, loss: float) -> Advice:
    """Which remedy helps: rows when the low end of their gain is NOTICEABLE, as a share of the loss; more
    regularisation when its gain is above 0 and its value NOTICEABLE.

    Of two that help, the one that buys twice as much.
    """
    rows = doubling.low >= NOTICEABLE * loss
    more = regularising is not None and regularising.low > 0 and regularising.value >= NOTICEABLE * loss
    if not (rows and more) or regularising is None:
        return "more rows" if rows else "regularisation" if more else "neither"
    if max(doubling.value, regularising.value) < 2 * min(doubling.value, regularising.value):
        return "both"
    return "more rows" if doubling.value > regularising.value else "regularisation"

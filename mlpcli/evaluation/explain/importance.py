"""Permutation importance: by how much the loss, or a metric, gets worse where a column is shuffled.

Breiman 2001; the model stays as it is, and the cells of a column, with all inputs made of them, go to other rows.
Columns that depend strongly on each other are shuffled together: shuffled alone, each would seem to matter little, and
make rows that do not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from mlpcli.data.kinds.text import FreeText
from mlpcli.engine.arrays import Array, Floats, Ints
from mlpcli.engine.network import PREDICT_ROWS
from mlpcli.errors import DataError
from mlpcli.evaluation.explain import GROUP_CORRELATED
from mlpcli.evaluation.explain.answers import Spread, Watch, answers, in_order, inputs_of, unwatched
from mlpcli.evaluation.explain.dependence import dependences, groups_of
from mlpcli.evaluation.explain.rows import ExplainedRows
from mlpcli.metrics.intervals import resamples, t_quantile
from mlpcli.metrics.scoring import METRICS, Statistic, check_metric, decide
from mlpcli.model.trained import TrainedModel
from mlpcli.training.networks import build_loss

SHUFFLED_ROWS = 20_000  # for each column: so often are its rows shuffled
MIN_REPEATS, MAX_REPEATS = 2, 50
MAX_SHUFFLED_ROWS = 1_000_000  # for all columns together: of a wide table fewer rows are taken
MIN_SHUFFLED_ROWS = 200
N_RESAMPLES = 200  # of rows, behind an interval; its width is then good to 5 %


@dataclass(frozen=True)
class ColumnImportance:
    """By how much the metric is worse without a column, or without a group of them; 95 % interval."""

    column: str  # the names, joined by commas
    columns: tuple[str, ...]
    value: float
    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        """Whether other test rows would hardly show no effect."""
        return self.low > 0


@dataclass(frozen=True)
class Importance:
    """The importance of all columns, most important first."""

    metric: str  # name of the loss or of the metric
    higher_is_better: bool
    value: float  # of the metric, nothing shuffled
    n_rows: int
    n_repeats: int  # times each column was shuffled
    group_correlated: float
    columns: tuple[ColumnImportance, ...]

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The columns that were shuffled together."""
        return tuple(one.columns for one in self.columns if len(one.columns) > 1)


def importance(
    model: TrainedModel, rows: ExplainedRows, *, metric: str | None = None,
    group_correlated: float = GROUP_CORRELATED, jobs: int | Spread = 1, watch: Watch[ColumnImportance] = unwatched,
) -> Importance:  # fmt: skip
    """The importance of each input column of a model for rows with truth; of its loss without `metric`.

    Raises UsageError for a metric that is not of the model's loss, DataError for fewer than two rows.
    """
    check_metric(build_loss(model.config), model.record.rule, metric)
    texts = [c.name for c in model.schema.features if isinstance(c, FreeText)]
    names = [c.name for c in model.schema.features]
    groups = groups_of(names, dependences(rows.frame, texts), group_correlated)
    shuffling = shuffle(model, rows, metric, len(groups))
    found = list(watch(in_order(model, partial(measure, shuffling), groups, jobs), len(groups)))
    return Importance(
        metric or model.config.loss, shuffling.higher_is_better, float(shuffling.plain[0]), len(shuffling.order),
        shuffling.n_repeats, group_correlated, tuple(sorted(found, key=lambda one: -one.value)),
    )  # fmt: skip


@dataclass(frozen=True)
class Shuffling:
    """What every column is measured by: the same rows, the same shuffles, the same resamples."""

    rows: ExplainedRows
    metric: str | None
    order: Ints  # (n,) rows, each of which gets the cells of one some places further
    n_repeats: int
    counts: Floats  # (1 + N_RESAMPLES, n) weight of each row: as they are, then drawn with replacement
    plain: Floats  # (1 + N_RESAMPLES,) the metric, nothing shuffled

    @property
    def higher_is_better(self) -> bool:
        return self.metric is not None and METRICS[self.metric].higher_is_better


def shuffle(model: TrainedModel, rows: ExplainedRows, metric: str | None, n_columns: int) -> Shuffling:
    """The rows that are shuffled, their number so that all columns together take a bounded time."""
    if len(rows) < 2:
        raise DataError(f"{rows.description}: too few to shuffle", "name a CSV with more rows", file=rows.name)
    budget = int(np.clip(MAX_SHUFFLED_ROWS // n_columns, MIN_SHUFFLED_ROWS, SHUFFLED_ROWS))
    rng = np.random.default_rng([model.config.seed, len(rows)])
    order = rng.permutation(len(rows))[: budget // MIN_REPEATS]
    n = len(order)
    n_repeats = min(max(budget // n, MIN_REPEATS), MAX_REPEATS, n - 1)
    counts = np.concatenate([np.ones((1, n)), *resamples(n, N_RESAMPLES, rng)])
    if rows.weights is not None:
        counts *= rows.weights[order]
    plain = statistic_of(model, metric, rows.truth_of(order), answers(model, rows.x[order]))(counts)
    return Shuffling(rows, metric, order, n_repeats, counts, plain)


def measure(shuffling: Shuffling, model: TrainedModel, columns: Sequence[str]) -> ColumnImportance:
    """Shuffles the cells of these columns together and measures how much worse the metric gets.

    No row keeps its own cells, so that a column that tells nothing has an importance of 0 in the mean. The interval is
    by the spread over resampled rows, which holds that of the shuffles, and Student's t.
    """
    rows, order, places = shuffling.rows, shuffling.order, inputs_of(model, columns)
    truth, rise = rows.truth_of(order), np.zeros(len(shuffling.counts))
    own = rows.x[np.ix_(order, places)]
    at_once = max(PREDICT_ROWS // len(order), 1)  # repeats, for few rows take as long as many
    for start in range(1, shuffling.n_repeats + 1, at_once):
        shifts = range(start, min(start + at_once, shuffling.n_repeats + 1))
        x = np.tile(rows.x[order], (len(shifts), 1))
        x[:, places] = np.concatenate([np.roll(own, shift, axis=0) for shift in shifts])
        for outputs in np.split(answers(model, x), len(shifts)):
            # The difference of each, so that one which changes no answer is exactly 0.
            rise += statistic_of(model, shuffling.metric, truth, outputs)(shuffling.counts) - shuffling.plain
    rise /= -shuffling.n_repeats if shuffling.higher_is_better else shuffling.n_repeats
    n, value = len(order), float(rise[0]) + 0.0  # no -0
    half = t_quantile(n - 1) * float(rise[1:].std(ddof=1)) * (n / (n - 1)) ** 0.5
    return ColumnImportance(", ".join(columns), tuple(columns), value, value - half, value + half)


def statistic_of(model: TrainedModel, metric: str | None, truth: Array, outputs: Floats) -> Statistic:
    """Truth (n,), outputs (n, n_classes) or (n, 1) -> the metric, or the mean loss, of any weights of the rows."""
    loss, target = build_loss(model.config), model.schema.target
    if metric is None:
        losses = loss.rows_of_outputs(target.standardise(outputs), target.standardise(truth)).astype(np.float64)
        return lambda w: w @ losses / w.sum(axis=1)
    chosen = METRICS[metric]
    if chosen.needs == "labels":
        return chosen.statistic(truth, decide(outputs, model.record.rule), **chosen.options(loss, model.record.rule))
    return chosen.statistic(truth, outputs if target.labels else outputs[:, 0], **chosen.options(loss))

"""What looks wrong with a table before anything is trained on it: findings from the rows alone.

Columns that are constant or name the row are left out by the schema, which says so. To add a check: write a function
from TableFacts to its findings, add a line to TABLE_CHECKS. Each is tested on planted cases and on clean tables by
tests/benchmarks/table_checks.py; a check that raises alarms on clean tables is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config.flags import as_flag
from mlpcli.config.settings import Config
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.data.schema import Schema
from mlpcli.data.storage import Storage
from mlpcli.data.take import take_rows
from mlpcli.data.values import column_values
from mlpcli.diagnosis.bounds import LEAK_ERROR, LEAK_R2
from mlpcli.diagnosis.findings import MOVED, Finding, imbalance
from mlpcli.engine.arrays import Floats, Ints
from mlpcli.errors import plural
from mlpcli.evaluation.evaluate import MOVED_ALARM, MOVED_FAR
from mlpcli.metrics.p_values import kolmogorov_smirnov
from mlpcli.training.prepare import PreparedTraining

SHOWN = 5  # findings of a kind
MAX_CHECKED_ROWS = 50_000  # rows looked at, evenly spaced
LEAK_ROWS = 4_000  # rows on which one column is tried as the only predictor; half to fit, half to score
MIN_ERRORS = 5  # of a constant, below which nothing is proven
REPEATED, MIN_REPEATED = 0.01, 3  # share and number of rows that repeat another one
SURPRISE = 5.0  # times more repeated rows than columns drawn independently of each other would give
MOSTLY_MISSING = 0.5  # share of missing values
MIN_GROUPS, MIN_IN_GROUP = 10, 2.0
GROUP_NAME = re.compile(
    r"(^|[_\W])(id|ids|user|patient|subject|customer|client|person|participant|session|household|family|group|student|"
    r"animal|device|machine|sensor|store|shop|school|hospital|site|account|owner|player|driver|vehicle)([_\W]?"
    r"(id|no|nr|code|number))?$|[a-z]I[dD]$",
    re.I,
)
IN_STEP, MIN_TIMES = 0.8, 30  # von Neumann's ratio below which neighbours in time resemble each other
CERTAIN = 4.0  # standard deviations: 1 in 30,000 by chance
FAR_OUT = 1000.0  # times the quartiles' distance from the median: no value of the same kind as the others
MIN_TEST_ROWS = 10


@dataclass(frozen=True)
class TableFacts:
    """What the checks look at: rows that have a target, or an even sample of them."""

    frame: pd.DataFrame  # the columns training uses, as read
    y: NDArray[Any]  # class numbers, or values
    labels: tuple[str, ...]  # () for regression
    sets: NDArray[np.int8]
    schema: Schema
    config: Config

    @classmethod
    def of(cls, dataset: DataSet, schema: Schema, config: Config) -> TableFacts:
        n = len(dataset.sets)
        rows = np.linspace(0, n - 1, min(n, MAX_CHECKED_ROWS)).astype(np.int64)
        names = [c.name for c in schema.features]
        frame = take_rows(dataset.frame[names], rows, Storage(), dataset.storage)
        y = dataset.class_numbers[rows] if dataset.labels else np.asarray(dataset.y_cells.iloc[rows], np.float64)
        return cls(frame, y, dataset.labels, dataset.sets[rows], schema, config)

    @cached_property
    def cells(self) -> dict[str, Any]:
        """Column -> float64, or categories with codes."""
        return {str(name): column_values(column) for name, column in self.frame.items()}

    @cached_property
    def values(self) -> dict[str, Floats | Ints]:
        """Column -> (n,) numbers as they are, category codes for text with -1 for missing."""
        return {n: c.codes.astype(np.int64) if isinstance(c, pd.Categorical) else c for n, c in self.cells.items()}

    @cached_property
    def hashes(self) -> NDArray[np.uint64]:
        """(n,) equal for rows equal in every column and the target."""
        rows = pd.util.hash_pandas_object(self.frame, index=False).to_numpy()
        with np.errstate(over="ignore"):
            return np.asarray(rows + pd.util.hash_array(self.y) * np.uint64(31))

    @cached_property
    def n_repeated(self) -> int:
        """Rows that repeat another one; 0 when they are few, or no more than chance explains."""
        n = len(self.y) - len(np.unique(self.hashes))
        is_many = n >= max(MIN_REPEATED, REPEATED * len(self.y)) and n >= SURPRISE * repeated_by_chance(self)
        return n if is_many else 0


def leaks(facts: TableFacts) -> Iterator[Finding]:
    """A column that by itself nearly determines the target, on rows it was not fitted on."""
    rows = np.random.default_rng(0).permutation(np.flatnonzero(facts.sets != splits.TEST))[:LEAK_ROWS]
    half = len(rows) // 2
    fit, held = rows[:half], rows[half:]
    if half < 10:
        return
    for name, x in facts.values.items():
        found = class_leak(x, facts.y, fit, held) if facts.labels else number_leak(x, facts.y, fit, held)
        if found is not None:
            yield Finding(
                "leak-suspected", "warning", f"column '{name}' by itself nearly determines the target ({found[0]})",
                {"share": found[1]}, (as_flag("drop", (name,)),),
            )  # fmt: skip


def class_leak(x: NDArray[Any], y: Ints, fit: Ints, held: Ints) -> tuple[str, float] | None:
    answer = nearest_answer(x, y, fit, held) if x.dtype.kind == "f" else None
    if answer is None:
        group, n_groups = groups_of(x)
        counts = np.zeros((n_groups, int(y.max()) + 1), np.int64)
        np.add.at(counts, (group[fit], y[fit]), 1)
        answer = np.where(counts.any(axis=1), counts.argmax(axis=1), np.bincount(y[fit]).argmax())[group[held]]
    wrong = int((answer != y[held]).sum())
    constant = int((y[held] != np.bincount(y[fit]).argmax()).sum())
    if constant < MIN_ERRORS or wrong > LEAK_ERROR * constant:
        return None
    right = 1 - wrong / len(held)
    return f"{right:.1%} of the rows right, {1 - constant / len(held):.1%} by always giving the same answer", right


def nearest_answer(x: Floats, y: Ints, fit: Ints, held: Ints) -> Ints | None:
    """The class of the nearest value among the fitted rows; None for a column of few values, which are levels."""
    present = fit[~np.isnan(x[fit])]
    order = present[np.argsort(x[present], kind="stable")]
    if len(np.unique(x[order])) <= len(fit) // 4:
        return None
    after = np.clip(np.searchsorted(x[order], x[held]), 1, len(order) - 1)
    is_before = x[held] - x[order][after - 1] < x[order][after] - x[held]
    return y[order[after - is_before]]


def number_leak(x: NDArray[Any], y: Floats, fit: Ints, held: Ints) -> tuple[str, float] | None:
    y = y / (np.abs(y).max() or 1.0)  # squares of 1e200 would overflow
    spread = y[held] - y[held].mean()
    if y[fit].min() == y[fit].max() or y[held].min() == y[held].max():
        return None
    if x.dtype.kind == "f":
        here = np.concatenate([fit, held])
        here = here[~np.isnan(x[here])]
        if len(here) < 20 or np.ptp(x[here]) == 0 or len(np.unique(x[here])) < 10:
            return None
        ranks = np.corrcoef(pd.Series(x[here]).rank(), pd.Series(y[here]).rank())[0, 1]
        r2 = float(ranks**2)
    else:
        group, n_groups = groups_of(x)
        n = np.bincount(group[fit], minlength=n_groups)
        mean = np.bincount(group[fit], y[fit], n_groups) / np.maximum(n, 1)
        predicted = np.where(n > 0, mean, y[fit].mean())[group[held]]
        r2 = 1 - float(np.square(y[held] - predicted).sum() / np.square(spread).sum())
    return None if r2 < LEAK_R2 else (f"R2 {r2:.4f}", r2)


def groups_of(x: NDArray[Any]) -> tuple[Ints, int]:
    """(n,) levels or values -> the group of each row and the number of groups"""
    _, group = np.unique(x, return_inverse=True)
    return group, int(group.max()) + 1


def repeated_rows(facts: TableFacts) -> Iterator[Finding]:
    """More rows that repeat another one than chance explains."""
    n_repeated = facts.n_repeated
    if n_repeated:
        share = n_repeated / len(facts.y)
        yield Finding(
            "repeated-rows", "note", f"{plural(n_repeated, 'row')} ({share:.1%}) equal to another row in every column",
            {"rows": n_repeated, "share": share}, ("a file without the repeated lines",),
        )  # fmt: skip


def repeated_across_sets(facts: TableFacts) -> Iterator[Finding]:
    """Test rows that also stand among the rows trained on."""
    tested = facts.sets == splits.TEST
    known = np.isin(facts.hashes[tested], facts.hashes[~tested])
    if facts.n_repeated and known.sum() >= max(1, REPEATED * len(known)):
        yield Finding(
            "repeated-across-sets", "warning",
            f"{int(known.sum())} of {len(known)} test rows ({known.mean():.1%}) also stand among the rows trained on, "
            "so the test metrics are too good", {"rows": int(known.sum()), "share": float(known.mean())},
            ("a file without the repeated lines", "--group COL"),
        )  # fmt: skip


def repeated_by_chance(facts: TableFacts) -> float:
    """Expected repeated rows if columns were independent: n rows in as many cells as the values can form."""
    log_same = 0.0
    for values in (*facts.values.values(), facts.y):
        _, counts = np.unique(values, return_counts=True)
        log_same += float(np.log(np.square(counts / len(values)).sum()))
    return min(len(facts.y) * float(np.exp(log_same)) * len(facts.y) / 2, float(len(facts.y)))


def class_in_one_set(facts: TableFacts) -> Iterator[Finding]:
    """A class that training, or the test, never meets."""
    if not facts.labels:
        return
    tested = facts.sets == splits.TEST
    seen = np.bincount(facts.y[~tested], minlength=len(facts.labels))
    n_tested = np.bincount(facts.y[tested], minlength=len(facts.labels))
    for label, n_seen, n_test in zip(facts.labels, seen.tolist(), n_tested.tolist(), strict=True):
        if (n_seen == 0) != (n_test == 0) and tested.any():
            where = "training never sees it" if n_seen == 0 else "the test says nothing about it"
            yield Finding(
                "class-in-one-set", "warning",
                f"class '{label}' has {plural(n_seen + n_test, 'row')}, all in one set: {where}",
                {"training": n_seen, "test": n_test}, ("--test 0.3", "more rows of this class"),
            )  # fmt: skip


def rare_class(facts: TableFacts) -> Iterator[Finding]:
    """One class outnumbers another so far that accuracy says nothing about the rare one."""
    counts = np.bincount(facts.y, minlength=len(facts.labels)).tolist() if facts.labels else []
    if (found := imbalance(dict(zip(facts.labels, counts, strict=True)))) is not None:
        yield found


def mostly_missing(facts: TableFacts) -> Iterator[Finding]:
    """A column without a value in over half the rows."""
    for name, x in facts.values.items():
        share = float(np.mean(np.isnan(x) if x.dtype.kind == "f" else x < 0))
        if share > MOSTLY_MISSING:
            yield Finding(
                "mostly-missing", "note", f"column '{name}' has no value in {share:.0%} of the rows",
                {"share": share}, (as_flag("drop", (name,)),),
            )  # fmt: skip


def group_column(facts: TableFacts) -> Iterator[Finding]:
    """A column that says which rows belong together (a patient, a machine), used as a feature in a random split."""
    if facts.config.group is not None or facts.config.time is not None:
        return
    n = len(facts.frame)
    for name, x in facts.values.items():
        if not GROUP_NAME.search(name):
            continue
        if x.dtype.kind == "f" and not np.all((x == np.round(x)) | np.isnan(x)):
            continue
        n_groups = len(np.unique(x))
        if MIN_GROUPS <= n_groups <= n / MIN_IN_GROUP:
            yield Finding(
                "group-column", "warning",
                f"column '{name}' names {n_groups} groups of rows; rows of one group stand in training and test",
                {"groups": n_groups, "rows_per_group": n / n_groups},
                (as_flag("group", name), as_flag("drop", (name,))),
            )  # fmt: skip


def time_order(facts: TableFacts) -> Iterator[Finding]:
    """A date along which the target drifts, so that a random test row has its neighbours in training.

    Measured by von Neumann's ratio (1941): mean squared difference of neighbours over twice the variance, 1 by chance
    with a standard deviation of about 1/sqrt(n).
    """
    if facts.config.time is not None or facts.config.group is not None:
        return
    for column in facts.schema.features:
        seconds = column.seconds(facts.cells[column.name])
        if seconds is None:
            continue
        present = np.flatnonzero(~np.isnan(seconds))
        order = present[np.argsort(seconds[present], kind="stable")]
        if len(np.unique(seconds[present])) < MIN_TIMES:
            continue
        y = facts.y[order]
        if facts.labels:
            shares = np.bincount(y) / len(y)
            ratio = float((y[1:] != y[:-1]).mean()) / max(1 - float(shares @ shares), 1e-12)
        else:
            ranks = pd.Series(y).rank().to_numpy()
            ratio = float(np.square(np.diff(ranks)).mean()) / max(2 * float(ranks.var()), 1e-12)
        if ratio < IN_STEP and (1 - ratio) * len(y) ** 0.5 > CERTAIN:
            yield Finding(
                "time-order", "warning",
                f"along '{column.name}' rows close in time have a similar target (von Neumann's ratio {ratio:.2f}, "
                "1 by chance): a random test set makes predictions of the future look better than they are",
                {"ratio": ratio}, (as_flag("time", column.name),),
            )  # fmt: skip


def shifted_test(facts: TableFacts) -> Iterator[Finding]:
    """Columns whose test rows come from another distribution than the rest: Kolmogorov-Smirnov, over all columns.

    Categories stand in the order of their codes, and missing values before all others.
    """
    tested = facts.sets == splits.TEST
    if min(int((~tested).sum()), int(tested.sum())) < MIN_TEST_ROWS:
        return
    far = []
    for name, values in facts.values.items():
        x = np.nan_to_num(values, nan=-np.inf)
        distance, p_value = kolmogorov_smirnov(x[~tested], x[tested])
        if distance > MOVED_FAR and p_value < MOVED_ALARM / len(facts.frame.columns):
            far.append((distance, name))
    if far:
        far.sort(reverse=True)
        names = ", ".join(f"'{name}'" for _, name in far[:3]) + (f" and {len(far) - 3} more" if len(far) > 3 else "")
        yield Finding(
            MOVED, "warning",
            f"the test rows are not like the others: {names} (distribution functions {far[0][0]:.2f} apart)",
            {"distance": far[0][0], "columns": len(far)},
            ("--test 0.15 for a random test set", as_flag("drop", (far[0][1],))),
        )  # fmt: skip


def lost_column(facts: TableFacts) -> Iterator[Finding]:
    """A column asked for with --category of which next to nothing reaches the network; others are refused before."""
    for column in facts.schema.features:
        lost = column.lost(facts.cells[column.name])
        if lost:
            remedies = (as_flag("drop", (column.name,)),)
            yield Finding("lost-column", "warning", f"column '{column.name}': {lost}", {}, remedies)


def target_outlier(facts: TableFacts) -> Iterator[Finding]:
    """A value of the target so far from the others that it decides every squared loss: a total, a missing marker."""
    if facts.labels:
        return
    low, median, high = np.quantile(facts.y, [0.25, 0.5, 0.75])
    target = facts.schema.target
    ends = (min(float(facts.y.min()), target.low), max(float(facts.y.max()), target.high))
    far = max(ends, key=lambda value: abs(value - median))
    times = abs(far - float(median)) / max(float(high - low), 1e-300)
    if high > low and times > FAR_OUT:
        yield Finding(
            "target-outlier", "warning",
            f"the target reaches {far:.6g}, {times:,.0f} times the distance of its quartiles ({low:.4g} to {high:.4g}) "
            "from the median: a total, or a marker of a missing value?",
            {"value": far, "times": times}, (as_flag("missing", (f"{far:.15g}",)), as_flag("loss", "absolute_error")),
        )  # fmt: skip


TABLE_CHECKS: dict[str, Callable[[TableFacts], Iterator[Finding]]] = {
    "leak-suspected": leaks,
    MOVED: shifted_test,
    "group-column": group_column,
    "time-order": time_order,
    "repeated-rows": repeated_rows,
    "repeated-across-sets": repeated_across_sets,
    "class-in-one-set": class_in_one_set,
    "imbalanced": rare_class,
    "mostly-missing": mostly_missing,
    "lost-column": lost_column,
    "target-outlier": target_outlier,
}


def check_table(prepared: PreparedTraining) -> tuple[Finding, ...]:
    """What all checks find in a table that is ready to train on."""
    return run_checks(TableFacts.of(prepared.dataset, prepared.schema, prepared.settings))


def run_checks(facts: TableFacts) -> tuple[Finding, ...]:
    """What all checks find; at most SHOWN of a kind, and how many more."""
    found: list[Finding] = []
    for check in TABLE_CHECKS.values():
        of_a_kind = list(check(facts))
        found += of_a_kind[:SHOWN]
        if len(of_a_kind) > SHOWN:
            more = len(of_a_kind) - SHOWN
            found.append(replace(of_a_kind[SHOWN], message=f"and {more} more", numbers={"more": more}, remedies=()))
    return tuple(found)

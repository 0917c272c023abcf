"""Fits the columns of the training rows: what kind each is, and its statistics."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config.flags import as_flag
from mlpcli.config.settings import LARGE_ROWS, REFERENCE_ROWS, Config, Task
from mlpcli.data.formats.dates import TimeFormat
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.kinds import Column
from mlpcli.data.kinds.category import RARE, CategoryColumn, EmbeddedColumn
from mlpcli.data.kinds.date import DateColumn, date_parts
from mlpcli.data.kinds.left_out import LeftOut
from mlpcli.data.kinds.number import MAX_NUMBER, NumberColumn
from mlpcli.data.kinds.protocol import Format
from mlpcli.data.kinds.text import FreeText
from mlpcli.data.schema import ENCODE_ROWS
from mlpcli.data.statistics import mean_and_deviation, quantiles
from mlpcli.data.values import column_values, used_texts
from mlpcli.data.words import SLOTS, counts, grams, is_sentence
from mlpcli.engine.arrays import Floats

PLE_BINS: Mapping[Task, int] = {"classification": 16, "regression": 32}
LARGE_PLE_BINS: Mapping[Task, int] = {"classification": 8, "regression": 12}  # of large tables


PLE_INPUTS: Mapping[Task, int] = {"classification": 256, "regression": 512}  # of all columns together


PLAIN = NumberFormat()
PLE_MIN_BINS = 4


# Half the range of a piecewise-linear input: small, so that they do not swamp the plain columns.
PLE_SHRINK: Mapping[Task, float] = {"classification": 0.25, "regression": 0.5}


# Where a scaled number bends: x / sqrt(1 + (x/c)^2). 3 is RealMLP's (arXiv 2407.04491); deviations bend later.
SMOOTH_CLIP = {"robust": 3.0, "clipped": 6.0}


EMBEDDING = 8  # numbers learned for each level of a category of many; RealMLP, arXiv 2407.04491


MAX_EMBEDDED_LEVELS = 10_000  # levels of one category; rarer ones share a vector


TEXT_INPUTS = 256  # slots of hashed words kept of a column of free text: those that occur in most rows


MOSTLY_DISTINCT = 0.5  # of its values, and of these the share that are sentences, from which on a column is free text


def fit_columns(
    frame: pd.DataFrame,
    config: Config,
    task: Task,
    leave_out: Mapping[str, str],
    formats: Mapping[str, Format | None],
    weights: Floats | None = None,
    n_rows: int = REFERENCE_ROWS,
) -> tuple[Column, ...]:
    """Columns of the training rows -> their kinds and statistics; `leave_out` names the reason for some.

    `config` is resolved, for a table of which `n_rows` rows are for training and validation. A column of float64 is a
    number or a time, as its format says, any other is text. In statistics a row of weight 3 counts as three rows; what
    a column is, and which levels are rare, is asked of rows.
    """
    cells = {str(name): column_values(column) for name, column in frame.items()}
    n_numbers = sum(not isinstance(c, pd.Categorical) and name not in leave_out for name, c in cells.items())
    fitter = Fitter(config, task, n_numbers, weights, n_rows)
    columns: list[Column] = []
    for name, values in cells.items():
        form = formats.get(name) or NumberFormat()
        if name in leave_out:
            columns.append(LeftOut("left out", name, leave_out[name], ""))
        elif is_date(form) and not np.isnan(values).all() and len(np.unique(values[~np.isnan(values)])) > 1:
            columns.append(fitter.date(name, values, form))
        elif (text := fitter.text(name, values)) is not None:
            columns.append(text)
        elif (reason := no_input(name, values, config)) is not None:
            columns.append(reason)
        elif isinstance(values, pd.Categorical):
            columns.append(fitter.category(name, values))
        else:
            columns.append(fitter.number(name, values, form))
    return tuple(columns)


def is_date(form: Format) -> TypeGuard[TimeFormat]:
    """Whether times so written are dates or times of day; durations are numbers."""
    return isinstance(form, TimeFormat) and form.kind != "duration"


ID_NAME = re.compile(r"(^|[_\W])(id|uuid|guid|index|idx|rownum|row|key|no|nr)$|[a-z]I[dD]$|번호$|^unnamed", re.I)


MIN_IDS = 20  # rows below which a column of distinct values is no evidence of an id


def no_input(name: str, values: Floats | pd.Categorical, config: Config) -> LeftOut | None:
    """Why a column is left out: without values, constant, or an id; None for a column worth an input."""
    keep = as_flag("category" if isinstance(values, pd.Categorical) else "numeric", (name,))
    missing = pd.isna(values)
    present = values[~missing]
    if len(present) == 0:
        return LeftOut("left out", name, "no values", "")
    cells = present.codes if isinstance(present, pd.Categorical) else present
    if not missing.any() and bool((cells == cells[0]).all()):
        return LeftOut("left out", name, "the same value in all rows", "")
    if name in config.category or name in config.numeric or len(cells) < MIN_IDS or not are_distinct(cells):
        return None
    if isinstance(values, pd.Categorical):
        return LeftOut("left out", name, "a different value in every row, like an id", keep)
    whole = not missing.any() and bool(np.all(present == np.round(present)))
    counts_up = whole and bool(np.all(np.diff(present) > 0)) and np.ptp(present) < 2 * len(present)
    if whole and (counts_up or ID_NAME.search(name)):
        return LeftOut("left out", name, "a different whole number in every row, like an id", keep)
    return None


def are_distinct(cells: NDArray[Any]) -> bool:
    """Whether no value comes twice, which the first thousand rows mostly tell."""
    return all(len(np.unique(part)) == len(part) for part in (cells[:1000], cells))


def is_free_text(texts: Sequence[str], n_distinct: int, n_present: int) -> bool:
    """Whether the values of a column are mostly distinct sentences; `texts` are the different ones, or more."""
    if n_distinct < max(MIN_IDS, MOSTLY_DISTINCT * n_present):
        return False
    return sum(map(is_sentence, texts)) >= MOSTLY_DISTINCT * len(texts)


def has_bins(config: Config, task: Task, n_numbers: int) -> bool:
    """Whether so many numbers are encoded by where they stand in their range, and not only scaled."""
    return config.embed_numbers == "ple" and n_numbers <= PLE_INPUTS[task]


class Fitter:
    """Fits one column at a time with the settings they share."""

    def __init__(
        self, config: Config, task: Task, n_numbers: int, weights: Floats | None = None, n_rows: int = REFERENCE_ROWS
    ) -> None:
        self.config, self.weights = config, weights
        most = (LARGE_PLE_BINS if n_rows >= LARGE_ROWS else PLE_BINS)[task]
        self.bins = max(PLE_MIN_BINS, min(most, PLE_INPUTS[task] // max(n_numbers, 1)))
        # Past as many columns as inputs even the fewest bins would multiply the network's width.
        self.ple = has_bins(config, task, n_numbers)
        self.shrink = PLE_SHRINK[task]

    def number(self, name: str, values: Floats, form: Format = PLAIN, ple: bool = True) -> NumberColumn:
        missing = np.isnan(values)
        values = np.clip(values, -MAX_NUMBER, MAX_NUMBER)
        present = values[~missing]
        weights = None if self.weights is None else self.weights[~missing]
        median = float(np.median(present) if weights is None else quantiles(present, 0.5, weights))
        center, factor = self.center_and_factor(np.where(missing, median, values))
        edges = self.edges(np.where(missing, median, values)) if ple and self.ple else ()
        n_missing = int(missing.sum())
        return NumberColumn(
            "number", name, n_missing, median, center, factor,
            clip=SMOOTH_CLIP.get(self.config.scale or "", 0.0),
            low=float(present.min()), high=float(present.max()),
            indicator=self.off_on(self.share(missing)) if n_missing else (),
            edges=edges, shrink=self.shrink if edges else 0.0, cuts=(), format=form,
        )  # fmt: skip

    def category(self, name: str, values: pd.Categorical) -> CategoryColumn | EmbeddedColumn:
        counts = np.bincount(values.codes + 1, minlength=len(values.categories) + 1)
        named = [(None, int(counts[0])), *zip(map(str, values.categories), counts[1:].tolist(), strict=True)]
        seen = sorted(((c, n) for c, n in named if n), key=lambda p: (-p[1], p[0] is not None, p[0] or ""))
        fewest = RARE if len(seen) > 2 else 1
        kept = [(c, n) for c, n in seen if n >= fewest][:MAX_EMBEDDED_LEVELS]
        most = self.config.max_categories or len(kept)
        n_distinct = sum(c is not None for c, _ in seen)
        if len(kept) > most and self.config.embed_categories == "learned":
            levels = tuple(c for c, _ in kept)
            return EmbeddedColumn("embedded", name, int(counts[0]), n_distinct, levels, EMBEDDING)
        kept = kept[:most]
        place = {None: 0} | {str(level): number for number, level in enumerate(values.categories, 1)}
        weight = counts if self.weights is None else np.bincount(values.codes + 1, self.weights, len(counts))
        shares = (weight[[place[level] for level, _ in kept]] / weight.sum()).tolist()
        has_rare = len(kept) < len(seen)
        if has_rare:
            shares.append(1 - sum(shares))
        if len(kept) == 2 and not has_rare:
            shares = shares[1:]
        off_on = [self.off_on(share) for share in shares]
        return CategoryColumn(
            "category", name, int(counts[0]), n_distinct,
            tuple(c for c, _ in kept), tuple(p[0] for p in off_on), tuple(p[1] for p in off_on), has_rare,
        )  # fmt: skip

    def text(self, name: str, values: Floats | pd.Categorical) -> FreeText | None:
        """The column as free text, if its values are mostly distinct sentences that share some words."""
        if not isinstance(values, pd.Categorical) or name in self.config.category:
            return None
        texts, of_row = used_texts(values)
        n_rows = np.bincount(of_row[of_row >= 0], minlength=len(texts))
        n_distinct = int(np.count_nonzero(n_rows))
        if not is_free_text(texts, n_distinct, int(n_rows.sum())):
            return None
        parts = [slice(i, i + ENCODE_ROWS) for i in range(0, len(texts), ENCODE_ROWS)]
        seen = np.zeros(SLOTS)  # rows in which a slot occurs
        for part in parts:
            text, slot = grams(texts[part])
            once = np.unique(text * SLOTS + slot)
            seen += np.bincount(once % SLOTS, n_rows[part][once // SLOTS], SLOTS)
        seen[seen == len(values)] = 0  # tells no row from another
        slots = np.sort(np.argsort(-seen, kind="stable")[:TEXT_INPUTS])
        slots = slots[seen[slots] >= RARE]
        if not len(slots):
            return None
        sums = np.zeros((2, len(slots)))
        counted = n_rows if self.weights is None else np.bincount(of_row + 1, self.weights, len(texts) + 1)[1:]
        for part in parts:
            found = counts(texts[part], slots)
            sums += counted[part] @ found, counted[part] @ np.square(found)
        mean, square = sums / (len(values) if self.weights is None else self.weights.sum())
        center, spread = (mean, np.sqrt(square - mean**2)) if self.config.scale != "none" else (0 * mean, 1 + 0 * mean)
        return FreeText(
            "text", name, int((of_row < 0).sum()), tuple(slots.tolist()), tuple(center.tolist()),
            tuple((1 / spread).tolist()), SMOOTH_CLIP.get(self.config.scale or "", 0.0),
        )  # fmt: skip

    def date(self, name: str, values: Floats, form: TimeFormat) -> DateColumn:
        fitted = tuple(
            self.number(part, x, ple="circle" not in part)
            for part, x in date_parts(values).items() if np.nanmin(x) < np.nanmax(x)
        )  # fmt: skip
        return DateColumn("date", name, int(np.isnan(values).sum()), form, fitted)

    def center_and_factor(self, x: Floats) -> tuple[float, float]:
        with np.errstate(over="ignore"):
            if self.config.scale == "robust":
                q25, center, q75 = quantiles(x, [0.25, 0.5, 0.75], self.weights)
                spread = q75 - q25 if q75 > q25 else (x.max() - x.min()) / 2
            elif self.config.scale in ("standard", "clipped"):
                center, spread = mean_and_deviation(x, self.weights)
            else:
                return 0.0, 1.0
            factor = float(1 / spread) if spread > 0 and np.isfinite(spread) else 0.0
        return float(center), factor if np.isfinite(factor) else 0.0

    def share(self, chosen: NDArray[np.bool_]) -> float:
        """Of the rows, of which (n,) are chosen."""
        return float(np.average(chosen, weights=self.weights))

    def off_on(self, share: float) -> tuple[float, ...]:
        """The two values of a 0/1 input that is 1 in this share of the rows, scaled like a number."""
        if self.config.scale not in SMOOTH_CLIP:
            return 0.0, 1.0
        if self.config.scale == "robust":
            center = float(share > 0.5)
            spread = 1.0 if 0.25 <= share <= 0.75 else 0.5 if 0 < share < 1 else np.inf
        else:
            center, spread = share, (share * (1 - share)) ** 0.5 or np.inf
        z = (np.array([0.0, 1.0]) - center) / spread
        bent = z / np.sqrt(1 + np.square(z / SMOOTH_CLIP[self.config.scale]))
        return float(bent[0]), float(bent[1])

    def edges(self, x: Floats) -> tuple[float, ...]:
        found = np.unique(quantiles(x, np.linspace(0, 1, self.bins + 1), self.weights))
        with np.errstate(over="ignore"):
            usable = len(found) > 3 and np.isfinite(found[-1] - found[0]) and np.diff(found).min() > 1e-300
        return tuple(found.tolist()) if usable else ()

"""What the columns of a table are, fitted on training rows and kept in the model file: kinds, statistics, target.

A kind of column is a frozen dataclass with `n_plain` and `n_ple` inputs and `encode(values, plain, ple)`.
To add one: write the class, let `fit_columns` choose it, add a line to KINDS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config import Config, Task
from mlpcli.data.columns import as_categorical as as_categorical
from mlpcli.data.table import is_number
from mlpcli.data.words import SLOTS, counts, grams, is_sentence
from mlpcli.engine.layers import Embedding
from mlpcli.errors import DataError

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

LARGEST = 1e300  # numbers beyond are brought down to it: their differences would overflow
SMALLEST = 1e-30  # inputs below are 0: in float32 they, or products with them, are denormals, on which processors crawl

PLE_BINS: Mapping[Task, int] = {"classification": 16, "regression": 32}
PLE_INPUTS: Mapping[Task, int] = {"classification": 256, "regression": 512}  # of all columns together
PLE_FEWEST_BINS = 4
# Half the range of a piecewise-linear input: small, so that they do not swamp the plain columns.
PLE_SHRINK: Mapping[Task, float] = {"classification": 0.25, "regression": 0.5}
# Where a scaled number bends: x / sqrt(1 + (x/c)^2). 3 is RealMLP's (arXiv 2407.04491); deviations bend later.
SMOOTH_CLIP = {"robust": 3.0, "clipped": 6.0}
EMBEDDING = 8  # numbers learned for each level of a category of many; RealMLP, arXiv 2407.04491
MOST_EMBEDDED = 10_000  # levels of one category; rarer ones share a vector
RARE = 5  # a level seen less often in the training rows shares one input with the other rare ones
TEXT_INPUTS = 256  # slots of hashed words kept of a column of free text: those that occur in most rows
MOSTLY_DISTINCT = 0.5  # of its values, and of these the share that are sentences, from which on a column is free text
ENCODE_ROWS = 4096  # rows encoded at once: the block stays in the processor's cache


@dataclass(frozen=True)
class NumberColumn:
    """A number: scaled, missing set to the median with an indicator, and its piecewise-linear encoding."""

    kind: Literal["number"]
    name: str
    n_missing: int
    median: float
    center: float
    factor: float  # 1 / scale; 0 for a column without spread
    clip: float  # 0: no smooth clip
    low: float
    high: float
    indicator: tuple[float, ...]  # input where present, where missing; () without missing training values
    edges: tuple[float, ...]  # of the bins; () without piecewise-linear encoding
    shrink: float

    @property
    def n_plain(self) -> int:
        return 1 + bool(self.indicator)

    @property
    def n_ple(self) -> int:
        return max(len(self.edges) - 1, 0)

    def encode(self, values: Floats, plain: Matrix, ple: Matrix) -> None:
        """(n,) -> plain (n, n_plain), ple (n, n_ple); NaN is missing."""
        missing = np.isnan(values)
        x = np.clip(np.where(missing, self.median, values), -LARGEST, LARGEST)
        with np.errstate(over="ignore"):
            z = np.clip((x - self.center) * self.factor, -1e6, 1e6)
        z[np.abs(z) < SMALLEST] = 0
        plain[:, 0] = z / np.sqrt(1 + np.square(z / self.clip)) if self.clip else z
        if self.indicator:
            plain[:, 1] = np.where(missing, self.indicator[1], self.indicator[0])
        if self.edges:
            edges = np.asarray(self.edges)
            # Clipped first, so that neither the difference nor the quotient can overflow.
            inside, n_bins = np.clip(x, edges[0], edges[-1]), len(edges) - 1
            bins = np.clip(np.searchsorted(edges, inside, "right") - 1, 0, n_bins - 1)
            # Bins below the value's own are full, those above empty; only its own holds a share.
            full_below = np.where(np.tri(n_bins, k=-1, dtype=bool), self.shrink, -self.shrink).astype(np.float32)
            ple[:] = full_below[bins]
            share = np.clip((inside - edges[bins]) / np.diff(edges)[bins], 0, 1)
            ple[np.arange(len(x)), bins] = 2 * self.shrink * (share - 0.5)


@dataclass(frozen=True)
class CategoryColumn:
    """A category: one input a kept level, one for the rare levels; two levels share one input."""

    kind: Literal["category"]
    name: str
    n_missing: int
    n_distinct: int
    levels: tuple[str | None, ...]  # kept levels, most frequent first; None is the missing value
    off: tuple[float, ...]  # value of each input where the row has another level
    on: tuple[float, ...]
    has_rare: bool  # the last input stands for all levels not kept

    @property
    def n_plain(self) -> int:
        return len(self.on)

    @property
    def n_ple(self) -> int:
        return 0

    def codes(self, values: pd.Categorical) -> NDArray[np.int64]:
        """Input of each row; n_plain and above where a row has none."""
        where = {level: i for i, level in enumerate(self.levels)}
        rare = len(self.levels) if self.has_rare else max(len(self.levels), self.n_plain)
        texts, codes = used_texts(values)
        lookup = np.asarray([*(where.get(text, rare) for text in texts), where.get(None, rare)])
        # Code -1, the missing value, is the last.
        return np.asarray(lookup[codes], np.int64)

    def encode(self, values: pd.Categorical, plain: Matrix, ple: Matrix) -> None:
        """n values -> plain (n, n_plain)"""
        codes = self.codes(values)
        plain[:] = self.off
        if len(self.levels) == 2 and not self.has_rare:
            plain[codes == 1, 0] = self.on[0]
            return
        rows = np.flatnonzero(codes < self.n_plain)
        plain[rows, codes[rows]] = np.asarray(self.on, np.float32)[codes[rows]]


@dataclass(frozen=True)
class EmbeddedColumn:
    """A category of many levels: one input, the number of the level, for which the network learns a vector.

    Entity embeddings; Guo & Berkhahn 2016, arXiv 1604.06737.
    """

    kind: Literal["embedded"]
    name: str
    n_missing: int
    n_distinct: int
    levels: tuple[str | None, ...]  # most frequent first; number 0 stands for all others, the first one here is 1
    width: int  # of the vector

    n_plain = 1
    n_ple = 0

    def codes(self, values: pd.Categorical) -> NDArray[np.int64]:
        """Number of each row's level."""
        where = {level: i for i, level in enumerate(self.levels, 1)}
        texts, codes = used_texts(values)
        number = np.asarray([*(where.get(text, 0) for text in texts), where.get(None, 0)], np.int64)
        return np.asarray(number[codes])

    def encode(self, values: pd.Categorical, plain: Matrix, ple: Matrix) -> None:
        plain[:, 0] = self.codes(values)


@dataclass(frozen=True)
class DateColumn:
    """A date or time: elapsed days, year, and month, day, weekday and hour as points on a circle."""

    kind: Literal["date"]
    name: str
    n_missing: int
    format: str
    parts: tuple[NumberColumn, ...]

    @property
    def n_plain(self) -> int:
        return sum(part.n_plain for part in self.parts)

    @property
    def n_ple(self) -> int:
        return sum(part.n_ple for part in self.parts)

    def encode(self, values: pd.Categorical, plain: Matrix, ple: Matrix) -> None:
        found = date_parts(parse_dates(values, self.format))
        i = j = 0
        for part in self.parts:
            part.encode(found[part.name], plain[:, i : i + part.n_plain], ple[:, j : j + part.n_ple])
            i, j = i + part.n_plain, j + part.n_ple


@dataclass(frozen=True)
class FreeText:
    """Text of many words: how often each of some hashed words and pairs of words occurs, scaled; none where missing."""

    kind: Literal["text"]
    name: str
    n_missing: int
    slots: tuple[int, ...]  # ascending
    center: tuple[float, ...]  # of log(1 + occurrences)
    factor: tuple[float, ...]
    clip: float  # 0: no smooth clip

    @property
    def n_plain(self) -> int:
        return len(self.slots)

    @property
    def n_ple(self) -> int:
        return 0

    def encode(self, values: pd.Categorical, plain: Matrix, ple: Matrix) -> None:
        texts, codes = used_texts(values)
        found = counts([*texts, ""], np.asarray(self.slots))
        z = (found - self.center) * self.factor
        plain[:] = (z / np.sqrt(1 + np.square(z / self.clip)) if self.clip else z)[codes]


@dataclass(frozen=True)
class LeftOut:
    """A column that is no input, and why."""

    kind: Literal["left out"]
    name: str
    reason: str
    hint: str  # the flag that would keep it; '' when there is none

    n_plain = 0
    n_ple = 0


Feature = NumberColumn | CategoryColumn | EmbeddedColumn | DateColumn | FreeText
Column = Feature | LeftOut
KINDS: Mapping[str, type[Column]] = {
    "number": NumberColumn,
    "category": CategoryColumn,
    "embedded": EmbeddedColumn,
    "date": DateColumn,
    "text": FreeText,
    "left out": LeftOut,
}


@dataclass(frozen=True)
class Target:
    """The column to predict: its class labels as they stand in the file, or the statistics of its numbers."""

    name: str
    task: Task
    labels: tuple[str, ...]  # () for regression
    mean: float
    std: float
    low: float
    high: float

    @property
    def n_outputs(self) -> int:
        return len(self.labels) if self.task == "classification" else 1


@dataclass(frozen=True)
class Schema:
    """All columns in the order of the file, and the target. What is counted over columns is counted once."""

    columns: tuple[Column, ...]
    target: Target

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        return tuple(c for c in self.columns if not isinstance(c, LeftOut))

    @cached_property
    def n_plain(self) -> int:
        """Inputs without the piecewise-linear ones; these come first."""
        return sum(c.n_plain for c in self.features)

    @cached_property
    def n_inputs(self) -> int:
        return self.n_plain + sum(c.n_ple for c in self.features)

    @property
    def embeddings(self) -> tuple[Embedding, ...]:
        """The inputs that are numbers of levels."""
        starts = accumulate((c.n_plain for c in self.features), initial=0)
        return tuple(
            Embedding(i, len(c.levels) + 1, c.width)
            for i, c in zip(starts, self.features, strict=False) if isinstance(c, EmbeddedColumn)
        )  # fmt: skip

    def read_kinds(self) -> dict[str, Literal["number", "text"]]:
        """How each feature column is read from a file."""
        return {c.name: "number" if isinstance(c, NumberColumn) else "text" for c in self.features}

    def encode(self, frame: pd.DataFrame) -> Matrix:
        """n rows -> (n, n_inputs): [plain inputs | piecewise-linear inputs]"""
        x = np.empty((len(frame), self.n_inputs), np.float32)
        values = [column_values(frame[c.name]) for c in self.features]
        for start in range(0, len(frame), ENCODE_ROWS):
            self.fill(x[start : start + ENCODE_ROWS], values, start)
        return x

    def encoded_parts(self, frame: pd.DataFrame) -> Iterator[Matrix]:
        """The same, ENCODE_ROWS rows at a time."""
        values = [column_values(frame[c.name]) for c in self.features]
        for start in range(0, len(frame), ENCODE_ROWS):
            x = np.empty((min(ENCODE_ROWS, len(frame) - start), self.n_inputs), np.float32)
            self.fill(x, values, start)
            yield x

    def fill(self, x: Matrix, values: Sequence[Any], start: int) -> None:
        """Encodes the rows of the features' values from `start` on, as many as x has."""
        i, j = 0, self.n_plain
        for c, column in zip(self.features, values, strict=True):
            c.encode(column[start : start + len(x)], x[:, i : i + c.n_plain], x[:, j : j + c.n_ple])
            i, j = i + c.n_plain, j + c.n_ple

    def surprises(self, frame: pd.DataFrame) -> dict[str, tuple[int, int]]:
        """Column -> (values never seen in training, numbers far outside the training range)."""
        found = {}
        for c in self.features:
            if isinstance(c, CategoryColumn):
                values = as_categorical(frame[c.name])
                unseen = c.codes(values) >= len(c.levels)
                if not c.has_rare and unseen.any():
                    found[c.name] = (int(unseen.sum()), 0)
            elif isinstance(c, NumberColumn):
                x, margin = frame[c.name].to_numpy(np.float64), c.high - c.low
                with np.errstate(over="ignore"):
                    far = int(((x < c.low - margin) | (x > c.high + margin)).sum())
                if far:
                    found[c.name] = (0, far)
        return found


def column_values(values: Any) -> Any:
    """float64 for a number column, categories with codes for text."""
    return values.to_numpy(np.float64) if values.dtype.kind == "f" else as_categorical(values)


def used_texts(values: pd.Categorical) -> tuple[list[str], NDArray[np.integer]]:
    """The texts that some rows may have, and the number of each row's, -1 where missing: few rows have few texts."""
    texts, codes = values.categories, values.codes
    if len(texts) > len(codes):
        used, codes = np.unique(codes, return_inverse=True)
        codes = codes - bool(len(used) and used[0] < 0)
        texts = texts[used[used >= 0]]
    return [str(text) for text in texts], codes


# --- fitting ----------------------------------------------------------------------------------------------


def fit_columns(frame: pd.DataFrame, config: Config, task: Task, leave_out: Mapping[str, str]) -> tuple[Column, ...]:
    """Columns of the training rows -> their kinds and statistics; `leave_out` names the reason for some.

    `config` is resolved. A column of float64 is a number, any other is text.
    """
    dates = {
        name: found
        for name in frame.columns
        if name not in leave_out
        and name not in config.category
        and frame[name].dtype.kind != "f"
        and (found := date_format(as_categorical(frame[name]))) is not None
    }
    n_numbers = len(dates) + sum(frame[n].dtype.kind == "f" and n not in leave_out for n in frame.columns)
    fitter = Fitter(config, task, n_numbers)
    columns: list[Column] = []
    for name in frame.columns:
        values = column_values(frame[name])
        if name in leave_out:
            columns.append(LeftOut("left out", name, leave_out[name], ""))
        elif name not in dates and (text := fitter.text(name, values)) is not None:
            columns.append(text)
        elif name not in dates and (reason := no_input(name, values, config)) is not None:
            columns.append(reason)
        elif isinstance(values, pd.Categorical):
            columns.append(fitter.date(name, values, dates[name]) if name in dates else fitter.category(name, values))
        else:
            columns.append(fitter.number(name, values))
    return tuple(columns)


ID_NAME = re.compile(r"(^|[_\W])(id|uuid|guid|index|idx|rownum|row|key|no|nr)$|[a-z]I[dD]$|번호$|^unnamed", re.I)
FEWEST_IDS = 20  # rows below which a column of distinct values is no evidence of an id


def no_input(name: str, values: Floats | pd.Categorical, config: Config) -> LeftOut | None:
    """Why a column is left out: without values, constant, or an id; None for a column worth an input."""
    keep = f"--category {name}" if isinstance(values, pd.Categorical) else f"--numeric {name}"
    missing = pd.isna(values)
    present = values[~missing]
    if len(present) == 0:
        return LeftOut("left out", name, "no values", "")
    n_distinct = len(np.unique(present.codes if isinstance(present, pd.Categorical) else present))
    if n_distinct == 1 and not missing.any():
        return LeftOut("left out", name, "the same value in all rows", "")
    if name in config.category or name in config.numeric or n_distinct < max(FEWEST_IDS, len(present)):
        return None
    if isinstance(values, pd.Categorical):
        return LeftOut("left out", name, "a different value in every row, like an id", keep)
    whole = not missing.any() and bool(np.all(present == np.round(present)))
    counts_up = whole and bool(np.all(np.diff(present) > 0)) and np.ptp(present) < 2 * len(present)
    if whole and (counts_up or ID_NAME.search(name)):
        return LeftOut("left out", name, "a different whole number in every row, like an id", keep)
    return None


class Fitter:
    """Fits one column at a time with the settings they share."""

    def __init__(self, config: Config, task: Task, n_numbers: int) -> None:
        self.config = config
        self.bins = max(PLE_FEWEST_BINS, min(PLE_BINS[task], PLE_INPUTS[task] // max(n_numbers, 1)))
        # Past as many columns as inputs even the fewest bins would multiply the network's width.
        self.ple = config.embed_numbers == "ple" and n_numbers <= PLE_INPUTS[task]
        self.shrink = PLE_SHRINK[task]

    def number(self, name: str, values: Floats, ple: bool = True) -> NumberColumn:
        missing = np.isnan(values)
        values = np.clip(values, -LARGEST, LARGEST)
        present = values[~missing]
        median = float(np.median(present))
        center, factor = self.center_and_factor(np.where(missing, median, values))
        edges = self.edges(np.where(missing, median, values)) if ple and self.ple else ()
        n_missing = int(missing.sum())
        return NumberColumn(
            "number", name, n_missing, median, center, factor,
            clip=SMOOTH_CLIP.get(self.config.scale or "", 0.0),
            low=float(present.min()), high=float(present.max()),
            indicator=self.off_on(n_missing / len(values)) if n_missing else (),
            edges=edges, shrink=self.shrink if edges else 0.0,
        )  # fmt: skip

    def category(self, name: str, values: pd.Categorical) -> CategoryColumn | EmbeddedColumn:
        counts = np.bincount(values.codes + 1, minlength=len(values.categories) + 1)
        named = [(None, int(counts[0])), *zip(map(str, values.categories), counts[1:].tolist(), strict=True)]
        seen = sorted(((c, n) for c, n in named if n), key=lambda p: (-p[1], p[0] is not None, p[0] or ""))
        fewest = RARE if len(seen) > 2 else 1
        kept = [(c, n) for c, n in seen if n >= fewest][:MOST_EMBEDDED]
        most = self.config.max_categories or len(kept)
        n_distinct = sum(c is not None for c, _ in seen)
        if len(kept) > most and self.config.embed_categories == "learned":
            levels = tuple(c for c, _ in kept)
            return EmbeddedColumn("embedded", name, int(counts[0]), n_distinct, levels, EMBEDDING)
        kept = kept[:most]
        shares = [n / len(values) for _, n in kept]
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
        if n_distinct < max(FEWEST_IDS, MOSTLY_DISTINCT * n_rows.sum()):
            return None
        if sum(map(is_sentence, texts)) < MOSTLY_DISTINCT * len(texts):
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
        for part in parts:
            found = counts(texts[part], slots)
            sums += n_rows[part] @ found, n_rows[part] @ np.square(found)
        mean, square = sums / len(values)
        center, spread = (mean, np.sqrt(square - mean**2)) if self.config.scale != "none" else (0 * mean, 1 + 0 * mean)
        return FreeText(
            "text", name, int((of_row < 0).sum()), tuple(slots.tolist()), tuple(center.tolist()),
            tuple((1 / spread).tolist()), SMOOTH_CLIP.get(self.config.scale or "", 0.0),
        )  # fmt: skip

    def date(self, name: str, values: pd.Categorical, format: str) -> DateColumn:
        parts = date_parts(parse_dates(values, format))
        fitted = tuple(
            self.number(part, x, ple="circle" not in part) for part, x in parts.items() if np.nanmin(x) < np.nanmax(x)
        )
        return DateColumn("date", name, int((values.codes < 0).sum()), format, fitted)

    def center_and_factor(self, x: Floats) -> tuple[float, float]:
        with np.errstate(over="ignore"):
            if self.config.scale == "robust":
                q25, center, q75 = np.quantile(x, [0.25, 0.5, 0.75])
                spread = q75 - q25 if q75 > q25 else (x.max() - x.min()) / 2
            elif self.config.scale in ("standard", "clipped"):
                # Divided by the largest value first: squares of 1e200 would overflow.
                size = np.abs(x).max() or 1.0
                center, spread = float(np.mean(x / size) * size), float(np.std(x / size) * size)
            else:
                return 0.0, 1.0
            factor = float(1 / spread) if spread > 0 and np.isfinite(spread) else 0.0
        return float(center), factor if np.isfinite(factor) else 0.0

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
        found = np.unique(np.quantile(x, np.linspace(0, 1, self.bins + 1)))
        with np.errstate(over="ignore"):
            usable = len(found) > 3 and np.isfinite(found[-1] - found[0]) and np.diff(found).min() > 1e-300
        return tuple(found.tolist()) if usable else ()


# --- dates ------------------------------------------------------------------------------------------------

DATE_SHAPE = re.compile(r"[0-9]{1,4}[-/.:][0-9]{1,2}([-/.:][0-9]{1,4})?([T ][0-9].*)?")
DATE_FORMATS = (
    "ISO8601", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y",
    "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%H:%M", "%H:%M:%S",
)  # fmt: skip
MINUTES_A_DAY = 24 * 60


def date_format(values: pd.Categorical) -> str | None:
    """The one format in which every value is a date or time, or None; month before day where both fit."""
    present = [str(c) for c in values.categories]
    if len(present) < 2 or not all(DATE_SHAPE.fullmatch(v.strip()) for v in present[:100]):
        return None
    for form in DATE_FORMATS:
        if not parse_dates(values, form)[values.codes >= 0].isna().any():
            return form
    return None


def parse_dates(values: pd.Categorical, form: str) -> pd.DatetimeIndex:
    """n values -> n times in UTC; NaT where a value is missing or not in this format."""
    texts, codes = used_texts(values)
    parsed = pd.to_datetime(pd.Series([t.strip() for t in texts], dtype=object), format=form, errors="coerce", utc=True)
    return pd.DatetimeIndex([*parsed, pd.NaT])[codes]


def date_parts(times: pd.DatetimeIndex) -> dict[str, Floats]:
    """Name of the part -> (n,) values, NaN where there is no time."""
    minute = (times.hour * 60 + times.minute).to_numpy(np.float64)
    circles = {
        "month": (times.month.to_numpy(np.float64) - 1) / 12,
        "day": (times.day.to_numpy(np.float64) - 1) / 31,
        "weekday": times.day_of_week.to_numpy(np.float64) / 7,
        "hour": minute / MINUTES_A_DAY,
    }
    elapsed = (times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
    parts = {"elapsed days": elapsed.to_numpy(np.float64), "year": times.year.to_numpy(np.float64)}
    for name, turn in circles.items():
        parts[f"{name} on a circle, sine"] = np.sin(2 * np.pi * turn)
        parts[f"{name} on a circle, cosine"] = np.cos(2 * np.pi * turn)
    return parts


# --- the target -------------------------------------------------------------------------------------------

UNNAMED = re.compile(r"unnamed_[0-9]+")  # what the reader calls a column without a name
TARGET_NAMES = ("target", "label", "class", "y")
MOST_NUMBER_CLASSES = 10  # distinct whole numbers up to which a numeric target is a class


def choose_target(names: Sequence[str], asked: str | None) -> tuple[str, str]:
    """The target's name and why it was chosen ('' when asked for)."""
    if asked is not None:
        return asked, ""
    for name in TARGET_NAMES:
        for column in names:
            if column.lower() == name:
                return column, f"the column named {name}"
    named = [n for n in names if not UNNAMED.fullmatch(n)]
    return (named or names)[-1], "the last column"


def choose_task(distinct: Sequence[str], asked: str) -> tuple[Task, str]:
    """Distinct values of the target as text -> its task and the rule that decided."""
    if asked == "classification" or asked == "regression":
        return asked, ""  # type: ignore[return-value]
    if not all(is_number(value) for value in distinct):
        return "classification", "its values are text"
    numbers = {float(value) for value in distinct}
    if len(numbers) == 2:
        return "classification", "it has two values"
    if len(numbers) <= MOST_NUMBER_CLASSES and all(n == round(n) for n in numbers):
        return "classification", f"it has {len(numbers)} values, all whole numbers"
    return "regression", f"it has {len(numbers)} values, all numbers"


def fit_target(name: str, task: Task, values: pd.Categorical | Floats) -> Target:
    """The target of the rows given for training."""
    if isinstance(values, pd.Categorical):
        labels = sorted((str(c) for c in values.categories), key=label_order)
        if len(labels) < 2:
            raise DataError(
                f"the target has one class only, '{labels[0]}'" if labels else "the target has no values",
                column=name, hint="choose another column with --target",
            )  # fmt: skip
        return Target(name, task, tuple(labels), 0.0, 1.0, 0.0, 0.0)
    size = float(np.abs(values).max()) or 1.0  # squares of 1e200 would overflow
    std = float(np.std(values / size) * size)
    return Target(
        name,
        task,
        (),
        float(np.mean(values / size) * size),
        std or 1.0,
        float(values.min()),
        float(values.max()),
    )


def label_order(label: str) -> tuple[int, float, str]:
    """Numbers by size, then text by spelling."""
    return (0, float(label), label) if is_number(label) else (1, 0.0, label)

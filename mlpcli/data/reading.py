"""From cells to columns of numbers and text: how each column is written, decided once and followed ever after.

`read_columns` decides from all cells of a table; `read_written` reads by formats that were decided before.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mlpcli.config.marks import by_column
from mlpcli.data.builders import OTHER
from mlpcli.data.dialect import Dialect
from mlpcli.data.fit_columns import is_free_text
from mlpcli.data.formats.date_format import decide_times, proven_order
from mlpcli.data.formats.dates import TimeFormat, are_compact
from mlpcli.data.formats.number_format import decide_numbers, may_have_points_between, proven_decimal
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.formats.writing import Known, Refusal, Suggestion
from mlpcli.data.kinds.category import MIN_LOST, RARE, lost_message
from mlpcli.data.kinds.protocol import LOST_SHARE, Format
from mlpcli.data.numbers import is_infinite, is_number, to_floats
from mlpcli.data.problems import Problems, missing_flag
from mlpcli.data.records import Records
from mlpcli.data.splits import blocks
from mlpcli.data.storage import Storage
from mlpcli.data.values import as_categorical, as_frame, looked_up
from mlpcli.engine.arrays import Floats, Ints

LEADING_ZERO = re.compile(r"0[0-9]")
EXACT_WHOLE = 2.0**53  # past it float64 no longer holds every whole number
MAX_ID = 1e25  # past it no id has so many digits
MAX_CLASS_NUMBERS = 20  # different values in the sample, up to which numbers may be the names of classes
MAX_STRAYS, MIN_NUMBERS_BESIDE_STRAYS = 5, 64  # so few different texts among so many different numbers are said
SPOT_ROWS = 4096  # rows by which most columns are known not to be written otherwise than they look
THREE_DIGITS = 1e-6
# Plain numbers that every parser reads alike, by format: their digits and the power of ten below them are exact in
# float64, so that one division gives the nearest number (Clinger 1990, the fast path).
SHORT: Mapping[Format, re.Pattern[str]] = {
    NumberFormat(mark): re.compile(rf"[+-]?(?:[0-9]{{1,15}}|(?=.{{2,16}}\Z)[0-9]*[{mark}][0-9]*)") for mark in ".,"
}


@dataclass(frozen=True)
class Wishes:
    """What the user says of columns, by name."""

    target: str | None = None
    numbers: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()  # what they hold does not matter
    roles: frozenset[str] = frozenset()  # which are no inputs: groups, times, weights


@dataclass(frozen=True)
class ColumnsRead:
    """Columns of float64 where they have a format, NaN where missing; categoricals of the exact cells for text."""

    frame: pd.DataFrame
    formats: Mapping[str, Format | None]
    target_format: Format | None  # of a target of text whose cells could be numbers
    notes: tuple[str, ...]


class Distinct(NamedTuple):
    """The different texts of a column, infinite numbers aside, and how many cells have each."""

    texts: list[str]
    counts: Ints


def read_columns(records: Records, wishes: Wishes) -> ColumnsRead:
    """All rows, each column by the rule of this room. Raises DataError that names all columns it cannot read.

    In the target only an empty cell is missing; it stays text here, as what it is depends on the task.
    """
    known = {name: known_of(name, records.dialect, wishes) for name in records.names}
    columns = cells_of(records, wishes, known)
    said = wishes.texts | wishes.drop
    distinct = {n: distinct_of(c, records.storage) for n, c in columns.items() if n not in said and is_text(c)}
    distinct = {n: d for n, d in distinct.items() if n != wishes.target or len(d.texts) > MAX_CLASS_NUMBERS}
    found, columns = decide(records, columns, distinct, known, wishes)
    problems, notes = Problems(records), list[str]()
    formats: dict[str, Format | None] = {}
    for name, column in columns.items():
        form = found.get(name)
        if isinstance(form, Refusal):
            problems.refuse(name, form, distinct[name].texts, column)
        elif isinstance(form, NumberFormat) and form.is_plain and name not in wishes.numbers and zeros(distinct[name]):
            notes.append(f"{name}: a category, because a cell begins with 0 (--numeric {shlex.quote(name)})")
            form = None
        elif form is not None and name != wishes.target:
            column = as_numbers(records, column, form, problems)
            if form != NumberFormat():
                notes.append(f"{name}: {form.describe()} ({n_present(column):,} cells)")
        elif name in wishes.numbers and is_text(column) and len(distinct[name].texts):
            problems.refuse(name, none_is_number(distinct[name]), distinct[name].texts, column)
        elif name in distinct and name != wishes.target:
            notes += number_note(name, distinct[name])
        if form is None and name in distinct and name not in wishes.roles | {wishes.target}:
            lost = lost_values(distinct[name])
            if lost:
                problems.lost(name, lost, odd_among_numbers(distinct[name]))
        if not is_text(column) and name not in wishes.drop:
            column = finite(records, column, problems, notes)
            form = form or NumberFormat(records.dialect.decimal_of_all)
        columns[name], formats[name] = column, None if isinstance(form, Refusal) else form
        records.storage.release()
    problems.check_total(columns)
    problems.check()
    target = formats.get(wishes.target or "")
    return ColumnsRead(as_frame(columns), formats, target, tuple(notes))


def read_written(records: Records, formats: Mapping[str, Format | None], target: str | None = None) -> pd.DataFrame:
    """All rows of these columns, each as its format says; text without one. DataError for a cell not so written."""
    dialect, problems = records.dialect, Problems(records)
    formats = {name: form and as_asked(form, name, dialect) for name, form in formats.items()}
    texts = {name for name, form in formats.items() if form != NumberFormat(dialect.decimal_of_all)}
    texts -= {name for name in records.typed_numbers if isinstance(formats.get(name), NumberFormat)}
    frame = records.parse(texts=texts, target=target, only=formats)
    columns = {}
    for name, form in formats.items():
        column = frame[name]
        if is_text(column):
            column = without_markers(column, dialect, name == target)
        if is_text(column) and form is not None:
            column = as_numbers(records, column, form, problems)
        columns[name] = column if form is None or is_text(column) else finite(records, column, problems, [])
        records.storage.release()
    problems.check()
    return as_frame(columns)


# --- what is known before ---------------------------------------------------------------------------------


def known_of(name: str, dialect: Dialect, wishes: Wishes) -> Known:
    """What flags say of a column."""
    decimal, thousands, dates = (by_column(given) for given in (dialect.decimal, dialect.thousands, dialect.dates))
    return Known(
        dialect.delimiter,
        decimal=decimal.get(name, decimal.get(None)),
        thousands=thousands.get(name, thousands.get(None)),
        times=dates.get(name),
        proven_order=dates.get(None),
        must=name in wishes.numbers or name in dates,
    )


def as_asked(form: Format, name: str, dialect: Dialect) -> Format:
    """The format of a model with the marks that flags name for the file at hand."""
    asked = known_of(name, dialect, Wishes())
    if isinstance(form, TimeFormat):
        return form
    return replace(form, decimal=asked.decimal or form.decimal, thousands=asked.thousands or form.thousands)


def cells_of(records: Records, wishes: Wishes, known: Mapping[str, Known]) -> dict[str, pd.Series[Any]]:
    """Columns of float64 where each cell is a plain number, else of text."""
    target, dialect = wishes.target, records.dialect
    as_text = wishes.texts | (records.with_leading_zeros() - wishes.numbers)
    decimal = dialect.decimal_of_all
    as_text |= {n for n, k in known.items() if k.times or k.thousands or (k.decimal or decimal) != decimal}
    guess = [n for n in records.names if n not in wishes.numbers and n not in as_text]
    if guess:
        sample = records.sample(target)
        as_text |= {n for n in guess if not looks_numeric(sample[n])}
        if target in guess and len(sample[target]) <= MAX_CLASS_NUMBERS:
            as_text |= {target}  # they may be the names of classes, each as it stands
    frame = records.parse(texts=as_text, target=target)
    return {n: without_markers(frame[n], dialect, n == target) for n in records.names}


def without_markers(column: pd.Series[Any], dialect: Dialect, is_target: bool) -> pd.Series[Any]:
    """Cells that are a marker of a missing value but for the spaces around it are missing too."""
    if not is_text(column):
        return column
    markers = set(dialect.target_missing if is_target else dialect.missing)
    cells = as_categorical(column)
    found = [c for c in cells.categories if c[:1].isspace() | c[-1:].isspace() and c.strip() in markers]
    return pd.Series(cells.remove_categories(found), name=column.name) if found else column


# --- the decision -----------------------------------------------------------------------------------------

Found = Format | Refusal | None


def decide(
    records: Records,
    columns: dict[str, pd.Series[Any]],
    distinct: dict[str, Distinct],
    known: Mapping[str, Known],
    wishes: Wishes,
) -> tuple[dict[str, Found], dict[str, pd.Series[Any]]]:
    """How the columns of text are written, and plain numbers that may be written otherwise; the latter as text."""
    plain = {n: c.to_numpy() for n, c in columns.items() if not is_text(c) and n not in wishes.drop}
    unsaid = {n: values for n, values in plain.items() if known[n].decimal is None}
    again = {n for n, values in unsaid.items() if looks_otherwise(values, n in wishes.numbers)}
    columns = as_text_again(records, columns, distinct, again, wishes)
    found = {n: decided(d, known[n]) for n, d in distinct.items()}
    decimals = {proven_decimal(*distinct[n]) for n, f in found.items() if isinstance(f, NumberFormat)} - {None}
    if any(proves_point(values) for n, values in plain.items() if n not in again):
        decimals.add(records.dialect.decimal_of_all)
    orders = {proven_order(*distinct[n]) for n, f in found.items() if isinstance(f, TimeFormat)} - {None}
    decimal = decimals.pop() if len(decimals) == 1 else None
    order = orders.pop() if len(orders) == 1 else None
    more: set[str] = set()
    if decimal == ",":
        more = {n for n, values in unsaid.items() if n not in again and has_three(values)}
        columns = as_text_again(records, columns, distinct, more, wishes)
    if decimal or order:
        open_to = more.union(n for n, f in found.items() if f is not None and f != NumberFormat())
        found |= {
            n: decided(
                distinct[n], replace(known[n], proven_decimal=decimal, proven_order=order or known[n].proven_order)
            )
            for n in open_to
        }
    return found, columns


def as_text_again(
    records: Records,
    columns: dict[str, pd.Series[Any]],
    distinct: dict[str, Distinct],
    names: Collection[str],
    wishes: Wishes,
) -> dict[str, pd.Series[Any]]:
    """The columns with these read as text, whose different texts are added."""
    if not names:
        return columns
    texts = records.parse(texts=names, target=wishes.target, only=names)
    read = {n: without_markers(texts[n], records.dialect, n == wishes.target) for n in texts.columns}
    distinct |= {n: distinct_of(column, records.storage) for n, column in read.items()}
    return columns | read


def decided(distinct: Distinct, known: Known) -> Found:
    """Times before numbers; only numbers or only times where the user says so."""
    if not distinct.texts:
        return None
    if not known.must or known.times is not None:
        times = decide_times(*distinct, known)
        if times is not None or (known.must and known.times is not None):
            return times
    return decide_numbers(*distinct, known)


def looks_otherwise(numbers: Floats, must: bool) -> bool:
    """Whether plain numbers may be days without marks, or have points between thousands."""
    for few in (numbers[:: max(1, len(numbers) // SPOT_ROWS)], numbers):
        has_points = has_three(few) and (few is not numbers or may_have_points_between(few))
        if not has_points and (must or not are_compact(few)):
            return False
    return True


def has_three(numbers: Floats) -> bool:
    """Whether some numbers have a fraction, and every fraction has three digits at most."""
    present = np.abs(numbers[np.isfinite(numbers)])
    fractions = present[present != np.round(present)]
    thousandths = fractions * 1000
    return bool(len(fractions) and np.all(np.abs(thousandths - np.round(thousandths)) < THREE_DIGITS))


def proves_point(numbers: Floats) -> bool:
    """Whether a fraction of these numbers has more than three digits, or most have fewer; some end in 0 by chance."""
    few = numbers[:: max(1, len(numbers) // SPOT_ROWS)]
    present = np.abs(few[np.isfinite(few)])
    fractions = present[(present != np.round(present)) & (present < EXACT_WHOLE / 1000)]
    hundredths, thousandths = fractions * 100, fractions * 1000
    has_more = np.abs(thousandths - np.round(thousandths)) >= THREE_DIGITS
    has_fewer = np.abs(hundredths - np.round(hundredths)) < THREE_DIGITS
    return bool(has_more.any() or has_fewer.sum() > len(fractions) / 2)


def distinct_of(column: pd.Series[Any], storage: Storage) -> Distinct:
    """In the order of the file."""
    cells = as_categorical(column)
    counts, first = level_counts(cells, storage)
    texts = [str(c) for c in cells.categories]
    order = np.argsort(first, kind="stable").tolist()
    kept = [i for i in order if texts[i] != OTHER and not is_infinite(texts[i]) and counts[i]]
    return Distinct([texts[i] for i in kept], counts[kept])


def level_counts(cells: pd.Categorical, storage: Storage) -> tuple[Ints, Ints]:
    """How many rows each category has, and the first of them, len(cells) where it has none."""
    counts = np.zeros(len(cells.categories) + 1, np.int64)
    first = np.full(len(counts), len(cells))
    for block in blocks(len(cells)):
        codes = cells.codes[block].astype(np.int64) + 1
        counts += np.bincount(codes, minlength=len(counts))
        rows = np.arange(block.start, block.start + len(codes))[::-1]
        here = np.full(len(counts), len(cells))
        here[codes[::-1]] = rows  # of equal codes the last one written stands: the first row
        first = np.minimum(first, here)
        storage.release()
    return counts[1:], first[1:]


def none_is_number(distinct: Distinct) -> Refusal:
    """The refusal of a column of text that the user calls one of numbers."""
    drop = Suggestion("drop", "", "to leave the column out")
    category = Suggestion("category", "", "the column is a category")
    return Refusal("stray", "expected a number", (0,), int(distinct.counts.sum()), (category, drop))


def odd_among_numbers(distinct: Distinct) -> list[str]:
    """The few different texts that keep a column from being one of numbers; none for another column."""
    fits = np.array([is_number(text) for text in distinct.texts], bool)
    if not fits.sum() > MIN_NUMBERS_BESIDE_STRAYS or (~fits).sum() > MAX_STRAYS:
        return []
    return [text for text, ok in zip(distinct.texts, fits, strict=True) if not ok]


def number_note(name: str, distinct: Distinct) -> list[str]:
    """What is said of text that a few cells keep from being a column of numbers."""
    odd = odd_among_numbers(distinct)
    if not odd:
        return []
    n = sum(int(count) for text, count in zip(distinct.texts, distinct.counts, strict=True) if text in odd)
    shown = ", ".join(f"'{text}'" for text in odd)
    return [
        f"{name}: a category, because {n} cells are no numbers: {shown} ({missing_flag(odd)} would make it a number)"
    ]


def lost_values(distinct: Distinct) -> str:
    """What is said of a category of which nearly all values are rare; '' of another, free text or ids."""
    n_rare, n, n_distinct = (
        int(distinct.counts[distinct.counts < RARE].sum()),
        int(distinct.counts.sum()),
        len(distinct.texts),
    )
    is_rare = n_rare > LOST_SHARE * n and MIN_LOST <= n_distinct < n
    return lost_message(n_rare, n) if is_rare and not is_free_text(distinct.texts, n_distinct, n) else ""


# --- cells to numbers -------------------------------------------------------------------------------------


def as_numbers(records: Records, column: pd.Series[Any], form: Format, problems: Problems) -> pd.Series[Any]:
    """Text as the numbers, or seconds, that its format makes of it; a cell not so written is a problem."""
    cells, name = as_categorical(column), str(column.name)
    texts = [str(c) for c in cells.categories]
    if OTHER in texts:  # more different texts than are told apart
        return records.parse_written(
            name, lambda found: written_values(found, form), lambda row: problems.unfit(name, row, form)
        )
    values = written_values(texts, form)
    odd = np.isnan(values)
    if odd.any():
        problems.unfit_texts(name, cells, odd, form)
    return pd.Series(looked_up(np.append(values, np.nan), cells.codes, records.storage), name=column.name)


def written_values(texts: Sequence[str], form: Format) -> Floats:
    """n texts -> (n,) numbers, NaN where a text is not written so, and infinite ones too.

    Plain numbers go through the parser that reads whole columns, and agree with it to the last bit.
    """
    if isinstance(form, TimeFormat):
        return form.parse(texts)
    if form not in SHORT:
        return with_infinite(form.parse(texts), texts)
    is_short = [*map(SHORT[form].fullmatch, texts)]
    if all(is_short):
        return short_values(texts, form)
    values, rest = np.empty(len(texts)), [i for i, found in enumerate(is_short) if not found]
    short = [i for i, found in enumerate(is_short) if found]
    values[short] = short_values([texts[i] for i in short], form)
    values[rest] = plain_values([texts[i] for i in rest], form)
    return values


def short_values(texts: Sequence[str], form: NumberFormat) -> Floats:
    return np.array([*map(float, texts if form.decimal == "." else [text.replace(",", ".") for text in texts])])


def plain_values(texts: Sequence[str], form: NumberFormat) -> Floats:
    values = form.parse(texts)
    fits = np.flatnonzero(~np.isnan(values)).tolist()
    values[fits] = to_floats([texts[i].strip().replace(",", ".") for i in fits])
    return with_infinite(values, texts)


def with_infinite(values: Floats, texts: Sequence[str]) -> Floats:
    """The values, with infinite ones where a text says so."""
    for i in np.flatnonzero(np.isnan(values)).tolist():
        if is_infinite(texts[i]):
            values[i] = float(texts[i])
    return values


def finite(records: Records, column: pd.Series[Any], problems: Problems, notes: list[str]) -> pd.Series[Any]:
    """The column without infinite values: a problem for the first one, or missing on --inf missing."""
    values, name = column.to_numpy(), str(column.name)
    parts, largest = [values[block] for block in blocks(len(values))], 0.0
    for part in parts:
        largest = max(largest, greatest(part))
        records.storage.release()
    if np.isfinite(largest):
        if EXACT_WHOLE < largest < MAX_ID and all(np.all((part == np.round(part)) | np.isnan(part)) for part in parts):
            quoted = shlex.quote(name)
            notes.append(
                f"{name}: whole numbers beyond 2^53 lose their last digits; if they are ids: "
                f"--drop {quoted}, or --category {quoted}"
            )
        return column
    infinite = np.isinf(values)
    if records.dialect.inf == "missing":
        notes.append(f"{name}: {int(infinite.sum())} infinite values are missing (--inf)")
        return column.mask(infinite)
    row = int(np.argmax(infinite))
    problems.add(
        f"the number is infinite or too large ({records.cell(row, name)})", "--inf missing to treat it as missing",
        name, row,
    )  # fmt: skip
    return column


def greatest(values: Floats) -> float:
    """The largest absolute value, 0 when all are missing."""
    sizes = np.abs(values)
    found = float(sizes.max(initial=0))
    return found if found == found else float(np.nanmax(sizes, initial=0))


def looks_numeric(texts: Sequence[str]) -> bool:
    return len(texts) == 0 or any(map(is_number, texts[:50]))


def zeros(distinct: Distinct) -> bool:
    return any(LEADING_ZERO.match(text) for text in distinct.texts)


def n_present(column: pd.Series[Any]) -> int:
    return int(np.count_nonzero(~np.isnan(column.to_numpy())))


def is_text(column: pd.Series[Any]) -> bool:
    return column.dtype.kind != "f"

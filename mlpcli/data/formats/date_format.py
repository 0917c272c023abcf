"""How a column of times is written, decided from all its different texts.

The rules, in this order:

1. The column is of the kind, dates, times of day or durations, that reads most of its cells.
2. Layouts of one style, 3/4/2024 with the day or the month first, are told apart by all cells of that style: a part
   above 12 proves. Where nothing proves it, the flag, then other columns, then points between the parts, which are
   written with the day first, decide; else the column is refused with a flag for each reading.
3. A column may have two styles: then each cell fits exactly one.
4. The cells that fit nothing are strays when they are few (`are_strays`; of dates with the whole year, up to
   STRAY_DATES), and refused; else the column is no column of times.
5. A column of digits alone, 20240305, is of dates when all cells are days of PLAUSIBLE_YEARS. Seconds since 1970 stay
   numbers. 14:05 is a time of day, unless a cell is past 23:59; minutes and seconds by name, 1h 30m, are durations
   when more than one unit is named (`names_units`): one unit behind every number is that number's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.formats.dates import LAYOUTS, PLAUSIBLE_YEARS, Kind, Layout, TimeFormat, as_times, seconds
from mlpcli.data.formats.writing import (
    MAX_SHAPES,
    Floats,
    Ints,
    Known,
    Refusal,
    Suggestion,
    are_strays,
    by_shape,
    none_fits,
    shape_of,
    stray,
)

Bools = NDArray[np.bool_]

STRAY_DATES = 0.1  # share of cells up to which those that fit nothing are mistakes among full dates
MAX_STYLES = 2
ORDERS = {"dmy": "the day first", "mdy": "the month first", "ymd": "the year first"}
KIND_OF = {"clock": "clock", "duration": "duration"}  # of the words for a flag; the others are orders of dates
EXPECTED = {"date": "a date", "clock": "a time of day", "duration": "a duration"}
BY_NAME = "units"  # the layout that one unit alone does not prove
UNIT_WORD = re.compile(r"[a-z]{2}|[가-힣]")
MANY = 10  # different texts that dates with two digits of a year must pass: 1.10.12 is a version too
FEW_DAYS = 12  # days of the month that occur, up to which two digits are those of years where another reading has more


@dataclass(frozen=True)
class Cells:
    """The different texts of a column, stripped; how many cells have each; the seconds of each by layout."""

    texts: Sequence[str]
    counts: Ints
    shapes: Mapping[str, Sequence[int]]
    values: Mapping[tuple[Kind, str], Floats]  # only of layouts that some text fits
    known: Known

    @property
    def is_asked(self) -> bool:
        """Whether the user says that this is a column of times: then no number of strays makes it another."""
        return self.known.must or self.known.times is not None

    def fits(self, kind: Kind, name: str) -> Bools:
        return ~np.isnan(self.values[kind, name])

    def names(self, kind: Kind) -> list[str]:
        return [name for of, name in self.values if of == kind]

    def any_of(self, kind: Kind, names: Sequence[str]) -> Bools:
        """(n,) whether a text fits one of the layouts"""
        found = np.zeros(len(self.texts), bool)
        for name in names:
            found |= self.fits(kind, name)
        return found

    def n_cells(self, chosen: Bools) -> int:
        return int(self.counts[chosen].sum())


def decide_times(texts: Sequence[str], counts: Ints, known: Known) -> TimeFormat | Refusal | None:
    """n different texts, how many cells have each -> how their times are written; None when they are no times."""
    if none_fits(texts, counts, could_be_time):
        return None
    cells = cells_of(texts, np.asarray(counts), known)
    if cells is None or len(texts) < 2:
        return None
    kinds = [k for k in LAYOUTS if known.times is None or k == KIND_OF.get(known.times, "date")]
    kind = max(kinds, key=lambda k: cells.n_cells(cells.any_of(k, cells.names(k))))
    if not cells.names(kind):
        return None
    odd = ~cells.any_of(kind, cells.names(kind))
    if odd.any() and not is_mistake(cells, kind, odd):
        return None
    return date_of(cells, odd) if kind == "date" else clock_of(cells, odd) if kind == "clock" else length_of(cells, odd)


def could_be_time(text: str) -> bool:
    shape = shape_of(text)
    return any(layout.pattern.fullmatch(shape) for kind in LAYOUTS.values() for layout in kind.values())


def cells_of(texts: Sequence[str], counts: Ints, known: Known) -> Cells | None:
    """The texts, read by every layout; None when they are of more shapes than times have."""
    stripped = [text.strip() for text in texts]
    shapes = by_shape(stripped)
    if len(shapes) > MAX_SHAPES:
        return None
    values: dict[tuple[Kind, str], Floats] = {}
    for shape, indices in shapes.items():
        alike = [stripped[i] for i in indices]
        for kind, layouts in LAYOUTS.items():
            for name, layout in layouts.items():
                found = seconds(alike, shape, kind, layout)
                if found is not None and not np.isnan(found).all():
                    values.setdefault((kind, name), np.full(len(texts), np.nan))[indices] = found
    return Cells(stripped, counts, shapes, values, known)


def is_mistake(cells: Cells, kind: Kind, odd: Bools) -> bool:
    """Whether the odd texts are mistakes in a column of times."""
    full = [name for name in cells.names(kind) if LAYOUTS[kind][name].is_full]
    is_full = kind == "date" and cells.n_cells(cells.any_of(kind, full)) > cells.counts.sum() / 2
    share = STRAY_DATES if is_full else 0.0
    return are_strays(cells.counts, odd) or cells.n_cells(odd) < share * cells.counts.sum() or cells.is_asked


# --- dates ------------------------------------------------------------------------------------------------


def date_of(cells: Cells, odd: Bools) -> TimeFormat | Refusal | None:
    """The layouts of a column of dates, one a style; the most frequent first."""
    styles: dict[str, list[str]] = {}
    for name in cells.names("date"):
        styles.setdefault(LAYOUTS["date"][name].style, []).append(name)
    ranked = sorted(styles.values(), key=lambda names: -cells.n_cells(cells.any_of("date", names)))
    if ranked[0][0].startswith("ymd") and (odd.any() or len(ranked) > 1 or not are_plausible(cells, ranked[0])):
        return None
    if len(cells.texts) <= MANY and not cells.is_asked and any("yy" in name for name in ranked[0]):
        return None
    chosen = []
    for names in ranked:
        layout = layout_of(cells, names)
        if not isinstance(layout, str):
            return layout
        chosen.append(layout)
    chosen = chosen[:MAX_STYLES]
    odd = ~cells.any_of("date", chosen)
    if not odd.any():
        return TimeFormat("date", tuple(chosen))
    return (
        stray(cells.texts, cells.counts, odd, like("date", cells, chosen)) if is_mistake(cells, "date", odd) else None
    )


def are_plausible(cells: Cells, names: Sequence[str]) -> bool:
    """Whether all days are of years that dates without marks may have."""
    years = as_times(np.nanmax([cells.values["date", n] for n in names], axis=0)).year
    return bool(np.all((years >= PLAUSIBLE_YEARS[0]) & (years <= PLAUSIBLE_YEARS[1])))


def layout_of(cells: Cells, names: Sequence[str]) -> str | Refusal | None:
    """The layout of a style: the one that reads all of its cells; a refusal where two do, or none does."""
    order_of = {name: LAYOUTS["date"][name].order for name in names}
    asked = [n for n in names if order_of[n] and order_of[n] == cells.known.times]
    if asked:
        return asked[0]
    all_of_style = cells.any_of("date", names)
    n_fitting = {name: cells.n_cells(cells.fits("date", name)) for name in names}
    full = likely_years(cells, [n for n in names if n_fitting[n] == cells.n_cells(all_of_style)])
    if not full:
        best = max(names, key=n_fitting.__getitem__)
        rest = all_of_style & ~cells.fits("date", best)
        return best if are_strays(cells.counts, rest) else two_orders(cells, names, best)
    if len(full) == 1 or all(same(cells, full[0], n) for n in full[1:]):
        return full[0]
    proven = [n for n in full if order_of[n] == cells.known.proven_order]
    if proven or ("." in full[0] and all(order_of[n] != "ymd" for n in full)):
        return (proven or [n for n in full if order_of[n] == "dmy"])[0]
    return two_ways(cells, full)


def likely_years(cells: Cells, names: Sequence[str]) -> list[str]:
    """Of layouts with two digits of a year those whose days are many, where some are: years seldom take 13 values."""
    n_days = {n: len(np.unique(as_times(cells.values["date", n][cells.fits("date", n)]).day)) for n in names}
    has_many = max(n_days.values(), default=0) > FEW_DAYS
    return [n for n in names if not has_many or "yy" not in n or n_days[n] > FEW_DAYS]


def same(cells: Cells, one: str, other: str) -> bool:
    """Whether two layouts read all texts alike."""
    return np.array_equal(cells.values["date", one], cells.values["date", other], equal_nan=True)


def proven_order(texts: Sequence[str], counts: Ints) -> str | None:
    """The order, dmy or mdy, that a column of dates proves by itself, for other columns of its file; None for none."""
    found = decide_times(texts, counts, Known())
    if not isinstance(found, TimeFormat) or found.kind != "date":
        return None
    orders = {LAYOUTS["date"][name].order for name in found.layouts} & {"dmy", "mdy"}
    return orders.pop() if len(orders) == 1 else None


# --- times of day, durations ------------------------------------------------------------------------------


def clock_of(cells: Cells, odd: Bools) -> TimeFormat | Refusal | None:
    """Times of day, or durations where a cell is past 23:59 or both 59:10 and 1:02:03 occur."""
    names = cells.names("duration")
    fits_length = cells.any_of("duration", names)
    if cells.known.times is None and {"h:m:s", "m:s"} <= set(names) and cells.n_cells(fits_length & ~odd):
        return unsure_time(cells)
    if odd.any():
        return stray(cells.texts, cells.counts, odd, like("clock", cells, ["clock"]))
    return TimeFormat("clock", ("clock",))


def length_of(cells: Cells, odd: Bools) -> TimeFormat | Refusal | None:
    """Durations; of those by name only where more than one unit is named."""
    names = cells.names("duration")
    if names == [BY_NAME] and cells.known.times is None and not names_units(cells):
        return None
    if len(names) > 1:
        names.sort(key=lambda n: -cells.n_cells(cells.fits("duration", n)))
    chosen = tuple(names[:MAX_STYLES])
    odd = ~cells.any_of("duration", chosen)
    if odd.any():
        return stray(cells.texts, cells.counts, odd, like("duration", cells, chosen))
    return TimeFormat("duration", chosen)


def names_units(cells: Cells) -> bool:
    """Whether a duration has two units by name, or some are minutes and others hours by more than a letter.

    Of 30 m alone the unit may be another, and 9D and 10M are sizes.
    """
    found = map(LAYOUTS["duration"][BY_NAME].pattern.fullmatch, cells.shapes)
    named = [{name for name in "DHMS" if match[name] is not None} for match in found if match]
    has_words = any(UNIT_WORD.search(shape) for shape in cells.shapes)
    return any(len(units) > 1 for units in named) or (has_words and len(set().union(*named)) > 1)


# --- refusals ---------------------------------------------------------------------------------------------


def like(kind: Kind, cells: Cells, names: Sequence[str]) -> str:
    """What a cell should be, with an example of the column."""
    return f"{EXPECTED[kind]} like '{cells.texts[int(np.argmax(cells.fits(kind, names[0])))]}'"


def flags(cells: Cells, layouts: Mapping[str, Layout], index: int) -> tuple[Suggestion, ...]:
    """A flag for each order, with what it makes of this text."""
    found = []
    for name, layout in layouts.items():
        value = cells.values["date", name][index]
        day = "" if np.isnan(value) else str(as_times(np.array([value]))[0].date())
        text = cells.texts[index]
        found.append(Suggestion("dates", layout.order, f"'{text}' is {day}" if day else f"'{text}' is no date"))
    return (*found, Suggestion("category", "", "the column is a category"))


def two_ways(cells: Cells, names: Sequence[str]) -> Refusal:
    """03/04/2024 throughout."""
    concerned = cells.any_of("date", names)
    differs = np.array([len({cells.values["date", n][i] for n in names}) > 1 for i in np.flatnonzero(concerned)], bool)
    first = int(np.flatnonzero(concerned)[int(np.argmax(differs))])
    layouts = {n: LAYOUTS["date"][n] for n in names}
    words = " or ".join(ORDERS[layout.order] for layout in layouts.values())
    return Refusal(
        "ambiguous date", f"all dates can be read with {words}", (first,), cells.n_cells(concerned),
        flags(cells, layouts, first),
    )  # fmt: skip


def two_orders(cells: Cells, names: Sequence[str], best: str) -> Refusal:
    """13/04/2024 beside 04/13/2024."""
    fits = cells.fits("date", best)
    first = int(np.argmax(fits & (~cells.any_of("date", [n for n in names if n != best]))))
    other = int(np.argmax(cells.any_of("date", names) & ~fits))
    return Refusal(
        "two orders", "no one order of day and month fits all dates", (first, other),
        cells.n_cells(cells.any_of("date", names)), (Suggestion("category", "", "the column is a category"),),
    )  # fmt: skip


def unsure_time(cells: Cells) -> Refusal:
    """5:30 beside 1:02:03."""
    firsts = tuple(int(np.argmax(cells.fits("duration", name))) for name in ("m:s", "h:m:s"))
    return Refusal(
        "ambiguous time", "these can be times of day, or durations", firsts, int(cells.counts.sum()),
        (
            Suggestion("dates", "duration", f"'{cells.texts[firsts[0]]}' is minutes:seconds"),
            Suggestion("dates", "clock", f"'{cells.texts[firsts[0]]}' is a time of day"),
            Suggestion("category", "", "the column is a category"),
        ),
    )  # fmt: skip

"""How a column of dates, times of day or durations is written, and the seconds read by it.

A layout is a pattern of shapes, texts with 0 for every digit, whose named groups are the parts of a time. To add one:
a line in DATES or DURATIONS. `date_format.py` decides which a column has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.data.formats.writing import Floats, Ints, by_shape, is_tuple_of

PIVOT = 69  # two-digit years from here on are of the 1900s, those below of the 2000s, as in POSIX and Python
MAX_LAYOUTS = 3
PLAUSIBLE_YEARS = (1900, 2100)  # of dates without marks, 20240305, which could be ids
DAY = 86400.0  # seconds
MONTHS = (  # of each language, in full, then short; one word is the same month in all of them
    "january february march april may june july august september october november december",
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "jan feb mär apr mai jun jul aug sept okt nov dez",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "janv févr mars avr mai juin juil août sept oct nov déc",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "ene feb mar abr may jun jul ago sep oct nov dic",
)
MONTH_OF = {word: i for words in MONTHS for i, word in enumerate(words.split(), 1)}
ZONES = {  # hours east of Greenwich; names that several zones share are not among them
    "Z": 0, "UTC": 0, "GMT": 0, "KST": 9, "JST": 9, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "WET": 0, "WEST": 1,
    "EST": -5, "EDT": -4, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
}  # fmt: skip
# Half of the day -> the last hour it may stand beside, the hours it adds: 오후 15시 is written too, 15 PM is not.
HALVES = {"am": (12, 0), "pm": (12, 12), "오전": (12, 0), "오후": (23, 12), "上午": (12, 0), "下午": (12, 12),
          "午前": (12, 0), "午後": (12, 12)}  # fmt: skip

Kind = Literal["date", "clock", "duration"]


@dataclass(frozen=True)
class LazyPattern:
    """A regular expression, compiled when first used: together they would take a third of every start."""

    text: str
    flags: int = 0

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.text, self.flags)

    def fullmatch(self, shape: str) -> re.Match[str] | None:
        return self.compiled.fullmatch(shape)


@dataclass(frozen=True)
class Layout:
    """One way to write a time; layouts of one style have the same shapes and differ in the order of their parts."""

    pattern: LazyPattern
    words: str  # what a reader sees
    style: str
    order: str = ""  # dmy, mdy, ymd; '' where the shape leaves no choice
    is_full: bool = True  # names a day of a year with four digits or a month by its name: hardly anything else does


WEEKDAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}|[월화수목금토일](?:요일)?"
NAME = rf"(?P<name>{'|'.join(sorted(MONTH_OF, key=len, reverse=True))})\.?"
Y, YY, M, D = r"(?P<y>0000)", r"(?P<y>00)", r"(?P<m>0{1,2})", r"(?P<d>0{1,2})"
ZONE = rf" ?(?P<zone>[+-](?P<zh>00):?(?P<zm>00)?|{'|'.join(ZONES)})"
FRACTION = r"(?:[.,](?P<f>0{1,9}))?"
CLOCK = (
    rf"(?:(?P<half>오전|오후|上午|下午|午前|午後|[ap]m) ?)?(?P<H>0{{1,2}})(?::(?P<M>00)(?::(?P<S>00){FRACTION})?|"
    r"시(?: ?(?P<M2>0{1,2})분)?(?: ?(?P<S2>0{1,2})초)?)(?: ?(?P<half2>[ap]\.?m\.?))?"
)
COMPACT_CLOCK = rf"(?P<H>00)(?P<M>00)(?:(?P<S>00){FRACTION})?"


def date(pattern: str, clock: str = rf"(?:[T_]|,? {{1,3}})(?:{CLOCK}|(?P<H3>00))(?:{ZONE})?") -> LazyPattern:
    """A date, with a weekday or without, with a time of day behind it or without."""
    return LazyPattern(
        rf"(?:(?:{WEEKDAY})\.?,? )?(?:{pattern})(?: ?\((?:{WEEKDAY})\)|,? (?:{WEEKDAY}))?(?:{clock})?", re.IGNORECASE
    )


def in_order(order: str, mark: str, year: str) -> str:
    parts = {"y": year, "m": M, "d": D}
    return mark.join(parts[p] for p in order) + (r"\.?" if "." in mark else "")


def numeric_dates() -> dict[str, Layout]:
    """Dates of three numbers: all orders with each mark, with four-digit years and with two."""
    found = {}
    for mark, pattern in (("-", "-"), ("/", "/"), (".", r"\. ?")):
        for order in ("ymd", "dmy", "mdy"):
            name = mark.join(order)
            words = {"ymd": "year first", "dmy": "day first", "mdy": "month first"}[order]
            place = "y" if order == "ymd" else "dm"
            found[name] = Layout(date(in_order(order, pattern, Y)), f"dates, {words} ({name})", place + mark, order)
            short = name.replace("y", "yy")
            found[short] = Layout(
                date(in_order(order, pattern, YY)), f"dates, {words} ({short})", f"yy{mark}", order, is_full=False
            )
    return found


DATES: Mapping[str, Layout] = numeric_dates() | {
    "y년 m월 d일": Layout(date(rf"{Y}[년年] ?{M}[월月] ?{D}[일日]"), "Korean dates", "년월일"),
    "yy년 m월 d일": Layout(date(rf"{YY}[년年] ?{M}[월月] ?{D}[일日]"), "Korean dates", "yy년월일", is_full=False),
    "y년 m월": Layout(date(rf"{Y}[년年] ?{M}[월月]"), "months of a year", "년월", is_full=False),
    "d month y": Layout(
        date(rf"{D}(?:st|nd|rd|th)?(?: de)?[-/. ]{{0,2}}{NAME}(?: de)?[-/, ]{{0,2}}{Y}"), "named months", "d name y"
    ),
    "d month yy": Layout(date(rf"{D}[-/. ]{{0,2}}{NAME}[-/, ]{{0,2}}{YY}"), "named months", "d name yy"),
    "month d y": Layout(date(rf"{NAME}[-/ ]{D}(?:st|nd|rd|th)?[-/, ]{{1,2}}{Y}"), "named months", "name d y"),
    "month d clock y": Layout(
        date(rf"{NAME} {{1,2}}{D} {CLOCK}(?:{ZONE})? {Y}", ""), "named months", "name d clock y"
    ),
    "y month d": Layout(date(rf"{Y}[-/. ]{NAME}[-/. ]{D}"), "named months", "y name d"),
    "month y": Layout(date(rf"{NAME}[-/, ]{{1,2}}{Y}"), "months of a year", "name y", is_full=False),
    "month yy": Layout(date(rf"{NAME}[-/']{YY}"), "months of a year", "name yy", is_full=False),
    "y-m": Layout(date(r"(?P<y>0000)-(?P<m>00)", ""), "months of a year", "y-m", is_full=False),
    "y/m": Layout(date(r"(?P<y>0000)/(?P<m>00)", ""), "months of a year", "y/m", is_full=False),
    "m/y": Layout(date(r"(?P<m>00)/(?P<y>0000)", ""), "months of a year", "m/y", is_full=False),
    "ymd": Layout(
        date(rf"(?P<y>0000)(?P<m>00)(?P<d>00)(?:[T_ ]?{COMPACT_CLOCK}(?:{ZONE})?)?", ""),
        "dates without marks (ymd)", "ymd", is_full=False,
    ),
    "ymd h:m": Layout(date(r"(?P<y>0000)(?P<m>00)(?P<d>00)"), "dates without marks (ymd)", "ymd", is_full=False),
}  # fmt: skip
LENGTH = r"(?P<sign>[-+])?"
UNSURE = r"0{1,6}(?:\.0{1,9})?"  # a number before a unit of time
DURATIONS: Mapping[str, Layout] = {
    "h:m:s": Layout(
        LazyPattern(rf"{LENGTH}(?P<H>0{{1,6}}):(?P<M>00):(?P<S>00){FRACTION}"), "hours:minutes:seconds", "h:m:s"
    ),
    "m:s": Layout(LazyPattern(rf"{LENGTH}(?P<M>0{{1,6}}):(?P<S>00){FRACTION}"), "minutes:seconds", "m:s"),
    "days h:m:s": Layout(
        LazyPattern(rf"{LENGTH}(?P<D>0{{1,6}}) ?(?:days?|d|일),? (?P<H>0{{1,2}}):(?P<M>00):(?P<S>00){FRACTION}"),
        "days and hours:minutes:seconds", "days",
    ),
    "units": Layout(
        LazyPattern(
            rf"{LENGTH}(?=0)(?:(?P<D>{UNSURE}) ?(?:d|days?|일)(?:,? |$|(?=0)))?"
            rf"(?:(?P<H>{UNSURE}) ?(?:h|hr|hrs|hours?|시간)(?:,? |$|(?=0)))?"
            rf"(?:(?P<M>{UNSURE}) ?(?(H)(?:m|mins?|minutes?|분)?|(?:m|mins?|minutes?|분))(?:,? |$|(?=0)))?"
            rf"(?:(?P<S>{UNSURE}) ?(?:s|secs?|seconds?|초))?"
        ),
        "hours, minutes and seconds by name", "units",
    ),
    "iso": Layout(
        LazyPattern(
            rf"{LENGTH}P(?=0|T0)(?:(?P<W>{UNSURE})W)?(?:(?P<D>{UNSURE})D)?"
            rf"(?:T(?:(?P<H>{UNSURE})H)?(?:(?P<M>{UNSURE})M)?(?:(?P<S>{UNSURE})S)?)?"
        ),
        "ISO durations", "iso",
    ),
}  # fmt: skip
CLOCKS: Mapping[str, Layout] = {"clock": Layout(LazyPattern(CLOCK, re.IGNORECASE), "times of day", "clock")}
LAYOUTS: Mapping[Kind, Mapping[str, Layout]] = {"date": DATES, "clock": CLOCKS, "duration": DURATIONS}


@dataclass(frozen=True)
class TimeFormat:
    """How the times of a column are written: its kind, and one to MAX_LAYOUTS layouts by name.

    The seconds of a date are since 1970-01-01 in UTC, of a time of day since midnight, of a duration its length. A
    date without a zone counts as UTC, one without a time of day as its midnight, a month as its first day.
    """

    kind: Kind
    layouts: tuple[str, ...]

    def is_sound(self) -> bool:
        """Whether the fields, which may come from any file, are such as this program writes."""
        return (
            isinstance(self.kind, str) and self.kind in LAYOUTS
            and is_tuple_of(self.layouts, LAYOUTS[self.kind], MAX_LAYOUTS) and len(self.layouts) > 0
        )  # fmt: skip

    def parse(self, texts: Sequence[str]) -> Floats:
        """n texts -> (n,) seconds, NaN where a text is not written so."""
        stripped = [text.strip() for text in texts]
        values = np.full(len(stripped), np.nan)
        for shape, indices in by_shape(stripped).items():
            for name in self.layouts:
                found = seconds([stripped[i] for i in indices], shape, self.kind, LAYOUTS[self.kind][name])
                if found is not None:
                    known = ~np.isnan(found)
                    values[np.asarray(indices)[known]] = found[known]
        return values

    def describe(self) -> str:
        """What was read, in words: 'dates, day first (d/m/y) read'; for numbers, their unit."""
        words = dict.fromkeys(LAYOUTS[self.kind][name].words for name in self.layouts)
        of_kind = {"date": "", "clock": " as seconds since midnight", "duration": " as seconds"}[self.kind]
        return f"{' and '.join(words)} read{of_kind}"


def as_times(seconds_since_1970: Floats) -> pd.DatetimeIndex:
    """(n,) seconds -> times in UTC to the microsecond, which is what a float64 holds; NaT for NaN."""
    missing = np.isnan(seconds_since_1970)
    micro = np.where(missing, 0, np.round(seconds_since_1970 * 1e6)).astype(np.int64).astype("datetime64[us]")
    micro[missing] = np.datetime64("NaT")
    return pd.DatetimeIndex(micro, tz="UTC")


def seconds(texts: Sequence[str], shape: str, kind: Kind, layout: Layout) -> Floats | None:
    """n texts of one shape -> (n,) seconds, NaN where the numbers are no time; None when the shape is another."""
    match = layout.pattern.fullmatch(shape)
    return None if match is None else READERS[kind](Fields(texts, match))


class Fields:
    """The numbers of texts of one shape, by the names of a pattern's groups."""

    def __init__(self, texts: Sequence[str], match: re.Match[str]) -> None:
        self.texts, self.match = texts, match
        width = max(match.end(), 1)
        self.characters = np.array(texts, dtype=f"U{width}").view(np.uint32).reshape(len(texts), width)

    def has(self, name: str) -> bool:
        return self.match.groupdict().get(name) is not None

    def word(self, *names: str) -> str:
        """The words of these groups, in lower case; '' for none. They are the same in all texts."""
        return "".join((self.match.groupdict().get(name) or "").lower() for name in names)

    def whole(self, *names: str) -> Ints:
        """(n,) the number of the first of these groups that is there, else 0"""
        name = next((n for n in names if self.has(n)), None)
        if name is None:
            return np.zeros(len(self.texts), np.int64)
        start, stop = self.match.span(name)
        powers = 10 ** np.arange(stop - start - 1, -1, -1, dtype=np.int64)
        return np.asarray((self.characters[:, start:stop].astype(np.int64) - ord("0")) @ powers)

    def number(self, name: str) -> Floats:
        """(n,) the number of this group, which may have a point, else 0"""
        if not self.has(name) or "." not in self.word(name):
            return self.whole(name).astype(np.float64)
        start, stop = self.match.span(name)
        return np.array([float(text[start:stop]) for text in self.texts])

    @property
    def fraction(self) -> Floats:
        """(n,) of a second"""
        start, stop = self.match.span("f") if self.has("f") else (0, 0)
        return self.whole("f") / 10.0 ** (stop - start)


def date_seconds(fields: Fields) -> Floats:
    """Fields of dates -> (n,) seconds since 1970-01-01 in UTC"""
    year, month = fields.whole("y"), fields.whole("m")
    if fields.match.end("y") - fields.match.start("y") == 2:
        year += np.where(year >= PIVOT, 1900, 2000)
    if fields.has("name"):
        month += MONTH_OF.get(fields.word("name"), 0)  # case is folded: auguſt has the shape of august
    day = fields.whole("d") if fields.has("d") else np.ones(len(year), np.int64)
    is_month = (year >= 1) & (month >= 1) & (month <= 12)
    months = np.where(is_month, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    is_day = is_month & (day >= 1) & (days.astype("datetime64[M]") == months)
    whole = days.astype(np.int64) * DAY + clock_seconds(fields) - zone_seconds(fields)
    return np.where(is_day, whole, np.nan)


def clock_seconds(fields: Fields) -> Floats:
    """Fields of times of day -> (n,) seconds since midnight; 12 AM is midnight"""
    hour, minute, second = fields.whole("H", "H3"), fields.whole("M", "M2"), fields.whole("S", "S2")
    is_time = (hour < 24) & (minute < 60) & (second < 60)
    half = fields.word("half", "half2").replace(".", "")
    if half:
        last, after_noon = HALVES.get(half, (-1, 0))  # two halves are none
        is_time &= hour <= last
        hour = np.where(hour > 12, hour, hour % 12 + after_noon)
    return np.where(is_time, hour * 3600 + minute * 60 + second + fields.fraction, np.nan)


def zone_seconds(fields: Fields) -> Floats:
    """Fields -> (n,) seconds by which a zone is ahead of UTC"""
    if not fields.has("zone"):
        return np.zeros(len(fields.texts))
    if not fields.has("zh"):
        return np.full(len(fields.texts), ZONES[fields.word("zone").upper()] * 3600.0)
    hour, minute = fields.whole("zh"), fields.whole("zm")
    sign = -1 if fields.word("zone")[0] == "-" else 1
    return np.where((hour < 24) & (minute < 60), sign * (hour * 3600.0 + minute * 60), np.nan)


def duration_seconds(fields: Fields) -> Floats:
    """Fields of durations -> (n,) seconds; below a larger part, minutes and seconds end at 59"""
    hour, minute, second = (fields.number(name) for name in "HMS")
    has_mark = ":" in fields.match.string
    is_length = (not has_mark) | ((second < 60) & ((minute < 60) | (not fields.has("H"))))
    days = fields.number("W") * 7 + fields.number("D")
    sign = -1.0 if fields.word("sign") == "-" else 1.0
    # -1 days +23:00:00 is a way of pandas to write an hour before; no layout takes the second sign.
    return np.where(is_length, sign * (days * DAY + hour * 3600 + minute * 60 + second + fields.fraction), np.nan)


READERS: Mapping[Kind, Callable[[Fields], Floats]] = {
    "date": date_seconds, "clock": clock_seconds, "duration": duration_seconds,
}  # fmt: skip


def are_compact(numbers: NDArray[np.float64]) -> bool:
    """Whether numbers, NaN aside, are all dates like 20240305 of PLAUSIBLE_YEARS; chance has one in a thousand so."""
    present = numbers[~np.isnan(numbers)]
    low, high = (year * 10_000 for year in (PLAUSIBLE_YEARS[0], PLAUSIBLE_YEARS[1] + 1))
    if len(present) < 2 or not np.all((present >= low) & (present < high) & (present == np.round(present))):
        return False
    distinct = np.unique(present)
    found = TimeFormat("date", ("ymd",)).parse([str(int(n)) for n in distinct])
    return len(distinct) > 1 and not np.isnan(found).any()

"""Dates, times of day and durations in text: seconds, and the parts of a date, by whole numbers alone.

A date is read by its layouts, and always as 2024-03-05, which a column of type DATE or TIMESTAMP is written as.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import product

from mlpcli.data.formats.dates import DATES, DAY, LAYOUTS, PIVOT, ZONES, TimeFormat
from mlpcli.data.kinds.date import ELAPSED, MINUTES_A_DAY
from mlpcli.errors import UsageError
from mlpcli.export.program import Cell, Program
from mlpcli.export.sql.chain import Chain
from mlpcli.export.sql.engines import Engine, cases, literal

Place = tuple[int, int]  # of digits in a text, from 1 on, and how many
ISO = "y-m-d"
FRACTIONS = ["", *("." + "0" * n for n in range(1, 10))]  # of a second
CLOCKS = [hour + rest for hour in ("0", "00") for rest in (":00", *(f":00:00{f}" for f in FRACTIONS))]
LENGTHS = {  # layout -> shapes behind the first colon
    "h:m:s": [f"00:00{fraction}" for fraction in FRACTIONS],
    "m:s": [f"00{fraction}" for fraction in FRACTIONS],
}
# Names of zones; longer ones first, which hold others. As many in an expression as SQLite's parser takes.
ZONE_NAMES = sorted((name for name in ZONES if name != "Z"), key=len, reverse=True)
ZONES_AT_ONCE = [{name: ZONES[name] for name in ZONE_NAMES[k : k + 10]} for k in range(0, len(ZONE_NAMES), 10)]
EPOCH = 719468  # days from 0000-03-01 to 1970-01-01


def read_times(program: Program, chain: Chain) -> None:
    """v0, v1, ... of seconds. Raises UsageError for a layout that SQL cannot read."""
    times = {i: cell for i, cell in enumerate(program.cells) if isinstance(cell.format, TimeFormat)}
    durations = [i for i, cell in times.items() if kind_of(cell) == "duration"]
    dates = {i: date_shapes(cell) for i, cell in times.items() if kind_of(cell) == "date"}
    for i in durations:
        check_layouts(times[i], LENGTHS)
    if durations:
        read_durations(durations, {i: times[i] for i in durations}, chain)
    if len(durations) < len(times):
        read_points([i for i in times if i not in durations], dates, chain)


def kind_of(cell: Cell) -> str:
    assert isinstance(cell.format, TimeFormat)
    return cell.format.kind


def check_layouts(cell: Cell, known: Mapping[str, object]) -> None:
    assert isinstance(cell.format, TimeFormat)
    unknown = [name for name in cell.format.layouts if name not in known]
    if unknown:
        words = LAYOUTS[cell.format.kind][unknown[0]].words
        raise UsageError(
            f"column '{cell.name}': SQL cannot read {words}", "write them as 2024-03-05 or 12:30:00, and train again"
        )


# --- durations --------------------------------------------------------------------------------------------


def read_durations(places: list[int], cells: Mapping[int, Cell], chain: Chain) -> None:
    """[-]hours:minutes:seconds and [-]minutes:seconds -> v"""
    engine = chain.engine
    chain.add({f"s{i}": f"CASE WHEN substr(t{i}, 1, 1) = '-' THEN -1 ELSE 1 END" for i in places})
    chain.add(
        {f"t{i}": f"CASE WHEN substr(t{i}, 1, 1) IN ('-', '+') THEN substr(t{i}, 2) ELSE t{i} END" for i in places}
    )
    chain.add({f"p{i}": engine.place(f"t{i}", ":") for i in places})
    chain.add(
        {f"a{i}": engine.shape(f"substr(t{i}, 1, {engine.greatest}(p{i} - 1, 0))") for i in places}
        | {f"e{i}": engine.shape(f"substr(t{i}, p{i} + 1)") for i in places}
    )
    chain.add({f"v{i}": duration(i, cells[i]) for i in places}, [f"{c}{i}" for i in places for c in "sptae"])


def duration(i: int, cell: Cell) -> str:
    assert isinstance(cell.format, TimeFormat)
    first = f"CAST(substr(t{i}, 1, p{i} - 1) AS integer)"
    second, third = (f"CAST(substr(t{i}, p{i} + {n}, 2) AS integer)" for n in (1, 4))
    value = {
        "h:m:s": (f"{second} < 60 AND {third} < 60", f"{first} * 3600 + {second} * 60 + {third} + {fraction(i, 6)}"),
        "m:s": (f"{second} < 60", f"{first} * 60 + {second} + {fraction(i, 3)}"),
    }
    lengths = ", ".join(literal("0" * n) for n in range(1, 7))
    whens = []
    for name in cell.format.layouts:
        is_length, seconds = value[name]
        shapes = ", ".join(map(literal, LENGTHS[name]))
        whens.append(f"WHEN e{i} IN ({shapes}) THEN CASE WHEN {is_length} THEN {seconds} END")
    return f"CASE WHEN a{i} IN ({lengths}) THEN s{i} * (CASE {' '.join(whens)} END) END"


def fraction(i: int, behind: int) -> str:
    """Digits of a second behind a point, so many characters behind the first colon."""
    digits = f"substr(t{i}, p{i} + {behind})"
    return f"CASE WHEN length(t{i}) > p{i} + {behind - 1} THEN CAST('0' || {digits} AS double precision) ELSE 0 END"


# --- dates and times of day -------------------------------------------------------------------------------


def read_points(places: list[int], dates: Mapping[int, Mapping[str, Mapping[str, Place]]], chain: Chain) -> None:
    """Dates, with a time of day and a zone or without, and times of day -> v"""
    engine = chain.engine
    for zones in ZONES_AT_ONCE:
        chain.add({f"t{i}": with_offsets(f"upper(t{i})", zones) for i in places})
    chain.add({f"q{i}": first_place(f"t{i}", "T_ ", engine) if i in dates else "0" for i in places})
    of_day = {
        i: f"CASE WHEN q{i} = 0 THEN '' ELSE {engine.trimmed(f'substr(t{i}, q{i} + 1)')} END" if i in dates else f"t{i}"
        for i in places
    }
    chain.add(
        {f"a{i}": f"CASE WHEN q{i} = 0 THEN t{i} ELSE replace(substr(t{i}, 1, q{i} - 1), ',', '') END" for i in dates}
        | {f"r{i}": of_day[i] for i in places},
        [f"{c}{i}" for i in places for c in "tq"],
    )
    chain.add(
        {f"s{i}": engine.shape(f"a{i}") for i in dates} | {f"z{i}": first_place(f"r{i}", "+-Z", engine) for i in places}
    )
    before_zone = {i: engine.trimmed(f"substr(r{i}, 1, z{i} - 1)") for i in places}
    chain.add(
        {f"t{i}": f"CASE WHEN z{i} = 0 THEN r{i} ELSE {before_zone[i]} END" for i in places}
        | {f"o{i}": f"CASE WHEN z{i} = 0 THEN '' ELSE substr(r{i}, z{i}) END" for i in places}
        | {f"{part}{i}": date_part(i, part, shapes) for i, shapes in dates.items() for part in "ymd"},
        [f"{c}{i}" for i in places for c in "asrz"],
    )
    chain.add({f"k{i}": length_of_half(f"t{i}", engine) for i in places})
    chain.add(
        {f"h{i}": f"CASE WHEN k{i} = 0 THEN '' ELSE substr(t{i}, length(t{i}) - k{i} + 1, 1) END" for i in places}
        | {f"t{i}": engine.trimmed(f"substr(t{i}, 1, length(t{i}) - k{i})") for i in places},
        [f"k{i}" for i in places],
    )
    chain.add(
        {f"e{i}": engine.shape(f"t{i}") for i in places}
        | {f"u{i}": engine.shape(f"o{i}") for i in places}
        | {f"p{i}": engine.place(f"t{i}", ":") for i in places}
    )
    chain.add(
        {f"n{i}": clock_seconds(i, i in dates) for i in places}
        | {f"w{i}": zone_seconds(i) for i in places}
        | {f"q{i}": days(i, engine) for i in dates},
        [f"{c}{i}" for i in places for c in "toeuphymd"],
    )
    chain.add(
        {f"v{i}": f"q{i} * {DAY} + n{i} - w{i}" if i in dates else f"n{i} - w{i}" for i in places},
        [f"{c}{i}" for i in places for c in "nwq"],
    )


def first_place(text: str, marks: str, engine: Engine) -> str:
    """Where the first of these marks that a text has stands in it; 0 without any."""
    places = [engine.place(text, mark) for mark in marks]
    return f"CASE{''.join(f' WHEN {place} > 0 THEN {place}' for place in places)} ELSE 0 END"


def date_shapes(cell: Cell) -> dict[str, dict[str, Place]]:
    """Shapes of the dates of a column, and where year, month and day stand in each. Raises UsageError."""
    assert isinstance(cell.format, TimeFormat)
    check_layouts(cell, dict.fromkeys(NUMERIC))
    return {shape: places for name in (ISO, *cell.format.layouts) for shape, places in shapes_of(name)}


def shapes_of(layout: str) -> Iterator[tuple[str, dict[str, Place]]]:
    """The shapes of dates of a layout, such as d.m.y, and where their parts stand."""
    if layout == "ymd":
        yield "00000000", {"y": (1, 4), "m": (5, 2), "d": (7, 2)}
        return
    mark = next(c for c in MARKS if c in layout)
    parts = layout.split(mark)
    widths = WIDTHS if len(parts) == 3 else WIDTHS | {"m": (2,)}
    for chosen in product(*(widths[part] for part in parts)):
        starts = [1 + sum(chosen[:k]) + k for k in range(len(parts))]
        shape = mark.join("0" * width for width in chosen)
        for end in ("", ".") if mark == "." else ("",):
            yield shape + end, {p[0]: place for p, place in zip(parts, zip(starts, chosen, strict=True), strict=True)}


MARKS = "-/."
WIDTHS = {"y": (4,), "yy": (2,), "m": (1, 2), "d": (1, 2)}
NUMERIC = [name for name in DATES if re.fullmatch(r"(yy?|m|d)([-/.](yy?|m|d)){1,2}|ymd", name)]


def date_part(i: int, part: str, shapes: Mapping[str, Mapping[str, Place]]) -> str:
    """Year, month or day of a date; NULL in a text of no known shape."""
    found = {}
    for shape, places in shapes.items():
        if part not in places:
            found[literal(shape)] = "1"  # a month is its first day
            continue
        start, width = places[part]
        number = f"CAST(substr(a{i}, {start}, {width}) AS integer)"
        century = f" + CASE WHEN {number} >= {PIVOT} THEN 1900 ELSE 2000 END" if part == "y" and width == 2 else ""
        found[literal(shape)] = number + century
    return cases(f"s{i}", found, "NULL")


def clock_seconds(i: int, may_lack: bool) -> str:
    """Seconds since midnight; NULL where a text is no time of day."""
    hour = f"CAST(substr(t{i}, 1, p{i} - 1) AS integer)"
    minute = f"CAST(substr(t{i}, p{i} + 1, 2) AS integer)"
    second = f"CASE WHEN length(t{i}) > p{i} + 3 THEN CAST(substr(t{i}, p{i} + 4, 2) AS integer) ELSE 0 END"
    value = f"{of_day(hour, i)} * 3600 + {minute} * 60 + ({second}) + {fraction(i, 6)}"
    clock = f"CASE WHEN {is_hour(hour, i)} AND {minute} < 60 AND ({second}) < 60 THEN {value} END"
    lacking = f" WHEN e{i} = '' AND h{i} = '' THEN 0" if may_lack else ""
    return f"CASE{lacking} WHEN e{i} IN ({', '.join(map(literal, CLOCKS))}) THEN {clock} END"


def is_hour(hour: str, i: int) -> str:
    return f"{hour} < CASE h{i} WHEN '' THEN 24 ELSE 13 END"


def of_day(hour: str, i: int) -> str:
    """The hour of a day of 24; 12 AM is midnight"""
    return f"(CASE h{i} WHEN '' THEN {hour} WHEN 'P' THEN {hour} % 12 + 12 ELSE {hour} % 12 END)"


def length_of_half(text: str, engine: Engine) -> str:
    """How many characters AM or PM has at the end of a time; 0 without."""
    lengths: dict[int, list[str]] = {}
    for half in ("AM", "A.M", "AM.", "A.M."):
        lengths.setdefault(len(half), []).extend((half, "P" + half[1:]))
    whens = [f"WHEN {engine.last(text, n)} IN ({', '.join(map(literal, of))}) THEN {n}" for n, of in lengths.items()]
    return f"CASE {' '.join(reversed(whens))} ELSE 0 END"


def with_offsets(text: str, zones: Mapping[str, int]) -> str:
    """A text in capitals with hours east of Greenwich in place of names of zones."""
    for name, hours in zones.items():
        text = f"replace({text}, {literal(name)}, {literal(f'{hours:+03}:00' if hours else 'Z')})"
    return text


def zone_seconds(i: int) -> str:
    """Seconds by which a zone is ahead of UTC."""
    hour = f"CAST(substr(o{i}, 2, 2) AS integer)"
    minute = f"CASE WHEN length(o{i}) > 3 THEN CAST(substr(o{i}, length(o{i}) - 1, 2) AS integer) ELSE 0 END"
    value = f"CASE WHEN {hour} < 24 AND ({minute}) < 60 THEN {hour} * 3600 + ({minute}) * 60 END"
    signed = f"CASE WHEN substr(o{i}, 1, 1) = '-' THEN -1 ELSE 1 END * ({value})"
    zones = ", ".join(literal(sign + zone) for sign in "+-" for zone in ("00:00", "0000", "00"))
    return f"CASE WHEN u{i} IN ('', 'Z') THEN 0 WHEN u{i} IN ({zones}) THEN {signed} END"


def days(i: int, engine: Engine) -> str:
    """Days since 1970-01-01; NULL where the calendar has no such day. Howard Hinnant, days_from_civil."""
    by, year = engine.integer_division, f"(y{i} - CASE WHEN m{i} <= 2 THEN 1 ELSE 0 END)"
    is_leap = f"y{i} % 4 = 0 AND (y{i} % 100 <> 0 OR y{i} % 400 = 0)"
    last = f"CASE m{i} WHEN 2 THEN CASE WHEN {is_leap} THEN 29 ELSE 28 END"
    last += f"{''.join(f' WHEN {month} THEN 30' for month in (4, 6, 9, 11))} ELSE 31 END"
    of_year = f"(153 * ((m{i} + 9) % 12) + 2) {by} 5"
    count = f"{year} * 365 + {year} {by} 4 - {year} {by} 100 + {year} {by} 400 + {of_year} + d{i} - {1 + EPOCH}"
    is_day = f"y{i} >= 1 AND m{i} BETWEEN 1 AND 12 AND d{i} >= 1 AND d{i} <= {last}"
    return f"CASE WHEN {is_day} THEN {count} END"


# --- parts ------------------------------------------------------------------------------------------------


def read_parts(program: Program, chain: Chain) -> dict[tuple[int, str], str]:
    """Cell and name of a part -> its column; cells are seconds already."""
    wanted = [(number.cell, number.part) for number in program.numbers if number.part is not None]
    cells, engine = list(dict.fromkeys(cell for cell, _ in wanted)), chain.engine
    if not cells:
        return {}
    by = engine.integer_division
    chain.add({f"n{i}": f"CAST(floor((v{i} + {HALF_A_MICROSECOND}) / {DAY}) AS integer)" for i in cells})
    chain.add(
        {f"e{i}": f"(n{i} + {EPOCH}) % 146097" for i in cells}
        | {f"m{i}": f"CAST(floor((v{i} + {HALF_A_MICROSECOND} - n{i} * {DAY}) / 60) AS integer)" for i in cells}
    )
    chain.add({f"a{i}": f"(e{i} - e{i} {by} 1460 + e{i} {by} 36524 - e{i} {by} 146096) {by} 365" for i in cells})
    chain.add({f"d{i}": f"e{i} - (365 * a{i} + a{i} {by} 4 - a{i} {by} 100)" for i in cells}, [f"e{i}" for i in cells])
    chain.add({f"o{i}": f"(5 * d{i} + 2) {by} 153" for i in cells})
    chain.add(
        {f"u{i}": f"CASE WHEN o{i} < 10 THEN o{i} + 3 ELSE o{i} - 9 END" for i in cells}
        | {f"d{i}": f"d{i} - (153 * o{i} + 2) {by} 5 + 1" for i in cells},
        [f"o{i}" for i in cells],
    )
    found = {pair: f"v{pair[0]}p{j}" for j, pair in enumerate(wanted)}
    chain.add(
        {column: part_of(name, i, engine) for (i, name), column in found.items()},
        [f"{c}{i}" for i in cells for c in "vnmadu"],
    )
    return found


HALF_A_MICROSECOND = 5e-7


def part_of(name: str, i: int, engine: Engine) -> str:
    if name == ELAPSED:
        return f"v{i} / {DAY}"
    if name == "year":
        by = engine.integer_division
        return f"a{i} + (n{i} + {EPOCH}) {by} 146097 * 400 + CASE WHEN u{i} <= 2 THEN 1 ELSE 0 END"
    turns = {
        "month": f"(u{i} - 1) / 12.0", "day": f"(d{i} - 1) / 31.0", "weekday": f"(n{i} + {EPOCH} + 2) % 7 / 7.0",
        "hour": f"m{i} / {float(MINUTES_A_DAY)}",
    }  # fmt: skip
    unit, _, wave = name.partition(" on a circle, ")
    return f"{'sin' if wave == 'sine' else 'cos'}({engine.number(2 * math.pi)} * ({turns[unit]}))"

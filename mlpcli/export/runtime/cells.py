"""The first half of a model in Python: a cell becomes a number, the seconds of a time, or a text."""

from __future__ import annotations

import math
import re
from typing import Any

MODEL: dict[str, Any] = {}  # what was trained

NUMBER_CELL = re.compile(
    r"(?P<head>[^0]{0,12}?)(?P<body>0+(?:[,.' _·٫٬]0+)*[.,·٫]?|[.,·٫]0+)(?P<exponent>[eE][+-]?0+)?(?P<tail>[^0]{0,14})"
)
INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.ASCII | re.IGNORECASE)
LONGEST = 330  # characters of a number or a time
DAY = 86400.0  # seconds
PIVOT = 69  # two-digit years from here on are of the 1900s


def unread(cell: dict[str, Any], text: object) -> ValueError:
    return ValueError(f"column {cell['name']}: expected a {cell['kind']}, found {str(text)[:60]!r}")


def read(cell: dict[str, Any], value: object) -> Any:
    """A cell -> a number (NaN: no value), or a text (None: no value). ValueError for what is not written so."""
    if value is None or (isinstance(value, str) and value.strip() in MODEL["missing"]):
        return None if cell["kind"] == "text" else math.nan
    if cell["kind"] == "text":
        return value if isinstance(value, str) else str(value)
    number = READERS[cell["kind"]](cell, value) if isinstance(value, str) else float(value)  # type: ignore[arg-type]
    if number is None or math.isinf(number):
        if number is not None and MODEL["inf"] == "missing":
            return math.nan
        raise unread(cell, value)
    return number


def shape_of(text: str) -> str:
    """The text with 0 for every digit, marks of other widths as the usual ones; same length."""
    return text.translate(MODEL["folded"]).translate(DIGITS)


DIGITS = {ord(digit): "0" for digit in "123456789"}


def read_number(cell: dict[str, Any], value: str) -> float | None:
    text = value.strip()
    text = text[:-2] + MODEL["powers"].get(text[-2:], text[-2:])
    shape = shape_of(text) if len(text) <= LONGEST else ""
    found = NUMBER_CELL.fullmatch(shape)
    parts = anatomy(cell, found) if found else None
    if found is None or parts is None:
        return float(text) if INFINITE.fullmatch(text) else None
    start, is_negative = parts
    stop = found.end("body")
    end = found.end("exponent") if found["exponent"] else stop
    if not fits(cell, shape[start:stop], end > stop, text[start] == "0"):
        return None
    digits = text[start:end].translate(MODEL["folded"])
    digits = digits.replace(cell["thousands"] or "", "").replace(cell["decimal"], ".")
    return float(digits) * (-1.0 if is_negative else 1.0)


def anatomy(cell: dict[str, Any], found: re.Match[str]) -> tuple[int, bool] | None:
    """Where the digits begin, and whether the number is negative; None where it is not written like the column."""
    head, tail, start = found["head"].replace(" ", ""), found["tail"].strip(), found.start("body")
    if found["body"][0] == "." and head + "." in MODEL["currencies"]:
        head, start = head + ".", start + 1
    in_brackets = "(" in head and ")" in tail
    if in_brackets:
        head, tail = head.replace("(", "", 1), tail.replace(")", "", 1).strip()
    if found["body"][-1] in ",.":
        tail = tail.lstrip("-−").strip()
    signs = ""
    if head[:1] in ("-", "−", "+"):
        head, signs = head[1:], head[0]
    if head[-1:] in ("-", "−", "+"):
        head, signs = head[:-1], signs + head[-1]
    trailing = ""
    if tail[-1:] in ("-", "−"):
        tail, trailing = tail[:-1].strip(), tail[-1]
    elif tail[:1] in ("-", "−") and tail[1:].strip() in MODEL["currencies"]:
        tail, trailing = tail[1:].strip(), tail[0]
    if len(signs) + len(trailing) + in_brackets > 1:
        return None
    how = "accounting" if in_brackets else "trailing" if trailing else "typographic" if signs == "−" else ""
    if (how and how not in cell["negatives"]) or not stands_around(cell, head, tail):
        return None
    return start, bool(how) or signs == "-"


def stands_around(cell: dict[str, Any], head: str, tail: str) -> bool:
    """Whether a number has the unit of its column, and the currency or none."""
    currencies = MODEL["currencies"]
    if head == "%":
        head, tail = "", tail or "%"
    if head and head not in currencies:
        return False
    currency, unit = (tail, "") if tail in currencies else (head, tail)
    if currency and currencies[currency] != currencies.get(cell["currency"]):
        return False
    return unit in cell["unit"] if cell["unit"] else not unit


def fits(cell: dict[str, Any], body: str, has_exponent: bool, has_leading_zero: bool) -> bool:
    """Whether digits and marks of this shape are a number of the column."""
    d, t = re.escape(cell["decimal"]), re.escape(cell["thousands"] or "")
    if re.fullmatch(rf"0+(?:{d}0*)?|{d}0+", body):
        return True
    if has_exponent or has_leading_zero or not t:
        return False
    groups = rf"0{{1,2}}(?:{t}00)*{t}000" if cell["lakh"] else rf"0{{1,3}}(?:{t}000)+"
    return re.fullmatch(rf"{groups}(?:{d}0*)?", body) is not None


def read_time(cell: dict[str, Any], value: str) -> float | None:
    """Seconds: of a date since 1970 in UTC, of a time of day since midnight, of a duration its length."""
    text = value.strip()
    shape = shape_of(text) if len(text) <= LONGEST else ""
    seconds = None
    for layout, flags in cell["layouts"]:
        found = re.fullmatch(layout, shape, flags)
        if found is not None:
            this = SECONDS[cell["kind"]](Fields(text, found))
            seconds = seconds if this is None else this
    return seconds


class Fields:
    """The numbers of a text, by the names of a pattern's groups."""

    def __init__(self, text: str, found: re.Match[str]) -> None:
        self.text, self.found, self.groups = text, found, found.groupdict()

    def has(self, name: str) -> bool:
        return self.groups.get(name) is not None

    def word(self, *names: str) -> str:
        return "".join((self.groups.get(name) or "").lower() for name in names)

    def number(self, *names: str) -> float:
        """That of the first of these groups that is there, else 0."""
        for name in names:
            if self.has(name):
                start, stop = self.found.span(name)
                return float(self.text[start:stop])
        return 0.0

    @property
    def fraction(self) -> float:
        return self.number("f") / 10.0 ** len(self.groups["f"]) if self.has("f") else 0.0


def date_seconds(fields: Fields) -> float | None:
    year, month = int(fields.number("y")), int(fields.number("m"))
    if len(fields.groups["y"]) == 2:
        year += 1900 if year >= PIVOT else 2000
    if fields.has("name"):
        month += MODEL["months"].get(fields.word("name"), 0)
    day = int(fields.number("d")) if fields.has("d") else 1
    clock, zone = clock_seconds(fields), zone_seconds(fields)
    if year < 1 or not 1 <= month <= 12 or day < 1 or clock is None or zone is None:
        return None
    days = days_before(year, month) + day - 1
    return None if date_of(days)[1] != month else days * DAY + clock - zone


def clock_seconds(fields: Fields) -> float | None:
    hour, minute, second = fields.number("H", "H3"), fields.number("M", "M2"), fields.number("S", "S2")
    half = fields.word("half", "half2").replace(".", "")
    last, after_noon = MODEL["halves"].get(half, (-1, 0)) if half else (23, 0)
    if hour >= 24 or minute >= 60 or second >= 60 or hour > last:
        return None
    if half and hour <= 12:
        hour = hour % 12 + after_noon
    return hour * 3600 + minute * 60 + second + fields.fraction


def zone_seconds(fields: Fields) -> float | None:
    if not fields.has("zone"):
        return 0.0
    if not fields.has("zh"):
        return float(MODEL["zones"][fields.word("zone").upper()] * 3600.0)
    hour, minute = fields.number("zh"), fields.number("zm")
    sign = -1 if fields.word("zone")[0] == "-" else 1
    return sign * (hour * 3600.0 + minute * 60) if hour < 24 and minute < 60 else None


def duration_seconds(fields: Fields) -> float | None:
    hour, minute, second = fields.number("H"), fields.number("M"), fields.number("S")
    if ":" in fields.text and (second >= 60 or (minute >= 60 and fields.has("H"))):
        return None
    days = fields.number("W") * 7 + fields.number("D")
    sign = -1.0 if fields.word("sign") == "-" else 1.0
    return sign * (days * DAY + hour * 3600 + minute * 60 + second + fields.fraction)


def days_before(year: int, month: int) -> int:
    """Days from 1970-01-01 to the first of a month, in the Gregorian calendar."""
    years = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5
    return years * 365 + years // 4 - years // 100 + years // 400 + of_year - 719468


def date_of(days: int) -> tuple[int, int, int]:
    """Days since 1970-01-01 -> year, month, day."""
    era, of_era = divmod(days + 719468, 146097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


SECONDS = {"date": date_seconds, "time of day": clock_seconds, "duration": duration_seconds}
READERS = {"number": read_number, "date": read_time, "time of day": read_time, "duration": read_time}


def part_of(name: str, seconds: float) -> float:
    """A part of a date, in UTC to the microsecond."""
    if math.isnan(seconds):
        return seconds
    if name == "elapsed days":
        return seconds / DAY
    days, rest = divmod(round(seconds * 1e6), round(DAY * 1e6))
    year, month, day = date_of(days)
    if name == "year":
        return float(year)
    turns = {
        "month": (month - 1) / 12, "day": (day - 1) / 31, "weekday": (days + 3) % 7 / 7,
        "hour": rest // 60_000_000 / (24 * 60),
    }  # fmt: skip
    unit, _, wave = name.partition(" on a circle, ")
    return (math.sin if wave == "sine" else math.cos)(2 * math.pi * turns[unit])

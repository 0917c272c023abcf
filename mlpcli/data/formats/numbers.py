"""How a column of numbers is written: marks, currency, unit, negatives; and the numbers read by it.

`number_format.py` decides which format a column has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlpcli.data.formats.marks import CURRENCIES, DECIMALS, NEGATIVES, ORDINALS, THOUSANDS
from mlpcli.data.formats.writing import FOLDED, Floats, by_shape, is_tuple_of

MAX_UNIT = 10  # characters
MAX_SPELLINGS = 4  # of a unit: 1 day, 2 days, 3 Days.
EARLY = re.compile(r"[^\W\d_]|[%‰°℃℉\"″'′$€£¥₩]")  # what a unit begins with
UNIT = re.compile(r"(?:[^\W\d_]|[%‰°℃℉²³/·.\"″'′$€£¥₩^* -]){1,10}")
POWERS = {"m2": "m²", "m3": "m³", "t2": "t²", "t3": "t³", "i2": "i²"}  # ends of km2, cm3, ft2, mi2


CELL = re.compile(
    r"(?P<head>[^0]{0,12}?)(?P<body>0++(?:[,.' _·٫٬]0++)*+[.,·٫]?|[.,·٫]0++)"
    r"(?P<exponent>[eE][+-]?0++)?(?P<tail>[^0]{0,14})"
)
SIGNS = ("-", "−", "+")


@dataclass(frozen=True)
class Anatomy:
    """What a shape is made of: where its digits are, and what stands around them."""

    start: int  # of digits and marks
    stop: int
    end: int  # of the exponent; stop where there is none
    is_negative: bool
    negative: str  # how, a key of NEGATIVES; '' for a hyphen or none
    currency: str  # as written; '' for none
    unit: str

    def body(self, text: str) -> str:
        return text[self.start : self.stop]


def anatomy(shape: str) -> Anatomy | None:
    """The parts of a shape; None when it is no number with marks, or its signs contradict each other."""
    found = CELL.fullmatch(shape)
    if not found:
        return None
    head, tail, start = found["head"].replace(" ", ""), found["tail"].strip(), found.start("body")
    if found["body"][0] == "." and f"{head}." in CURRENCIES:  # Rs.500 is no half
        head, start = f"{head}.", start + 1
    is_bracketed = "(" in head and ")" in tail
    if is_bracketed:
        head, tail = head.replace("(", "", 1), tail.replace(")", "", 1).strip()
    if found["body"][-1] in ",.":  # 12,- and 12.-- are 12.00
        tail = tail.lstrip("-−").strip()
    head, signs = without_sign(head)
    tail, trailing = without_trailing_minus(tail)
    if len(signs) + len(trailing) + is_bracketed > 1:
        return None
    around = currency_and_unit(head, tail)
    if around is None:
        return None
    negative = "accounting" if is_bracketed else "trailing" if trailing else "typographic" if signs == "−" else ""
    stop = found.end("body")
    end = found.end("exponent") if found["exponent"] else stop
    return Anatomy(start, stop, end, bool(negative) or signs == "-", negative, *around)


def without_sign(head: str) -> tuple[str, str]:
    """What stands before the digits -> the same without signs at its ends, and these: -$ and $- are one."""
    signs = ""
    if head[:1] in SIGNS and head:
        head, signs = head[1:], head[0]
    if head[-1:] in SIGNS and head:
        head, signs = head[:-1], signs + head[-1]
    return head, signs


def without_trailing_minus(tail: str) -> tuple[str, str]:
    """What stands behind the digits -> the same without a minus at its end, or before a currency; and the minus."""
    if tail[-1:] in ("-", "−") and tail:
        return tail[:-1].strip(), tail[-1]
    if tail[:1] in ("-", "−") and tail[1:].strip() in CURRENCIES:
        return tail[1:].strip(), tail[0]
    return tail, ""


def currency_and_unit(head: str, tail: str) -> tuple[str, str] | None:
    """What stands around digits and signs -> currency and unit, '' for none; None where it is neither."""
    if head == "%":
        head, tail = "", tail or "%"
    if head and head not in CURRENCIES:
        return None
    if tail in CURRENCIES:
        return tail, ""  # of $5 CAD the code says more
    if tail and not (EARLY.match(tail) and UNIT.fullmatch(tail)):
        return None
    return head, tail


@dataclass(frozen=True)
class Marks:
    """A way to read digits with marks: decimal mark, mark between thousands, Indian groups of two or not."""

    decimal: str = "."
    thousands: str | None = None
    lakh: bool = False

    @cached_property
    def plain(self) -> re.Pattern[str]:
        d = re.escape(self.decimal)
        return re.compile(rf"0++(?:{d}0*+)?|{d}0++")

    @cached_property
    def grouped(self) -> re.Pattern[str] | None:
        """Shapes with marks between thousands: none of the digits before the first may be missing or too many."""
        if self.thousands is None:
            return None
        d, t = re.escape(self.decimal), re.escape(self.thousands)
        groups = rf"0{{1,2}}(?:{t}00(?!0))*+{t}000" if self.lakh else rf"0{{1,3}}(?:{t}000)++"
        return re.compile(rf"{groups}(?:{d}0*+)?")

    def fits(self, body: str, has_exponent: bool, has_leading_zero: bool) -> bool:
        """Whether digits and marks of this shape are a number; 0,123 has no thousands, and 1,234e5 neither."""
        if self.plain.fullmatch(body):
            return True
        return bool(not has_exponent and not has_leading_zero and self.grouped and self.grouped.fullmatch(body))


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a column are written. A plain one has the defaults: digits, point, sign, exponent."""

    decimal: str = "."
    thousands: str | None = None
    lakh: bool = False  # 12,34,567
    currency: str = ""  # as first seen; other spellings of the same currency, before or after, are read too
    unit: tuple[str, ...] = ()  # spellings of the one unit behind every number, or '%'
    negatives: tuple[str, ...] = ()  # keys of NEGATIVES: beside the hyphen before the number

    @property
    def is_plain(self) -> bool:
        return self == NumberFormat()

    @property
    def marks(self) -> Marks:
        return Marks(self.decimal, self.thousands, self.lakh)

    def is_sound(self) -> bool:
        """Whether the fields, which may come from any file, are such as this program writes."""
        return (
            isinstance(self.decimal, str) and self.decimal in DECIMALS
            and (self.thousands is None or (isinstance(self.thousands, str) and self.thousands in THOUSANDS))
            and self.thousands != self.decimal
            and isinstance(self.lakh, bool) and (not self.lakh or self.thousands is not None)
            and isinstance(self.currency, str) and (not self.currency or self.currency in CURRENCIES)
            and isinstance(self.unit, tuple) and len(self.unit) <= MAX_SPELLINGS
            and all(isinstance(u, str) and is_unit(u) for u in self.unit)
            and is_tuple_of(self.negatives, NEGATIVES, len(NEGATIVES))
        )  # fmt: skip

    def accepts(self, parts: Anatomy) -> bool:
        """Whether what stands around the digits is as the column has it. A currency may be left out, a unit not."""
        currency = not parts.currency or CURRENCIES[parts.currency] == CURRENCIES.get(self.currency)
        unit = parts.unit in self.unit if self.unit else not parts.unit
        return currency and unit and (not parts.negative or parts.negative in self.negatives)

    def parse(self, texts: Sequence[str]) -> Floats:
        """n texts -> (n,) numbers, NaN where a text is not written so, infinite where too large; 12 % is 12."""
        stripped = [powers(text.strip()) for text in texts]
        values = np.full(len(stripped), np.nan)
        marks, clean = self.marks, self.to_plain
        for shape, indices in by_shape(stripped).items():
            parts = anatomy(shape)
            if parts is None or not self.accepts(parts):
                continue
            body, has_exponent, sign = parts.body(shape), parts.end > parts.stop, -1.0 if parts.is_negative else 1.0
            fits = [marks.fits(body, has_exponent, zero) for zero in (False, True)]
            for i in indices:
                text = stripped[i]
                if fits[text[parts.start] == "0"]:
                    values[i] = sign * float(text[parts.start : parts.end].translate(clean))
        return values

    @property
    def to_plain(self) -> dict[int, int | str | None]:
        """What makes a number with these marks one with a point."""
        table: dict[int, int | str | None] = dict(FOLDED)
        for mark, plain in ((self.thousands, None), (self.decimal, ".")):
            if mark is not None:
                table |= {c: plain for c, folded in FOLDED.items() if folded == ord(mark)} | {ord(mark): plain}
        return table

    def describe(self) -> str:
        """What was read beside plain digits, in words: '$ and thousands commas read'; '' for plain numbers."""
        words = [self.currency] if self.currency else []
        if self.unit:
            words.append("percent signs" if self.unit == ("%",) else "unit " + ", ".join(f"'{u}'" for u in self.unit))
        if self.thousands is not None:
            words.append(("lakh " if self.lakh else "thousands ") + THOUSANDS[self.thousands])
        if self.decimal != ".":
            words.append(f"decimal {DECIMALS[self.decimal]}")
        words += [NEGATIVES[n] for n in self.negatives]
        return (
            f"{', '.join(words[:-1])} and {words[-1]} read" if len(words) > 1 else f"{words[0]} read" if words else ""
        )


def is_unit(text: str) -> bool:
    """Whether a text can stand behind numbers as their unit: short, without digits, no ordinal's ending."""
    return (
        0 < len(text) <= MAX_UNIT and text not in ORDINALS
        and bool(EARLY.match(text)) and bool(UNIT.fullmatch(text)) and text == text.strip()
    )  # fmt: skip


def powers(text: str) -> str:
    """The text with km2 as km²: a digit behind a number's unit is none of its own."""
    end = POWERS.get(text[-2:])
    return text[:-2] + end if end else text

"""How a column of numbers is written, decided from all its different texts.

The rules, in this order:

1. A text is like a number when its digits and marks could be one and only a sign, brackets, a currency or a unit stand
   around. Where texts that are not are more than strays (`are_strays`), the column is no column of numbers.
2. Currency: one, in any of its spellings, which some cells may leave out. Unit: one, behind every number, and known
   (UNITS), or any short word behind more than MANY_UNKNOWN different numbers. '%' needs no such number.
3. Marks: of the ways in READINGS, the one that fits most cells, the simplest first. Where it leaves out more than
   strays, the column is refused.
4. Where a comma or a point in every marked cell has three digits behind and one to three before, it could be the
   decimal mark or stand between thousands. `settled` says what proves which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.formats.marks import CURRENCIES, MAGNITUDES, NEGATIVES, UNITS, WHOLE_CURRENCIES
from mlpcli.data.formats.numbers import (
    MAX_SPELLINGS,
    Anatomy,
    Marks,
    NumberFormat,
    anatomy,
    is_unit,
    powers,
)
from mlpcli.data.formats.writing import (
    MAX_SHAPES,
    OTHER_DIGIT,
    Ints,
    Known,
    Refusal,
    Suggestion,
    are_strays,
    by_shape,
    first_indices,
    none_fits,
    shape_of,
    stray,
)

Bools = NDArray[np.bool_]

MANY_KNOWN, MANY_UNKNOWN = 10, 20  # different texts past which a known unit, or any word behind all numbers, is read
FEW_PROOFS = 3  # different texts of each sort that together prove marks between thousands
READINGS = (
    Marks("."), Marks(".", ","), Marks(".", " "), Marks(".", "'"), Marks(".", ",", lakh=True),
    Marks(","), Marks(",", "."), Marks(",", " "), Marks(",", "'"),
)  # fmt: skip
MARK = re.compile(r"[,. ']")
TWO_WAYS = re.compile(r"0{1,3}[,.]000")
EASTERN = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]")
WORDS = re.compile(r"[0-9.,]{1,20} {0,2}(?:십|백|천|만|억|조|万|億|亿)")


@dataclass(frozen=True)
class Group:
    """Texts of one shape, all with a leading zero or none: they read alike."""

    parts: Anatomy
    body: str
    has_leading_zero: bool
    indices: tuple[int, ...]

    def fits(self, marks: Marks) -> bool:
        return marks.fits(self.body, self.parts.end > self.parts.stop, self.has_leading_zero)

    @cached_property
    def is_like(self) -> bool:
        """Whether some way of reading makes numbers of these texts."""
        return any(self.fits(marks) for marks in READINGS)


@dataclass(frozen=True)
class Cells:
    """The different texts of a column, stripped; how many cells have each; those that are like numbers, in groups."""

    texts: Sequence[str]
    counts: Ints
    groups: tuple[Group, ...]
    known: Known

    def of(self, groups: Iterable[Group]) -> Bools:
        """(n,) whether a text is in one of the groups"""
        chosen = np.zeros(len(self.texts), bool)
        for group in groups:
            chosen[list(group.indices)] = True
        return chosen

    def n_cells(self, groups: Iterable[Group]) -> int:
        return sum(int(self.counts[list(group.indices)].sum()) for group in groups)

    def are_strays(self, odd: Bools) -> bool:
        """Whether the odd texts are mistakes; all of them are where the user says that the column is of numbers."""
        return are_strays(self.counts, odd) or (self.known.must and bool(odd.any()) and not odd.all())

    def refuse(self, kind: str, what: str, sides: Sequence[Sequence[Group]], *flags: Suggestion) -> Refusal:
        """A refusal that names the first text of each side."""
        firsts = [min(i for group in side for i in group.indices) for side in sides if side]
        category = Suggestion("category", "", "the column is a category")
        return Refusal(kind, what, tuple(firsts), self.n_cells(g for s in sides for g in s), (*flags, category))


def decide_numbers(texts: Sequence[str], counts: Ints, known: Known) -> NumberFormat | Refusal | None:
    """n different texts, how many cells have each -> how their numbers are written; None when they are no numbers.

    A plain format stands for numbers with nothing but digits, point, sign and exponent.
    """
    if none_fits(texts, counts, could_be_number):
        return None
    cells = cells_of(texts, counts, known)
    if cells is None:
        return None
    like, words = cells.of(cells.groups), with_words(cells)
    odd = ~like & ~words
    if odd.all():
        return other_digits(cells)
    if odd.any() and not cells.are_strays(odd):
        return None
    if words.any():
        return number_words(cells, words) if len(texts) > MANY_KNOWN else None
    return format_of(cells)


def format_of(cells: Cells) -> NumberFormat | Refusal | None:
    """The format of a column whose texts are all like numbers, strays aside."""
    known, currency = cells.known, currency_of(cells)
    if isinstance(currency, Refusal):
        return currency
    unit = unit_of(cells)
    if unit is None or isinstance(unit, Refusal):
        return unit
    groups = [g for g in cells.groups if g.parts.unit in unit or (not unit and not g.parts.unit)]
    if not has_enough(cells, groups, currency, unit) or is_code(groups) or is_all_bracketed(groups):
        return None
    marks = marks_of(cells, groups, currency)
    if isinstance(marks, Refusal):
        return marks
    fitting = [g for g in groups if g.fits(marks)]
    odd = ~cells.of(fitting)
    found = NumberFormat(
        marks.decimal, marks.thousands, marks.lakh, currency, unit,
        tuple(n for n in NEGATIVES if any(g.parts.negative == n for g in fitting)),
    )  # fmt: skip
    if odd.any() and found.is_plain and not (known.must or are_strays(cells.counts, odd, few=False)):
        return None
    if odd.any():
        example = cells.texts[fitting[0].indices[0]]
        return stray(cells.texts, cells.counts, odd, "a number" if found.is_plain else f"a number like '{example}'")
    return found


def cells_of(texts: Sequence[str], counts: Ints, known: Known) -> Cells | None:
    """The texts in groups of those that read alike; None when they are of more shapes than numbers have."""
    stripped = [text.strip() for text in texts]
    shapes = by_shape([powers(text) for text in stripped])
    if len(shapes) > MAX_SHAPES:
        return None
    groups = []
    for shape, indices in shapes.items():
        parts = anatomy(shape)
        if parts is None:
            continue
        body = parts.body(shape)
        zero = [i for i in indices if stripped[i][parts.start] == "0"] if MARK.search(body) else []
        rest = sorted(set(indices).difference(zero)) if zero else indices
        groups += [Group(parts, body, at_zero, tuple(part)) for at_zero, part in ((True, zero), (False, rest)) if part]
    return Cells(stripped, np.asarray(counts), tuple(g for g in groups if g.is_like), known)


def with_words(cells: Cells) -> Bools:
    """(n,) whether a text that is like no number has one with a word for thousands behind"""
    like = cells.of(cells.groups)
    return np.fromiter((not ok and bool(WORDS.search(t)) for t, ok in zip(cells.texts, like, strict=True)), bool)


def could_be_number(text: str) -> bool:
    """Whether a column with this text is worth to be looked at whole."""
    return anatomy(shape_of(powers(text))) is not None or bool(WORDS.search(text) or OTHER_DIGIT.search(text))


# --- what stands around the digits ------------------------------------------------------------------------


def currency_of(cells: Cells) -> str | Refusal:
    """The currency as first written, '' for none; refused where there are several."""
    by_code: dict[str, list[Group]] = {}
    for group in cells.groups:
        if group.parts.currency:
            by_code.setdefault(CURRENCIES[group.parts.currency], []).append(group)
    sides = sorted(by_code.values(), key=cells.n_cells, reverse=True)
    if len(sides) > 1:
        marks = [side[0].parts.currency for side in sides]
        return cells.refuse("two currencies", f"two currencies in one column, {marks[0]} and {marks[1]}", sides[:2])
    return sides[0][0].parts.currency if sides else ""


def unit_of(cells: Cells) -> tuple[str, ...] | Refusal | None:
    """The spellings of the unit, () for none; refused where known ones differ, None where words do that are none."""
    by_unit: dict[str, list[Group]] = {}
    for group in cells.groups:
        by_unit.setdefault(same_unit(group.parts.unit), []).append(group)
    for plural in [u for u in by_unit if u.endswith("s") and u[:-1] in by_unit]:
        by_unit[plural[:-1]] += by_unit.pop(plural)
    ranked = sorted(by_unit, key=lambda u: cells.n_cells(by_unit[u]), reverse=True)
    first, others = ranked[0], ranked[1:]
    strays = ~cells.of(by_unit[first])
    are_all_known = first in UNITS and all(u in UNITS for u in others)
    if not others or (not are_all_known and cells.are_strays(strays)):
        return tuple(dict.fromkeys(g.parts.unit for g in by_unit[first]))[:MAX_SPELLINGS] if first else ()
    return several_units(cells, ranked, by_unit)


def several_units(cells: Cells, units: Sequence[str], by_unit: dict[str, list[Group]]) -> Refusal | None:
    """The refusal of different known units; None for words that are none: 12A and 14B are codes."""
    named = [u for u in units if u]
    n_distinct = sum(len(g.indices) for u in units for g in by_unit[u])
    are_words = all(u in MAGNITUDES for u in named)
    are_codes = not are_words and all(len(u) == 1 and u.isupper() for u in named)
    if n_distinct <= MANY_KNOWN or are_codes or not all(u in UNITS or u in MAGNITUDES for u in named):
        return None
    if are_words:
        return number_words(cells, cells.of(g for u in named for g in by_unit[u]))
    names = [f"'{u}'" if u else "none" for u in units[:2]]
    return cells.refuse(
        "two units", f"two units in one column, {names[0]} and {names[1]}", [by_unit[u] for u in units[:2]]
    )


def same_unit(unit: str) -> str:
    """The unit by which spellings are told apart: kg for KG and kg., but mW and MW differ."""
    if unit in UNITS or unit in MAGNITUDES:
        return unit
    plain = unit.rstrip(".")
    return plain if plain in UNITS or len(plain) == 1 else plain.casefold()


def has_enough(cells: Cells, groups: Sequence[Group], currency: str, unit: Sequence[str]) -> bool:
    """Whether there are so many different numbers that letters around them are a unit and no part of a code."""
    n_distinct = sum(len(g.indices) for g in groups)
    fewest = 0
    if unit and unit != ("%",):
        if not all(is_unit(u) for u in unit):
            return False
        fewest = MANY_KNOWN if same_unit(unit[0]) in UNITS else MANY_UNKNOWN
    elif currency.isalpha() and currency.isascii():
        fewest = MANY_KNOWN
    return n_distinct > fewest


def is_code(groups: Sequence[Group]) -> bool:
    """Whether all texts are groups of three digits of one length, 123 456 789: numbers would have several lengths."""
    bodies = {g.body for g in groups}
    return len(bodies) == 1 and bool(re.fullmatch(r"000(?P<mark>[. '])000(?:(?P=mark)000)+", bodies.pop()))


def is_all_bracketed(groups: Sequence[Group]) -> bool:
    """Whether every text stands in brackets: then these are no sign."""
    return all(g.parts.negative == "accounting" for g in groups)


# --- marks ------------------------------------------------------------------------------------------------


def marks_of(cells: Cells, groups: Sequence[Group], currency: str) -> Marks | Refusal:
    """The way of reading that fits most cells, or a refusal: of two that fit alike, or of marks that contradict."""
    known = cells.known
    allowed = [m for m in READINGS if known.decimal in (None, m.decimal)]
    if known.thousands is not None:
        decimals = [known.decimal] if known.decimal else [d for d in ".," if d != known.thousands]
        allowed = [Marks(d, known.thousands) for d in decimals]
        allowed += [Marks(".", ",", lakh=True)] if Marks(".", ",") in allowed else []
    elif not allowed and known.decimal:
        allowed = [Marks(known.decimal)]
    n_fitting = [cells.n_cells(g for g in groups if g.fits(m)) for m in allowed]
    best = [m for m, n in zip(allowed, n_fitting, strict=True) if n == max(n_fitting)]
    fitting = [g for g in groups if g.fits(best[0])]
    odd = ~cells.of(fitting)
    if odd.any() and not cells.are_strays(odd):
        return two_marks(cells, fitting, [g for g in groups if not g.fits(best[0])])
    if len({m.decimal for m in best}) == 1:
        return best[0]
    marked = [g for g in fitting if "," in g.body or "." in g.body]
    if not marked:
        return best[0]
    decimal = settled(cells, fitting, marked, currency)
    if decimal is None:
        return two_ways(cells, marked)
    return next(m for m in best if m.decimal == decimal)


def settled(cells: Cells, groups: Sequence[Group], marked: Sequence[Group], currency: str) -> str | None:
    """The decimal mark where every marked text could be 1.234 or 1234; None where nothing proves it.

    What proves it, in this order: other columns of the file; a currency without smaller coins; a unit in
    Korean, Japanese or Chinese, where the comma stands between thousands; bare numbers below 1000
    beside marked ones that end in 0, which neither a writer of three decimals nor one without trailing zeros makes;
    money, which has two decimals if any. Semicolons between cells make a comma the decimal mark: programs write them
    where the comma is taken. Else a point is the decimal mark, as everywhere, and a comma proves nothing.
    """
    used = {mark for g in marked for mark in g.body if mark in ",."}
    if cells.known.proven_decimal in (".", ","):
        return cells.known.proven_decimal
    if len(used) > 1:
        return None
    mark, other = (",", ".") if used == {","} else (".", ",")
    european = cells.known.delimiter == ";"
    if CURRENCIES.get(currency) in WHOLE_CURRENCIES:
        return other
    if any(EASTERN.search(g.parts.unit) for g in marked):
        return "."
    if proves_thousands(cells, groups, marked):
        return other if mark == "," or european else None
    if currency:
        return other if european == (mark == ".") else None
    return "," if mark == "," and european else "." if mark == "." else None


def proves_thousands(cells: Cells, groups: Sequence[Group], marked: Sequence[Group]) -> bool:
    """Whether some numbers below 1000 are bare and some marked ones end in 0."""
    n_bare = sum(len(g.indices) for g in groups if g.body in ("0", "00", "000"))
    n_round = sum(g.parts.body(cells.texts[i])[-1] == "0" for g in marked for i in g.indices)
    return n_bare >= FEW_PROOFS and n_round >= FEW_PROOFS


def may_have_points_between(numbers: NDArray[np.float64]) -> bool:
    """Whether numbers read with a decimal point, NaN aside, could be whole ones with points between thousands.

    1.234 and 987: every fraction has three digits, a few that end in 0 aside, and there are numbers without. Only such
    columns of plain numbers need their texts looked at by `decide_numbers`.
    """
    present = np.abs(numbers[np.isfinite(numbers)])
    has_point = present != np.round(present)
    marked, bare = present[has_point], present[~has_point & (present < 1000)]
    thousandths = np.round(marked * 1000)
    are_exact = np.all((np.abs(marked * 1000 - thousandths) < 1e-6) & (marked >= 1) & (marked < 1000))
    return bool(len(bare) >= FEW_PROOFS and are_exact and np.count_nonzero(thousandths % 10) > len(marked) / 2)


def proven_decimal(texts: Sequence[str], counts: Ints) -> str | None:
    """The decimal mark that a column of numbers proves by itself, for other columns of its file; None for none."""
    found = decide_numbers(texts, counts, Known())
    if not isinstance(found, NumberFormat):
        return None
    if found.decimal == "," or found.thousands in (",", "."):
        return found.decimal
    cells = cells_of(texts, counts, Known())
    bodies = {group.body for group in cells.groups} if cells else set()
    return "." if any("." in body and not TWO_WAYS.fullmatch(body) for body in bodies) else None


# --- refusals ---------------------------------------------------------------------------------------------


def two_ways(cells: Cells, marked: Sequence[Group]) -> Refusal:
    """1,234 in every cell."""
    group = next((g for g in marked if TWO_WAYS.fullmatch(g.body)), marked[0])
    number = group.parts.body(cells.texts[group.indices[0]])
    mark = "," if "," in number else "."
    decimal, whole = number.replace(mark, "."), number.replace(mark, "")
    name = {",": "comma", ".": "point"}[mark]
    return cells.refuse(
        "ambiguous number",
        f"the {name} may be the decimal mark ({number} is {decimal}) or between thousands ({whole})",
        [[group]],
        Suggestion("decimal", mark, f"{number} is {decimal}"),
        Suggestion("thousands", mark, f"{number} is {whole}"),
    )  # fmt: skip


def two_marks(cells: Cells, fitting: Sequence[Group], others: Sequence[Group]) -> Refusal:
    return cells.refuse("two marks", "no one decimal mark fits all cells", [fitting, others])


def number_words(cells: Cells, chosen: Bools) -> Refusal:
    return Refusal(
        "number words", "expected a number in digits, found a word for thousands or millions",
        first_indices(chosen), int(cells.counts[chosen].sum()),
        (Suggestion("category", "", "the column is a category"),),
    )  # fmt: skip


def other_digits(cells: Cells) -> Refusal | None:
    """The refusal of numbers in digits of another script; None where the texts are none."""
    found = np.fromiter((bool(OTHER_DIGIT.search(t)) for t in cells.texts), bool)
    plain = [OTHER_DIGIT.sub("1", t) for t in cells.texts]
    if not found.any() or any(anatomy(shape_of(p)) is None for p in plain):
        return None
    return Refusal(
        "other digits", "expected a number in the digits 0 to 9", first_indices(found), int(cells.counts[found].sum()),
        (Suggestion("category", "", "the column is a category"),),
    )  # fmt: skip

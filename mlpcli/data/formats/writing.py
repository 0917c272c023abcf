"""How the cells of a column are written: their shapes, and the words for what a column does not settle.

A shape is a text with 0 for every digit. Texts of one shape are written alike, and columns have few shapes, so that
what is decided of a shape is decided once; every text is looked at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_LENGTH = 330  # characters; the largest number that a float64 holds has 309 digits
STRAY_SHARE = 0.01  # of a column's cells, below which texts that fit nothing are mistakes
FEW_STRAYS, MANY_FITTING = 5, 64  # so few different texts among so many different fitting ones are mistakes too
SAMPLE = 50  # most frequent texts, of which one must fit before all are looked at
MAX_SHAPES = 5000  # lengths, marks and signs of numbers, months, weekdays and zones of times make no more
MAX_SHOWN = 5  # texts named in a refusal

# Each character stands for itself in another width or from another keyboard; one for one, so places stay the same.
FOLDED = str.maketrans(
    "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
    "’‘ʼ＇" "￥￦＄￡％－＋．，（）：" "‐‑–—" "µ",
    " " * 17 + "''''" "¥₩$£%-+.,():" "−−−−" "μ",
)  # fmt: skip
TO_SHAPE = FOLDED | {ord(digit): "0" for digit in "123456789"}
OTHER_DIGIT = re.compile(r"(?![0-9])\d")  # of another script


@dataclass(frozen=True)
class Known:
    """What is known of a column before its cells are looked at: of the file, from flags, from other columns."""

    delimiter: str = ","
    decimal: str | None = None  # fixed by a flag
    thousands: str | None = None  # fixed by a flag
    times: str | None = None  # fixed by a flag: dmy, mdy, ymd, clock or duration
    proven_decimal: str | None = None  # that other columns of the file prove
    proven_order: str | None = None  # of dates, that other columns prove: dmy, mdy or ymd
    must: bool = False  # a flag says that the column is one of numbers or of times: no stray makes it a category


@dataclass(frozen=True)
class Suggestion:
    """A flag that settles a refusal: `--option COL=value`, or `--option value` where `of_column` is not set."""

    option: str
    value: str
    meaning: str
    of_column: bool = True


@dataclass(frozen=True)
class Refusal:
    """What a column does not settle: kind (a key of REFUSALS), sentence, indices of the texts to name, flags."""

    kind: str
    what: str
    indices: tuple[int, ...]  # at most MAX_SHOWN, the first is the one whose line is given
    n_cells: int  # concerned by it
    suggestions: tuple[Suggestion, ...] = ()


REFUSALS = {
    "ambiguous number": "every marked cell reads as two numbers: with a decimal mark, or a mark between thousands",
    "two marks": "some cells have one decimal mark, others the other",
    "two currencies": "cells name different currencies",
    "two units": "cells name different units, or some name none",
    "number words": "cells have words for thousands or millions",
    "other digits": "digits of another script",
    "stray": "a few cells fit nothing among many that do",
    "ambiguous date": "every cell is a date with the day first and with the month first",
    "ambiguous time": "every cell is a time of day and a duration",
    "two orders": "some cells are dates only with the day first, others only with the month first",
}


def shape_of(text: str) -> str:
    """The text with 0 for every digit, marks of other widths as the usual ones; same length."""
    return text.translate(TO_SHAPE)


def by_shape(texts: Sequence[str]) -> dict[str, list[int]]:
    """n texts, stripped -> the indices of those of each shape; texts too long for a number share the shape ''."""
    found: dict[str, list[int]] = {}
    for i, text in enumerate(texts):
        found.setdefault(text.translate(TO_SHAPE) if len(text) <= MAX_LENGTH else "", []).append(i)
    return found


def none_fits(texts: Sequence[str], counts: Ints, fits: Callable[[str], bool]) -> bool:
    """Whether none of the most frequent texts fits: then the column is looked at no further."""
    most = np.argsort(-counts, kind="stable")[:SAMPLE] if len(texts) > SAMPLE else np.arange(len(texts))
    return not any(len(texts[i]) <= MAX_LENGTH and fits(texts[i].strip()) for i in most)


def are_strays(counts: Ints, odd: NDArray[np.bool_], share: float = STRAY_SHARE, few: bool = True) -> bool:
    """Whether the odd ones of n texts are mistakes: one cell, a small share of all, or few texts among very many."""
    n_odd, n_all = int(counts[odd].sum()), int(counts.sum())
    if not n_odd or n_odd == n_all:
        return False
    are_few = few and int(odd.sum()) <= FEW_STRAYS and int((~odd).sum()) > MANY_FITTING and n_odd < n_all / 2
    return are_few or n_odd < share * n_all or (n_odd == 1 and n_all > 2)


def stray(texts: Sequence[str], counts: Ints, odd: NDArray[np.bool_], expected: str) -> Refusal:
    """The refusal of a column of which a few texts fit nothing; `expected` is what the others are."""
    shown = first_indices(odd)
    named = [texts[i] for i in shown if "," not in texts[i]] if odd.sum() <= MAX_SHOWN else [texts[shown[0]]]
    return Refusal(
        "stray", f"expected {expected}", shown, int(counts[odd].sum()),
        (Suggestion("missing", ",".join(named), "these cells have no value", of_column=False),
         Suggestion("category", "", "the column is a category")),
    )  # fmt: skip


def first_indices(chosen: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(chosen)[:MAX_SHOWN].tolist())


def is_tuple_of(value: Any, allowed: Any, longest: int) -> bool:
    """Whether a value of a header is a tuple of at most so many different allowed texts."""
    return (
        isinstance(value, tuple) and len(value) <= longest
        and all(isinstance(v, str) and v in allowed for v in value) and len(set(value)) == len(value)
    )  # fmt: skip

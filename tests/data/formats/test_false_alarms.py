"""What looks like numbers and is none stays a category, and what was a plain number stays one."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.data.formats.number_format import decide_numbers
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.formats.writing import Known


def decided(texts, **known):
    """Decides on a column of these cells."""
    distinct, counts = np.unique(np.asarray(texts, dtype=object), return_counts=True)
    return list(distinct), decide_numbers(list(distinct), counts, Known(**known))


CATEGORIES = {
    "bedrooms": ["1 bedroom", "2 bedrooms", "3 bedrooms", "4 bedrooms"],
    "codes": [f"A{i}" for i in range(40)],
    "codes behind": [f"{i}A" for i in range(40)] + [f"{i}B" for i in range(40)],
    "ordinals": ["1st", "2nd", "3rd", *(f"{i}th" for i in range(4, 20))],
    "one ordinal": [f"{i}th" for i in range(4, 20)] + [f"{i}th" for i in range(24, 31)],
    "ranges": [f"{i}-{i + 9}" for i in range(0, 400, 10)],
    "bounds": ["<5", "5-10", ">10"],
    "or more": ["0", "1", "2", "3+", "3+"],
    "quarters": ["Q1", "Q2", "Q3", "Q4"],
    "telephone": [f"02-{i:03d}-{i:04d}" for i in range(200)],
    "telephone, spaces": [f"010 {i:04d} {i:04d}" for i in range(200)],
    "international": [f"+82 10 {i:04d} 5678" for i in range(200)],
    "versions": ["1.2.3", "1.2.4", "1.10.0", "2.0.1"],
    "addresses": [f"10.0.{i % 7}.{i}" for i in range(200)],
    "long addresses": [f"192.168.100.{i}" for i in range(100, 250)],
    "clock": [f"{i % 24:02d}:{i % 60:02d}" for i in range(100)],
    "dates": [f"2024-01-{i % 28 + 1:02d}" for i in range(100)],
    "grouped ids": [f"{i} 456 789" for i in range(100, 300)],
    "sizes": ["S", "M", "L", "40", "42"],
    "shoe widths": ["10", "10W", "11", "11W", "12"],
    "hex": [f"{i:08x}" for i in range(10_000, 10_100)],
    "hex numbers": ["0x1F", "0x2A", "0x3B"],
    "underscored": ["1_000", "2_000", "a"],
    "nothing": ["nan", "inf", "-inf"],
    "screens": ["1920x1080", "1280x720"],
    "fractions": ["1/2", "3/4", "7/8"],
    "feet": ["5'11\"", "6'1\"", "5'9\""],
    "floors": [f"{i}층" for i in range(1, 30)],
    "classes": ["<=50K", ">50K"],
    "blood pressure": ["120/80", "130/85", "110/70"],
    "few kilograms": ["5 kg", "10 kg", "20 kg"],
    "footnotes": ["(1)", "(2)", "(3)"],
    "php": ["PHP 5", "PHP 7", "PHP 8"],
    "widths": [f"{i}{width}" for i in range(5, 13) for width in "DM"],
    "coordinates": ["37.5 N", "38.1 S", "12 E", "3 W"] * 5,
    "text with numbers": [f"{i} apples and {i} pears" for i in range(100)],
    "isbn": [f"978-3-16-{i:06d}-0" for i in range(100)],
    "chess": ["1-0", "0-1", "½-½"],
    "emails": [f"user{i}@example.com" for i in range(100)],
    "social security": [f"123-45-{i:04d}" for i in range(100)],
    "postal codes": [f"{i:05d}-{i:04d}" for i in range(100)],
    "Canadian codes": ["K1A 0B1", "M5V 2T6"],
}  # fmt: skip


@pytest.mark.parametrize("name", CATEGORIES)
def test_categories_stay_categories(name):
    assert decided(CATEGORIES[name])[1] is None


PLAIN = {
    "whole": ["1", "2", "300"],
    "signs": ["+1", "-2", "3"],
    "exponents": ["1e5", "2.5E-3", "1"],
    "points": [".5", "5.", "1"],
    "leading zeros": ["01234", "12345"],
    "long": ["12345678901234567890", "1"],
    "zeros": ["0", "0.0", "-0"],
    "padded": [" 5 ", "6\t"],
    "epoch": ["1700000000", "1700000001"],
    "days": ["20240305", "20240306"],
}


@pytest.mark.parametrize("name", PLAIN)
def test_plain_numbers_stay_plain(name):
    assert decided(PLAIN[name])[1] == NumberFormat()
    np.testing.assert_array_equal(NumberFormat().parse(PLAIN[name]), [float(t) for t in PLAIN[name]])

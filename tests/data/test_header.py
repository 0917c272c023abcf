"""Names of columns that may have lost a delimiter."""

from __future__ import annotations

import pytest

from mlpcli.data.header import looks_like_two


@pytest.mark.parametrize(
    ("name", "others"),
    [('a"b', ["c"]), ("nameAge", ["city"]), ("NAMEAGE", ["city"]), ("abcd", ["ab", "cd"]), ("id2name", ["x"])],
)
def test_names_that_may_be_two(name, others):
    assert looks_like_two(name, others)


@pytest.mark.parametrize(("name", "others"), [("age", ["city", "price"]), ("TOTAL_SUM", ["CITY"]), ("x1", ["x2"])])
def test_names_that_are_one(name, others):
    assert not looks_like_two(name, others)

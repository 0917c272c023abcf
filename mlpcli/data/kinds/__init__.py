"""Kinds of column: what each needs to know to become inputs of a network.

A kind is a frozen dataclass with `n_plain` and `n_ple` inputs and `encode(values, plain, ple)`.
To add one: write the class, let `fit_columns` choose it, add a line to KINDS.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlpcli.data.kinds.category import CategoryColumn, EmbeddedColumn
from mlpcli.data.kinds.date import DateColumn
from mlpcli.data.kinds.left_out import LeftOut
from mlpcli.data.kinds.number import NumberColumn
from mlpcli.data.kinds.text import FreeText

Feature = NumberColumn | CategoryColumn | EmbeddedColumn | DateColumn | FreeText


Column = Feature | LeftOut


KINDS: Mapping[str, type[Column]] = {
    "number": NumberColumn,
    "category": CategoryColumn,
    "embedded": EmbeddedColumn,
    "date": DateColumn,
    "text": FreeText,
    "left out": LeftOut,
}

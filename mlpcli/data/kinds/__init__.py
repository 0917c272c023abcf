"""Kinds of column: what each needs to know to become inputs of a network.

A kind is a frozen dataclass that answers what `protocol.ColumnKind` asks. To add one: write the class, let
`fit_columns` choose it, add it to Column and a line to KINDS.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlpcli.data.kinds.category import CategoryColumn, EmbeddedColumn
from mlpcli.data.kinds.date import DateColumn
from mlpcli.data.kinds.left_out import LeftOut
from mlpcli.data.kinds.number import NumberColumn
from mlpcli.data.kinds.text import FreeText

Column = NumberColumn | CategoryColumn | EmbeddedColumn | DateColumn | FreeText | LeftOut

KINDS: Mapping[str, type[Column]] = {
    "number": NumberColumn,
    "category": CategoryColumn,
    "embedded": EmbeddedColumn,
    "date": DateColumn,
    "text": FreeText,
    "left out": LeftOut,
}

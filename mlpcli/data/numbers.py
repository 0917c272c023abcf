"""Cells that are plain numbers: digits with optional sign, point and exponent."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Possessive (++, *+): a million digits before a letter are then read once, not once for each digit.
NUMBER = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?", re.ASCII)
INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.ASCII | re.IGNORECASE)


def is_number(text: str) -> bool:
    """Whether a cell is a plain number; not nan, inf, 1_000. Spaces around it do not count."""
    return NUMBER.fullmatch(text.strip()) is not None


def is_infinite(text: str) -> bool:
    return INFINITE.fullmatch(text.strip()) is not None


def to_floats(numbers: Sequence[str]) -> NDArray[np.float64]:
    """Plain numbers -> float64 by the same parser that reads whole columns, so to the same last bit."""
    if not numbers:
        return np.empty(0)
    # pandas 2 takes 1e999 for text.
    text = io.StringIO("\n".join(n if math.isfinite(value := float(n)) else str(value) for n in numbers))
    frame = pd.read_csv(text, header=None, names=[0], dtype=np.float64, engine="c", keep_default_na=False)
    return np.asarray(frame[0])

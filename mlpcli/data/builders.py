"""Columns that come block by block, of numbers or of text, in arrays of a storage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.data.storage import Storage
from mlpcli.data.values import as_categorical, looked_up
from mlpcli.engine.arrays import Floats

MAX_LEVELS = 100_000  # distinct texts of a column that are told apart; later ones are all the same to a model
OTHER = "\0"  # stands for those; no CSV holds it


class NumberBuilder:
    """A column of numbers that comes block by block, as long as no cell is text."""

    def __init__(self, n: int, storage: Storage) -> None:
        self.values: NDArray[np.float64] = storage.array((n,), np.float64)
        self.has_text = False

    def add(self, start: int, cells: pd.Series[Any]) -> None:
        """The cells of the rows from `start` on."""
        if cells.dtype.kind == "f":
            self.values[start : start + len(cells)] = cells
        else:
            self.has_text = True


class TextBuilder:
    """A column of text that comes block by block: a code a row, and the distinct texts in order of appearance."""

    def __init__(self, n: int, storage: Storage) -> None:
        self.storage = storage
        self.codes: NDArray[np.int32] = storage.array((n,), np.int32)
        self.code_of: dict[str, int] = {}
        self.is_full = False

    def add(self, start: int, cells: pd.Series[Any]) -> None:
        """The cells of the rows from `start` on."""
        found = as_categorical(cells)
        codes = np.empty(len(found.categories) + 1, np.int32)
        codes[-1] = -1  # missing
        for i, text in enumerate(found.categories.tolist()):
            code = self.code_of.get(text)
            if code is None:
                code = len(self.code_of)
                if code < MAX_LEVELS:
                    self.code_of[text] = code
                else:
                    self.is_full = True
            codes[i] = code
        self.codes[start : start + len(cells)] = codes[found.codes]

    @property
    def values(self) -> pd.Categorical[Any]:
        """The categories sorted; OTHER is the last of them where some texts are not told apart."""
        texts = sorted(self.code_of)
        rank = {text: i for i, text in enumerate(texts)}
        n = len(texts) + self.is_full
        kind = np.int8 if n < 127 else np.int16 if n < 32767 else np.int32  # as pandas chooses
        ranks = np.array([*(rank[text] for text in self.code_of), *([n - 1] if self.is_full else []), -1], kind)
        categories = pd.Index([*texts, *([OTHER] if self.is_full else [])], dtype=str)
        return pd.Categorical.from_codes(looked_up(ranks, self.codes, self.storage), categories)


class WrittenBuilder:
    """A column of text that comes block by block and is kept as the numbers that `read` makes of it."""

    def __init__(self, n: int, storage: Storage, read: Callable[[Sequence[str]], Floats]) -> None:
        self.values: NDArray[np.float64] = storage.array((n,), np.float64)
        self.read = read
        self.first_unfit: int | None = None  # row that holds a text and is no number

    def add(self, start: int, cells: pd.Series[Any]) -> None:
        """The cells of the rows from `start` on."""
        found = as_categorical(cells)
        of_text = self.read([str(text) for text in found.categories])
        self.values[start : start + len(cells)] = np.append(of_text, np.nan)[found.codes]
        odd = np.flatnonzero(np.append(np.isnan(of_text), False)[found.codes])
        if len(odd) and self.first_unfit is None:
            self.first_unfit = start + int(odd[0])

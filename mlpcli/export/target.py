"""What every language answers: the text of a program, and what that text says of some rows.

To add a language: a module with a subclass of Target, and a line in `languages.TARGETS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from mlpcli.engine.arrays import Floats
from mlpcli.export.program import Program


@dataclass(frozen=True)
class Wishes:
    """What only some languages can be asked for."""

    dialect: str = "sqlite"  # of SQL
    table: str = "data"  # that SQL reads
    single: bool = False  # C for a microcontroller: numbers and codes in, and no text

    @property
    def asked(self) -> dict[str, object]:
        """Flag -> what was asked for with it."""
        defaults = Wishes()
        found = {"--dialect": "dialect", "--table": "table", "--single": "single"}
        return {flag: getattr(self, of) for flag, of in found.items() if getattr(self, of) != getattr(defaults, of)}


@dataclass(frozen=True)
class Answers:
    """What a program said of n rows, with all the digits it has."""

    predictions: list[str]  # labels, or numbers
    numbers: Floats  # (n, n_numbers): probabilities, or the value; behind it, where asked for, low and high
    seconds: float  # that all rows took, the start of a program left out where it can be


class Target(ABC):
    """A language, or a format of networks."""

    flags: ClassVar[frozenset[str]] = frozenset()  # of `Wishes.asked`, those that it understands

    @abstractmethod
    def write(self, program: Program, wishes: Wishes) -> bytes:
        """The file. Raises UsageError naming what the language cannot say."""

    @abstractmethod
    def run(self, path: str, rows: str, program: Program, wishes: Wishes) -> Answers | str:
        """What a written file says of the rows of a CSV, or why it cannot be run on this machine.

        The CSV is one that the model reads, by its dialect.
        """

"""What can go wrong, in one form: what happened, where, and what to do now.
Raised where the fact is known; shown in one place, the command line's error boundary."""

from __future__ import annotations

from typing import ClassVar


def plural(n: int, noun: str) -> str:
    """A number with its noun: `1 row`, `1,200 rows`; an irregular plural stands behind a stroke: `class/classes`."""
    one, _, many = noun.partition("/")
    return f"{n:,} {one if n == 1 else many or one + 's'}"


class MlpcliError(Exception):
    """A problem the user can act on: a message, a hint, and the place where there is one.

    `line` is the physical line of the file, counted from 1 as an editor shows it.
    """

    kind: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        file: str | None = None,
        line: int | None = None,
        column: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.file = file
        self.line = line
        self.column = column
        self.others: tuple[MlpcliError, ...] = ()  # problems found in the same run

    def __str__(self) -> str:
        where = "".join(f"{part}: " for part in [self._place()] if part)
        column = f"column '{self.column}': " if self.column is not None else ""
        return f"{where}{column}{self.message}"

    def _place(self) -> str:
        if self.file is None:
            return f"line {self.line}" if self.line is not None else ""
        return self.file if self.line is None else f"{self.file}:{self.line}"


class DataError(MlpcliError):
    """The CSV file cannot be read right, or holds nothing to learn from."""

    kind = "data"


class NothingToLearnError(DataError):
    """No column of the rows at hand tells any two of them apart."""


class ModelError(MlpcliError):
    """The model file is damaged, foreign, or made for another job."""

    kind = "model"


class MachineError(MlpcliError):
    """Disk, memory, permissions: the machine refused."""

    kind = "environment"


class LostClusterError(MachineError):
    """The cluster that did the work is gone; what it finished is here."""


class TrainingError(MlpcliError):
    """Training produced nothing usable."""

    kind = "training"


class UsageError(MlpcliError):
    """A flag, setting or argument that makes no sense."""

    kind = "usage"
    exit_code = 2


class GateFailed(MlpcliError):
    """A gate the user asked for (`--fail-under`, `--fail-on`) did not pass."""

    kind = "gate"
    exit_code = 3

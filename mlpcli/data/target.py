"""The column to predict: which it is, whether it names classes or numbers, and its statistics."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlpcli.config.settings import Task
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.kinds.protocol import Format
from mlpcli.data.numbers import is_number
from mlpcli.data.statistics import mean_and_deviation
from mlpcli.engine.arrays import Array, Floats
from mlpcli.errors import DataError


@dataclass(frozen=True)
class Target:
    """The column to predict: its class labels as they stand in the file, or the statistics of its numbers."""

    name: str
    task: Task
    labels: tuple[str, ...]  # () for regression
    mean: float  # of the training rows; 0 for classes and for a loss that does not centre the target
    std: (
        float  # of the training rows; 1 for classes and for a constant target, the mean for a loss that does not centre
    )
    low: float  # smallest value of the training rows
    high: float
    format: Format | None  # how its numbers are written; None for classes

    @property
    def n_outputs(self) -> int:
        return len(self.labels) if self.task == "classification" else 1

    def standardise(self, values: Array) -> Array:
        """Values in the target's unit, of any shape -> the scale of losses and networks, in float64; classes stay."""
        return values if self.labels else (np.asarray(values, np.float64) - self.mean) / self.std

    def in_units(self, outputs: Array) -> Array:
        """What `standardise` undoes: of the scale of networks, of any shape -> the target's unit; classes stay."""
        return outputs if self.labels else np.asarray(outputs, np.float64) * self.std + self.mean

    def within_range(self, values: Array) -> Array:
        """Values in the target's unit, clipped to those of the training rows; probabilities stay.

        As RealMLP-TD does: a network extrapolates without bound.
        """
        return values if self.labels else np.clip(values, self.low, self.high)


UNNAMED = re.compile(r"unnamed_[0-9]+")  # what the reader calls a column without a name


TARGET_NAMES = ("target", "label", "class", "y")


MAX_NUMBER_CLASSES = 10  # distinct whole numbers up to which a numeric target is a class


def choose_target(names: Sequence[str], asked: str | None) -> tuple[str, str]:
    """The target's name and why it was chosen ('' when asked for)."""
    if asked is not None:
        return asked, ""
    for name in TARGET_NAMES:
        for column in names:
            if column.lower() == name:
                return column, f"the column named {name}"
    named = [n for n in names if not UNNAMED.fullmatch(n)]
    return (named or names)[-1], "the last column"


def choose_task(distinct: Sequence[str], asked: str) -> tuple[Task, str]:
    """Distinct values of the target as text -> its task, and why ('' when asked for), with the flag for the other."""
    if asked == "classification" or asked == "regression":
        return asked, ""  # type: ignore[return-value]
    if not all(is_number(value) for value in distinct):
        return "classification", "because its values are text (--task)"
    numbers = {float(value) for value in distinct}
    if len(numbers) == 2:
        return "classification", "because it has two distinct numbers (--task)"
    if len(numbers) > MAX_NUMBER_CLASSES:
        return "regression", f"because it has more than {MAX_NUMBER_CLASSES} distinct numbers (--task)"
    if all(n == round(n) for n in numbers):
        few = f"it has at most {MAX_NUMBER_CLASSES} distinct whole numbers (--task regression)"
        return "classification", f"read as {len(numbers)} classes because {few}"
    return "regression", "because it has numbers that are not whole (--task)"


def fit_target(
    name: str, task: Task, values: pd.Categorical | Floats, is_centred: bool = True, weights: Floats | None = None
) -> Target:
    """The target of the rows given for training. `is_centred`: as the loss asks. Raises DataError for one class."""
    if isinstance(values, pd.Categorical):
        labels = sorted((str(c) for c in values.categories), key=label_order)
        if len(labels) < 2:
            raise DataError(
                f"the target has one class only, '{labels[0]}'" if labels else "the target has no values",
                column=name, hint="choose another column with --target",
            )  # fmt: skip
        return Target(name, task, tuple(labels), 0.0, 1.0, 0.0, 0.0, None)
    mean, std = mean_and_deviation(values, weights)
    center, scale = (mean, std) if is_centred else (0.0, mean)
    return Target(name, task, (), center, scale or 1.0, float(values.min()), float(values.max()), NumberFormat())


def label_order(label: str) -> tuple[int, float, str]:
    """Numbers by size, then text by spelling."""
    return (0, float(label), label) if is_number(label) else (1, 0.0, label)

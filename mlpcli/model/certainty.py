"""How sure a model is of each answer: an interval about a number, a set of classes, an answer left empty.

What is promised of new rows comes from the rows that validated the model (metrics/conformal.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from mlpcli.data.header import shown_some
from mlpcli.data.values import RowValues
from mlpcli.engine.arrays import Array, Bools, Floats
from mlpcli.errors import ModelError, UsageError, plural
from mlpcli.metrics.conformal import ConformalIntervals, ConformalSets, ScoreQuantiles, check_level
from mlpcli.model.trained import TrainedModel
from mlpcli.training.networks import build_loss

USUAL_LEVEL = 0.9  # of an interval whose width is asked for without a level
NAMED_CLASSES = 5  # at most, in a note

Promise = TypeVar("Promise", ConformalIntervals, ConformalSets)


def intervals(model: TrainedModel, frame: pd.DataFrame | RowValues, outputs: Array, level: float) -> Floats:
    """n rows read by the model's rules, and its outputs (n,) -> (n, 2) lowest and highest value

    Of a level that is reached. Raises ModelError for a model without intervals.
    """
    return interval_ends(model, outputs, expected_errors(model, frame, outputs), level)


def expected_errors(model: TrainedModel, frame: pd.DataFrame | RowValues, outputs: Array) -> Floats:
    """n rows, and outputs (n,) -> (n,) sizes of error to expect, in the target's unit"""
    found, target = promise_of(model, ConformalIntervals), model.schema.target
    plain, standardised = model.schema.blocks["plain"], target.standardise(outputs)
    errors, done = np.empty(len(outputs)), 0
    for encoded in model.schema.encoded_parts(frame):
        here = slice(done, done + len(encoded))
        errors[here] = found.expected_errors(encoded[:, plain], standardised[here])
        done += len(encoded)
    return errors * target.std


def interval_ends(model: TrainedModel, outputs: Array, errors: Floats, level: float) -> Floats:
    """Outputs (n,) and errors to expect (n,) -> (n, 2) lowest and highest value"""
    half = errors * promise_of(model, ConformalIntervals).quantiles.at(level)
    lowest = build_loss(model.config).min_target
    return np.stack([np.maximum(outputs - half, lowest), np.maximum(outputs + half, lowest)], axis=1)


def label_sets(model: TrainedModel, outputs: Array, level: float, by_class: bool | None) -> Bools:
    """Outputs (n, n_classes) -> which classes are in each row's set

    `by_class`: the level holds within each class; None: where a class is rare. The level is one that is reached.
    """
    found = promise_of(model, ConformalSets)
    return found.members(level, outputs, found.has_rare_class if by_class is None else by_class)


def promise_of(model: TrainedModel, kind: type[Promise]) -> Promise:
    """Raises ModelError where nothing of this kind is known of new rows."""
    found = model.record.conformal
    if isinstance(found, kind):
        return found
    what = "intervals" if kind is ConformalIntervals else "label sets"
    if found == "no validation rows":
        raise ModelError(
            f"the model was trained without validation rows, from which {what} are made",
            "train it again, with validation rows", file=model.path,
        )  # fmt: skip
    if found == "distilled":
        raise ModelError(
            f"a distilled model makes no {what}: the model whose answers it learned saw all rows",
            f"ask that model for {what}", file=model.path,
        )  # fmt: skip
    assert found == "not kept"  # tasks are checked before
    raise ModelError(f"the model was trained before {what} existed", "train it again", file=model.path)


def check_reached(model: TrainedModel, quantiles: ScoreQuantiles, level: float, option: str) -> None:
    """UsageError for a level that no model makes, or for which this one was validated on too few rows."""
    check_level(level, option)
    if not quantiles.reaches(level):
        units = plural(quantiles.n, "row" if model.config.group is None else "group")
        raise UsageError(
            f"{option}: {level:g} is out of reach of a model validated on {units}",
            f"{option} {int(1000 * quantiles.highest) / 1000:g}, or train on more rows",
        )


@dataclass(frozen=True)
class Certainty:
    """What is asked for besides the answers; None: not asked for."""

    interval: float | None = None  # level of the columns low and high
    label_set: float | None = None  # level of the columns labels and n_labels
    by_class: bool | None = None  # label sets hold within each class; None: where a class is rare
    min_confidence: float | None = None  # probability of the answer's class, below which there is no answer
    max_width: float | None = None  # of the interval, above which there is no answer

    @property
    def names(self) -> list[str]:
        """The columns that are added."""
        interval = ["low", "high"] if self.interval is not None else []
        return interval + (["labels", "n_labels"] if self.label_set is not None else [])

    @property
    def level(self) -> float | None:
        """Of the intervals that are made; None without any."""
        return USUAL_LEVEL if self.interval is None and self.max_width is not None else self.interval

    def check(self, model: TrainedModel) -> None:
        """Raises UsageError for what does not suit the model, ModelError for what it does not know."""
        of_numbers = {"--interval": self.interval, "--max-width": self.max_width}
        of_classes = {"--label-set": self.label_set, "--min-confidence": self.min_confidence}
        unfit = [flag for flag, value in (of_numbers if model.labels else of_classes).items() if value is not None]
        if unfit:
            pair = (f"{unfit[0]} is for numbers, and this model predicts classes", "--label-set or --min-confidence")
            other = (f"{unfit[0]} is for classes, and this model predicts numbers", "--interval or --max-width")
            raise UsageError(*(pair if model.labels else other))
        if self.by_class is not None and self.label_set is None:
            raise UsageError("--mondrian is for label sets", "--label-set 0.9 as well")
        if self.min_confidence is not None and not 0 <= self.min_confidence <= 1:
            raise UsageError(f"--min-confidence: expected a probability from 0 to 1, found {self.min_confidence:g}")
        if self.max_width is not None and not self.max_width >= 0:
            raise UsageError(f"--max-width: expected a number from 0, found {self.max_width:g}")
        if self.level is not None:
            option = "--interval" if self.interval is not None else "--max-width"
            check_reached(model, promise_of(model, ConformalIntervals).quantiles, self.level, option)
        if self.label_set is not None:
            check_reached(model, promise_of(model, ConformalSets).quantiles, self.label_set, "--label-set")

    def notes(self, model: TrainedModel) -> list[str]:
        """What has to be known of the promise."""
        notes = []
        if self.label_set is not None:
            notes += self.notes_on_classes(model, promise_of(model, ConformalSets), self.label_set)
        if self.names and model.config.time is not None:
            notes.append(
                "the promise comes from the latest validation rows, and holds for later ones that are alike (--time)"
            )
        return notes

    def notes_on_classes(self, model: TrainedModel, found: ConformalSets, level: float) -> list[str]:
        if not (found.has_rare_class if self.by_class is None else self.by_class):
            return []
        notes = []
        if self.by_class is None:
            notes.append("classes are rare: label sets hold within each class (--no-mondrian: over all rows only)")
        too_few = [model.labels[number] for number in found.too_few(level)]
        if too_few or not found.by_class:
            which = shown_some(too_few, NAMED_CLASSES) if too_few else "all classes"
            notes.append(f"too few validation rows for label sets that hold within: {which}")
        return notes

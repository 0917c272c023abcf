"""A training on disk, a JSON object for each epoch: written while it runs, and read again strictly to show it again."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TextIO

from mlpcli.errors import DataError, MachineError, ModelError
from mlpcli.files.jsonable import from_json, to_json
from mlpcli.training.events import DIGITS, EpochEnded, Event, Finished, MapAxes, Started, Surface, Watched

MAX_LINE = 1 << 20  # bytes of a line; a map has 3 kB
MAX_LINES = 1_000_000
HINT = "name a file that mlpcli train --log wrote, whole"


@dataclass(frozen=True)
class EpochLine:
    """An epoch as it stands in a log: what EpochEnded says, with null for what is not finite, and what was watched."""

    epoch: int
    train_loss: float | None
    valid_loss: float | None
    valid_metric: float | None
    train_spread: float | None
    valid_spread: float | None
    best_epoch: int
    rows_per_second: float | None
    seconds: float
    recoveries: tuple[str, ...]
    others_only: bool
    max_epochs: int
    metric: str  # of valid_metric
    watched: Watched | None  # its axes stand in the first line that has any


def logged(events: Iterable[Event], file: TextIO) -> Iterator[Event]:
    """Passes every event on; writes a line for each epoch at once, so that `tail -f` follows the training."""
    started: Started | None = None
    watched: Watched | None = None
    axes: MapAxes | None = None
    for event in events:
        match event:
            case Started():
                started = event
            case Watched():
                watched = replace(event, axes=None) if event.axes == axes else event
                axes = event.axes
            case EpochEnded():
                assert started is not None  # the first of all events
                values = {k: finite(v) if isinstance(v, float) else v for k, v in vars(event).items()}
                values |= {"max_epochs": started.max_epochs, "metric": started.metric, "watched": to_json(watched)}
                file.write(json.dumps(values, allow_nan=False) + "\n")
                file.flush()
                watched = None
        yield event


def finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None


def number(value: float | None) -> float:
    return math.nan if value is None else value


def replayed(path: str) -> Iterator[Event]:
    """The events of a logged training. Raises DataError with the line that is none of a log, MachineError."""
    # The whole file is looked at before anything of it is shown.
    n_lines, last = 0, None
    for last in lines_of(path):  # noqa: B007
        n_lines += 1
    if last is None:
        raise DataError("holds no epoch", HINT, file=path)
    yield Started("", last.metric, n_lines, 1, 0, 0, 0, 0)
    axes: MapAxes | None = None
    event: EpochEnded | None = None
    for line in lines_of(path):
        if line.watched is not None:
            axes = line.watched.axes or axes
            yield replace(line.watched, axes=axes)
        event = EpochEnded(
            line.epoch, number(line.train_loss), line.valid_loss, line.valid_metric, number(line.train_spread),
            number(line.valid_spread), line.best_epoch, number(line.rows_per_second), line.seconds, line.recoveries,
            line.others_only,
        )  # fmt: skip
        yield event
    assert event is not None
    yield Finished(event.epoch, event.best_epoch, "epochs", event.seconds)


def lines_of(path: str) -> Iterator[EpochLine]:
    """The lines of a log, each as it must be. Raises DataError with its number for the first that is not."""
    axes: MapAxes | None = None
    before: EpochLine | None = None
    if os.path.exists(path) and not os.path.isfile(path):
        raise MachineError("is no regular file", HINT, file=path)
    try:
        with open(path, "rb") as file:
            for number in range(1, MAX_LINES + 2):
                raw = file.readline(MAX_LINE + 1)
                if not raw:
                    break
                try:
                    line = parsed(raw)
                    axes = (line.watched.axes if line.watched else None) or axes
                    check(line, axes, before)
                except ModelError as error:
                    raise DataError(f"is no line of a log: {error.message}", HINT, file=path, line=number) from None
                before = line
                yield line
            else:
                raise DataError(f"has more than {MAX_LINES:,} lines", HINT, file=path)
    except OSError as error:
        raise MachineError(f"cannot read: {error.strerror}", file=path) from None


def parsed(raw: bytes) -> EpochLine:
    """Raises ModelError."""
    if len(raw) > MAX_LINE:
        raise ModelError(f"longer than {MAX_LINE >> 20} MB")
    if not raw.endswith(b"\n"):
        raise ModelError("cut off: it has no end")
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=once, parse_constant=raise_constant)
    except (ValueError, RecursionError):
        raise ModelError("no JSON object") from None
    return from_json(EpochLine, value, "line")


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these keys and values; ValueError for a key that stands there twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def raise_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def check(line: EpochLine, axes: MapAxes | None, before: EpochLine | None) -> None:
    """ModelError for numbers that no training could have written."""
    expected = 1 if before is None else before.epoch + 1
    if line.epoch != expected:
        raise ModelError(f"epoch {line.epoch} where {expected} is expected")
    if not 1 <= line.best_epoch <= line.epoch or line.seconds < 0 or line.max_epochs < 1:
        raise ModelError("best epoch, seconds or epochs out of range")
    if before is not None and (line.valid_loss is None) != (before.valid_loss is None):
        raise ModelError("a validation loss in some lines only")
    if line.watched is not None and line.watched.surface is not None:
        if axes is None:
            raise ModelError("a map without its axes")
        check_map(line.watched.surface, axes)


def check_map(surface: Surface, axes: MapAxes) -> None:
    """ModelError for a map whose lines differ in length, or hold what is no class or level."""
    n_lines, n_cells = len(surface.levels), len(surface.levels[0]) if surface.levels else 0
    grids = (surface.levels, surface.classes) if axes.labels else (surface.levels,)
    is_grid = all(len(g) == n_lines and all(len(text) == n_cells for text in g) for g in grids)
    if not n_cells or not is_grid or not set("".join(surface.levels)) <= set(DIGITS):
        raise ModelError("a map that is no grid of levels")
    n_kinds = len(axes.labels) or len(DIGITS)
    if not set("".join(surface.classes)) <= set(DIGITS[: len(axes.labels)]):
        raise ModelError("a map with classes that have no label")
    for i, j, kind in axes.rows:
        if not (0 <= i < n_cells and 0 <= j < n_lines and 0 <= kind < n_kinds):
            raise ModelError("a row that does not lie on the map")

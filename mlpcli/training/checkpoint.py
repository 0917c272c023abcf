"""A training kept on disk while it runs, and gone on with later: the same bytes in the end as without the stop.

A checkpoint is a file like a model's: a JSON header and the members' vectors, read as strictly.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np

from mlpcli.config import Config, flag
from mlpcli.errors import ModelError, UsageError
from mlpcli.events import EpochEnded, Event
from mlpcli.files import archive
from mlpcli.files.archive import versions
from mlpcli.files.jsonable import from_json, to_json
from mlpcli.training.loop import Progress, Standing, Training
from mlpcli.training.prepare import Fitting

SHARE = 0.05  # of the time that may go into writing checkpoints
ANY_TIME = 2**128  # the numbers of a PCG64 generator are smaller


@dataclass(frozen=True)
class Record:
    """The JSON header of a checkpoint."""

    kind: Literal["mlpcli checkpoint"]
    versions: dict[str, str]
    data: str  # SHA-256 of the training file
    rows: str  # SHA-256 of the encoded rows, and of which member sees which
    config: Config
    told: tuple[EpochEnded, ...]
    standings: tuple[Standing, ...]


def resumable(fitting: Fitting, jobs: int, checkpoint: str | None, resume: str | None) -> Iterator[Event]:
    """The events of a training that goes on from the file `resume` and is kept in the file `checkpoint`.

    Raises UsageError when `resume` belongs to another training, ModelError when it is damaged, MachineError.
    """
    training = fitting.training()
    if resume is not None:
        training.go_on(load(resume, fitting, training))
    events = training.events(jobs)
    return events if checkpoint is None else kept(events, fitting, training, checkpoint)


def kept(events: Iterator[Event], fitting: Fitting, training: Training, path: str) -> Iterator[Event]:
    """Passes every event on; writes a checkpoint after an epoch now and then, and when training ends."""
    header = record_of(fitting)
    progress: Progress | None = None
    due = 0.0
    try:
        for event in events:
            if isinstance(event, EpochEnded) and len(training.told) == event.epoch:
                progress = training.progress()
                began = time.monotonic()
                if began >= due:
                    save(path, header, progress)
                    progress, now = None, time.monotonic()
                    due = now + (now - began) / SHARE
            yield event
    finally:
        if progress is not None:
            save(path, header, progress)


def record_of(fitting: Fitting) -> Record:
    return Record(
        "mlpcli checkpoint", dict(versions()), fitting.table.source.sha256, digest(fitting),
        # How long to train may change on the way; the steps taken do not depend on it.
        replace(fitting.config, time_limit=None), (), (),
    )  # fmt: skip


def digest(fitting: Fitting) -> str:
    """SHA-256 of all that the members train on."""
    hashed = hashlib.sha256()
    for member in fitting.members:
        hashed.update(member.train.index.tobytes())
        hashed.update(b"" if member.valid is None else member.valid.index.tobytes())
    weights = fitting.members[0].train.weights
    for array in (fitting.x, fitting.y, np.empty(0) if weights is None else weights):
        hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()


def save(path: str, record: Record, progress: Progress) -> None:
    """Raises MachineError; the old file is then untouched."""
    vectors = np.zeros((len(progress.vectors), max(map(len, progress.vectors))), np.float32)
    for row, vector in zip(vectors, progress.vectors, strict=True):
        row[: len(vector)] = vector
    full = replace(record, told=progress.told, standings=progress.standings)
    archive.save(path, to_json(full), {"members": vectors})


def load(path: str, fitting: Fitting, training: Training) -> Progress:
    """Where the training of `path` stood. Raises UsageError when it is not this training, ModelError, MachineError."""
    header, arrays = archive.load(path)
    try:
        if header.get("kind") != "mlpcli checkpoint":
            raise ModelError("this is a model, not a checkpoint", "name a file that train --checkpoint wrote")
        found = from_json(Record, header)
        check_same(found, record_of(fitting), path)
        sizes = [sum(map(len, run.vectors())) for run in training.runs]
        vectors = arrays.get("members", np.empty((0, 0), np.float32))
        if not (
            vectors.dtype == np.float32
            and vectors.shape == (len(sizes), max(sizes))
            and len(found.standings) == len(sizes)
            and [event.epoch for event in found.told] == list(range(1, len(found.told) + 1))
            and all(1 <= event.best_epoch <= event.epoch for event in found.told)
            and all(is_possible(standing, len(found.told)) for standing in found.standings)
        ):
            raise ModelError("the checkpoint does not fit the settings", hint=archive.DAMAGED)
    except ModelError as error:
        raise ModelError(error.message, error.hint, file=path) from error
    parts = tuple(row[:size] for row, size in zip(vectors, sizes, strict=True))
    return Progress(found.told, found.standings, parts)


def is_possible(standing: Standing, epochs: int) -> bool:
    state, increment, has_half, half = standing.rng
    return (
        0 <= standing.best_epoch <= standing.done <= epochs
        and min(standing.steps, standing.retries, state, increment, half) >= 0
        and max(state, increment) < ANY_TIME
        and increment % 2 == 1
        and has_half in (0, 1)
        and half < 2**32
    )


def check_same(found: Record, now: Record, path: str) -> None:
    """UsageError that lists what differs between the training of a checkpoint and the one asked for."""
    differences = [
        f"{flag(f.name)} was {getattr(found.config, f.name)}, is {getattr(now.config, f.name)}"
        for f in fields(Config)
        if getattr(found.config, f.name) != getattr(now.config, f.name)
    ]
    if found.data != now.data:
        differences.append("the data file is another one, or has changed")
    elif found.rows != now.rows and not differences:
        differences.append("the rows are read in another way, or come from another --test or --validation file")
    if differences:
        raise UsageError(
            "the checkpoint belongs to another training: " + "; ".join(differences),
            "repeat the command that wrote it, or train anew without --resume", file=path,
        )  # fmt: skip

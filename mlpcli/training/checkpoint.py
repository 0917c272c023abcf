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

from mlpcli.config.flags import quoted
from mlpcli.config.settings import Config, Settings, flag
from mlpcli.errors import ModelError, UsageError
from mlpcli.files import archive
from mlpcli.files.archive import versions
from mlpcli.files.jsonable import from_json, to_json
from mlpcli.training.events import EpochEnded, Event
from mlpcli.training.loop import Training
from mlpcli.training.prepare import PreparedTraining
from mlpcli.training.state import MemberState, TrainingState
from mlpcli.training.watching import Watcher

SHARE = 0.05  # of the time that may go into writing checkpoints
ANY_TIME = 2**128  # the numbers of a PCG64 generator are smaller


@dataclass(frozen=True)
class CheckpointRecord:
    """The JSON header of a checkpoint."""

    kind: Literal["mlpcli checkpoint"]
    versions: dict[str, str]
    data: str  # SHA-256 of the training file
    rows: str  # SHA-256 of the encoded rows, and of which member sees which
    config: Settings
    emitted: tuple[EpochEnded, ...]
    member_states: tuple[MemberState, ...]


def resumable(
    prepared: PreparedTraining, jobs: int, checkpoint: str | None, resume: str | None, watcher: Watcher | None = None
) -> Iterator[Event]:
    """The events of a training that goes on from the file `resume` and is kept in the file `checkpoint`.

    Raises UsageError when `resume` belongs to another training, ModelError when it is damaged, MachineError.
    """
    training = prepared.training()
    if resume is not None:
        training.load_state(load(resume, prepared, training))
    events = training.events(jobs)
    if checkpoint is not None:
        events = kept(events, prepared, training, checkpoint)
    return events if watcher is None else watcher.events(events, training)


def kept(events: Iterator[Event], prepared: PreparedTraining, training: Training, path: str) -> Iterator[Event]:
    """Passes every event on; writes a checkpoint after an epoch now and then, and when training ends."""
    header = record_of(prepared)
    state: TrainingState | None = None
    due = 0.0
    try:
        for event in events:
            if isinstance(event, EpochEnded) and len(training.emitted) == event.epoch:
                state = training.state()
                began = time.monotonic()
                if began >= due:
                    save(path, header, state)
                    state, now = None, time.monotonic()
                    due = now + (now - began) / SHARE
            yield event
    finally:
        if state is not None:
            save(path, header, state)


MAX_VALUE = 1e30  # of a weight or moment in a checkpoint; no loss is finite with larger ones


def record_of(prepared: PreparedTraining) -> CheckpointRecord:
    return CheckpointRecord(
        "mlpcli checkpoint", dict(versions()), prepared.dataset.sha256, digest(prepared),
        # How long to train may change on the way; the steps taken do not depend on it.
        replace(prepared.settings, time_limit=None), (), (),
    )  # fmt: skip


def digest(prepared: PreparedTraining) -> str:
    """SHA-256 of all that the members train on."""
    hashed = hashlib.sha256()
    for member in prepared.members:
        hashed.update(member.train.index.tobytes())
        hashed.update(b"" if member.valid is None else member.valid.index.tobytes())
    weights = prepared.encoded.weights
    for array in (prepared.encoded.x, prepared.encoded.y, np.empty(0) if weights is None else weights):
        hashed.update(np.ascontiguousarray(array).tobytes())
    return hashed.hexdigest()


def save(path: str, record: CheckpointRecord, state: TrainingState) -> None:
    """Raises MachineError; the old file is then untouched."""
    vectors = np.zeros((len(state.vectors), max(map(len, state.vectors))), record.config.dtype)
    for row, vector in zip(vectors, state.vectors, strict=True):
        row[: len(vector)] = vector
    full = replace(record, emitted=state.emitted, member_states=state.member_states)
    archive.save(path, to_json(full), {"members": vectors})


def load(path: str, prepared: PreparedTraining, training: Training) -> TrainingState:
    """Where the training of `path` stood. Raises UsageError when it is not this training, ModelError, MachineError."""
    header, arrays = archive.load(path)
    try:
        if header.get("kind") != "mlpcli checkpoint":
            raise ModelError("this is a model, not a checkpoint", "name a file that train --checkpoint wrote")
        found = from_json(CheckpointRecord, header)
        check_same(found, record_of(prepared), path)
        sizes = [sum(map(len, run.vectors())) for run in training.trainers]
        vectors = arrays.get("members", np.empty((0, 0), np.float32))
        if not (
            vectors.dtype == np.dtype(found.config.dtype)
            and vectors.shape == (len(sizes), max(sizes))
            and len(found.member_states) == len(sizes)
            and [event.epoch for event in found.emitted] == list(range(1, len(found.emitted) + 1))
            and all(1 <= event.best_epoch <= event.epoch for event in found.emitted)
            and not np.any(np.abs(vectors) > MAX_VALUE)
            and all(is_possible(state, len(found.emitted)) for state in found.member_states)
        ):
            raise ModelError("the checkpoint does not fit the settings", hint=archive.DAMAGED)
    except ModelError as error:
        raise ModelError(error.message, error.hint, file=path) from error
    parts = tuple(row[:size] for row, size in zip(vectors, sizes, strict=True))
    return TrainingState(found.emitted, found.member_states, parts)


def is_possible(state: MemberState, epochs: int) -> bool:
    bits, increment, has_half, half = state.rng
    return (
        0 <= state.best_epoch <= state.done <= epochs
        and min(state.steps, state.retries, bits, increment, half) >= 0
        and max(bits, increment) < ANY_TIME
        and increment % 2 == 1
        and has_half in (0, 1)
        and half < 2**32
    )


def check_same(found: CheckpointRecord, now: CheckpointRecord, path: str) -> None:
    """UsageError that lists what differs between the training of a checkpoint and the one asked for."""
    differences = [
        f"{flag(f.name)} was {quoted(getattr(found.config, f.name))}, is {quoted(getattr(now.config, f.name))}"
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

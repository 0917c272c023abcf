"""A model made again from what its file says, and what is to blame where it is not the same bit for bit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from mlpcli.config.flags import quoted
from mlpcli.config.settings import Config, flag
from mlpcli.data.dataset import DataSet
from mlpcli.data.frame import FRAME_NAME
from mlpcli.data.storage import Storage
from mlpcli.data.take import sampled, take_rows
from mlpcli.errors import DataError, ModelError
from mlpcli.evaluation.evaluate import training_file
from mlpcli.files.jsonable import to_json
from mlpcli.model.assemble import assemble
from mlpcli.model.record import ModelRecord
from mlpcli.model.trained import TrainedModel
from mlpcli.studies import distributed_rows
from mlpcli.studies.distributed_rows import DistributedTraining
from mlpcli.studies.workers import Inline
from mlpcli.training.events import Event, History
from mlpcli.training.prepare import MAX_EVALUATED, PreparedTraining, prepare_dataset

TOLERANCE = 1e-6  # of probabilities, and of values in units of the target's standard deviation
BY_CHANCE = ("interrupted", "time limit")  # how far such a training came, depends on the moment


@dataclass(frozen=True)
class Reproduction:
    """Whether a training that was repeated gave the same model."""

    data: str
    is_same: bool  # weights and header, bit for bit; versions and the name of the data file aside
    differences: dict[str, str]  # data, versions, settings, columns or processor -> in what they differ
    n_rows: int  # of which both answers were compared
    largest: float | None  # difference of two answers, as for TOLERANCE; None where they cannot be compared

    @property
    def agrees(self) -> bool:
        return self.largest is not None and self.largest <= TOLERANCE


@dataclass(frozen=True)
class Reproducer:
    """A training that is ready to be repeated."""

    model: TrainedModel
    prepared: PreparedTraining
    shared: DistributedTraining | None = None  # of rows that were with several workers, which are all here now

    def events(self, jobs: int = 1) -> Iterator[Event]:
        yield from self.prepared.events(jobs) if self.shared is None else self.shared.events()

    def result(self, history: History) -> Reproduction:
        """Compares the model that these events made. Raises TrainingError."""
        made = assemble(self.prepared, history)
        same_weights = weights_are_same(self.model, made)
        differing = differing_parts(self.model.record, made.record)
        is_same = same_weights and not differing
        largest, n_rows = largest_difference(self.model, made, self.prepared.dataset)
        differences = causes(self.model.record, made.record, is_same)
        return Reproduction(self.prepared.dataset.name, is_same, differences, n_rows, largest)


def plan(model: TrainedModel, data: str | None = None) -> Reproducer:
    """Reads the training file, or `data` in its place, by the rules of the model. Raises DataError or ModelError."""
    history = model.record.history
    if history.stopped_by in BY_CHANCE:
        why = "was interrupted" if history.stopped_by == "interrupted" else "was stopped by --time-limit"
        raise ModelError(
            f"its training {why}: how far it came depends on the moment", "train it again without", file=model.path
        )
    if model.record.started_from is not None:
        raise ModelError(
            "its training went on from another model", "repeat mlpcli train --start-from with that one",
            file=model.path,
        )  # fmt: skip
    if model.record.distilled_from is not None:
        raise ModelError("it was distilled from another model", "repeat mlpcli distill with that one", file=model.path)
    path = data or training_file(model)
    if path is None:
        was_frame = model.record.data.path == FRAME_NAME
        what = "the model was trained on a DataFrame" if was_frame else "the training file is not here"
        raise DataError(what, "name it: mlpcli reproduce MODEL DATA", file=model.record.data.path)
    options = model.record.dialect.options()
    if model.record.shares is not None:
        shared = distributed_rows.prepare(path, model.config, options, Inline(), model.record.shares)
        return Reproducer(model, shared.prepared, shared)
    dataset = DataSet.read(path, model.config, options, os.path.dirname(model.path or ""))
    return Reproducer(model, prepare_dataset(dataset, model.config))


# --- what is the same -------------------------------------------------------------------------------------


def weights_are_same(first: TrainedModel, second: TrainedModel) -> bool:
    """Whether all numbers of all networks have the same bits."""
    pairs = [
        (a, b)
        for one, other in zip(first.networks, second.networks, strict=False)
        for a, b in ((one.params, other.params), (one.state, other.state))
    ]
    return len(first.networks) == len(second.networks) and all(a.tobytes() == b.tobytes() for a, b in pairs)


def differing_parts(old: ModelRecord, new: ModelRecord) -> list[str]:
    """The entries of the header that differ; versions and the name of the data file aside."""
    before, now = to_json(old), to_json(new)
    for header in (before, now):
        header["data"].pop("path")
        header.pop("versions")
    return [name for name in before if before[name] != now[name]]


def causes(old: ModelRecord, new: ModelRecord, is_same: bool) -> dict[str, str]:
    """What differs of what the result depends on. Where nothing else does and the result is another, the processor."""
    here = new.versions
    changed = [f"{name} was {was}, is {here.get(name)}" for name, was in old.versions.items() if was != here.get(name)]
    found = {
        "data": "" if old.data.sha256 == new.data.sha256 else "the file is another one, or has changed",
        "versions": ", ".join(changed),
        "settings": ", ".join(
            f"{flag(f.name)} was {quoted(before)}, is {quoted(now)}"
            for f in fields(Config)
            if (before := getattr(old.config, f.name)) != (now := getattr(new.config, f.name))
        ),
        "columns": ", ".join(differing_columns(old, new)),
    }  # fmt: skip
    differing = {name: what for name, what in found.items() if what}
    if is_same or differing:
        return differing
    return {"processor": "all else is the same: another processor, or another library behind numpy, rounds otherwise"}


def differing_columns(old: ModelRecord, new: ModelRecord) -> list[str]:
    """Columns that are read or encoded in another way, though the file is the same."""
    if old.data.sha256 != new.data.sha256:
        return []
    before, now = ({c.name: c for c in (*r.schema.columns, r.schema.target)} for r in (old, new))
    differing = [name for name in dict.fromkeys([*before, *now]) if before.get(name) != now.get(name)]
    return [f"{name} is read or encoded otherwise" for name in differing]


def largest_difference(old: TrainedModel, new: TrainedModel, dataset: DataSet) -> tuple[float | None, int]:
    """That of both answers, and to how many rows of the file; None where the models read other columns or classes."""
    if old.schema.formats() != new.schema.formats() or old.labels != new.labels:
        return None, 0
    rows = sampled(np.ones(len(dataset.rows), bool), MAX_EVALUATED, old.config.seed)
    names = [*old.schema.formats()]
    frame = take_rows(dataset.frame[names], rows, Storage(), dataset.storage)
    unit = 1.0 if old.labels else old.schema.target.std
    return float(np.abs(old.outputs(frame) - new.outputs(frame)).max()) / unit, len(rows)

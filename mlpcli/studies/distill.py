"""One small network that learns what a model answers: distillation, for exports and programs that must be fast.

The network is taught the model's probabilities, or values, for the rows that were not kept for testing and for many
more made from them (`data.neighbours`). It shares the model's columns, and is a model like any other. Bucila, Caruana &
Niculescu-Mizil 2006, Model compression; Hinton, Vinyals & Dean 2015, arXiv 1503.02531; of tables Fakoor et al. 2020,
arXiv 2006.14284.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from mlpcli.config.settings import DATA, Config, Settings, Task
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.data.neighbours import mixed_rows
from mlpcli.data.schema import Schema
from mlpcli.data.storage import Storage
from mlpcli.data.take import take_rows
from mlpcli.engine.arrays import Array, Matrix
from mlpcli.engine.network import PREDICT_ROWS
from mlpcli.errors import DataError
from mlpcli.evaluation.comparison import ModelComparison, compare
from mlpcli.evaluation.evaluate import is_trained_on, read_trained
from mlpcli.files import archive
from mlpcli.model.assemble import assemble
from mlpcli.model.trained import TrainedModel, as_read
from mlpcli.training.events import Event, History
from mlpcli.training.loop import KindMembers, Member, Rows, Training
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import EncodedRows, Fold, PreparedTraining, build_members, encode_rows

# Units of the hidden layers: about a tenth of the parameters of an ensemble of the default preset, or fewer.
HIDDEN: Mapping[Task, tuple[int, ...]] = {"classification": (64, 32), "regression": (32, 32)}
KIND = "mlp"  # of network
# Rows that the network is taught: so many at least, of larger tables twice theirs, up to so many and so many inputs.
TAUGHT_ROWS, MAX_TAUGHT_ROWS, MAX_TAUGHT_INPUTS = 30_000, 200_000, 50_000_000
EPOCHS, BATCH_ROWS = 20, 256
SEED = 0xD157  # beside that of the model, for rows that are made
# What it has of the model besides everything about the data: how columns become inputs, and what answers are judged by.
KEPT = (
    "scale", "embed_numbers", "embed_categories", "max_categories", "quantile", "cost", "order", "threshold",
    "class_weight",
)  # fmt: skip
MEASURED_SECONDS, MEASURED_ROWS = 0.2, 4 * PREDICT_ROWS  # of predicting, to tell its speed


@dataclass(frozen=True)
class Speed:
    """What a model takes."""

    n_parameters: int  # of all its networks
    n_bytes: int  # of its file
    rows_per_second: float  # of processor time, from cells to answers


@dataclass(frozen=True)
class Distilled:
    """A small model beside the one whose answers it learned."""

    model: TrainedModel
    comparison: ModelComparison | str  # on the same test rows; why there is none
    speed: Speed
    speed_before: Speed


@dataclass(frozen=True)
class Distiller:
    """A distillation that is ready to run: iterate `events`, then ask for the `result`."""

    teacher: TrainedModel
    prepared: PreparedTraining  # of the rows as they are, with the network
    taught: Rows  # all that it is taught, with the model's answers

    def events(self) -> Iterator[Event]:
        prepared, member = self.prepared, self.prepared.members[0]
        group = KindMembers(KIND, (Member(member.network, self.taught, None, member.rng),))
        yield from Training([group], build_loss(prepared.settings), prepared.settings).events()

    def assemble(self, history: History) -> TrainedModel:
        """The small model. Raises TrainingError when no epoch was finished."""
        made, old = assemble(self.prepared, history), self.teacher.record
        record = replace(
            made.record, threshold=old.threshold, distilled_from=self.teacher.sha256, conformal="distilled"
        )
        return TrainedModel(record, made.ensemble)

    def result(self, model: TrainedModel) -> Distilled:
        """The small model beside its teacher: errors, size and speed."""
        dataset = self.prepared.dataset
        try:
            comparison: ModelComparison | str = compare(model, self.teacher, dataset.name)
        except DataError as error:
            comparison = error.message
        rows = np.resize(np.arange(len(dataset.frame)), MEASURED_ROWS)
        frame = take_rows(as_read(model, dataset.frame), rows, Storage(), dataset.storage)
        return Distilled(model, comparison, speed_of(model, frame), speed_of(self.teacher, frame))


def plan(teacher: TrainedModel, hidden: tuple[int, ...] | None = None, data: str | None = None) -> Distiller:
    """Reads the training file, or `data` in its place, and asks the model about its rows and others like them.

    Raises DataError where the file is not here as it was, UsageError for hidden layers that cannot be.
    """
    settings = small_settings(teacher.config, HIDDEN[teacher.config.task] if hidden is None else hidden)
    if data is not None and not is_trained_on(teacher, data):
        raise DataError("is not the file that the model was trained on", "name the file as it was then", file=data)
    table = read_trained(teacher, data, command="distill")
    dataset = replace(table, sets=np.where(table.sets == splits.TEST, splits.TEST, splits.TRAIN).astype(np.int8))
    schema = teacher.schema
    encoded = encode_rows(dataset, schema, settings)
    every_row = Fold(np.arange(len(encoded.rows)), np.empty(0, np.int64), {})
    groups = build_members(schema, encoded, [every_row], settings, dataset.storage)
    prepared = PreparedTraining(dataset, settings, schema, encoded, groups, dataset.notes)
    return Distiller(teacher, prepared, taught_rows(teacher, dataset, encoded))


def small_settings(of: Settings, hidden: tuple[int, ...]) -> Settings:
    """Those of one network with these hidden layers: data and columns are the model's, training is the recipe's."""
    kept = [f.name for f in fields(Config) if f.metadata["group"] == DATA or f.name in KEPT]
    config = Config(
        **{name: getattr(of, name) for name in kept}, loss=None if of.task == "classification" else of.loss,
        hidden=hidden, ensemble=1, kinds=(KIND,), epochs=EPOCHS, batch_size=str(BATCH_ROWS), patience=0,
        label_smoothing=0.0, calibrate=False,
    )  # fmt: skip
    return config.resolve(of.task)


def taught_rows(teacher: TrainedModel, dataset: DataSet, encoded: EncodedRows) -> Rows:
    """Rows of the table and rows made from them, in random order, each with the model's answer."""
    schema, rng = teacher.schema, np.random.default_rng([teacher.config.seed, SEED])
    n_at_most = min(MAX_TAUGHT_ROWS, max(MAX_TAUGHT_INPUTS // schema.n_inputs, 2))
    own = encoded.first(n_at_most // 2)
    n_copies = max(min(TAUGHT_ROWS, n_at_most) // len(own.rows) - 1, 1)
    frame = take_rows(as_read(teacher, dataset.frame), own.rows, Storage(), dataset.storage)
    near = nearness(schema, own.x)
    x = np.concatenate([own.x, *(schema.encode(mixed_rows(frame, near, rng)) for _ in range(n_copies))])
    order = rng.permutation(len(x))
    x = x[order]
    weights = None if own.weights is None else np.tile(own.weights, n_copies + 1)[order]
    return Rows(x, answers_of(teacher, x), weights, np.arange(len(x)))


def nearness(schema: Schema, x: Matrix) -> Matrix:
    """(n, n_inputs) -> (n, n_plain) by which rows are near; levels that have a number only have no part in it."""
    plain = x[:, schema.blocks["plain"]].copy()
    for place, _, _ in schema.embeddings(["plain"]):
        plain[:, place] = 0
    return plain


def answers_of(teacher: TrainedModel, x: Matrix) -> Array:
    """(n, n_inputs) -> probabilities (n, n_classes), or standardised values (n,)"""
    outputs = np.concatenate([teacher.combined(x[block]) for block in splits.blocks(len(x), PREDICT_ROWS)])
    return teacher.schema.target.standardise(outputs).astype(np.float32)


def speed_of(model: TrainedModel, frame: pd.DataFrame) -> Speed:
    """Measured on a frame that was read by the model's rules, as often as it takes."""
    n_parameters = sum(len(network.params) for network in model.networks)
    return Speed(n_parameters, len(archive.pack(*model.parts())), len(frame) / seconds(lambda: model.outputs(frame)))


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one go, the first one, which makes room, aside."""
    work()
    n, began, now = 0, time.process_time(), 0.0
    while now < MEASURED_SECONDS:
        work()
        n, now = n + 1, time.process_time() - began
    return now / n

"""One small network that learns what a model answers: distillation, for exports and programs that must be fast.

The network is taught the model's probabilities, or values, for the rows that were not kept for testing and for many
more made from them (`data.neighbours`). It is a model like any other on the same columns, of which it sees fewer
inputs: encoding a row for an ensemble would take longer than asking one small network. Two are taught, one without bins
of numbers, which is kept where it answers as well. Bucila, Caruana & Niculescu-Mizil 2006, Model compression; Hinton,
Vinyals & Dean 2015, arXiv 1503.02531; of tables Fakoor et al. 2020, arXiv 2006.14284.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, fields, replace
from functools import partial
from itertools import chain

import numpy as np
import pandas as pd

from mlpcli.config.settings import DATA, Config, Settings, Task
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.data.kinds import Column
from mlpcli.data.kinds.date import DateColumn
from mlpcli.data.kinds.number import NumberColumn
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
# Bins that are joined to one: halves cost classes nothing, and numbers a twentieth of the error.
JOINED_BINS: Mapping[Task, int] = {"classification": 2, "regression": 1}
HELD_SHARE = 0.1  # of those rows, which are not taught: the two networks are compared on them
MAX_MORE_LOSS = 0.02  # share by which the loss without bins may be larger: that network is twice as fast
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
class Student:
    """One small network and what it is taught."""

    prepared: PreparedTraining  # of the rows as they are, with the network
    taught: Rows  # with the model's answers
    held: Rows  # the same, not taught
    history: History = field(default_factory=History)

    def events(self) -> Generator[Event]:
        prepared, member = self.prepared, self.prepared.members[0]
        group = KindMembers(KIND, (Member(member.network, self.taught, None, member.rng),))
        for event in Training([group], build_loss(prepared.settings), prepared.settings).events():
            self.history.add(event)
            yield event

    def loss(self) -> float:
        """That of the rows that were not taught."""
        rows, network = self.held, self.prepared.members[0].network
        weights = None if rows.weights is None else rows.weights[rows.index]
        return build_loss(self.prepared.settings).value(rows.logits(network), rows.y[rows.index], weights)


@dataclass(frozen=True)
class Distiller:
    """A distillation that is ready to run: iterate `events`, then ask for the `result`."""

    teacher: TrainedModel
    students: tuple[Student, ...]  # the one that sees most first

    @property
    def prepared(self) -> PreparedTraining:
        return self.students[0].prepared

    def events(self) -> Iterator[Event]:
        """Those of the first network; the others are taught beside it."""
        first, *others = (student.events() for student in self.students)
        with ExitStack() as stack:
            for events in (first, *others):
                stack.enter_context(closing(events))
            for event in first:
                for events in others:
                    next(events, None)
                yield event

    def best(self) -> Student:
        """The last network that is as good as the first one."""
        losses = [student.loss() for student in self.students]
        found = [s for s, loss in zip(self.students, losses, strict=True) if loss <= (1 + MAX_MORE_LOSS) * losses[0]]
        return found[-1]

    def assemble(self, history: History) -> TrainedModel:
        """The small model. Raises TrainingError when no epoch was finished."""
        student = self.best() if history.train_loss else self.students[0]
        own = student.history if history.train_loss else history
        made, old = assemble(student.prepared, own), self.teacher.record
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
    schemas = [fewer_inputs(teacher.schema, step) for step in (JOINED_BINS[teacher.schema.target.task], None)]
    if schemas[0] == schemas[1]:
        del schemas[1]
    every_taught = taught_rows(teacher, dataset, encode_rows(dataset, teacher.schema, settings), schemas)
    students = []
    for schema, taught in zip(schemas, every_taught, strict=True):
        encoded = encode_rows(dataset, schema, settings)
        every_row = Fold(np.arange(len(encoded.rows)), np.empty(0, np.int64), {})
        groups = build_members(schema, encoded, [every_row], settings, dataset.storage)
        prepared = PreparedTraining(dataset, settings, schema, encoded, groups, dataset.notes)
        n = round((1 - HELD_SHARE) * len(taught))
        held = replace(taught, index=taught.index[n:])
        students.append(Student(prepared, replace(taught, index=taught.index[:n]), held))
    return Distiller(teacher, tuple(students))


def fewer_inputs(schema: Schema, joined: int | None) -> Schema:
    """The same columns without cuts, so many bins of numbers joined to one; None: without bins and pairs of levels."""
    columns = tuple(fewer_inputs_of(column, joined) for column in schema.columns)
    return replace(schema, columns=columns, crosses=() if joined is None else schema.crosses)


def fewer_inputs_of(column: Column, joined: int | None) -> Column:
    if isinstance(column, DateColumn):
        return replace(column, parts=tuple(map(partial(number_with_fewer, joined=joined), column.parts)))
    return number_with_fewer(column, joined) if isinstance(column, NumberColumn) else column


def number_with_fewer(column: NumberColumn, joined: int | None) -> NumberColumn:
    edges = () if joined is None else (*column.edges[:-1:joined], *column.edges[-1:])
    return replace(column, cuts=(), edges=edges, shrink=column.shrink if edges else 0.0)


def small_settings(of: Settings, hidden: tuple[int, ...]) -> Settings:
    """Those of one network with these hidden layers: data and columns are the model's, training is the recipe's."""
    kept = [f.name for f in fields(Config) if f.metadata["group"] == DATA or f.name in KEPT]
    config = Config(
        **{name: getattr(of, name) for name in kept}, loss=None if of.task == "classification" else of.loss,
        hidden=hidden, ensemble=1, kinds=(KIND,), epochs=EPOCHS, batch_size=str(BATCH_ROWS), patience=0,
        label_smoothing=0.0, calibrate=False,
    )  # fmt: skip
    return config.resolve(of.task)


def taught_rows(teacher: TrainedModel, dataset: DataSet, encoded: EncodedRows, schemas: Sequence[Schema]) -> list[Rows]:
    """Rows of the table and rows made from them, in random order, as inputs of each schema with the model's answers.

    `encoded` are the rows as inputs of the model.
    """
    schema, rng = teacher.schema, np.random.default_rng([teacher.config.seed, SEED])
    n_at_most = min(MAX_TAUGHT_ROWS, max(MAX_TAUGHT_INPUTS // schema.n_inputs, 2))
    own = encoded.first(n_at_most // 2)
    n_copies = max(min(TAUGHT_ROWS, n_at_most) // len(own.rows) - 1, 1)
    frame = take_rows(as_read(teacher, dataset.frame), own.rows, Storage(), dataset.storage)
    near = nearness(schema, own.x)
    answers, inputs = [], [list[Matrix]() for _ in schemas]
    for rows in chain([frame], (mixed_rows(frame, near, rng) for _ in range(n_copies))):
        answers.append(answers_of(teacher, schema.encode(rows)))
        for parts, seen in zip(inputs, schemas, strict=True):
            parts.append(seen.encode(rows))
    y = np.concatenate(answers)
    order = rng.permutation(len(y))
    weights = None if own.weights is None else np.tile(own.weights, n_copies + 1)[order]
    return [Rows(np.concatenate(parts)[order], y[order], weights, np.arange(len(y))) for parts in inputs]


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

"""Predictions as a stream: parts of a CSV in, lines out, as many as came and in the same order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Protocol

import numpy as np
import pandas as pd

from mlpcli.config.settings import ReadOptions
from mlpcli.data.bad_cells import BadCell, read_cells
from mlpcli.data.block import Block
from mlpcli.data.foreign_stream import any_stream
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.header import known_column, require_columns
from mlpcli.data.structure import Structure
from mlpcli.data.values import RowValues, as_categorical, as_data_frame, column_values
from mlpcli.engine.arrays import Array, Bools, Ints
from mlpcli.errors import DataError, plural
from mlpcli.metrics.scoring import confidences, decide
from mlpcli.model.ahead import ahead
from mlpcli.model.certainty import Certainty, intervals, label_sets
from mlpcli.model.crew import Crew
from mlpcli.model.trained import TrainedModel
from mlpcli.model.writing import FORMATS, Cells, Format, written, written_column

DIGITS = 6  # of a probability
NO_CERTAINTY = Certainty()  # nothing is asked for besides the answers
NUMBER = "{:.9g}".format  # how predicted numbers are written
MAX_NAMED, NAMES_SHOWN = 1000, 5  # levels never seen that are told apart; that are named


class MoreColumns(Protocol):
    """Columns behind the prediction."""

    @property
    def names(self) -> Sequence[str]: ...
    def columns(self, inputs: pd.DataFrame, form: Format) -> list[Cells]:
        """The cells of n rows, of each column (n,)."""

    def notes(self) -> list[str]:
        """What is to be said of them when all are written."""


@dataclass(frozen=True)
class Part:
    """Some rows as the model reads them."""

    block: Block  # those that fit the header
    records: Structure  # of all
    inputs: pd.DataFrame
    bad: list[BadCell]
    names: list[str]  # columns of the output
    outputs: Array | None = None  # of the model, where they are made ahead


@dataclass
class Predictor:
    """Turns parts of a CSV into lines of predictions, and counts what was odd on the way."""

    model: TrainedModel
    keep: Sequence[str] = ()  # columns to copy; ("all",) is all of them
    proba: bool = False
    threshold: float | None = None  # in place of the model's
    form: Format = FORMATS["csv"]
    bom: bool = False
    more: MoreColumns | None = None
    bad_cells: str = "error"  # one of config.BAD_CELLS
    on_bad_cell: Callable[[BadCell], object] = lambda cell: None
    on_rows: Callable[[pd.DataFrame], object] | None = None  # gets all rows as the model reads them
    certainty: Certainty = NO_CERTAINTY
    jobs: int = 1  # cores to use: the next part is read, and others are answered, on threads; the lines stay the same
    n_rows: int = 0  # answered
    n_bad_rows: int = 0  # that do not fit the header
    n_without: int = 0  # without any value
    odd: Counter[tuple[str, str]] = field(default_factory=Counter)  # column and what is odd
    new_levels: Counter[tuple[str, str]] = field(default_factory=Counter)  # column and level never seen
    n_bad_cells: Counter[str] = field(default_factory=Counter)  # by column
    n_unsure: int = 0  # less sure of than was asked for
    ignored: tuple[str, ...] = ()

    @cached_property
    def kept(self) -> list[str]:
        return list(self.keep)

    @cached_property
    def label_writer(self) -> Callable[[str], str]:
        return label_writer_of(self.form, self.model.labels)

    @cached_property
    def labels(self) -> Cells:
        return written(np.asarray(self.model.labels, object), self.label_writer)

    @cached_property
    def json_labels(self) -> list[str]:
        """The labels as they stand in a JSON list."""
        return list(map(label_writer_of(FORMATS["jsonl"], self.model.labels), self.model.labels))

    def predict(self, parts: Iterable[bytes], name: str, options: ReadOptions) -> Iterator[bytes]:
        """Lines of the output, a part at a time. Raises DataError with the line of the input, once the rows before it
        are answered.
        """
        found = self.read(parts, name, options)
        if self.jobs == 1:
            yield from self.answered(found, name)
            return
        with Crew(self.model, self.jobs) as crew, closing(ahead(self.asked(found, crew), self.jobs)) as asked:
            yield from self.answered((replace(part, outputs=outputs.result()) for part, outputs in asked), name)

    def asked(self, parts: Iterator[Part], crew: Crew) -> Iterator[tuple[Part, Future[Array]]]:
        """Parts with what the model says of their rows, which is computed while the next ones are read."""
        with closing(ahead(parts)) as parts:
            for part in parts:
                yield part, crew.outputs(part.inputs)

    def read(self, parts: Iterable[bytes], name: str, options: ReadOptions) -> Iterator[Part]:
        """The rows of a CSV as the model reads them. Raises DataError."""
        names: list[str] = []
        formats = self.model.schema.formats()
        expect = [*formats, self.model.schema.target.name]
        for block, records, line_of in any_stream(parts, name, self.model.record.dialect, options, formats, expect):
            names = names or self.choose_columns(block.names, name)
            inputs, bad = read_cells(block, formats)
            yield Part(block, records, inputs, [replace(cell, line=line_of(cell.line)) for cell in bad], names)

    def answered(self, parts: Iterable[Part], name: str) -> Iterator[bytes]:
        """Lines of the output, the header first. Raises DataError at a bad cell, unless these are allowed."""
        is_first = True
        for part in parts:
            block, records, inputs, bad, names = part.block, part.records, part.inputs, part.bad, part.names
            outputs = part.outputs
            text = "\ufeff" * self.bom + self.form.header(names) if is_first else ""
            is_first = False
            problem = None
            if bad and self.bad_cells == "error":
                problem, stop = bad[0], bad[0].row
                bad = [cell for cell in bad if cell.row == stop]
                records = records.rows(records.starts < block.rows.found.starts[stop])
                block, inputs = Block(block.rows.rows(slice(stop)), block.form), inputs.iloc[:stop]
                outputs = None if outputs is None else outputs[:stop]
            self.note_bad(bad)
            without = np.isin(np.arange(block.n_rows), [cell.row for cell in bad]) & (self.bad_cells == "empty")
            lines = self.lines(block, records, inputs, without, names, outputs)
            self.n_rows += len(lines)
            text += "\n".join(lines) + "\n" * bool(lines)
            if text:
                yield text.encode("utf-8", "surrogatepass")
            if problem is not None:
                raise bad_cell(problem, name)

    def choose_columns(self, found: Sequence[str], name: str) -> list[str]:
        """The columns of the output. Raises DataError for a column that the file does not have."""
        formats, target = self.model.schema.formats(), self.model.schema.target.name
        require_columns(formats, found, name)
        if self.kept == ["all"]:
            self.kept = list(found)
        for column in self.kept:
            known_column(column, found, name)
        self.ignored = tuple(n for n in found if n not in formats and n not in self.kept and n != target)
        return [*self.kept, *self.names]

    @property
    def names(self) -> list[str]:
        """Of the columns of answers."""
        shares = [f"p_{label}" for label in self.model.labels if self.proba]
        return ["prediction", *self.certainty.names, *shares, *(self.more.names if self.more else ())]

    def note_bad(self, bad: Sequence[BadCell]) -> None:
        self.n_bad_cells.update(cell.column for cell in bad)
        for cell in bad:
            self.on_bad_cell(cell)

    def lines(
        self, block: Block, records: Structure, inputs: pd.DataFrame, without: Bools, names: Sequence[str],
        outputs: Array | None = None,
    ) -> Sequence[str]:  # fmt: skip
        """The rows of a part as lines: those of `without` have no prediction, those that do not fit the header no
        cell at all.
        """
        nothing = np.full(len(records.starts), self.form.nothing(), object)
        columns = self.answer(block, inputs, without, outputs) if block.n_rows else [nothing[:0]] * len(names)
        n_bad = len(nothing) - block.n_rows
        if n_bad:
            self.n_bad_rows += n_bad
            place = np.searchsorted(records.starts, block.rows.found.starts)
            columns = [placed(nothing, place, column) for column in columns]
        return self.form.lines(names, columns)

    def answer(self, block: Block, inputs: pd.DataFrame, without: Bools, outputs: Array | None = None) -> list[Cells]:
        """The rows of a part -> kept columns, prediction, and on request how sure it is, probabilities and more."""
        self.count_odd(inputs)
        kept = block.parse(texts=self.kept, only=self.kept, markers=False) if self.kept else pd.DataFrame()
        columns = [written_column(as_categorical(kept[n]), self.writer_of(n)) for n in self.kept]
        return [*columns, *self.answers(inputs, without, outputs)]

    def answers(
        self, inputs: pd.DataFrame | RowValues, without: Bools, outputs: Array | None = None
    ) -> list[Cells]:  # fmt: skip
        """Rows read by the model's rules, and the model's outputs where there are any -> prediction, and on request
        how sure it is, probabilities and more.
        """
        if self.on_rows is not None:
            self.on_rows(as_data_frame(inputs))
        if outputs is None:
            outputs = self.model.outputs(inputs)
        answers = self.class_answers(outputs, without) if len(self.labels) else self.values(inputs, outputs, without)
        if self.more is not None:
            answers += self.more.columns(as_data_frame(inputs), self.form)
        for column in answers:
            column[without] = self.form.nothing()
        return answers

    def class_answers(self, outputs: Array, without: Bools) -> list[Cells]:
        """Probabilities (n, n_classes) -> predictions, label sets and probabilities; `without`: rows left out"""
        rule = self.model.record.rule if self.threshold is None else self.threshold
        labels = decide(outputs, rule)
        answers = [self.labels[labels]]
        if self.certainty.min_confidence is not None:
            is_unsure = confidences(outputs, labels) < self.certainty.min_confidence
            self.leave_empty(answers[0], is_unsure, without)
        if self.certainty.label_set is not None:
            sets = label_sets(self.model, outputs, self.certainty.label_set, self.certainty.by_class)
            answers += [self.written_sets(sets), written(sets.sum(axis=1), str)]
        if self.proba:
            answers += [written(shares, repr) for shares in np.round(outputs, DIGITS).T]
        return answers

    def values(self, inputs: pd.DataFrame | RowValues, outputs: Array, without: Bools) -> list[Cells]:
        """Numbers (n,) -> predictions, and the ends of their intervals; `without`: rows left out"""
        answers, level = [written(outputs, NUMBER)], self.certainty.level
        if level is not None:
            ends = intervals(self.model, inputs, outputs, level)
            if self.certainty.max_width is not None:
                self.leave_empty(answers[0], ends[:, 1] - ends[:, 0] > self.certainty.max_width, without)
            if self.certainty.interval is not None:
                answers += [written(column, NUMBER) for column in ends.T]
        return answers

    def leave_empty(self, answers: Cells, is_unsure: Bools, without: Bools) -> None:
        answers[is_unsure] = self.form.nothing()
        self.n_unsure += int(np.count_nonzero(is_unsure & ~without))

    def written_sets(self, sets: Bools) -> Cells:
        """Which classes are in each row's set (n, n_classes) -> JSON lists of their labels"""
        names = self.json_labels
        found, places = np.unique(sets, axis=0, return_inverse=True)
        lists = ["[" + ",".join(names[i] for i in np.flatnonzero(one)) + "]" for one in found]
        return written(np.asarray(lists, object), self.form.json)[places.ravel()]

    def writer_of(self, name: str) -> Callable[[str], str]:
        """How the cells of a column that is copied are written: as numbers where the model knows that they are."""
        target, dialect = self.model.schema.target, self.model.record.dialect
        if name == target.name and target.labels:
            return self.label_writer
        form = target.format if name == target.name else self.model.schema.formats().get(name)
        if not isinstance(form, NumberFormat):
            return self.form.text
        return partial(self.form.number, form=form, missing=dialect.missing)

    def count_odd(self, inputs: pd.DataFrame) -> None:
        """Counts values never seen in training, levels among them by name, and rows without any value."""
        for column, odd in self.model.schema.unseen_values(inputs).items():
            self.odd.update({(column, what): n for what, n in odd.items()})
        for column, known in self.levels.items():
            cells = as_categorical(inputs[column])
            new = [i for i, text in enumerate(cells.categories) if text not in known]
            if not new:
                continue
            counts = np.bincount(cells.codes[cells.codes >= 0], minlength=len(cells.categories))
            for i in new:
                level = (column, str(cells.categories[i]))
                if counts[i] and (level in self.new_levels or len(self.new_levels) < MAX_NAMED):
                    self.new_levels[level] += int(counts[i])
        columns = [column_values(inputs[name]) for name in inputs]
        is_missing = [c.codes < 0 if isinstance(c, pd.Categorical) else np.isnan(c) for c in columns]
        self.n_without += int(np.logical_and.reduce(is_missing).sum())

    @cached_property
    def levels(self) -> dict[str, frozenset[str | None]]:
        """The levels that a column of categories knows, by column."""
        return {c.name: frozenset(c.levels) for c in self.model.schema.features if hasattr(c, "levels")}

    def notes(self) -> list[str]:
        notes = []
        for (name, what), n in self.odd.items():
            levels = {level: k for (column, level), k in self.new_levels.items() if column == name}
            notes.append(f"column {name}: {plural(n, 'value')} {what}" + named(levels))
        is_missing = self.bad_cells == "missing"
        for name, n in self.n_bad_cells.items() if self.bad_cells != "error" else ():
            many = "count as missing" if is_missing else "leave their rows without a prediction"
            one = "counts as missing" if is_missing else "leaves its row without a prediction"
            what = f"{plural(n, 'cell')} not written like the column"
            notes.append(f"column {name}: {what} {one if n == 1 else many} (--bad-cells)")
        if self.n_without:
            notes.append(f"{plural(self.n_without, 'row')} without any value")
        if self.n_unsure:
            asked = "--min-confidence" if self.certainty.max_width is None else "--max-width"
            notes.append(
                f"{self.n_unsure:,} of {plural(self.n_rows, 'row')} without a prediction: too unsure ({asked})"
            )
        notes += self.certainty.notes(self.model)
        if self.n_bad_rows:
            what = (
                "row that does not fit the header has"
                if self.n_bad_rows == 1
                else "rows that do not fit the header have"
            )
            notes.append(f"{self.n_bad_rows} {what} an empty prediction")
        if self.ignored:
            notes.append("columns the model does not use: " + ", ".join(self.ignored))
        return notes + (self.more.notes() if self.more else [])


def label_writer_of(form: Format, labels: Sequence[str]) -> Callable[[str], str]:
    """How a format writes labels: as numbers where all of them are."""
    as_number = form.number_or_text
    return as_number if all(as_number(label) == label for label in labels) else form.text


def placed(nothing: Cells, place: Ints, cells: Cells) -> Cells:
    """Cells in their places among rows that have nothing."""
    found = nothing.copy()
    found[place] = cells
    return found


def named(levels: dict[str, int]) -> str:
    """The most frequent of some levels, for a note."""
    most = sorted(levels.items(), key=lambda level: (-level[1], level[0]))
    shown = ", ".join(f"'{level}' ({n})" for level, n in most[:NAMES_SHOWN])
    return (f": {shown}" if shown else "") + (" ..." if len(most) > NAMES_SHOWN else "")


def bad_cell(cell: BadCell, file: str) -> DataError:
    return DataError(
        f"{cell.reason}, found '{cell.cell}'",
        "--bad-cells missing takes such cells as missing, --bad-cells empty leaves their rows without a prediction",
        file=file, line=cell.line, column=cell.column,
    )  # fmt: skip

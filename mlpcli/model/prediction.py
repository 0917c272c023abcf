"""Predictions as a stream: parts of a CSV in, lines out, as many as came and in the same order.

To add a format: write the class with Delimited's methods, add a line to FORMATS.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config import ReadOptions
from mlpcli.data.block import Block
from mlpcli.data.header import known_column, require_columns
from mlpcli.data.numbers import is_number
from mlpcli.data.raw import parts_of
from mlpcli.data.reading import read_written
from mlpcli.data.stream import stream
from mlpcli.data.values import as_categorical
from mlpcli.metrics.scoring import decide
from mlpcli.model.trained import TrainedModel, as_read

DIGITS = 6  # of a probability
FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")  # begins a formula in a spreadsheet; OWASP, "CSV Injection"

Cells = NDArray[np.object_]  # as they are written


@dataclass(frozen=True)
class Delimited:
    """RFC 4180, with line feeds: what is read back is what was written."""

    separator: str
    excel_safe: bool = False  # an apostrophe before what a spreadsheet would run; numbers stay as they are

    def header(self, names: Sequence[str]) -> str:
        return self.separator.join(map(self.text, names)) + "\n"

    def text(self, cell: str) -> str:
        if self.excel_safe and FORMULA.match(cell) and not is_number(cell):
            cell = "'" + cell
        if any(mark in cell for mark in (self.separator, '"', "\n", "\r")):
            return '"' + cell.replace('"', '""') + '"'
        return cell

    def lines(self, names: Sequence[str], columns: Sequence[Cells]) -> Sequence[str]:
        if len(columns) == 1:
            return [cell or '""' for cell in columns[0].tolist()]  # an empty line would be no record
        return list(map(self.separator.join, zip(*(c.tolist() for c in columns), strict=True)))

    def empty(self, names: Sequence[str]) -> str:
        return self.separator * (len(names) - 1) or '""'


@dataclass(frozen=True)
class JsonLines:
    """An object a row."""

    def header(self, names: Sequence[str]) -> str:
        return ""

    def text(self, cell: str) -> str:
        return json.dumps(cell, ensure_ascii=False)

    def lines(self, names: Sequence[str], columns: Sequence[Cells]) -> Sequence[str]:
        keys = [self.text(name) + ":" for name in names]
        named = (map(key.__add__, c.tolist()) for key, c in zip(keys, columns, strict=True))
        return ["{" + ",".join(cells) + "}" for cells in zip(*named, strict=True)]

    def empty(self, names: Sequence[str]) -> str:
        return "{" + ",".join(self.text(name) + ":null" for name in names) + "}"


Format = Delimited | JsonLines
FORMATS: dict[str, Format] = {"csv": Delimited(","), "tsv": Delimited("\t"), "jsonl": JsonLines()}


class Predictor:
    """Turns parts of a CSV into lines of predictions, and counts what was odd on the way."""

    def __init__(
        self, model: TrainedModel, keep: Sequence[str] = (), proba: bool = False, threshold: float | None = None,
        form: Format = FORMATS["csv"], bom: bool = False,
    ) -> None:  # fmt: skip
        self.model, self.keep, self.proba, self.form, self.bom = model, keep, proba, form, bom
        self.threshold = model.record.threshold if threshold is None else threshold
        self.formats = model.schema.formats()
        self.labels = written(np.asarray(model.labels, object), form.text)
        self.unseen: Counter[tuple[str, str]] = Counter()  # column and what is odd
        self.n_bad = 0
        self.ignored: tuple[str, ...] = ()

    def predict(self, descriptor: int, name: str, options: ReadOptions) -> Iterator[bytes]:
        """Lines of the output, a part at a time. Raises DataError with the line of the input."""
        target = self.model.schema.target.name
        kept: list[str] = []
        names: list[str] = []
        for source, records in stream(
            parts_of(descriptor), name, self.model.record.dialect, options, [*self.formats, target]
        ):
            text = ""
            if not names:
                require_columns(self.formats, source.names, name)
                kept = [n for n in source.names if n != target] if list(self.keep) == ["all"] else list(self.keep)
                for column in kept:
                    known_column(column, source.names, name)
                self.ignored = tuple(n for n in source.names if n not in self.formats and n not in kept and n != target)
                names = [*kept, "prediction", *(f"p_{label}" for label in self.model.labels if self.proba)]
                text = "\ufeff" * self.bom + self.form.header(names)
            lines = self.form.lines(names, self.answer(source, kept)) if source.n_rows else []
            if source.n_rows < len(records.starts):
                self.n_bad += len(records.starts) - source.n_rows
                every = np.full(len(records.starts), self.form.empty(names), object)
                every[np.searchsorted(records.starts, source.rows.found.starts)] = lines
                lines = every.tolist()
            text += "\n".join(lines) + "\n" * bool(lines)
            if text:
                yield text.encode("utf-8", "surrogatepass")

    def answer(self, source: Block, kept: Sequence[str]) -> list[Cells]:
        """The rows of a part -> kept columns, prediction, and probabilities on request."""
        inputs = as_read(self.model, read_written(source, self.formats))
        for column, counts in self.model.schema.unseen_values(inputs).items():
            self.unseen.update({(column, what): n for what, n in counts.items()})
        as_they_stand = source.parse(texts=kept, only=kept, markers=False) if kept else pd.DataFrame()
        columns = [written_column(as_categorical(as_they_stand[n]), self.form) for n in kept]
        outputs = self.model.outputs(inputs)
        if not len(self.labels):
            return [*columns, written(outputs, "{:.9g}".format)]
        columns.append(self.labels[decide(outputs, self.threshold)])
        if self.proba:
            columns += [written(shares, repr) for shares in np.round(outputs, DIGITS).T]
        return columns

    def notes(self) -> list[str]:
        notes = [
            f"column {name}: {n} {'value' if n == 1 else 'values'} {what}" for (name, what), n in self.unseen.items()
        ]
        if self.n_bad:
            notes.append(f"{self.n_bad} rows that do not fit the header have an empty prediction")
        if self.ignored:
            notes.append("columns the model does not use: " + ", ".join(self.ignored))
        return notes


def written(values: NDArray[Any], cell: Callable[[Any], str]) -> Cells:
    found = np.empty(len(values), object)
    found[:] = list(map(cell, values.tolist()))
    return found


def written_column(cells: pd.Categorical[Any], form: Format) -> Cells:
    """The cells of a column as they stand in the file."""
    found: Cells = written(np.array([*cells.categories, ""], object), form.text)[cells.codes]
    return found

"""Rows in, answers out, without HTTP: what a loaded model says to the body of a request.

To add a kind of body: write a function that answers it, add a line to KINDS for each of its media types.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.cli.serve.rows import Parsed, RefusedError, RowError, json_lines, json_rows, texts_of
from mlpcli.config.settings import ReadOptions
from mlpcli.data.bad_cells import BadCell, read_texts
from mlpcli.data.block import Block
from mlpcli.data.foreign import HEAD_BYTES, JSON_LINES, is_whole
from mlpcli.data.structure import Structure
from mlpcli.data.unpack import magic_of
from mlpcli.engine.arrays import Array, Bools
from mlpcli.errors import DataError, plural
from mlpcli.evaluation.drift import DriftWatch, Shift
from mlpcli.evaluation.explain.predictions import LargestContributions
from mlpcli.model.certainty import Certainty
from mlpcli.model.prediction import Predictor
from mlpcli.model.trained import TrainedModel, load
from mlpcli.model.writing import FORMATS

JSON, LINES, CSV = "application/json", "application/x-ndjson", "text/csv; charset=utf-8"  # of answers
CHUNK_ROWS, CHUNK_BYTES = 1024, 1 << 19  # predicted before the clock is looked at
EXPLAINED_ROWS, EXPLAINED_BYTES = 16, 1 << 11  # the same where each row is explained, which takes far longer
SHORT_BYTES, MAX_QUICK = 1 << 12, 0.005  # of a request, and seconds for a row, up to which it is worth no thread
SKIP = ReadOptions(bad_rows="skip")  # a row that does not fit the header costs no other its answer


@dataclass(frozen=True)
class Wishes:
    """What each answer holds besides the prediction."""

    proba: bool = False
    interval: float | None = None
    explain: int | None = None
    drift: bool = False


@dataclass(frozen=True)
class Limits:
    """Of a request, and of how many there are at once."""

    body: int = 8 << 20  # bytes
    rows: int = 10_000
    seconds: float = 10.0  # for its head; and from there to the answer
    connections: int = 64


@dataclass(frozen=True)
class Answer:
    """The answer to a request."""

    status: int  # 200; 422 where a row is wrong
    content: bytes
    media: str
    n_rows: int
    n_wrong: int


@dataclass(frozen=True)
class Service:
    """A loaded model that answers requests, one at a time: its networks have buffers of their own."""

    path: str
    model: TrainedModel
    wishes: Wishes
    version: tuple[int, ...]  # of the file
    digest: str  # of its bytes
    more: LargestContributions | None
    watch: DriftWatch | None
    drifted: list[str]  # what drifts in the rows so far
    short_bytes: int  # of a request that is answered without being handed to a thread

    def predictor(self, form: str) -> Predictor:
        return self.prepared(Predictor(self.model, form=FORMATS[form]))

    def prepared(self, made: Predictor) -> Predictor:
        """With all that is asked for."""
        made.proba, made.more, made.bad_cells = self.wishes.proba, self.more, "empty"
        made.certainty = Certainty(self.wishes.interval)
        if self.watch is not None:
            made.on_rows = self.watch.add
        return made

    def answer(self, body: bytes, media: str, limits: Limits, deadline: float) -> Answer:
        """Raises RefusedError; of a wrong row says so in its place. `deadline`: on the monotonic clock"""
        kind = KINDS.get(media.partition(";")[0].strip().lower())
        if kind is None:
            raise RefusedError(
                415, f"no rows of the type '{media[:100]}' are read", "Content-Type: " + ", ".join(KINDS)
            )
        return kind(self, body, limits, deadline)

    def lines(self, rows: Sequence[Parsed], limits: Limits, deadline: float) -> tuple[list[str], int]:
        """A JSON object for each row, and how many are wrong. Raises RefusedError."""
        check_rows(len(rows), limits)
        predictor, formats = self.predictor("jsonl"), self.model.schema.formats()
        lines, n_wrong = list[str](), 0
        size = CHUNK_ROWS if self.more is None else EXPLAINED_ROWS
        for start in range(0, len(rows), size):
            check_time(deadline, limits)
            texts, wrong = texts_of(rows[start : start + size], formats)
            inputs, bad = read_texts(texts, formats, self.model.record.dialect)
            for cell in bad:
                wrong.setdefault(cell.row, RowError.of(cell.column, cell.cell, cell.reason))
            without = np.zeros(len(inputs), np.bool_)
            without[[*wrong]] = True
            found = list(predictor.form.lines(predictor.names, predictor.answers(inputs, without)))
            for i, error in wrong.items():
                found[i] = f'{found[i][:-1]},"error":{error_json(error)}}}'
            lines, n_wrong = lines + found, n_wrong + len(wrong)
        return lines, n_wrong


def of_json(service: Service, body: bytes, limits: Limits, deadline: float) -> Answer:
    rows, is_list = json_rows(body)
    lines, n_wrong = service.lines(rows, limits, deadline)
    return answer_of("[" + ",\n".join(lines) + "]\n" if is_list else lines[0] + "\n", JSON, len(rows), n_wrong)


def of_json_lines(service: Service, body: bytes, limits: Limits, deadline: float) -> Answer:
    rows = json_lines(body)
    lines, n_wrong = service.lines(rows, limits, deadline)
    return answer_of("".join(line + "\n" for line in lines), LINES, len(rows), n_wrong)


def of_csv(service: Service, body: bytes, limits: Limits, deadline: float) -> Answer:
    """What `predict` writes; with a last column `error` where a row is wrong."""
    head = body[:HEAD_BYTES]
    if magic_of(head) is not None or is_whole(head) or JSON_LINES.match(head):
        raise RefusedError(415, "the body is no CSV", "send rows as text, not compressed, below a header")
    found = CsvPredictor(service.model)
    service.prepared(found)
    size, parts = CHUNK_BYTES if service.more is None else EXPLAINED_BYTES, list[bytes]()
    try:
        for part in found.predict((body[i : i + size] for i in range(0, len(body), size)), "the body", SKIP):
            check_rows(found.n_rows, limits)
            check_time(deadline, limits)
            parts.append(part)
    except DataError as error:
        raise RefusedError(422, str(error), error.hint, error.column) from error
    text = b"".join(parts).decode("utf-8", "surrogatepass")
    return answer_of(found.with_errors() if found.wrong else text, CSV, found.n_rows, len(found.wrong))


Kind = Callable[[Service, bytes, Limits, float], Answer]

KINDS: Mapping[str, Kind] = {
    "application/json": of_json,
    "application/x-ndjson": of_json_lines, "application/jsonl": of_json_lines, "application/jsonlines": of_json_lines,
    "text/csv": of_csv,
}  # fmt: skip


@dataclass
class CsvPredictor(Predictor):
    """A Predictor that knows what is wrong with which row, and goes on."""

    wrong: dict[int, RowError] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    bad: list[BadCell] = field(default_factory=list)  # of the part at hand

    def note_bad(self, bad: Sequence[BadCell]) -> None:
        self.bad = [*bad]

    def lines(
        self, block: Block, records: Structure, inputs: pd.DataFrame, without: Bools, names: Sequence[str],
        outputs: Array | None = None,
    ) -> Sequence[str]:  # fmt: skip
        place = np.searchsorted(records.starts, block.rows.found.starts)
        for cell in self.bad:
            where = self.n_rows + int(place[cell.row])
            self.wrong.setdefault(where, RowError.of(cell.column, cell.cell, cell.reason))
        for i in set(range(len(records.starts))).difference(place.tolist()):
            width, n = int(records.widths[i]), len(block.names)
            reason = f"{plural(width, 'field')}, the header has {n}" if width > 0 else "a quote is missing or too many"
            self.wrong[self.n_rows + i] = RowError.of(None, None, reason)
        lines = super().lines(block, records, inputs, without, names, outputs)
        self.written += lines
        return lines

    def count_odd(self, inputs: pd.DataFrame) -> None:
        """Nothing: notes are for whoever reads a terminal."""

    def with_errors(self) -> str:
        """All lines with a last column that says what is wrong."""
        cells = [self.form.text(str(self.wrong[i])) if i in self.wrong else "" for i in range(len(self.written))]
        lines = [f"{line},{cell}\n" for line, cell in zip(self.written, cells, strict=True)]
        return self.form.header([*self.names, "error"]) + "".join(lines)


def answer_of(text: str, media: str, n_rows: int, n_wrong: int) -> Answer:
    return Answer(422 if n_wrong else 200, text.encode("utf-8", "replace"), media, n_rows, n_wrong)


def error_json(error: RowError) -> str:
    found: dict[str, Any] = {"column": error.column, "cell": error.cell, "reason": error.reason}
    return json.dumps({name: value for name, value in found.items() if value is not None}, ensure_ascii=False)


def check_rows(n_rows: int, limits: Limits) -> None:
    if n_rows > limits.rows:
        raise RefusedError(413, f"more than {plural(limits.rows, 'row')} in a request", "send them in several requests")


def check_time(deadline: float, limits: Limits) -> None:
    if time.monotonic() > deadline:
        raise RefusedError(503, f"no answer within {limits.seconds:g} s", "send fewer rows in a request")


# --- loading ----------------------------------------------------------------------------------------------

Explain = Callable[[TrainedModel, int], LargestContributions]


def load_service(path: str, wishes: Wishes, explain: Explain, report: Callable[[Shift], object]) -> Service:
    """The model of a file, ready to answer. Raises MlpcliError."""
    version, digest, model = loaded(path)
    Certainty(wishes.interval).check(model)
    more = None if wishes.explain is None else explain(model, wishes.explain)
    drifted: list[str] = []

    def note(shift: Shift) -> None:
        drifted.append(shift.name)
        report(shift)

    service = Service(path, model, wishes, version, digest, more, None, drifted, 0)
    rows: list[Parsed] = [dict.fromkeys(model.schema.formats())]
    for _ in range(2):  # what is made once is made before the first request
        began = time.perf_counter()
        service.lines(rows, Limits(), float("inf"))
    is_quick = time.perf_counter() - began < MAX_QUICK and not wishes.drift
    watch = DriftWatch(model, note) if wishes.drift else None
    return replace(service, watch=watch, short_bytes=SHORT_BYTES if is_quick else 0)


def loaded(path: str) -> tuple[tuple[int, ...], str, TrainedModel]:
    """A model with the version of its file, and the digest of its bytes, all of one file though it may be replaced."""
    while True:
        version, model = version_of(path), load(path)
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        if version_of(path) == version:
            return version, digest, model


def version_of(path: str) -> tuple[int, ...]:
    """What changes when a file is replaced; nothing where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

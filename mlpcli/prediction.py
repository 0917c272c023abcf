"""Predictions as a stream: parts of a CSV in, lines out, as many as came and in the same order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from mlpcli.config import ReadOptions
from mlpcli.data.stream import stream
from mlpcli.data.table import Block, known_column
from mlpcli.metrics import decide
from mlpcli.model import Model, as_read

DIGITS = 6  # of a probability
SEPARATORS = {"csv": ",", "tsv": "\t"}


class Predictor:
    """Turns parts of a CSV into lines of predictions, and counts what was odd on the way."""

    def __init__(self, model: Model, keep: Sequence[str], proba: bool, threshold: float | None, form: str) -> None:
        self.model, self.keep, self.proba, self.threshold, self.form = model, keep, proba, threshold, form
        self.unseen: Counter[str] = Counter()
        self.far: Counter[str] = Counter()
        self.n_bad = 0
        self.ignored: tuple[str, ...] = ()

    def predict(self, descriptor: int, name: str, options: ReadOptions) -> Iterator[bytes]:
        """Lines of the output, a part at a time. Raises DataError with the line of the input."""
        kinds = self.model.schema.read_kinds()
        target = self.model.schema.target.name
        first = True
        for source, records in stream(descriptor, name, self.model.record.dialect, options, [*kinds, target]):
            if first:
                for column in kinds:
                    known_column(column, source.names, name)
                kept = [n for n in source.names if n != target] if list(self.keep) == ["all"] else list(self.keep)
                for column in kept:
                    known_column(column, source.names, name)
                self.ignored = tuple(n for n in source.names if n not in kinds and n not in kept and n != target)
            frame = self.answer(source, kept)
            if source.n_rows < len(records.starts):
                self.n_bad += len(records.starts) - source.n_rows
                place = np.searchsorted(records.starts, source.structure.starts)
                frame.index = pd.Index(place)
                frame = frame.reindex(range(len(records.starts)))
            yield self.written(frame, first)
            first = False

    def answer(self, source: Block, kept: Sequence[str]) -> pd.DataFrame:
        """The rows of a part -> kept columns, prediction, and probabilities on request."""
        kinds = self.model.schema.read_kinds()
        numbers = [n for n, k in kinds.items() if k == "number" and n not in kept]
        texts = [n for n in source.names if n not in numbers]
        frame = source.read(numbers=numbers, texts=texts) if source.n_rows else source.parse(texts=source.names)
        columns = {n: frame[n].astype(object).where(frame[n].notna(), "") for n in kept}
        inputs = frame
        again = [n for n in kept if kinds.get(n) == "number"]
        if again and source.n_rows:
            inputs = source.read(numbers=[*numbers, *again], texts=[n for n in texts if n not in again])
        elif not source.n_rows:
            inputs = frame.assign(**{n: np.empty(0) for n in [*numbers, *again]})
        for column, (unseen, far) in self.model.schema.surprises(as_read(self.model, inputs)).items():
            self.unseen[column] += unseen
            self.far[column] += far
        outputs = self.model.outputs(as_read(self.model, inputs))
        labels = self.model.labels
        found = pd.DataFrame(columns, index=range(source.n_rows))
        if not labels:
            found["prediction"] = [f"{value:.9g}" for value in outputs.tolist()]
            return found
        threshold = self.model.record.threshold if self.threshold is None else self.threshold
        found["prediction"] = np.asarray(labels, object)[decide(outputs, threshold)]
        if self.proba:
            shares = pd.DataFrame(np.round(outputs, DIGITS), columns=[f"p_{label}" for label in labels])
            found = pd.concat([found, shares], axis=1)
        return found

    def written(self, frame: pd.DataFrame, header: bool) -> bytes:
        if self.form == "jsonl":
            text = frame.to_json(orient="records", lines=True, force_ascii=False) if len(frame) else ""
            return text.encode("utf-8", "surrogatepass")
        text = frame.to_csv(sep=SEPARATORS[self.form], header=header, index=False, lineterminator="\n")
        return text.encode("utf-8", "surrogatepass")

    def notes(self) -> list[str]:
        notes = [f"column {name}: {n} values never seen in training" for name, n in self.unseen.items() if n]
        notes += [f"column {name}: {n} values far outside the training range" for name, n in self.far.items() if n]
        if self.n_bad:
            notes.append(f"{self.n_bad} rows that do not fit the header have an empty prediction")
        if self.ignored:
            notes.append("columns the model does not use: " + ", ".join(self.ignored))
        return notes

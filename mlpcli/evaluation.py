"""Honest numbers for a trained model: metrics with intervals on its sets or on another file, beside baselines."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config import Config, ReadOptions
from mlpcli.data import splits
from mlpcli.data.schema import as_categorical
from mlpcli.data.table import Source, open_table
from mlpcli.errors import DataError
from mlpcli.events import History
from mlpcli.fitting import encode_target, prepare, read_table, source_numbers
from mlpcli.metrics import Interval, score
from mlpcli.model import Model


@dataclass
class Evaluation:
    """Metrics with intervals by set, baselines, and what stands behind them."""

    data: str
    metrics: dict[str, dict[str, Interval]]
    baselines: dict[str, dict[str, float]]
    rows: dict[str, int]
    y: NDArray[np.generic]  # of the set judged last: test, or the whole file
    outputs: NDArray[np.floating]


def find_data(model: Model) -> str:
    """The training file of a model, unchanged since. Raises DataError."""
    record = model.record.data
    beside = os.path.join(os.path.dirname(model.path or ""), os.path.basename(record.path))
    for path in (record.path, beside):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != record.sha256:
                    raise DataError(
                        "has changed since the model was trained on it",
                        "train again, or name a CSV to evaluate on",
                        file=path,
                    )
            return path
    raise DataError("the training file is not here", "name a CSV: mlpcli evaluate MODEL DATA", file=record.path)


def evaluate(
    model: Model, path: str | None = None, options: ReadOptions | None = None, *, linear: bool = True
) -> Evaluation:
    """Scores the sets of the training file, or the whole of another CSV. Raises DataError.

    The linear baseline is a network of the same engine without hidden layers, trained on the same rows.
    """
    options = options or ReadOptions()
    target = model.schema.target
    whole = path is not None
    path = path or find_data(model)
    if whole:
        frame, cells, _ = read_for(model, path, options)
        sets = np.full(len(frame), splits.TEST, np.int8)
    else:
        again = ReadOptions(**asdict(model.record.dialect))
        table = read_table(path, model.config, again)
        frame, cells, sets = table.frame, table.y_cells, table.sets
    outputs = model.outputs(as_read(model, frame))
    truth = encode_target(cells, model.schema)
    if not target.labels:
        truth = np.asarray(cells, np.float64)
    elif (truth < 0).any():
        raise DataError("holds a class the model has never seen", "leave these rows out", file=path, column=target.name)
    metrics: dict[str, dict[str, Interval]] = {}
    names = ("test",) if whole else splits.SETS
    for name in names:
        chosen = sets == splits.SETS.index(name)
        if chosen.any() and not (name != "test" and (model.config.ensemble or 1) > 1):
            metrics[name] = score(
                target.task, truth[chosen], outputs[chosen], rng=np.random.default_rng(model.config.seed)
            )
    if not whole and (model.config.ensemble or 1) > 1:
        seen = sets != splits.TEST
        metrics = {
            "train": score(target.task, truth[seen], outputs[seen], n_bootstrap=0, rng=np.random.default_rng(0)),
            **metrics,
        }
        metrics["train"] = {k: Interval(v.value, v.value, v.value) for k, v in metrics["train"].items()}
        metrics["validation"] = {k: Interval(v, v, v) for k, v in model.record.validation.items()}
    judged = sets == splits.TEST
    baselines: dict[str, dict[str, float]] = {}
    if judged.any():
        fitted = sets != splits.TEST
        simple = simple_baseline(
            truth[fitted] if not whole else None, len(target.labels), target.mean, int(judged.sum())
        )
        if simple is not None:
            baselines["majority class" if target.labels else "mean"] = values_of(
                score(target.task, truth[judged], simple, n_bootstrap=0, rng=np.random.default_rng(0))
            )
        if linear and not whole:
            straight = fit_linear(path, model, again)
            out = straight.outputs(as_read(straight, frame.iloc[judged]))
            baselines["linear"] = values_of(
                score(target.task, truth[judged], out, n_bootstrap=0, rng=np.random.default_rng(0))
            )
    rows = {name: int((sets == splits.SETS.index(name)).sum()) for name in names}
    return Evaluation(path, metrics, baselines, rows, truth[judged], outputs[judged])


def values_of(found: dict[str, Interval]) -> dict[str, float]:
    return {name: interval.value for name, interval in found.items()}


def simple_baseline(y: NDArray[np.generic] | None, n_classes: int, mean: float, n: int) -> NDArray[np.float64] | None:
    """The class shares or the mean of the training rows, for every row; None without training rows."""
    if n_classes == 0:
        return np.full(n, mean)
    if y is None:
        return None
    shares = np.bincount(y.astype(np.int64), minlength=n_classes) / len(y)
    return np.tile(shares, (n, 1))


def fit_linear(path: str, model: Model, options: ReadOptions) -> Model:
    c = model.config
    config = Config(
        target=c.target, task=c.task, drop=c.drop, numeric=c.numeric, category=c.category, weight=c.weight,
        group=c.group, time=c.time, validation=c.validation, test=c.test, seed=c.seed, preset="classic",
        optimizer="adam", lr=0.01, hidden=(), epochs=60, batch_size="256", schedule="cosine", scale="robust",
    )  # fmt: skip
    fitting = prepare(path, config, options)
    return fitting.model(History.of(fitting.events()))


def read_for(model: Model, path: str, options: ReadOptions) -> tuple[pd.DataFrame, pd.Series[Any], Source]:
    """The rows of another CSV, read by the model's rules, and their target."""
    target = model.schema.target
    kinds = model.schema.read_kinds()
    source = open_table(path, options, dialect=model.record.dialect, expect=[*kinds, target.name])
    source.column(target.name)
    missing = [name for name in kinds if name not in source.names]
    for name in missing[:1]:
        source.column(name)
    if source.n_rows == 0:
        raise DataError("no data rows", file=source.name)
    texts = (*(n for n, k in kinds.items() if k == "text"), target.name)
    frame = source.read(numbers=[n for n, k in kinds.items() if k == "number"], texts=texts, target=target.name)
    cells = frame[target.name]
    rows = np.flatnonzero(as_categorical(cells).codes >= 0)
    frame, cells = frame.iloc[rows].reset_index(drop=True), cells.iloc[rows].reset_index(drop=True)
    if not target.labels:
        cells = source_numbers(source, pd.Series(as_categorical(cells), name=target.name), rows)
    return frame, cells, source


def as_read(model: Model, frame: pd.DataFrame) -> pd.DataFrame:
    """The model's columns of a frame just read, text where the model has text."""
    columns = {}
    for name, kind in model.schema.read_kinds().items():
        values = frame[name]
        if kind == "text" and values.dtype.kind == "f":
            # A category learned from text whose cells here all look like numbers.
            values = pd.Series(
                pd.Categorical(values.map(lambda v: None if pd.isna(v) else f"{v:g}")), index=values.index
            )
        columns[name] = values
    return pd.DataFrame(columns)

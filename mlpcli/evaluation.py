"""Honest numbers for a trained model: metrics with intervals on its sets or on another file, beside baselines."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, replace
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
from mlpcli.fitting import Table, encode_target, prepare_table, read_table, source_numbers
from mlpcli.metrics import Interval, score
from mlpcli.model import Model

LINEAR_BATCH, LINEAR_STEPS = 64, 3000  # enough for a convex loss at a falling rate to settle


@dataclass
class Evaluation:
    """Metrics with intervals by set, baselines, and what stands behind them."""

    data: str
    metrics: dict[str, dict[str, Interval]]
    baselines: dict[str, dict[str, float]]
    rows: dict[str, int]
    y: NDArray[Any]  # of the set judged last: test, or the whole file
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
    """Scores the sets of the training file, or the whole of another CSV. Raises DataError."""
    if path is None:
        path = find_data(model)
        # The model's dialect holds every marker already; asking for them once more changes nothing.
        table = read_table(path, model.config, ReadOptions(**asdict(model.record.dialect)))
        return evaluate_table(model, table, linear=linear)
    frame, cells, _ = read_for(model, path, options or ReadOptions())
    outputs = model.outputs(as_read(model, frame))
    truth = truth_of(model, cells, path)
    task = model.schema.target.task
    metrics = {"test": score(task, truth, outputs, rng=np.random.default_rng(model.config.seed))}
    baselines = {} if model.labels else {"mean": constant_metrics(model, truth, None)}
    return Evaluation(path, metrics, baselines, {"test": len(truth)}, truth, outputs)


def evaluate_table(model: Model, table: Table, *, linear: bool) -> Evaluation:
    """Scores each set of the table a model was trained on; intervals on the test rows.

    The validation metrics of an ensemble are out of fold: every row judged by the member that never saw it.
    The linear baseline is a network of the same engine without hidden layers, trained on the same rows.
    """
    outputs = model.outputs(as_read(model, table.frame))
    truth = truth_of(model, table.y_cells, table.source.name)
    task, rng = model.schema.target.task, np.random.default_rng(model.config.seed)
    is_test = table.sets == splits.TEST
    of_train = ~is_test if model.record.by_fold else table.sets == splits.TRAIN
    metrics = {"train": score(task, truth[of_train], outputs[of_train], n_bootstrap=0, rng=rng)}
    if model.record.validation:
        metrics["validation"] = {k: Interval(v, v, v) for k, v in model.record.validation.items()}
    baselines: dict[str, dict[str, float]] = {}
    if is_test.any():
        metrics["test"] = score(task, truth[is_test], outputs[is_test], rng=rng)
        name = "majority class" if model.labels else "mean"
        baselines[name] = constant_metrics(model, truth[is_test], truth[~is_test])
        if linear:
            straight = fit_linear(table, model.config)
            out = straight.outputs(as_read(straight, table.frame.loc[is_test]))
            baselines["linear"] = values_of(score(task, truth[is_test], out, n_bootstrap=0, rng=rng))
    rows = {name: int((table.sets == i).sum()) for i, name in enumerate(splits.SETS)}
    return Evaluation(table.source.name, metrics, baselines, rows, truth[is_test], outputs[is_test])


def truth_of(model: Model, cells: pd.Series[Any], file: str) -> NDArray[Any]:
    """Class numbers, or values in the target's units. Raises DataError for a class the model never saw."""
    if not model.labels:
        return np.asarray(cells, np.float64)
    truth = encode_target(cells, model.schema)
    unknown = np.flatnonzero(truth.astype(np.int64) < 0)
    if len(unknown):
        raise DataError(
            f"the model has never seen the class '{cells.iloc[int(unknown[0])]}' ({len(unknown)} rows)",
            "leave these rows out, or train again with them", file=file, column=model.schema.target.name,
        )  # fmt: skip
    return truth


def constant_metrics(model: Model, truth: NDArray[Any], fitted: NDArray[Any] | None) -> dict[str, float]:
    """Metrics of always answering the class shares, or the mean, of the rows the model was fitted on."""
    target = model.schema.target
    if fitted is None or not target.labels:
        constant = np.full(len(truth), target.mean)
    else:
        shares = np.bincount(fitted.astype(np.int64), minlength=len(target.labels)) / len(fitted)
        constant = np.tile(shares, (len(truth), 1))
    return values_of(score(target.task, truth, constant, n_bootstrap=0, rng=np.random.default_rng(0)))


def values_of(found: dict[str, Interval]) -> dict[str, float]:
    return {name: interval.value for name, interval in found.items()}


def simple_baseline(y: NDArray[Any] | None, n_classes: int, mean: float, n: int) -> NDArray[np.float64] | None:
    """The class shares or the mean of the training rows, for every row; None without training rows."""
    if n_classes == 0:
        return np.full(n, mean)
    if y is None:
        return None
    shares = np.bincount(y.astype(np.int64), minlength=n_classes) / len(y)
    return np.tile(shares, (n, 1))


def fit_linear(table: Table, config: Config) -> Model:
    """A single-layer network on the same rows, as the baseline every larger one has to beat."""
    n_steps = len(table.sets) // LINEAR_BATCH + 1
    epochs = int(np.clip(LINEAR_STEPS // n_steps, 10, 300))
    straight = replace(
        config, preset="classic", ensemble=1, hidden=(), embed_numbers="none", parametrization="standard", init="auto",
        optimizer="adam", lr=0.02, schedule="cosine", epochs=epochs, batch_size=str(LINEAR_BATCH),
        patience=0, dropout=0.0,
        input_noise=0.0, normalization="none", label_smoothing=0.0, calibrate=False, time_limit=None, loss="auto",
    )  # fmt: skip
    fitting = prepare_table(table, straight)
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

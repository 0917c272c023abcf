"""Honest numbers for a trained model: metrics with intervals on its sets or on another file, beside baselines."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config import Config, ReadOptions
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet, read_dataset, sampled, subset, take_rows, with_value
from mlpcli.data.header import require_columns
from mlpcli.data.source import Source, open_table
from mlpcli.data.storage import Storage
from mlpcli.data.text import digest_of, files_of
from mlpcli.errors import DataError
from mlpcli.events import History
from mlpcli.metrics.intervals import Estimate, Interval, estimate, resampled_means, share_of
from mlpcli.metrics.scoring import log_losses, score
from mlpcli.model.assemble import assemble
from mlpcli.model.trained import TrainedModel, as_read
from mlpcli.training.evidence import MAX_EVIDENCE_ROWS
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import MAX_EVALUATED, encode_target, given_weights, prepare_dataset

LINEAR_BATCH, LINEAR_STEPS = 64, 3000  # enough for a convex loss at a falling rate to settle


@dataclass(frozen=True)
class EvaluationEvidence:
    """How the judged rows compare with the rows of training and validation; what findings on test rows need."""

    loss_rise: Estimate | None  # loss of judged rows minus that of validation rows, 99 %; None without the latter
    rank: float  # rank-sum statistic of the judged rows' losses among the validation rows', in standard deviations
    moved: dict[str, float]  # column -> distance of its distribution here from the training rows', where surely moved
    advantage: Estimate | None  # a linear model's loss minus ours, as a share of what it gains over a constant


@dataclass
class Evaluation:
    """Metrics with intervals by set, baselines, and what stands behind them."""

    data: str
    metrics: dict[str, dict[str, Interval]]
    baselines: dict[str, dict[str, float]]
    rows: dict[str, int]
    y: NDArray[Any]  # of the set judged last: test, or the whole file
    outputs: NDArray[np.floating]
    test_evidence: EvaluationEvidence | None = None  # None without test rows


def find_data(model: TrainedModel) -> str:
    """The training file of a model, unchanged since. Raises DataError."""
    record = model.record.data
    beside = os.path.join(os.path.dirname(model.path or ""), os.path.basename(record.path))
    for path in (record.path, beside):
        if all(os.path.isfile(file) for file in files_of(path)):
            if not is_trained_on(model, path):
                raise DataError(
                    "has changed since the model was trained on it",
                    "train again, or name a CSV to evaluate on",
                    file=path,
                )
            return path
    raise DataError("the training file is not here", "name a CSV: mlpcli evaluate MODEL DATA", file=record.path)


def is_trained_on(model: TrainedModel, path: str) -> bool:
    """Whether this is the very file the model was trained on."""
    return all(os.path.isfile(file) for file in files_of(path)) and digest_of(path) == model.record.data.sha256


def evaluate(
    model: TrainedModel, path: str | None = None, options: ReadOptions | None = None, *, linear: bool = True
) -> Evaluation:
    """Scores the sets of the training file, named or found, or the whole of another CSV. Raises DataError."""
    if path is None or is_trained_on(model, path):
        path = path or find_data(model)
        # The model's dialect holds every marker already; asking for them once more changes nothing.
        asked = model.record.dialect.options(options.memory if options else None)
        table = read_dataset(path, model.config, asked, os.path.dirname(model.path or ""))
        return evaluate_dataset(model, table, linear=linear)
    frame, cells, source = read_for(model, path, options or ReadOptions())
    frame = as_read(model, frame)
    outputs = model.outputs(frame, source.storage.release)
    truth = truth_of(model, cells, path)
    task = model.schema.target.task
    rng = np.random.default_rng(model.config.seed)
    metrics = {"test": score(task, truth, outputs, rng=rng, threshold=model.record.threshold)}
    baselines = {} if model.labels else {"mean": constant_metrics(model, truth, None)}
    tested = some_rows(np.ones(len(truth), bool), rng)
    test_evidence = compare_with_training(model, frame.iloc[tested], truth[tested], None, None)
    return Evaluation(path, metrics, baselines, {"test": len(truth)}, truth, outputs, test_evidence)


def evaluate_dataset(model: TrainedModel, table: DataSet, *, linear: bool) -> Evaluation:
    """Scores each set of the table a model was trained on; intervals on the test rows.

    Of a larger set, MOST_JUDGED rows drawn at random are judged.
    The validation metrics of an ensemble are out of fold: every row judged by the member that never saw it.
    The linear baseline is a network of the same engine without hidden layers, trained on the same rows.
    """
    rows = {name: int((table.sets == i).sum()) for i, name in enumerate(splits.SETS)}
    if max(rows.values()) > MAX_EVALUATED:
        seed = model.config.seed
        parts = [sampled(table.sets == i, MAX_EVALUATED, seed) for i in range(len(splits.SETS))]
        table = subset(table, np.sort(np.concatenate(parts)))
    frame = as_read(model, table.frame)
    outputs = model.outputs(frame, table.storage.release)
    truth = truth_of(model, table.y_cells, table.source.name)
    task, rng = model.schema.target.task, np.random.default_rng(model.config.seed)
    is_test = table.sets == splits.TEST
    of_train = ~is_test if model.record.by_fold else table.sets == splits.TRAIN
    cut, weights = model.record.threshold, given_weights(table, model.config)
    metrics = {
        "train": score(task, truth[of_train], outputs[of_train], part(weights, of_train), 0, rng=rng, threshold=cut)
    }
    if model.record.validation:
        metrics["validation"] = {k: Interval(v, v, v) for k, v in model.record.validation.items()}
    baselines: dict[str, dict[str, float]] = {}
    test_evidence = None
    if is_test.any():
        metrics["test"] = score(task, truth[is_test], outputs[is_test], part(weights, is_test), rng=rng, threshold=cut)
        name = "majority class" if model.labels else "mean"
        baselines[name] = constant_metrics(model, truth[is_test], truth[~is_test], part(weights, is_test))
        out = None
        if linear:
            straight = fit_linear(table, model.config)
            out = straight.outputs(as_read(straight, table.frame.loc[is_test]), table.storage.release)
            baselines["linear"] = values_of(score(task, truth[is_test], out, part(weights, is_test), 0, rng=rng))
        advantage = None if out is None else loss_ratio(model, truth[is_test], outputs[is_test], out)
        seen, tested = some_rows(~is_test, rng), some_rows(is_test, rng)
        test_evidence = compare_with_training(model, frame.iloc[tested], truth[tested], frame.iloc[seen], advantage)
    return Evaluation(table.source.name, metrics, baselines, rows, truth[is_test], outputs[is_test], test_evidence)


def some_rows(chosen: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """The chosen rows in order, or MOST_ROWS of them at random."""
    return np.sort(rng.permutation(np.flatnonzero(chosen))[:MAX_EVIDENCE_ROWS])


def compare_with_training(
    model: TrainedModel, frame: pd.DataFrame, truth: NDArray[Any], seen: pd.DataFrame | None, advantage: Estimate | None
) -> EvaluationEvidence:
    """Compares judged rows with the rows `seen` in training and validation."""
    x = model.schema.encode(frame)
    evidence, target = model.record.evidence, model.schema.target
    rise, rank = None, 0.0
    if evidence.valid_loss is not None:
        rng = np.random.default_rng([model.config.seed, len(truth)])
        loss = build_loss(model.config)
        y = truth if target.labels else (truth - target.mean) / target.std
        # Those whose validation losses were kept.
        of_members = [loss.rows(network.predict(x), y) for network in model.lead]
        # The mean over members, each alone, as each alone judged its validation rows.
        here = resampled_means(np.stack(of_members).mean(axis=0, dtype=np.float64)[:, None], rng)[:, 0]
        error = evidence.valid_std / max(evidence.n_valid, 1) ** 0.5
        there = evidence.valid_loss.value + np.r_[0, rng.normal(0, error, len(here) - 1)]
        rise = estimate(here - there, 0.99)
        # Row by row one member, as validation rows have one: a mean over members would be less spread.
        rows = np.arange(len(truth))
        one = np.stack(of_members)[rows % len(of_members), rows]
        above = np.interp(one, evidence.valid_quantiles, np.linspace(0, 1, len(evidence.valid_quantiles)))
        # Wilcoxon 1945; not misled by a few large losses as a difference of means is.
        rank = float((above.mean() - 0.5) / (1 / 12 * (1 / len(truth) + 1 / max(evidence.n_valid, 1))) ** 0.5)
    moved = {} if seen is None else moved_columns(model, model.schema.encode(seen), x)
    return EvaluationEvidence(rise, rank, moved, advantage)


def loss_ratio(
    model: TrainedModel, truth: NDArray[Any], ours: NDArray[np.floating], theirs: NDArray[np.floating]
) -> Estimate:
    """Their loss minus ours on the same rows, as a share of what theirs gains over a constant; paired bootstrap."""
    target = model.schema.target

    def losses(outputs: NDArray[np.floating]) -> NDArray[np.floating]:
        if target.labels:
            return log_losses(truth, outputs)
        return np.asarray(np.square((outputs - truth) / target.std))

    n = len(truth)
    shares = np.bincount(truth.astype(np.int64), minlength=len(target.labels)) / n if target.labels else None
    constant = np.full(n, target.mean) if shares is None else np.tile(shares, (n, 1))
    of_theirs = losses(theirs)
    rng = np.random.default_rng([model.config.seed, n, 1])
    means = resampled_means(np.column_stack([of_theirs - losses(ours), losses(constant) - of_theirs]), rng)
    return estimate(share_of(means[:, 0], np.maximum(means[:, 1], 0)))


MOVED_CHANCE, MOVED_FAR = 0.001, 0.15  # of a false alarm over all columns; least Kolmogorov-Smirnov distance


def moved_columns(model: TrainedModel, seen: NDArray[np.floating], here: NDArray[np.floating]) -> dict[str, float]:
    """Columns whose values are distributed differently: two-sample Kolmogorov-Smirnov, Bonferroni over the inputs."""
    n, m = len(seen), len(here)
    size = (n * m / (n + m)) ** 0.5
    found: dict[str, float] = {}
    plain = model.schema.blocks["plain"]
    seen, here = seen[:, plain], here[:, plain]
    for column in model.schema.features:
        if column.name == model.config.time:
            continue  # later by design
        places = model.schema.inputs_of[column.name].get("plain", slice(0))
        for j in range(seen.shape[1])[places]:
            ours, theirs = np.sort(seen[:, j]), np.sort(here[:, j])
            values = np.concatenate([ours, theirs])
            gaps = np.searchsorted(ours, values, "right") / n - np.searchsorted(theirs, values, "right") / m
            distance = float(np.abs(gaps).max())
            chance = 2 * np.exp(-2 * (distance * (size + 0.12 + 0.11 / size)) ** 2)  # Stephens 1970
            if distance > MOVED_FAR and chance < MOVED_CHANCE / seen.shape[1]:
                found[column.name] = max(distance, found.get(column.name, 0.0))
    return found


def truth_of(model: TrainedModel, cells: pd.Series[Any], file: str) -> NDArray[Any]:
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


def constant_metrics(
    model: TrainedModel, truth: NDArray[Any], fitted: NDArray[Any] | None, weights: NDArray[Any] | None = None
) -> dict[str, float]:
    """Metrics of always answering the class shares, or the mean, of the rows the model was fitted on."""
    target = model.schema.target
    if fitted is None or not target.labels:
        constant = np.full(len(truth), target.mean)
    else:
        shares = np.bincount(fitted.astype(np.int64), minlength=len(target.labels)) / len(fitted)
        constant = np.tile(shares, (len(truth), 1))
    return values_of(score(target.task, truth, constant, weights, 0, rng=np.random.default_rng(0)))


def part(weights: NDArray[Any] | None, rows: NDArray[np.bool_]) -> NDArray[Any] | None:
    return None if weights is None else weights[rows]


def values_of(found: dict[str, Interval]) -> dict[str, float]:
    return {name: interval.value for name, interval in found.items()}


def fit_linear(table: DataSet, config: Config) -> TrainedModel:
    """A single-layer network on the same rows, as the baseline every larger one has to beat."""
    n_steps = len(table.sets) // LINEAR_BATCH + 1
    epochs = int(np.clip(LINEAR_STEPS // n_steps, 10, 300))
    straight = replace(
        config, preset="classic", ensemble=1, kinds=("mlp",), hidden=(), embed_numbers="none",
        parametrization="standard", init="auto", optimizer="adam", lr=0.02, schedule="cosine", epochs=epochs,
        batch_size=str(LINEAR_BATCH), patience=0, dropout=0.0, input_noise=0.0, normalization="none",
        label_smoothing=0.0, calibrate=False, time_limit=None, loss="auto",
    )  # fmt: skip
    prepared = prepare_dataset(table, straight)
    return assemble(prepared, History.of(prepared.events()))


def read_for(model: TrainedModel, path: str, options: ReadOptions) -> tuple[pd.DataFrame, pd.Series[Any], Source]:
    """The rows of another CSV, read by the model's rules, and their target."""
    target = model.schema.target
    kinds = model.schema.read_kinds()
    storage = Storage(options.memory)
    source = open_table(path, options, dialect=model.record.dialect, expect=[*kinds, target.name], storage=storage)
    source.column(target.name)
    require_columns(kinds, source.names, source.name)
    if source.n_rows == 0:
        raise DataError("no data rows", file=source.name)
    kinds[target.name] = "text" if target.labels else "number"
    texts, numbers = ([n for n, k in kinds.items() if k == kind] for kind in ("text", "number"))
    frame = source.read(numbers=numbers, texts=texts, target=target.name)
    frame = take_rows(frame, with_value(frame[target.name], storage), storage)
    return frame, frame[target.name], source

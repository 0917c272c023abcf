"""Honest numbers for a trained model: metrics with intervals on its sets or on another file, beside baselines."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.config.settings import ReadOptions, Settings
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet, KnownTable, check_least, with_value
from mlpcli.data.frame import FRAME_NAME, FrameSource
from mlpcli.data.header import require_columns
from mlpcli.data.storage import Storage
from mlpcli.data.take import sampled, take_rows
from mlpcli.data.text import digest_of, files_of
from mlpcli.engine.arrays import Array, Bools, Floats, Ints, Matrix
from mlpcli.engine.losses import Target
from mlpcli.errors import DataError
from mlpcli.evaluation.baselines import constant_outputs, fit_linear, loss_ratio
from mlpcli.evaluation.coverage import Answered, Coverage, TrustInRows
from mlpcli.metrics.costs import Costs
from mlpcli.metrics.intervals import Interval, estimate, resampled_means
from mlpcli.metrics.p_values import kolmogorov_smirnov
from mlpcli.metrics.scoring import N_BOOTSTRAP, score
from mlpcli.model.reading import Table, open_for, read_for
from mlpcli.model.trained import TrainedModel, as_read
from mlpcli.training.evidence import MAX_EVIDENCE_ROWS, Evidence
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import MAX_EVALUATED, encode_target
from mlpcli.training.row_weights import given_weights

# Probability of a false alarm over all columns, and the least Kolmogorov-Smirnov distance that is reported.
MOVED_ALARM, MOVED_FAR = 0.001, 0.15
NO_LINEAR = "no linear baseline: no column of its rows holds anything to learn from"
MAX_KURTOSIS = 5  # of the errors, normal ones have 3: from here on RMSE intervals hold fewer than nine truths in ten
HEAVY_TAILS = (
    "a few errors are very large: the interval of rmse is too narrow, it holds the truth in 6 to 9 samples of 10"
)
CHEAPEST = "cheapest class"  # the constant answer where mistakes have costs
RISE_LEVEL = 0.99  # of the interval of the rise in loss


@dataclass(frozen=True)
class EvaluationEvidence:
    """How the evaluated rows compare with the rows of training and validation; what findings on test rows need."""

    loss_rise: Interval | None  # loss of evaluated rows minus that of validation rows, 99 %; None without the latter
    rank: float  # rank-sum statistic of the evaluated rows' losses among the validation rows', in standard deviations
    moved: dict[str, float]  # column -> distance of its distribution from the training rows', where clearly so
    advantage: Interval | None  # a linear model's loss minus ours, as a share of what it gains over a constant


@dataclass
class Evaluation:
    """Metrics with intervals by set, baselines, and what stands behind them."""

    data: str
    metrics: dict[str, dict[str, Interval]]
    baselines: dict[str, dict[str, float]]
    rows: dict[str, int]
    y: Target  # of the set evaluated last: test, or the whole file
    outputs: Array
    test_evidence: EvaluationEvidence | None = None  # None without test rows
    notes: tuple[str, ...] = ()  # what was left out, and why
    weights: Floats | None = None  # of the rows of y; None: all the same
    coverage: tuple[Coverage, ...] = ()  # of what the model promises, on test rows
    answered: tuple[Answered, ...] = ()  # what the surest answers to test rows are worth


def places_of(model: TrainedModel, path: str) -> list[str]:
    """Where a file that a training named may be now: where it was, beside the model, or where it was just read."""
    folders = [os.path.dirname(model.path or ""), model.data_folder]
    return [path, *(os.path.join(folder, os.path.basename(path)) for folder in folders if folder is not None)]


def training_file(model: TrainedModel) -> str | None:
    """The training file at the first of these places where it is, changed or not; None where it is at none."""
    path = model.record.data.path
    return None if path == FRAME_NAME else next(filter(is_here, places_of(model, path)), None)


def is_here(path: str) -> bool:
    """Whether all files of a table are."""
    return all(os.path.isfile(file) for file in files_of(path))


def find_data(model: TrainedModel, command: str | None = "evaluate") -> str:
    """The training file of a model, unchanged since.

    Raises DataError, whose hint names the command, where that takes other data.
    """
    record, other = model.record.data, f"name a CSV: mlpcli {command} MODEL DATA"
    path = training_file(model)
    if path is not None:
        if not is_trained_on(model, path):
            hint = f"train again, or {other}" if command else "train again"
            raise DataError("has changed since the model was trained on it", hint, file=path)
        return path
    if record.path == FRAME_NAME:
        raise DataError("the model was trained on a DataFrame", "give that frame, or another one", file=record.path)
    hint = other if command else "put it beside the model"
    raise DataError("the training file is not here", hint, file=record.path)


def is_trained_on(model: TrainedModel, path: str, sheet: str | None = None) -> bool:
    """Whether this is the very file the model was trained on, and the same sheet of it."""
    sheet = sheet or model.record.dialect.sheet
    return is_here(path) and digest_of(path, sheet) == model.record.data.sha256


Run = Callable[..., Evaluation]


def here(work: Callable[..., Evaluation], *given: Any, **options: Any) -> Evaluation:
    return work(*given, **options)


def evaluate(
    model: TrainedModel,
    data: str | pd.DataFrame | None = None,
    options: ReadOptions | None = None,
    *,
    linear: bool = True,
    run: Run = here,
) -> Evaluation:
    """Scores the sets of the training data, named or found, or all rows of another CSV or frame. Raises DataError.

    `run` calls what scores the rows that were read, here or elsewhere.
    """
    options = options or ReadOptions()
    table = trained_table(model, data, options)
    if table is not None:
        return run(evaluate_dataset, model, table, linear=linear)
    assert data is not None
    frame, cells, source = read_with_target(model, data, options)
    return run(evaluate_rows, model, frame, cells, data if isinstance(data, str) else source.name, source.storage)


def trained_table(
    model: TrainedModel, data: str | pd.DataFrame | None, options: ReadOptions, command: str | None = "evaluate"
) -> DataSet | None:
    """The table a model was trained on, each row in its set, where `data` is that or none; None for other data.

    Raises DataError, as `find_data` does.
    """
    if isinstance(data, pd.DataFrame):
        is_it = FrameSource(data, ReadOptions(), Storage()).sha256 == model.record.data.sha256
        return DataSet.from_frame(data, model.config, known=known_table(model)) if is_it else None
    if data is not None and not is_trained_on(model, data, options.sheet):
        return None
    return read_trained(model, data, options, command)


def read_trained(
    model: TrainedModel, path: str | None = None, options: ReadOptions | None = None, command: str | None = "evaluate"
) -> DataSet:
    """The table a model was trained on, named or found, each row in its set. Raises DataError, as `find_data` does."""
    # The model's dialect holds every marker already; asking for them once more changes nothing.
    asked = model.record.dialect.options(options.memory if options else None)
    folder = os.path.dirname(model.path or "")
    path = path or find_data(model, command)
    return DataSet.read(path, files_beside(model), asked, folder, known_table(model))


def files_beside(model: TrainedModel) -> Settings:
    """The settings of a model, with the files of --validation and --test where they are now, if they are here."""
    given = {name: getattr(model.config, name) for name in ("validation", "test") if model.config.share(name) is None}
    now: dict[str, Any] = {n: next(filter(os.path.isfile, places_of(model, p)), p) for n, p in given.items()}
    return replace(model.config, **now)


def known_table(model: TrainedModel) -> KnownTable | None:
    """How the columns of a model that has them from another one are written; those of any other are found out anew."""
    record = model.record
    return None if record.started_from is record.distilled_from is None else KnownTable.of(model.schema)


def evaluate_rows(
    model: TrainedModel, frame: pd.DataFrame, cells: pd.Series[Any], name: str, storage: Storage | None = None
) -> Evaluation:
    """Scores all rows of other data, the model's columns and their target, beside the constant answer.

    Raises DataError.
    """
    storage = storage or Storage()
    scored = ScoredRows(truth_of(model, cells, name), model.outputs(frame, storage.release), None)
    rng = np.random.default_rng(model.config.seed)
    metrics = {"test": scored.score(model, rng)}
    baselines = {} if model.labels and not isinstance(model.record.rule, Costs) else constant_baseline(model, scored)
    tested = some_rows(np.ones(len(scored.truth), bool), rng)
    evidence = compare_with_training(model, frame.iloc[tested], scored.truth[tested], None, None)
    rows = {"test": len(scored.truth)}
    notes = tail_notes(metrics["test"], scored)
    n_units = len(tested) if model.config.group is None else 0
    trust = trust_in(model, frame.iloc[tested], scored.take(tested), n_units)
    return Evaluation(name, metrics, baselines, rows, scored.truth, scored.outputs, evidence, notes, None, *trust)


def evaluate_dataset(model: TrainedModel, table: DataSet, *, linear: bool, details: bool = True) -> Evaluation:
    """Scores each set of the table a model was trained on, with intervals on the test rows. Raises DataError.

    Of a larger set, MAX_EVALUATED rows drawn at random are evaluated. The validation metrics of an ensemble are out of
    fold: every row evaluated by the member that never saw it. `linear` asks for the linear baseline, a training more;
    without `details` metrics that --verbose alone shows are left out.
    """
    rows = {name: table.total(i) for i, name in enumerate(splits.SETS)}
    table = rows_to_score(table, rows, model.config.seed)
    frame = as_read(model, table.frame)
    outputs = model.outputs(frame, table.storage.release)
    truth = truth_of(model, table.y_cells, table.name)
    everything = ScoredRows(truth, outputs, given_weights(table, model.config), details)
    is_test = table.sets == splits.TEST
    of_train = ~is_test if model.record.saw_validation else table.sets == splits.TRAIN
    metrics = {"train": everything.take(of_train).score(model)}
    if model.record.validation:
        metrics["validation"] = {k: Interval(v, v, v) for k, v in model.record.validation.items()}
    test, rng = everything.take(is_test), np.random.default_rng(model.config.seed)
    if not is_test.any():
        return Evaluation(table.name, metrics, {}, rows, test.truth, test.outputs, weights=test.weights)
    metrics["test"] = test.score(model, rng)
    baselines, advantage = constant_baseline(model, test), None
    straight = fit_linear(table, model.config) if linear else None
    if straight is not None:
        theirs = straight.outputs(table.frame.loc[is_test], table.storage.release)
        baselines["linear"] = test.baseline(model, theirs)
        advantage = loss_ratio(model, test.truth, test.outputs, theirs)
    seen, tested = some_rows(~is_test, rng), some_rows(is_test, rng)
    evidence = compare_with_training(model, frame.iloc[tested], truth[tested], frame.iloc[seen], advantage)
    notes: tuple[str, ...] = (NO_LINEAR,) if linear and straight is None else ()
    notes += tail_notes(metrics["test"], test)
    group = model.config.group
    n_units = len(tested) if group is None else table.column(group).iloc[tested].nunique()
    trust = trust_in(model, frame.iloc[tested], everything.take(tested), n_units)
    return Evaluation(
        table.name, metrics, baselines, rows, test.truth, test.outputs, evidence, notes, test.weights, *trust
    )  # fmt: skip


def trust_in(
    model: TrainedModel, frame: pd.DataFrame, tested: ScoredRows, n_units: int
) -> tuple[tuple[Coverage, ...], tuple[Answered, ...]]:
    """Whether what was promised holds on evaluated rows, and what the surest answers to them are worth."""
    found = TrustInRows.of(model, frame, tested.outputs, tested.truth, n_units)
    return ((), ()) if found is None else (found.coverage(), found.answered())


def tail_notes(metrics: Mapping[str, Interval], evaluated: ScoredRows) -> tuple[str, ...]:
    """What the interval of squared errors is worth where a few rows make most of their sum."""
    if "rmse" not in metrics:
        return ()
    errors = np.asarray(evaluated.outputs, np.float64) - evaluated.truth
    squares = np.square(errors / max(float(np.abs(errors).max()), 1e-300))
    mean = float(squares.mean())
    return (HEAVY_TAILS,) if float(np.square(squares).mean()) > MAX_KURTOSIS * mean**2 else ()


@dataclass(frozen=True)
class ScoredRows:
    """Evaluated rows: truth (n,), outputs (n, n_classes) or (n,) in the target's unit, weights (n,) or None."""

    truth: Target
    outputs: Array
    weights: Floats | None
    details: bool = True  # whether metrics that --verbose alone shows are asked for

    def take(self, rows: Bools | Ints) -> ScoredRows:
        """These rows only."""
        weights = None if self.weights is None else self.weights[rows]
        return replace(self, truth=self.truth[rows], outputs=self.outputs[rows], weights=weights)

    def score(self, model: TrainedModel, rng: np.random.Generator | None = None) -> dict[str, Interval]:
        """The metrics of the model's loss, labels as it decides; without `rng` intervals are bare values."""
        return score(
            build_loss(model.config), self.truth, self.outputs, self.weights, N_BOOTSTRAP if rng else 0,
            rng=rng or np.random.default_rng(0), rule=model.record.rule, details=self.details,
        )  # fmt: skip

    def baseline(self, model: TrainedModel, outputs: Array) -> dict[str, float]:
        """The same metrics of other outputs for these rows, labels by the model's costs, if it has any."""
        loss, rule = build_loss(model.config), model.record.rule
        rule = rule if isinstance(rule, Costs) else None
        rng = np.random.default_rng(0)
        found = score(loss, self.truth, outputs, self.weights, 0, rng=rng, rule=rule, details=self.details)
        return {name: interval.value for name, interval in found.items()}


def constant_baseline(model: TrainedModel, scored: ScoredRows) -> dict[str, dict[str, float]]:
    """The constant answer's metrics on the same rows, under its name."""
    outputs = constant_outputs(model, len(scored.truth))
    is_by_cost = isinstance(model.record.rule, Costs)
    return {CHEAPEST if is_by_cost else build_loss(model.config).constant_name: scored.baseline(model, outputs)}


def rows_to_score(table: DataSet, n_rows: Mapping[str, int], seed: int) -> DataSet:
    """The table with MAX_EVALUATED rows of each set at most, drawn at random."""
    if max(n_rows.values()) <= MAX_EVALUATED:
        return table
    parts = [sampled(table.sets == i, MAX_EVALUATED, seed) for i in range(len(splits.SETS))]
    return table.take(np.sort(np.concatenate(parts)))


def some_rows(chosen: Bools, rng: np.random.Generator) -> Ints:
    """(n,) -> the numbers of the chosen rows in order, or of MAX_EVIDENCE_ROWS of them at random"""
    return np.sort(rng.permutation(np.flatnonzero(chosen))[:MAX_EVIDENCE_ROWS])


def compare_with_training(
    model: TrainedModel, frame: pd.DataFrame, truth: Target, seen: pd.DataFrame | None, advantage: Interval | None
) -> EvaluationEvidence:
    """Compares evaluated rows, of truth (n,), with the rows `seen` in training and validation."""
    x = model.schema.encode(frame)
    rise, rank = None, 0.0
    if model.record.evidence.valid_loss is not None:
        losses = losses_of_members(model, x, truth)
        evidence = model.record.evidence
        rise, rank = rise_in_loss(model, losses), rank_sum(ranks_of(evidence, losses), evidence.n_valid)
    moved = {} if seen is None else moved_columns(model, model.schema.encode(seen), x)
    return EvaluationEvidence(rise, rank, moved, advantage)


def losses_of_members(model: TrainedModel, x: Matrix, truth: Target) -> Array:
    """Inputs (n, n_inputs), truth (n,) -> (n_members, n) losses by each network of the first kind, uncalibrated

    Only of these the losses of validation rows were kept.
    """
    loss, y = build_loss(model.config), model.schema.target.standardise(truth)
    return np.stack([loss.rows(network.predict(x), y) for network in model.lead])


def rise_in_loss(model: TrainedModel, losses: Array) -> Interval:
    """(n_members, n) losses of evaluated rows -> by how much their mean is above that of validation rows."""
    evidence = model.record.evidence
    assert evidence.valid_loss is not None
    rng = np.random.default_rng([model.config.seed, losses.shape[1]])
    # The mean over members, each alone, as each alone evaluated its validation rows.
    here = resampled_means(losses.mean(axis=0, dtype=np.float64)[:, None], rng)[:, 0]
    error = evidence.valid_std / max(evidence.n_valid, 1) ** 0.5
    there = evidence.valid_loss.value + np.r_[0, rng.normal(0, error, len(here) - 1)]
    return estimate(here - there, RISE_LEVEL)


def ranks_of(evidence: Evidence, losses: Array) -> Floats:
    """(n_members, n) losses of evaluated rows -> (n,) their ranks among the validation rows', from 0 to 1"""
    n = losses.shape[1]
    # Row by row one member, as validation rows have one: a mean over members would be less spread.
    one = losses[np.arange(n) % len(losses), np.arange(n)]
    return np.interp(one, evidence.valid_quantiles, np.linspace(0, 1, len(evidence.valid_quantiles)))


def rank_sum(ranks: Floats, n_valid: int) -> float:
    """Ranks (n,) among n_valid rows, from 0 to 1 -> the rank-sum statistic in standard deviations

    Wilcoxon 1945; not misled by a few large losses as a difference of means is.
    """
    return float((ranks.mean() - 0.5) / (1 / 12 * (1 / len(ranks) + 1 / max(n_valid, 1))) ** 0.5)


def moved_columns(model: TrainedModel, seen: Matrix, here: Matrix) -> dict[str, float]:
    """Encoded rows (n, n_inputs) and (m, n_inputs) -> columns that are distributed differently, and how far

    Two-sample Kolmogorov-Smirnov, Bonferroni over the inputs. The column of --time is later by design and left out.
    """
    found: dict[str, float] = {}
    plain = model.schema.blocks["plain"]
    seen, here = seen[:, plain], here[:, plain]
    for column in model.schema.features:
        if column.name == model.config.time:
            continue
        places = model.schema.inputs_of[column.name].get("plain", slice(0))
        for j in range(seen.shape[1])[places]:
            distance, p_value = kolmogorov_smirnov(seen[:, j], here[:, j])
            if distance > MOVED_FAR and p_value < MOVED_ALARM / seen.shape[1]:
                found[column.name] = max(distance, found.get(column.name, 0.0))
    return found


def truth_of(model: TrainedModel, cells: pd.Series[Any], file: str) -> Target:
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


def read_with_target(
    model: TrainedModel, data: str | pd.DataFrame, options: ReadOptions, without_target: str | None = None
) -> tuple[pd.DataFrame, pd.Series[Any], Table]:
    """The rows of another CSV or frame that have a target, and that, as the model reads them. Raises DataError.

    `without_target` is the hint for a file that does not have it.
    """
    target = model.schema.target
    source = open_for(model, data, options, with_target=True)
    if without_target is not None and target.name not in source.names:
        raise DataError(f"no column '{target.name}', the target", without_target, file=source.name)
    source.column(target.name)
    require_columns(model.schema.formats(), source.names, source.name)
    if source.n_rows == 0:
        raise DataError("no data rows", file=source.name)
    frame = read_for(model, source, with_target=True)
    rows = with_value(frame[target.name], source.storage)
    if not len(rows):
        raise DataError("no rows with a target", file=source.name, column=target.name)
    frame = take_rows(frame, rows, source.storage)
    if not target.labels:
        check_least(source, frame[target.name], rows, model.config.loss)
    return as_read(model, frame), frame[target.name], source

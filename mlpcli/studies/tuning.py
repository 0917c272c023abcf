"""Hyper-parameters chosen on validation rows: trials on the same folds, the best retrained, the test rows at the end.

Trials come in generations. All of a generation are tried on the first folds; its better third goes on to the rest
(successive halving: Jamieson & Talwalkar 2016). What is tried next depends on the losses so far and on nothing
else, so neither the number of jobs nor an interruption changes the choice.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np

from mlpcli.config.flags import as_toml, written
from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.data.splits import Sets
from mlpcli.errors import TrainingError, UsageError
from mlpcli.evaluation.baselines import loss_gain
from mlpcli.evaluation.evaluate import Evaluation, evaluate_dataset, truth_of
from mlpcli.files.jsonable import to_json
from mlpcli.metrics.intervals import Interval
from mlpcli.metrics.scoring import METRICS, decide
from mlpcli.model.assemble import assemble
from mlpcli.model.trained import TrainedModel, as_read
from mlpcli.studies import TRIALS
from mlpcli.studies.duration import expected_seconds, jobs_for
from mlpcli.studies.members import training_events
from mlpcli.studies.search import (
    GIVEN,
    Dimension,
    OptunaSearch,
    RandomSearch,
    Search,
    Trial,
    default_space,
    has_optuna,
    importance,
    parse_dimension,
)
from mlpcli.studies.tasks import TaskOutcome, TrainingTask, run, shared
from mlpcli.studies.workers import Workers, opened
from mlpcli.training.criterion import as_loss, loss_name, selecting_metric
from mlpcli.training.ensemble import ENSEMBLE_TEMPERATURE_FACTOR, Ensemble
from mlpcli.training.events import History
from mlpcli.training.prepare import prepare_dataset

GENERATION = 9  # trials that compete
KEPT = 3  # of them go on
FIRST_FOLDS = 2  # on which all of a generation are tried
FORMAT = 1  # of what a journal means


@dataclass(frozen=True)
class FoldTried:
    """A trial was trained on one more fold."""

    trial: Trial
    fold: int
    n_trained: int  # trainings so far, this time
    seconds: float  # since the search began, this time


@dataclass(frozen=True)
class TrialEnded:
    """A trial was pruned or tried on all folds."""

    trial: Trial
    best: Trial
    n_ended: int
    seconds: float  # since the search began, this time


SearchEvent = FoldTried | TrialEnded


@dataclass(frozen=True)
class Tuning:
    """What a search found. Losses are validation losses of one network, the mean over folds."""

    metric: str  # that of --stop-on, else that of the loss
    trials: tuple[Trial, ...]
    best: Trial
    given: Trial | None  # the settings as they were given; None when not tried on all folds
    given_values: dict[str, str]  # what they are in the space searched
    top: tuple[Trial, ...]  # the best five on all folds
    importance: dict[str, float]
    n_folds: int

    @property
    def loss_name(self) -> str:
        """What the losses of trials are."""
        return loss_name(self.metric)


@dataclass(frozen=True)
class FinalEvaluation:
    """What the test rows say of the best model."""

    evaluation: Evaluation
    test_loss: float | None  # of a single network, which validation losses are of; None without test rows
    # How much less it loses on test rows than a model of the settings as given, in pairs, as a share of what that
    # loses, with its 95 % interval; None without test rows, or where there are no two models to compare.
    gain: Interval | None = None

    def optimism(self, found: Tuning) -> float | None:
        """How much more a single network loses on test rows than its validation loss, the best of many, promised."""
        return None if self.test_loss is None else self.test_loss - found.best.loss


class SearchPlan(NamedTuple):
    """How long a search goes on, and what that takes."""

    n_trials: int | None  # None: as many as the time limit allows
    seconds: float | None  # of all trainings one after another on this machine; None where that cannot be told
    on: int | Workers  # trainings at a time, or what runs them


class Tuner:
    """A search that is ready to run: iterate `events`, then take `result`.

    The rows marked TEST are taken away before the first training.
    """

    def __init__(
        self, table: DataSet, config: Config, options: ReadOptions, space: Sequence[str], n_folds: int, stem: str
    ) -> None:
        self.limit, config = config.time_limit, replace(config, time_limit=None)
        resolved = config.resolve(table.task, table.n_learn)
        self.config, self.options = config, options
        self.space: tuple[Dimension, ...] = tuple(parse_dimension(s, config) for s in space)
        self.space = self.space or default_space(config, resolved)
        names = [d.setting for d in self.space]
        if not names or len(set(names)) < len(names):
            raise UsageError("--space: each setting once, and one at least")
        self.seed = config.seed
        self.whole = table  # its test rows are looked at by `evaluate_best` alone
        self.table = table.take(np.flatnonzero(table.sets != splits.TEST))
        self.folds = fold_sets(self.table, config, n_folds)
        self.metric = selecting_metric(resolved)
        key = self.key(table)
        self.search: Search
        self.hint = ""
        if has_optuna():
            self.search = OptunaSearch(self.space, config.seed, stem, key, GENERATION)
        else:
            self.search = RandomSearch(self.space, config.seed, stem, key)
            self.hint = "pip install 'mlpcli[tune]' for a search that learns from its trials (Optuna)"
        self.spent = 0.0  # seconds of training, of `n_spent` folds
        self.n_spent = 0

    def key(self, table: DataSet) -> str:
        """Of everything that the losses depend on: what a journal holds under another key is another search."""
        parts = [
            FORMAT, table.sha256, table.target, table.task, to_json(self.config), to_json(self.options),
            [f"{d.setting}={d}" for d in self.space], len(self.folds),
            hashlib.sha256(np.concatenate(self.folds).tobytes()).hexdigest(),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def events(self, n_trials: int | None, on: int | Workers = 1) -> Iterator[SearchEvent]:
        """Runs until there are `n_trials`, or the time limit is over; at least one of the two is given."""
        began = time.monotonic()
        with shared(self.table) as data, opened(on) as executor:
            while True:
                last = self.search.trials[-1].generation if self.search.trials else -1
                current = [t for t in self.search.trials if t.generation == last]
                if all(t.state != "open" for t in current):
                    n_left = GENERATION if n_trials is None else n_trials - len(self.search.trials)
                    if n_left <= 0 or self.is_late(began, executor.jobs):
                        return
                    self.search.propose(min(GENERATION, n_left))
                    continue
                first = range(min(FIRST_FOLDS, len(self.folds)))
                yield from self.learn(current, first, data, executor, began)
                if not all(f in t.losses for t in current for f in first):
                    return
                by_loss = sorted(current, key=lambda t: (mean_loss(t, first), t.number))
                # The settings as given are what the others must beat: they are tried to the end.
                kept = [t for n, t in enumerate(by_loss) if n < KEPT or t.number == GIVEN]
                yield from self.learn(kept, range(len(self.folds)), data, executor, began)
                if not all(f in t.losses for t in kept for f in range(len(self.folds))):
                    return
                for trial in current:
                    if trial.state == "open":
                        self.search.closed(trial, "done" if trial in kept else "pruned")
                        yield TrialEnded(trial, self.best(), self.n_ended(), time.monotonic() - began)

    def plan(self, trials: int | None, on: int | Workers | None) -> SearchPlan:
        """How many trials to make, and what runs their trainings, where that is not asked for."""
        n_trials = TRIALS if trials is None and self.limit is None else trials
        if not isinstance(on, int | None):
            return SearchPlan(n_trials, None, on)
        seconds = expected_seconds(self.usual_tasks(n_trials or GENERATION))
        jobs = on or jobs_for(self.limit or seconds, GENERATION)
        return SearchPlan(n_trials, None if n_trials is None else seconds, jobs)

    def usual_tasks(self, n_trials: int) -> list[TrainingTask]:
        """As many trainings, of the settings as given, as so many trials take."""
        n_first = min(FIRST_FOLDS, len(self.folds))
        n_kept = min(KEPT * -(-n_trials // GENERATION), n_trials)
        task = TrainingTask(0, "", self.single(self.config), shared(self.table), self.folds[0])
        return [task] * (n_trials * n_first + n_kept * (len(self.folds) - n_first))

    def single(self, config: Config) -> Config:
        """The same for one network: trials are compared by it."""
        return replace(config, ensemble=1, kinds=config.resolve(self.table.task, self.table.n_learn).kinds[:1])

    def learn(
        self, trials: Sequence[Trial], folds: Sequence[int], data: Any, executor: Workers, began: float
    ) -> Iterator[FoldTried]:
        """Trains each trial on each fold that it was not yet tried on, as long as there is time."""
        wanted = [(t, f) for t in trials for f in folds if f not in t.losses]

        def tasks() -> Iterator[TrainingTask]:
            for number, (trial, fold) in enumerate(wanted):
                if self.is_late(began, executor.jobs):
                    return
                config = self.single(trial.config(self.config))
                yield TrainingTask(number, f"trial {trial.number}, fold {fold + 1}", config, data, self.folds[fold])

        for outcome in run(tasks(), executor):
            trial, fold = wanted[outcome.number]
            self.spent, self.n_spent = self.spent + outcome.seconds, self.n_spent + 1
            self.search.tell(trial, fold, self.loss_of(outcome))
            yield FoldTried(trial, fold, self.n_spent, time.monotonic() - began)

    def loss_of(self, outcome: TaskOutcome) -> float:
        """That of its validation rows, by the metric; infinite when it diverged."""
        return as_loss(self.metric, outcome.metrics["validation"][self.metric]) if outcome.error is None else math.inf

    def is_late(self, began: float, jobs: int) -> bool:
        """Whether what is left of the time limit is what the best model and that of the settings as given will take.

        One training is made in any case.
        """
        if self.limit is None or not any(t.losses for t in self.search.trials):
            return False
        config = self.config.resolve(self.table.task, self.table.n_learn)
        n_networks = config.ensemble * len(config.kinds)
        last = 2 * self.spent / max(self.n_spent, 1) * -(-n_networks // jobs)
        return time.monotonic() - began > self.limit - min(last, self.limit / 2)

    @property
    def loss_name(self) -> str:
        """What the losses of trials are."""
        return loss_name(self.metric)

    def n_ended(self) -> int:
        return sum(t.state != "open" for t in self.search.trials)

    def best(self) -> Trial:
        """Of the trials on all folds that with the least loss; before there is one, of those on most folds."""
        tried = [t for t in self.search.trials if math.isfinite(t.loss)]
        if not tried:
            if any(t.losses for t in self.search.trials):
                raise TrainingError("every trial diverged: there is nothing to choose from", "--space lr=1e-4..1e-2")
            raise TrainingError("no trial was finished: there is nothing to choose from", "a longer --time-limit")
        return min(tried, key=lambda t: (-len(t.losses), t.loss, t.number))

    def result(self) -> Tuning:
        """Of all trials, in this run and before. Raises TrainingError when that is nothing."""
        full = [t for t in self.search.trials if len(t.losses) == len(self.folds)]
        given = [t for t in full if t.number == GIVEN]
        first = range(min(FIRST_FOLDS, len(self.folds)))
        resolved = self.config.resolve(self.table.task, self.table.n_learn)
        return Tuning(
            self.metric, tuple(self.search.trials), self.best(), given[0] if given else None,
            {d.setting: written(getattr(resolved, d.setting), "x") for d in self.space},
            tuple(sorted(full, key=lambda t: (t.loss, t.number))[:5]),
            importance(self.search.trials, self.space, first), len(self.folds),
        )  # fmt: skip

    def best_config(self) -> Config:
        return self.best().config(self.config)

    def train_best(self, on: int | Workers = 1) -> TrainedModel:
        """A model with the best settings, trained as `train` does."""
        return self.trained(self.best_config(), on)

    def trained(self, config: Config, on: int | Workers) -> TrainedModel:
        prepared = prepare_dataset(self.whole, config)
        return assemble(prepared, History.of(training_events(prepared, on)))

    def evaluate_best(self, model: TrainedModel, on: int | Workers = 1) -> FinalEvaluation:
        """The only look at the test rows, beside a model of the settings as given where those are not the best."""
        evaluation = evaluate_dataset(model, self.whole, linear=False)
        if "test" not in evaluation.metrics:
            return FinalEvaluation(evaluation, None)
        test_loss = loss_of_one(model, self.whole, self.metric)
        if self.best().number == GIVEN:
            return FinalEvaluation(evaluation, test_loss)
        try:
            given = self.trained(self.config, on)
        except TrainingError:  # diverged
            return FinalEvaluation(evaluation, test_loss)
        theirs = evaluate_dataset(given, self.whole, linear=False)
        gain = loss_gain(given, evaluation.y, evaluation.outputs, theirs.outputs)
        return FinalEvaluation(evaluation, test_loss, gain)

    def best_toml(self) -> str:
        """The best settings for `train --config`, with all others that were given."""
        best = self.best()
        head = f"# trial {best.number} of {len(self.search.trials)}: validation {self.loss_name} {best.loss:.4g}\n"
        return head + as_toml(changed(self.best_config()) | changed(self.options))


def changed(settings: Config | ReadOptions) -> dict[str, Any]:
    """The settings that are not at their defaults."""
    return {f.name: v for f in fields(settings) if (v := getattr(settings, f.name)) != f.default}


def mean_loss(trial: Trial, folds: Sequence[int]) -> float:
    return sum(trial.losses[f] for f in folds) / len(folds)


def fold_sets(table: DataSet, config: Config, n_folds: int) -> list[Sets]:
    """The sets of each fold, the same for all trials: a fold is VALIDATION, the rest TRAIN.

    With `--time` or a validation file there is one fold, its validation rows. Raises UsageError.
    """
    if table.splitter.kind == "time" or config.share("validation") is None:
        if not (table.sets == splits.VALIDATION).any():
            raise UsageError("without validation rows there is nothing to choose by", "leave out --validation 0")
        return [table.sets]
    if not 2 <= n_folds <= 100:
        raise UsageError(f"--folds: expected a number from 2 to 100, found {n_folds}")
    fold = table.splitter.folds(n_folds, config.seed)
    return [np.where(fold == k, splits.VALIDATION, splits.TRAIN).astype(np.int8) for k in range(n_folds)]


def loss_of_one(model: TrainedModel, table: DataSet, metric: str) -> float:
    """The test loss of a single network of the model, the mean over its networks: what validation losses promised."""
    chosen = table.sets == splits.TEST
    truth = truth_of(model, table.y_cells.loc[chosen], table.name)
    x = model.schema.encode(as_read(model, table.frame.loc[chosen]))
    # The ensemble's temperature is sharper than that of its networks.
    lead = model.record.components[0]
    temperature = lead.temperature / (ENSEMBLE_TEMPERATURE_FACTOR if len(model.lead) > 1 else 1.0)
    component = replace(lead, weight=1.0, temperature=temperature)
    losses, rule = [], model.record.rule
    for network in model.lead:
        alone = Ensemble((component,), ((network,),), model.ensemble.loss, model.schema.target)
        outputs = alone.combine([[network.predict(x)]])
        answers = decide(outputs, rule) if METRICS[metric].needs == "labels" else outputs
        losses.append(as_loss(metric, METRICS[metric].function(truth, answers, loss=alone.loss, rule=rule)))
    return float(np.mean(losses))

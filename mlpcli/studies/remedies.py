"""Remedies tried out: each a change of settings, trained and compared on validation rows with the settings as they
are.

All trainings have the same rows, folds and first weights, and differ in the remedy alone. The test rows take no part.
To add a remedy: write a function from RemedyInput to the settings it changes, {} where it does not apply, and add a
line to REMEDIES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.flags import as_flags
from mlpcli.config.settings import Settings
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.diagnosis.findings import decay
from mlpcli.errors import DataError, TrainingError
from mlpcli.evaluation.evaluate import read_trained
from mlpcli.metrics.intervals import Interval, estimate, resampled_means, share_of
from mlpcli.model.assemble import out_of_fold_outputs
from mlpcli.model.trained import TrainedModel
from mlpcli.studies.tasks import TrainingTask, each, shared
from mlpcli.studies.workers import Shared, Workers, opened
from mlpcli.training.events import History
from mlpcli.training.evidence import Means
from mlpcli.training.kinds import obeys_hidden
from mlpcli.training.loop import KindMembers, Member
from mlpcli.training.networks import build_network
from mlpcli.training.prepare import PreparedTraining, prepare_dataset

N_NETWORKS = 5  # trained for each remedy, each evaluated on a fold of its own
MAX_REMEDY_ROWS = 10_000  # of training and validation, drawn at random
AS_IT_IS, AGAIN = "as it is", "as it is, from other first weights"


@dataclass(frozen=True)
class RemedyInput:
    """What a remedy may look at."""

    config: Settings
    history: History
    features: tuple[str, ...]  # columns by univariate strength, the strongest first


Changes = Mapping[str, Any]
Losses = NDArray[np.float64]


def more_dropout(p: RemedyInput) -> Changes:
    return {"dropout": 0.2 if not p.config.dropout else min(2 * p.config.dropout, 0.8)} if p.config.hidden else {}


def more_decay(p: RemedyInput) -> Changes:
    return {"weight_decay": 10 * p.config.weight_decay if p.config.weight_decay else decay(p.config)}


def smaller_network(p: RemedyInput) -> Changes:
    widths = tuple(max(w // 4, 1) for w in p.config.hidden)
    return {"hidden": widths} if widths != p.config.hidden else {}


def larger_network(p: RemedyInput) -> Changes:
    return {"hidden": tuple(max(min(2 * w, 1024), w, 32) for w in p.config.hidden) if p.config.hidden else (64, 64)}


def lower_rate(p: RemedyInput) -> Changes:
    return {"lr": float(f"{rate(p) / 5:.2g}")}


def higher_rate(p: RemedyInput) -> Changes:
    return {"lr": float(f"{rate(p) * 5:.2g}")}


def more_epochs(p: RemedyInput) -> Changes:
    return {"epochs": 4 * p.history.max_epochs, "patience": 2 * p.config.patience}


def fewer_features(p: RemedyInput) -> Changes:
    dropped = p.features[(len(p.features) + 1) // 2 :]
    return {"drop": (*p.config.drop, *dropped)} if dropped else {}


def rate(p: RemedyInput) -> float:
    return p.config.lr


REMEDIES: Mapping[str, Callable[[RemedyInput], Changes]] = {
    "more dropout": more_dropout,
    "more weight decay": more_decay,
    "a smaller network": smaller_network,
    "a larger network": larger_network,
    "a lower learning rate": lower_rate,
    "a higher learning rate": higher_rate,
    "more epochs": more_epochs,
    "fewer columns": fewer_features,
}


@dataclass(frozen=True)
class RemedyTrial:
    """One training, of a remedy or a control; picklable, and its outcome depends on it alone."""

    number: int
    name: str
    flags: str  # to copy
    config: Settings
    table: Shared[DataSet]
    other_weights: bool = False


@dataclass(frozen=True)
class RemedyLosses:
    """The losses of the validation rows, each by the network that never saw it; none when training diverged."""

    number: int
    losses: NDArray[np.float64] | None
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class RemedyOutcome:
    """What a remedy did: the validation loss with it, and how much lower it is than without."""

    name: str
    flags: str
    loss: float | None  # None: training diverged
    gain: Interval | None  # share of the loss as it is; simultaneous 95 % intervals over all remedies (Bonferroni)
    verdict: str  # helps, hurts, no clear difference, diverged; chance: nothing but other first weights


def perform(trial: RemedyTrial) -> RemedyLosses:
    """Trains N_NETWORKS networks. Raises DataError as `prepare_dataset` does."""
    prepared = prepare_dataset(trial.table.value, trial.config)
    members = prepared.members[:N_NETWORKS]
    if trial.other_weights:
        members = tuple(with_other_weights(prepared, member, k) for k, member in enumerate(members))
    prepared = replace(prepared, groups=(KindMembers(prepared.settings.lead, members),))
    try:
        History.of(prepared.events())
    except TrainingError:
        return RemedyLosses(trial.number, None, np.empty(0, np.int64))
    out_of_fold = out_of_fold_outputs(prepared)
    y, temperature = prepared.encoded.y, out_of_fold.temperature(prepared.settings.lead)
    means = Means(len(y))
    for found in out_of_fold.lead:
        logits = found.logits.astype(np.float64) / temperature
        means.add(found.index, out_of_fold.loss.rows(logits, y[found.index]))
    rows = np.flatnonzero(means.counts)
    return RemedyLosses(trial.number, means.of[rows], rows)


def with_other_weights(prepared: PreparedTraining, member: Member, number: int) -> Member:
    """The member with a network of other first weights and another order of rows."""
    rng = np.random.default_rng([prepared.settings.seed, number, 1])
    network = build_network(prepared.settings, prepared.schema, rng, prepared.settings.lead, member.unseen, member.line)
    return replace(member, network=network, rng=rng)


@dataclass(frozen=True)
class RemedyPlan:
    """Trials that are ready to run: iterate `outcomes`, then take `result` of them."""

    trials: tuple[RemedyTrial, ...]
    table: Shared[DataSet]
    seed: int

    @property
    def tasks(self) -> tuple[TrainingTask, ...]:
        """The trainings of the trials."""
        return tuple(TrainingTask(t.number, t.name, t.config, t.table, t.table.value.sets) for t in self.trials)

    def name(self, tried: RemedyLosses) -> str:
        """What was tried, with its flags."""
        trial = self.trials[tried.number]
        return f"{trial.name} {trial.flags}".rstrip()

    def outcomes(self, on: int | Workers = 1) -> Iterator[RemedyLosses]:
        try:
            with opened(on) as executor:
                yield from each(perform, self.trials, executor)
        finally:
            self.table.close()

    def result(self, tried: Sequence[RemedyLosses]) -> tuple[RemedyOutcome, ...]:
        """The best first, without the settings as they are. Raises TrainingError when those were not finished."""
        done = {t.number: t for t in tried}
        if 0 not in done or done[0].losses is None:
            raise TrainingError("the settings as they are could not be trained again: there is nothing to compare with")
        found = []
        for trial in self.trials[1:]:
            if trial.number in done:
                # A remedy has to beat the settings as they are from both first weights: one pair is chance as well.
                numbers = (0,) if trial.other_weights else (0, 1)
                controls = [t.losses for n in numbers if (t := done.get(n)) is not None and t.losses is not None]
                found.append(self.compared(trial, done[trial.number].losses, controls))
        return tuple(sorted(found, key=lambda o: -np.inf if o.gain is None else o.gain.value, reverse=True))

    def compared(self, trial: RemedyTrial, ours: Losses | None, controls: Sequence[Losses]) -> RemedyOutcome:
        if ours is None:
            return RemedyOutcome(trial.name, trial.flags, None, None, "diverged")
        means = resampled_means(np.column_stack([*controls, ours]), np.random.default_rng([self.seed, trial.number]))
        level = 1 - 0.05 / max(len(self.trials) - 1, 1)
        gains = [estimate(share_of(means[:, i] - means[:, -1], means[:, i]), level) for i in range(len(controls))]
        gain = Interval(float(np.mean([g.value for g in gains])), min(g.low for g in gains), max(g.high for g in gains))
        verdict = "helps" if gain.low > 0 else "hurts" if gain.high < 0 else "no clear difference"
        return RemedyOutcome(
            trial.name, trial.flags, float(ours.mean()), gain, "chance" if trial.other_weights else verdict
        )


def plan(model: TrainedModel) -> RemedyPlan:
    """One trial for each remedy that applies, on the model's training file. Raises DataError."""
    record = model.record
    if record.evidence.valid_loss is None:
        raise DataError("the model kept no validation rows to compare remedies on", "mlpcli train --validation 0.15")
    config = record.config
    table = read_trained(model, command=None)
    rows = np.flatnonzero(table.sets != splits.TEST)
    rng = np.random.default_rng([config.seed, len(rows)])
    table = table.take(np.sort(rng.permutation(rows)[:MAX_REMEDY_ROWS]))
    config = replace(config, ensemble=max(config.ensemble, N_NETWORKS), kinds=(config.lead,), time_limit=None)
    data = shared(table)
    known = record.evidence.univariate_strength
    features = tuple(
        sorted((c.name for c in model.schema.features), key=lambda n: -known[n].value if n in known else 9)
    )
    case = RemedyInput(record.config, record.history, features)
    trials = [RemedyTrial(0, AS_IT_IS, "", config, data), RemedyTrial(1, AGAIN, "", config, data, other_weights=True)]
    for name, remedy in REMEDIES.items():
        changed = dict(remedy(case))
        if "hidden" in changed and not obeys_hidden(config):
            changed = {"kinds": ("mlp",), **changed}
        if changed:
            trials.append(RemedyTrial(len(trials), name, as_flags(changed), replace(config, **changed), data))
    return RemedyPlan(tuple(trials), data, config.seed)

"""What a search for hyper-parameters tries next, and its memory on disk.

A `Space` has a dimension for each setting. A search proposes trials, learns the loss of each on each fold, and keeps
all of it in a journal file, so that the same search goes on where it stopped. To add a kind of search: the methods of
`RandomSearch`. Values are kept as they are written on the command line.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np

from mlpcli.config.flags import parse, setting_named, setting_type
from mlpcli.config.settings import Config, flag
from mlpcli.errors import MachineError, UsageError

State = Literal["open", "pruned", "done"]
GIVEN = 0  # number of the trial that takes the settings as they were given
LOGARITHMIC = 10.0  # high over low from which on a range is searched by ratios
DIGITS = 3  # of a number tried; more would be noise


@dataclass(frozen=True)
class Choices:
    """A setting with a few values, as written."""

    setting: str
    values: tuple[str, ...]

    def draw(self, rng: np.random.Generator) -> str:
        return self.values[int(rng.integers(len(self.values)))]

    def __str__(self) -> str:
        return ",".join(self.values)


@dataclass(frozen=True)
class Range:
    """A setting with a number from `low` to `high`, both included; `is_log`: equal ratios are equally likely."""

    setting: str
    low: float
    high: float
    is_whole: bool
    is_log: bool

    def draw(self, rng: np.random.Generator) -> str:
        if self.is_log:
            return self.written(math.exp(rng.uniform(math.log(self.low), math.log(self.high))))
        return self.written(rng.uniform(self.low, self.high))

    def written(self, value: float) -> str:
        value = min(max(value, self.low), self.high)
        return str(round(value)) if self.is_whole else f"{value:.{DIGITS}g}"

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}"


Dimension = Choices | Range


def parse_dimension(text: str, config: Config) -> Dimension:
    """'lr=1e-4..1e-1' or 'hidden=32,64x64' -> a dimension; every end and value must suit `config`. UsageError."""
    option, equals, values = text.partition("=")
    name = setting_named(option.strip().removeprefix("--"))
    spec = Config.__dataclass_fields__[name]
    if not equals or not values.strip():
        raise UsageError(f"--space: expected OPTION=LOW..HIGH or OPTION=A,B, found '{text}'")
    if spec.metadata["group"] == "Data" or name in ("time_limit", "ensemble", "preset"):
        raise UsageError(f"--space: {flag(name)} is not a hyper-parameter to choose on validation rows")
    low, dots, high = values.partition("..")
    kind, _ = setting_type(Config, name)
    is_whole = kind is int or name == "batch_size"
    found = [low, high] if dots else [v.strip() for v in values.split(",")]
    for value in found:
        replace(config, **{name: parse(Config, name, value)})
    if not dots:
        if len(set(found)) < len(found):
            raise UsageError(f"--space {option}: a value appears twice")
        return Choices(name, tuple(found))
    if (kind not in (int, float) and name != "batch_size") or name == "hidden":
        raise UsageError(f"--space: {flag(name)} has no range; name its values, as in {option}={low},{high}")
    try:
        start, end = float(low), float(high)
    except ValueError:
        raise UsageError(f"--space {option}: expected two numbers, found '{values}'") from None
    if not start < end:
        raise UsageError(f"--space {option}: expected a lower and a higher number, found '{values}'")
    return Range(name, start, end, is_whole, start > 0 and end / start >= LOGARITHMIC)


def default_space(given: Config, resolved: Config) -> tuple[Dimension, ...]:
    """What suits tables: width and depth, learning rate, weight decay, dropout, batch size, activation.

    The learning rate lies about the preset's own. A setting that the user has set is left out.
    """
    assert resolved.lr is not None
    layers = "32 128 256 64x64 128x128 64x64x64 128x128x128 256x256x256"
    space = (
        Choices("hidden", tuple(layers.split())),
        Range("lr", resolved.lr / 10, min(resolved.lr * 4, 1e3), False, True),
        Range("weight_decay", 1e-4, 1.0, False, True),
        Range("dropout", 0.0, 0.4, False, False),
        Choices("batch_size", ("32", "64", "128", "256", "512")),
        Choices("activation", ("relu", "silu", "mish", "selu")),
    )
    return tuple(d for d in space if getattr(given, d.setting) is None)


@dataclass
class Trial:
    """One set of hyper-parameters and its loss on each fold that it was tried on, in the order of the folds."""

    number: int
    generation: int
    values: dict[str, str]  # setting -> as written; none for the settings as they were given
    losses: dict[int, float] = field(default_factory=dict)  # fold -> validation loss; inf when it diverged
    state: State = "open"

    @property
    def loss(self) -> float:
        """Mean over the folds so far."""
        return sum(self.losses.values()) / len(self.losses) if self.losses else math.inf

    def config(self, given: Config) -> Config:
        return replace(given, **{name: parse(Config, name, text) for name, text in self.values.items()})


class Search(Protocol):
    """Proposes trials and remembers them."""

    name: str
    path: str  # of the journal
    trials: list[Trial]

    def propose(self, n: int) -> None:
        """Adds n open trials of one new generation; the very first one has the settings as given."""

    def tell(self, trial: Trial, fold: int, loss: float) -> None:
        """Remembers a loss."""

    def closed(self, trial: Trial, state: State) -> None:
        """Remembers that a trial has ended."""


class RandomSearch:
    """Draws every trial from its own stream of random numbers; the journal has a line of JSON for each event."""

    name = "random search with successive halving"

    def __init__(self, space: Sequence[Dimension], seed: int, stem: str, key: str) -> None:
        self.space, self.seed, self.key = space, seed, key
        self.path = f"{stem}.random.journal"
        self.trials: list[Trial] = []
        for line in self.lines():
            match line:
                case {"values": values, "trial": number, "generation": generation}:
                    self.trials.append(Trial(number, generation, values))
                case {"fold": fold, "trial": number, "loss": loss}:
                    self.trials[number].losses[fold] = math.inf if loss is None else loss
                case {"state": state, "trial": number}:
                    self.trials[number].state = state

    def lines(self) -> Iterator[dict[str, Any]]:
        """What the journal holds of this very search; a last line that was cut off is passed over."""
        if not os.path.exists(self.path):
            return
        with open(self.path, encoding="utf-8") as file:
            for line in file:
                try:
                    found = json.loads(line)
                except json.JSONDecodeError:
                    continue
                if isinstance(found, dict) and found.get("search") == self.key:
                    yield found

    def write(self, **values: Any) -> None:
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                # The line end comes first: what a killed run left of its last line then stands alone.
                file.write("\n" + json.dumps({"search": self.key, **values}, allow_nan=False))
        except OSError as error:
            raise MachineError(f"cannot write: {error.strerror}", file=self.path) from error

    def propose(self, n: int) -> None:
        generation = self.trials[-1].generation + 1 if self.trials else 0
        for number in range(len(self.trials), len(self.trials) + n):
            rng = np.random.default_rng([self.seed, number])
            values = {} if number == GIVEN else {d.setting: d.draw(rng) for d in self.space}
            self.trials.append(Trial(number, generation, values))
            self.write(trial=number, generation=generation, values=values)

    def tell(self, trial: Trial, fold: int, loss: float) -> None:
        trial.losses[fold] = loss
        self.write(trial=trial.number, fold=fold, loss=loss if math.isfinite(loss) else None)

    def closed(self, trial: Trial, state: State) -> None:
        trial.state = state
        self.write(trial=trial.number, state=state)


class OptunaSearch:
    """Optuna's tree-structured Parzen estimator, with its journal storage; needs the extra `tune`.

    Each trial is proposed by a sampler seeded for it, from the trials before: a function of that alone.
    """

    name = "Optuna's TPE with successive halving"

    def __init__(self, space: Sequence[Dimension], seed: int, stem: str, key: str, n_random: int) -> None:
        self.optuna: Any = importlib.import_module("optuna")  # an extra: type checkers need not have it
        journal: Any = importlib.import_module("optuna.storages.journal")
        self.optuna.logging.set_verbosity(self.optuna.logging.ERROR)
        self.space, self.seed, self.n_random = space, seed, n_random
        self.path = f"{stem}.optuna.journal"
        storage = self.optuna.storages.JournalStorage(journal.JournalFileBackend(self.path))
        self.study = self.optuna.create_study(storage=storage, study_name=key, load_if_exists=True)
        self.trials: list[Trial] = []
        self.handles: list[Any] = []
        states = {"COMPLETE": "done", "PRUNED": "pruned"}
        for frozen in self.study.get_trials(deepcopy=False):
            kept = frozen.user_attrs
            if "values" not in kept:  # killed between two lines of the journal
                continue
            losses = {int(k): math.inf if v is None else v for k, v in kept.get("losses", {}).items()}
            state: Any = states.get(frozen.state.name, "open")
            self.trials.append(Trial(len(self.trials), kept["generation"], kept["values"], losses, state))
            self.handles.append(self.optuna.trial.Trial(self.study, frozen._trial_id))

    def propose(self, n: int) -> None:
        generation = self.trials[-1].generation + 1 if self.trials else 0
        for number in range(len(self.trials), len(self.trials) + n):
            seed = int(np.random.default_rng([self.seed, number]).integers(2**31))
            self.study.sampler = self.optuna.samplers.TPESampler(seed=seed, n_startup_trials=self.n_random)
            space = {} if number == GIVEN else {d.setting: self.distribution(d) for d in self.space}
            handle = self.study.ask(fixed_distributions=space)
            values = {
                d.setting: d.written(handle.params[d.setting]) if isinstance(d, Range) else handle.params[d.setting]
                for d in self.space
                if d.setting in space
            }
            handle.set_user_attr("generation", generation)
            handle.set_user_attr("values", values)
            self.handles.append(handle)
            self.trials.append(Trial(number, generation, values))

    def distribution(self, dimension: Dimension) -> Any:
        kinds = self.optuna.distributions
        if isinstance(dimension, Choices):
            return kinds.CategoricalDistribution(dimension.values)
        if dimension.is_whole:
            return kinds.IntDistribution(int(dimension.low), int(dimension.high), log=dimension.is_log)
        return kinds.FloatDistribution(dimension.low, dimension.high, log=dimension.is_log)

    def tell(self, trial: Trial, fold: int, loss: float) -> None:
        trial.losses[fold] = loss
        losses = {str(k): v if math.isfinite(v) else None for k, v in trial.losses.items()}
        self.handles[trial.number].set_user_attr("losses", losses)

    def closed(self, trial: Trial, state: State) -> None:
        trial.state = state
        handle = self.handles[trial.number]
        if math.isfinite(trial.loss):
            if not self.study.get_trials(deepcopy=False)[handle.number].intermediate_values:
                handle.report(trial.loss, len(trial.losses))  # else a stop came between this and the next line
        elif state == "done":
            state = "pruned"  # Optuna takes no infinite value; without a report it counts as the worst
        complete = self.optuna.trial.TrialState.COMPLETE
        pruned = self.optuna.trial.TrialState.PRUNED
        self.study.tell(handle, trial.loss if state == "done" else None, state=complete if state == "done" else pruned)


def has_optuna() -> bool:
    return importlib.util.find_spec("optuna") is not None


def importance(trials: Sequence[Trial], space: Sequence[Dimension], folds: Sequence[int]) -> dict[str, float]:
    """How much each setting alone explains of the trials' losses on these folds: 0 nothing, 1 all.

    The share of the variance of the losses' ranks between groups of trials (a group for each choice, or four of
    equal size for a number), less what chance gives: epsilon squared of Kruskal & Wallis, not below 0.
    """
    tried = [t for t in trials if t.values and all(f in t.losses for f in folds)]
    losses = np.array([np.mean([t.losses[f] for f in folds]) for t in tried])
    found = {}
    for dimension in space:
        groups = groups_of([t.values[dimension.setting] for t in tried], dimension)
        n_groups = len(set(groups))
        if n_groups < 2 or len(tried) <= n_groups + 1:
            found[dimension.setting] = 0.0
            continue
        ranks = np.argsort(np.argsort(losses, kind="stable"), kind="stable").astype(np.float64)
        total = float(((ranks - ranks.mean()) ** 2).sum())
        members = [ranks[np.asarray(groups) == g] for g in sorted(set(groups))]
        within = sum(float(((m - m.mean()) ** 2).sum()) for m in members)
        found[dimension.setting] = max(0.0, 1 - within / (len(tried) - n_groups) / (total / (len(tried) - 1)))
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def groups_of(values: Sequence[str], dimension: Dimension) -> list[int]:
    if isinstance(dimension, Choices):
        return [dimension.values.index(v) for v in values]
    numbers = np.array([float(v) for v in values])
    return [int(np.searchsorted(np.quantile(numbers, [0.25, 0.5, 0.75]), x)) for x in numbers]

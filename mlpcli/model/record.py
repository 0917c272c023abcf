"""What a model file says in its header."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mlpcli.config.settings import Settings
from mlpcli.data.dialect import Dialect
from mlpcli.data.schema import Schema
from mlpcli.files.jsonable import optional
from mlpcli.metrics.conformal import Conformal
from mlpcli.metrics.costs import Rule, rule_of
from mlpcli.training.ensemble import Component
from mlpcli.training.events import History
from mlpcli.training.evidence import Evidence
from mlpcli.training.profile import TrainingProfile

NoPromise = Literal["no validation rows", "not kept", "distilled"]  # why there are no intervals and label sets


@dataclass(frozen=True)
class DataOrigin:
    """The file a model was trained on, and how many of its rows went where."""

    path: str  # as given when relative; the bare name of an absolute path, which would tell of the machine
    sha256: str
    n_rows: int
    n_train: int
    n_validation: int
    n_test: int


@dataclass(frozen=True)
class ModelRecord:
    """The JSON header of a model file."""

    kind: Literal["mlpcli model"]
    versions: dict[str, str]
    schema: Schema
    config: Settings
    dialect: Dialect
    data: DataOrigin
    components: tuple[Component, ...]  # of the kinds of network that have a weight, in the order of their networks
    constant: tuple[float, ...]  # best constant answer: class shares, or a value in the target's unit; see baselines
    threshold: float | None  # from which probability on the second of two classes is said; None: the more probable
    by_fold: bool  # each member validated on a fold of its own
    validation: dict[str, float]  # metrics on validation rows, out of fold for an ensemble
    history: History
    evidence: Evidence  # measured on training and validation rows
    profile: TrainingProfile | None  # how these rows and the answers to them are distributed; None: not kept
    conformal: Conformal | NoPromise  # what intervals and label sets are made of
    started_from: str | None  # SHA-256 of the model file whose weights were the start; None: random ones
    shares: int | None = optional(None)  # of the rows, each with a worker, whose networks were averaged; None: of one
    distilled_from: str | None = optional(None)  # SHA-256 of the model file whose answers it learned; None: the truth

    @property
    def saw_validation(self) -> bool:
        """Whether the networks together learned from the validation rows too."""
        return self.by_fold or self.distilled_from is not None

    @cached_property
    def rule(self) -> Rule:
        """How probabilities become a label."""
        return rule_of(self.config, self.schema.target.labels, self.threshold)


# Entries that a later mlpcli added to the header -> what a file that was written before says of them.
ADDED = {"profile": None, "conformal": "not kept", "started_from": None}

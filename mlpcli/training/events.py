"""What training tells while it runs: Started, EpochEnded..., Finished; and the History they add up to.
The library yields events, the screen listens. Start reading mlpcli here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"  # a cell of a map: the number of its class, or its level of 36
Stop = Literal["patience", "epochs", "time limit", "interrupted", "diverged"]


@dataclass(frozen=True)
class Started:
    """Training begins: what will be trained, on how many rows."""

    loss: str  # name of the loss, as in LOSSES
    metric: str  # of the validation rows after each epoch: that of --stop-on, else the loss's `epoch_metric`
    max_epochs: int
    n_members: int  # of the first kind, whose epochs are emitted
    n_train: int  # rows; with fold members, the rows one member trains on, averaged
    n_valid: int  # rows; with fold members, all rows that validate some member
    n_parameters: int  # of one member
    batch_size: int


@dataclass(frozen=True)
class EpochEnded:
    """One pass over the training rows is done; losses are means over the ensemble's members of the first kind.

    Both losses are measured the same way: after the epoch, dropout and noise off. The training loss is
    taken on a fixed sample of training rows.
    """

    epoch: int  # 1, 2, ...
    train_loss: float
    valid_loss: float | None  # None without validation rows
    valid_metric: float | None  # mean of the metric that Started names; None without validation rows
    train_spread: float  # standard deviation over members, 0 for one
    valid_spread: float
    best_epoch: int  # of the mean validation loss, or of the mean metric of --stop-on, so far
    rows_per_second: float
    seconds: float  # since training began
    recoveries: tuple[str, ...] = ()  # divergences in this epoch, and what was done about each
    others_only: bool = False  # those of the first kind had stopped before; their last losses stand


@dataclass(frozen=True)
class Finished:
    """Training is over; the networks hold their best weights."""

    epochs: int
    best_epoch: int
    stopped_by: Stop
    seconds: float


@dataclass(frozen=True)
class LayerWatched:
    """A layer of weights after an epoch; means over the members of the first kind."""

    n_units: int
    dead: float | None  # share of units that pass no gradient on any row; None for the output layer
    saturated: float | None  # share of units at the flat ends of their activation; None for the output layer
    gradient: float  # norm of the last step's gradient of the weights, over the norm of the weights


@dataclass(frozen=True)
class MapAxes:
    """What a map shows: two columns against each other, the other ones held at their medians, and some rows."""

    columns: tuple[str, str]  # to the right, upwards
    right: tuple[float, float]  # values at the left and the right end
    up: tuple[float, float]  # at the bottom and the top
    labels: tuple[str, ...]  # classes; () for numbers
    range: tuple[float, float]  # answers of the lowest and the highest level
    rows: tuple[tuple[int, int, int], ...]  # of training: cell from the left, from the top; class number or level


@dataclass(frozen=True)
class Surface:
    """What the network answers in each cell of a map, lines from the top, one of DIGITS for each cell."""

    classes: tuple[str, ...]  # number of the most probable class; () for numbers
    levels: tuple[str, ...]  # its probability, or the number answered, as a share of the range of the axes


@dataclass(frozen=True)
class Watched:
    """A look into the networks at the end of an epoch; comes just before its EpochEnded, where it was asked for."""

    lr: float  # learning rate at the end of the epoch
    layers: tuple[LayerWatched, ...]
    axes: MapAxes | None  # None without a map
    surface: Surface | None


Event = Started | EpochEnded | Watched | Finished


@dataclass
class History:
    """The history of a training, an entry an epoch. Built from events, kept in the model file."""

    loss: str = ""
    metric: str = ""  # of valid_metric
    train_loss: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)  # empty without validation rows
    valid_metric: list[float] = field(default_factory=list)  # empty without validation rows
    train_spread: list[float] = field(default_factory=list)
    valid_spread: list[float] = field(default_factory=list)
    best_epoch: int = 0
    max_epochs: int = 0
    n_members: int = 1
    n_train: int = 0
    n_valid: int = 0
    n_parameters: int = 0
    batch_size: int = 0
    stopped_by: Stop = "epochs"
    seconds: float = 0.0
    recoveries: list[str] = field(default_factory=list)  # from divergence, in order

    def add(self, event: Event) -> None:
        match event:
            case Started():
                self.loss, self.metric = event.loss, event.metric
                self.max_epochs, self.n_members = event.max_epochs, event.n_members
                self.n_train, self.n_valid = event.n_train, event.n_valid
                self.n_parameters, self.batch_size = event.n_parameters, event.batch_size
            case EpochEnded(others_only=True):
                self.seconds = event.seconds
                self.recoveries += event.recoveries
            case EpochEnded():
                self.train_loss.append(event.train_loss)
                self.train_spread.append(event.train_spread)
                if event.valid_metric is not None:
                    self.valid_metric.append(event.valid_metric)
                if event.valid_loss is not None:
                    self.valid_loss.append(event.valid_loss)
                    self.valid_spread.append(event.valid_spread)
                self.best_epoch, self.seconds = event.best_epoch, event.seconds
                self.recoveries += event.recoveries
            case Finished():
                self.best_epoch, self.stopped_by = event.best_epoch, event.stopped_by
                self.seconds = event.seconds

    @classmethod
    def of(cls, events: Iterable[Event]) -> History:
        history = cls()
        for event in events:
            history.add(event)
        return history

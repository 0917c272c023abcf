"""Whether what a model file says fits together, beyond the types that `jsonable` proves: an edited file is refused.

Each rule says what it asks for. To add one: write it, add a line to `rules`.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlpcli.config.settings import ReadOptions
from mlpcli.data.dialect import Dialect
from mlpcli.data.kinds.category import CategoryColumn
from mlpcli.engine.losses import LOSSES
from mlpcli.errors import ModelError, UsageError
from mlpcli.metrics.conformal import ConformalIntervals
from mlpcli.metrics.costs import costs_of
from mlpcli.model.record import ModelRecord
from mlpcli.training.events import History
from mlpcli.training.networks import build_loss

MAX_TEMPERATURE = 1e3


def check_header(record: ModelRecord) -> None:
    """Raises ModelError for the first thing that does not fit."""
    for fits, what in rules(record):
        if not fits:
            raise ModelError(f"its {what} cannot be", hint="the file is damaged or was edited")


def rules(record: ModelRecord) -> Iterator[tuple[bool, str]]:
    schema, config, dialect, parts = record.schema, record.config, record.dialect, record.components
    constant, threshold, target = record.constant, record.threshold, record.schema.target
    is_classes = target.task == "classification"
    yield config.resolve(target.task) == config, "settings"  # None would mean: the preset decides
    yield config.loss in LOSSES and LOSSES[config.loss].task == target.task, "loss"
    yield config.loss != "binary_cross_entropy" or len(target.labels) == 2, "loss"
    yield len(target.labels) >= 2 if is_classes else not target.labels, "classes"
    yield len(set(target.labels)) == len(target.labels), "classes"
    yield is_classes if target.format is None else not is_classes and target.format.is_sound(), "target's numbers"
    yield target.std > 0 and target.low <= target.high, "target's numbers"
    yield is_classes or target.low >= build_loss(config).min_target, "target's numbers"
    yield len(constant) == target.n_outputs, "constant answer"
    yield not is_classes or (min(constant) >= 0 and abs(sum(constant) - 1) < 1e-6), "constant answer"
    yield all(1 / MAX_TEMPERATURE <= part.temperature <= MAX_TEMPERATURE for part in parts), "temperature"
    kinds, weighed = config.kinds, [part.kind for part in parts]
    yield weighed[:1] == list(kinds[:1]) and weighed == [kind for kind in kinds if kind in weighed], "kinds of network"
    yield all(part.weight > 0 for part in parts) and abs(sum(part.weight for part in parts) - 1) < 1e-6, "weights"
    yield threshold is None or (len(target.labels) == 2 and 0 <= threshold <= 1), "threshold"
    yield fits_costs(record), "costs or order of classes"
    marks = (dialect.delimiter, dialect.quote, dialect.escape, dialect.comment)
    yield all(mark is None or (len(mark) == 1 and mark.isascii() and mark not in "\r\n\0") for mark in marks), "marks"
    yield dialect.delimiter != dialect.quote, "marks"
    yield all(map(is_text, (*dialect.missing, *dialect.target_missing, *target.labels))), "texts"
    yield dialect.skip_rows >= 0 and dialect.skip_last >= 0, "marks"
    yield are_valid_marks(dialect), "marks"
    yield fits_conformal(record), "intervals or label sets"
    yield is_whole(record.history), "history"
    yield bool(schema.features), "columns"
    yield len({c.name for c in schema.columns} | {target.name}) == len(schema.columns) + 1, "columns"
    for column in schema.columns:
        yield column.is_valid(), f"column '{column.name[:80]}'"
    categories = {c.name: len(c.on) for c in schema.features if isinstance(c, CategoryColumn)}
    yield all(cross.is_valid(categories) for cross in schema.crosses), "pairs of levels"
    yield len({(cross.first, cross.second) for cross in schema.crosses}) == len(schema.crosses), "pairs of levels"
    yield record.profile is None or record.profile.fits(schema), "profile"


def fits_costs(record: ModelRecord) -> bool:
    """Whether costs and order are of the model's classes; no threshold decides beside them."""
    config, labels = record.config, record.schema.target.labels
    if not (config.cost or config.order):
        return True
    try:
        costs_of(config, labels)
    except UsageError:
        return False
    return record.threshold is None and config.order in ((), labels)


def fits_conformal(record: ModelRecord) -> bool:
    """Whether the promise for new rows is one for such a target and such columns."""
    found, target = record.conformal, record.schema.target
    if isinstance(found, str):
        return True
    if isinstance(found, ConformalIntervals):
        fits = not target.labels and 0 < found.ensemble_factor <= 1
        return fits and found.quantiles.is_sound() and found.scale.is_sound(record.schema.width(["plain"]))
    fits = bool(target.labels) and len(found.by_class) in (0, len(target.labels))
    return fits and all(one.is_sound() for one in (found.quantiles, *found.by_class))


def is_whole(history: History) -> bool:
    """Whether it has an epoch at least, each with its entries, and the best is one of them."""
    n = len(history.train_loss)
    of_validation = {len(one) for one in (history.valid_loss, history.valid_metric, history.valid_spread)}
    return len(history.train_spread) == n and of_validation in ({0}, {n}) and 1 <= history.best_epoch <= n


def are_valid_marks(dialect: Dialect) -> bool:
    """Whether the marks of numbers and the forms of times could have been asked for."""
    try:
        ReadOptions(decimal=dialect.decimal, thousands=dialect.thousands, dates=dialect.dates)
    except UsageError:
        return False
    return True


def is_text(text: str) -> bool:
    """Whether UTF-8 can hold it; half a surrogate pair cannot be."""
    return not any("\ud800" <= char <= "\udfff" for char in text)

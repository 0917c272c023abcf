"""What each row counts: the weights of --weight and --class-weight."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.settings import Config, Settings
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.engine.arrays import Array, Floats, Ints
from mlpcli.errors import DataError

MAX_COUNT = 1e9  # rows that a row may stand for; sums of larger ones are no whole numbers of float64


def given_weights(dataset: DataSet, config: Config) -> Floats | None:
    """The weights of --weight, of all rows, or None without it. Raises DataError.

    Whole numbers stand for as many rows; of others the largest lies in 0.5..1, so that sums are finite. They are scaled
    by a power of two, which changes no digit.
    """
    if config.weight is None:
        return None
    column = dataset.column(config.weight)
    given = column.to_numpy(np.float64) if column.dtype.kind == "f" else np.array([np.nan])
    if not np.all(given >= 0):
        raise DataError("weights must be numbers of at least 0", file=dataset.name, column=config.weight)
    for number, name in ((splits.TRAIN, "training"), (splits.VALIDATION, "validation"), (splits.TEST, "test")):
        chosen = given[dataset.sets == number]
        if len(chosen) and not chosen.any():
            raise DataError(f"all {name} rows have the weight 0", file=dataset.name, column=config.weight)
    if given.max() < MAX_COUNT and np.all(given == np.round(given)):
        return given
    return np.asarray(np.ldexp(given, -np.frexp(given.max())[1]))


def row_weights(dataset: DataSet, used: Ints, y: NDArray[Any], config: Settings) -> Array | None:
    """Weights of mean 1 from --weight and --class-weight, or None when every row counts the same."""
    if config.weight is None and config.class_weight == "none":
        return None
    given = given_weights(dataset, config)
    weights = np.ones(len(used)) if given is None else given[used] / given[used].max()
    if config.class_weight == "balanced" and dataset.labels:
        counts = np.bincount(y.astype(np.int64), weights)
        weights = weights / np.maximum(counts, 1e-12)[y.astype(np.int64)]
    return np.asarray(weights / weights.mean(), config.dtype)

"""A training as one call."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pandas as pd

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data.dataset import DataSet
from mlpcli.errors import UsageError
from mlpcli.library.model import Model
from mlpcli.model import trained
from mlpcli.model.assemble import assemble
from mlpcli.studies.start import prepare_from
from mlpcli.training.events import History
from mlpcli.training.prepare import prepare, prepare_dataset


def fit(
    data: str | pd.DataFrame, target: str | None = None, *, jobs: int = 1,
    start_from: trained.TrainedModel | None = None, **settings: Any,
) -> Model:  # fmt: skip
    """Trains a model on a CSV file or a DataFrame; keywords are the fields of Config and ReadOptions.

    With `start_from`, a model, its columns and weights are the start. Raises MlpcliError.

    >>> model = mlpcli.fit("iris.csv", target="species")
    """
    reading = {f.name for f in fields(ReadOptions)}
    unknown = [k for k in settings if k not in reading and k not in Config.__dataclass_fields__]
    if unknown:
        raise UsageError(f"unknown setting '{unknown[0]}'")
    options = ReadOptions(**{k: v for k, v in settings.items() if k in reading})
    config = Config(target=target, **{k: v for k, v in settings.items() if k not in reading})
    if start_from is not None:
        prepared = prepare_from(start_from, data, config, options)
    elif isinstance(data, pd.DataFrame):
        prepared = prepare_dataset(DataSet.from_frame(data, config, options), config)
    else:
        prepared = prepare(data, config, options)
    made = assemble(prepared, History.of(prepared.events(jobs)))
    return Model(made.record, made.ensemble)

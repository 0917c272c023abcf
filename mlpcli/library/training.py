"""A training as one call, or step by step."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import fields
from typing import Any

import pandas as pd

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data.dataset import DataSet
from mlpcli.errors import UsageError
from mlpcli.library.model import Model, as_model
from mlpcli.library.steps import Steps
from mlpcli.model.assemble import assemble
from mlpcli.model.trained import TrainedModel
from mlpcli.studies.start import prepare_from
from mlpcli.training.events import Event, History
from mlpcli.training.prepare import prepare_dataset


def fit(
    data: str | pd.DataFrame, target: str | None = None, *, jobs: int = 1, start_from: TrainedModel | None = None,
    **settings: Any,
) -> Model:  # fmt: skip
    """Trains a model on a CSV file or a DataFrame; keywords are the fields of Config and ReadOptions.

    With `start_from`, a model, its columns and weights are the start. Raises MlpcliError.

    >>> model = mlpcli.fit("sample_data/iris.csv", target="species", preset="classic", epochs=5)
    >>> model.save("iris.npz")
    """
    return fit_steps(data, target, jobs=jobs, start_from=start_from, **settings).all()


def fit_steps(
    data: str | pd.DataFrame, target: str | None = None, *, jobs: int = 1, start_from: TrainedModel | None = None,
    **settings: Any,
) -> Steps[Model]:  # fmt: skip
    """Started, EpochEnded after each epoch, Finished; the model keeps the best epoch of those that have ended."""
    config, options = asked(target, settings)
    if start_from is not None:
        prepared = prepare_from(start_from, data, config, options)
    else:
        prepared = prepare_dataset(DataSet.given(data, config, options), config)

    def events() -> Generator[Event]:
        yield from prepared.events(jobs)

    def finish(seen: Sequence[Event], is_whole: bool) -> Model:
        history = History.of(seen)
        if not is_whole:
            history.stopped_by = "interrupted"
        return as_model(assemble(prepared, history))

    return Steps(events(), finish)


def asked(target: str | None, settings: dict[str, Any]) -> tuple[Config, ReadOptions]:
    """Settings of both kinds, by their names. Raises UsageError for one that does not exist or cannot be."""
    reading = {f.name for f in fields(ReadOptions)}
    unknown = [k for k in settings if k not in reading and k not in Config.__dataclass_fields__]
    if unknown:
        raise UsageError(f"unknown setting '{unknown[0]}'")
    options = ReadOptions(**{k: v for k, v in settings.items() if k in reading})
    return Config(target=target, **{k: v for k, v in settings.items() if k not in reading}), options

"""The library: what `import mlpcli` gives, each one call."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from mlpcli.config import Config, ReadOptions
from mlpcli.errors import UsageError
from mlpcli.evaluation.evaluate import Evaluation, evaluate
from mlpcli.events import History
from mlpcli.model import trained
from mlpcli.model.assemble import assemble
from mlpcli.training.prepare import prepare


class Model(trained.TrainedModel):
    """A trained model with all its verbs: predict, evaluate, save."""

    def evaluate(self, data: str | None = None) -> Evaluation:
        """Metrics on the test rows of the training file, or on the whole of another CSV. Raises DataError."""
        return evaluate(self, data)


def load(path: str) -> Model:
    """The model of a file. Raises ModelError or MachineError."""
    found = trained.load(path)
    return Model(found.record, found.ensemble, found.path)


def fit(data: str, target: str | None = None, *, jobs: int = 1, **settings: Any) -> Model:
    """Trains a model on a CSV file; keywords are the fields of Config and ReadOptions.

    >>> model = mlpcli.fit("iris.csv", target="species")
    """
    reading = {f.name for f in fields(ReadOptions)}
    unknown = [k for k in settings if k not in reading and k not in Config.__dataclass_fields__]
    if unknown:
        raise UsageError(f"unknown setting '{unknown[0]}'")
    options = ReadOptions(**{k: v for k, v in settings.items() if k in reading})
    config = Config(target=target, **{k: v for k, v in settings.items() if k not in reading})
    prepared = prepare(data, config, options)
    made = assemble(prepared, History.of(prepared.events(jobs)))
    return Model(made.record, made.ensemble)

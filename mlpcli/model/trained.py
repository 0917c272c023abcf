"""A trained model: columns, networks, settings, history, split; what it predicts and how it is kept in a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config import Config
from mlpcli.data.dialect import Dialect
from mlpcli.data.schema import Schema
from mlpcli.engine.losses import LOSSES, Loss
from mlpcli.engine.network import PREDICT_ROWS, Network, mlp
from mlpcli.errors import DataError, ModelError
from mlpcli.events import History
from mlpcli.files import archive
from mlpcli.files.jsonable import from_json, to_json
from mlpcli.metrics.scoring import decide
from mlpcli.model.checks import require_sound
from mlpcli.training.ensemble import KINDS, Part, hidden_of
from mlpcli.training.evidence import Evidence

if TYPE_CHECKING:
    from mlpcli.evaluation.evaluate import Evaluation

Array = NDArray[np.floating]

LARGEST_MODEL = 200_000_000  # parameters; past that the widths are a mistake and memory runs out


@dataclass(frozen=True)
class Data:
    """The file a model was trained on, and how many of its rows went where."""

    path: str  # as given when relative; the bare name of an absolute path, which would tell of the machine
    sha256: str
    n_rows: int
    n_train: int
    n_validation: int
    n_test: int


@dataclass(frozen=True)
class Record:
    """The JSON header of a model file."""

    kind: Literal["mlpcli model"]
    versions: dict[str, str]
    schema: Schema
    config: Config
    dialect: Dialect
    data: Data
    parts: tuple[Part, ...]  # of the kinds of network that have a weight, in the order of their networks
    threshold: float | None  # from which probability on the second of two classes is said; None: the more probable
    by_fold: bool  # each member validated on a fold of its own
    validation: dict[str, float]  # metrics on validation rows, out of fold for an ensemble
    history: History
    evidence: Evidence  # measured on training and validation rows


def build_loss(config: Config) -> Loss:
    assert config.loss is not None
    return LOSSES[config.loss](config.label_smoothing or 0.0)


def n_outputs(config: Config, schema: Schema) -> int:
    return 1 if config.loss == "binary_cross_entropy" else schema.target.n_outputs


def layer_widths(config: Config, schema: Schema, kind: str) -> list[int]:
    """Inputs, hidden units of each layer, outputs."""
    n_inputs = schema.n_inputs if KINDS[kind].sees_ple else schema.n_plain
    return [n_inputs, *hidden_of(config, kind), n_outputs(config, schema)]


def n_weights(widths: list[int]) -> int:
    """Weights and biases of the layers, the fewest parameters that a network has."""
    return sum((a + 1) * b for a, b in pairwise(widths))


def build_network(config: Config, schema: Schema, rng: np.random.Generator, kind: str) -> Network:
    """An untrained network. Raises DataError when it would be too large to train."""
    widths = layer_widths(config, schema, kind)
    size = n_weights(widths)
    if size > LARGEST_MODEL:
        raise DataError(
            f"a network of {size:,} parameters needs about {size * 4 * 5 / 2**30:.0f} GB",
            "fewer units with --hidden, or fewer columns with --drop",
        )
    assert config.activation is not None
    assert config.init is not None
    assert config.parametrization is not None
    return mlp(
        widths[0], widths[-1], rng=rng, hidden=widths[1:-1], activation=config.activation, init=config.init,
        parametrization=config.parametrization, n_plain=schema.n_plain, normalization=config.normalization or "none",
        dropout=config.dropout or 0.0, input_noise=config.input_noise or 0.0, embeddings=schema.embeddings,
    )  # fmt: skip


@dataclass
class Model:
    """Predicts from frames or CSV files; `evaluate`, `save`, and `mlpcli.load` are its other verbs."""

    record: Record
    networks: list[Network]
    path: str | None = None  # where it was loaded from

    @property
    def schema(self) -> Schema:
        return self.record.schema

    @property
    def config(self) -> Config:
        return self.record.config

    @property
    def lead(self) -> list[Network]:
        """The networks of the first kind."""
        return self.networks[: self.config.ensemble]

    @property
    def task(self) -> str:
        return self.schema.target.task

    @property
    def labels(self) -> tuple[str, ...]:
        return self.schema.target.labels

    def outputs(self, frame: pd.DataFrame, release: Callable[[], None] = lambda: None) -> Array:
        """n rows with at least the model's columns -> probabilities (n, n_classes), or values (n,)

        A row's outputs depend on the row alone, to the last bit: the networks always see blocks of one size.
        `release` gives back the memory of rows that are read from a file.
        """
        found = np.empty((len(frame), len(self.labels)) if self.labels else len(frame))
        start = 0
        for encoded in self.schema.encoded_parts(frame):
            for i in range(0, len(encoded), PREDICT_ROWS):
                x = encoded[i : i + PREDICT_ROWS]
                n = len(x)
                if n < PREDICT_ROWS:  # a matrix product of another shape may round differently
                    x = np.concatenate([x, np.zeros((PREDICT_ROWS - n, x.shape[1]), np.float32)])
                logits = [network.forward(x) for network in self.networks]
                block = combine(logits, self.config, self.schema, self.record.parts)
                found[start + i : start + i + n] = block[:n]
            start += len(encoded)
            release()
        return found

    def predict(self, frame: pd.DataFrame) -> NDArray[Any]:
        """n rows -> n labels as they stood in the training file, or n numbers"""
        outputs = self.outputs_of(frame)
        if not self.labels:
            return outputs
        return np.asarray(self.labels, object)[decide(outputs, self.record.threshold)]

    def predict_proba(self, frame: pd.DataFrame) -> Array:
        """n rows -> (n, n_classes) probabilities, in the order of `labels`"""
        return self.outputs_of(frame)

    def outputs_of(self, frame: pd.DataFrame) -> Array:
        """The outputs for a user's frame. Raises DataError for missing columns."""
        self.require_columns(frame)
        return self.outputs(as_table(frame, self.schema))

    def evaluate(self, data: str | None = None) -> Evaluation:
        """Metrics on the test rows of the training file, or on the whole of another CSV. Raises DataError."""
        from mlpcli.evaluation.evaluate import evaluate

        return evaluate(self, data)

    def require_columns(self, frame: pd.DataFrame) -> None:
        missing = [c.name for c in self.schema.features if c.name not in frame.columns]
        if missing:
            import difflib

            near = difflib.get_close_matches(missing[0], [str(c) for c in frame.columns], n=1)
            raise DataError(
                "missing columns: " + ", ".join(missing[:10]) + (" ..." if len(missing) > 10 else ""),
                f"did you mean '{near[0]}' for '{missing[0]}'?" if near else "the model needs every column it learned",
            )

    def save(self, path: str) -> None:
        """Writes the model file; an existing one is replaced by the complete new one. Raises MachineError."""
        width = max(len(n.params) + len(n.state) for n in self.networks)
        members = np.zeros((len(self.networks), width), np.float32)
        for row, network in zip(members, self.networks, strict=True):
            weights = np.concatenate([network.params, network.state])
            row[: len(weights)] = weights
        archive.save(path, to_json(self.record), {"members": members})


def load(path: str) -> Model:
    """The model of a file. Raises ModelError or MachineError."""
    header, arrays = archive.load(path)
    try:
        if header.get("kind") == "mlpcli checkpoint":
            raise ModelError("a checkpoint, not a model", "mlpcli train --resume goes on with it")
        record = from_json(Record, header)
        require_sound(record.schema, record.config, record.dialect, record.parts, record.threshold)
        members = arrays.get("members", np.empty((0, 0), np.float32))
        if (
            arrays.keys() != {"members"}
            or members.ndim != 2
            or members.dtype != np.float32
            or len(members) != (record.config.ensemble or 1) * len(record.parts)
        ):
            raise ModelError("the weights do not fit the settings", hint=archive.DAMAGED)
        kinds = [part.kind for part in record.parts for _ in range(record.config.ensemble or 1)]
        networks = [with_weights(record, row, kind) for row, kind in zip(members, kinds, strict=True)]
    except ModelError as error:
        raise ModelError(error.message, error.hint, file=path) from error
    return Model(record, networks, path)


def with_weights(record: Record, row: Array, kind: str) -> Network:
    """A network with the weights of a model file. Raises ModelError when they are too few."""
    # Before anything of the size that a header asks for is made.
    if n_weights(layer_widths(record.config, record.schema, kind)) > len(row):
        raise ModelError("the weights do not fit the settings", hint=archive.DAMAGED)
    config = replace(record.config, init="zeros")  # random ones would be overwritten
    network = build_network(config, record.schema, np.random.default_rng(0), kind)
    n = len(network.params)
    if n + len(network.state) > len(row):
        raise ModelError("the weights do not fit the settings", hint=archive.DAMAGED)
    network.params[:], network.state[:] = row[:n], row[n : n + len(network.state)]
    return network


def combine(logits: Sequence[Array], config: Config, schema: Schema, parts: Sequence[Part]) -> Array:
    """Logits of the networks of each part -> weighted mean of their probabilities, or of their values in y's units."""
    target = schema.target
    is_classes = target.task == "classification"
    link = build_loss(config).link
    each = len(logits) // len(parts)
    mean: Array | float = 0.0
    for i, part in enumerate(parts):
        # A row far outside the training range can overflow; what it gets is extreme, but a number.
        of_part = [np.nan_to_num(z).astype(np.float64) for z in logits[i * each : (i + 1) * each]]
        outputs = [link(z / part.temperature) if is_classes else z[:, 0] for z in of_part]
        mean = mean + part.weight * np.mean(outputs, axis=0)
    if is_classes:
        return np.asarray(mean)
    # Clipped to the training range, as RealMLP-TD does: a network extrapolates without bound.
    return np.asarray(np.clip(mean * target.std + target.mean, target.low, target.high))


def as_table(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """A user's frame in the form that the reader gives: float64 for numbers, categoricals of text for the rest."""
    columns = {}
    for name, kind in schema.read_kinds().items():
        values = frame[name]
        if kind == "number":
            columns[name] = pd.to_numeric(values, errors="coerce").astype(np.float64)
        elif not isinstance(values.array, pd.Categorical):
            columns[name] = pd.Series(
                pd.Categorical(values.where(values.isna(), values.astype(str))), index=values.index
            )
        else:
            columns[name] = values
    return pd.DataFrame(columns)


def as_read(model: Model, frame: pd.DataFrame) -> pd.DataFrame:
    """The model's columns of a frame that was read by its rules."""
    return pd.DataFrame({name: frame[name] for name in model.schema.read_kinds()}, copy=False)


def shown_path(path: str) -> str:
    return os.path.basename(path) if os.path.isabs(path) else path


def versions() -> Mapping[str, str]:
    from mlpcli import __version__

    return {"mlpcli": __version__, "numpy": np.__version__, "pandas": pd.__version__}

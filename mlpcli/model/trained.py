"""A trained model: columns, networks, settings, history, split; what it predicts and how it is kept in a file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlpcli.config.settings import Settings
from mlpcli.data.frame import as_table
from mlpcli.data.kinds.protocol import BLOCKS
from mlpcli.data.schema import Schema
from mlpcli.data.values import RowValues, as_frame
from mlpcli.engine.arrays import Array, Matrix
from mlpcli.engine.network import PREDICT_ROWS, Network
from mlpcli.errors import DataError, MachineError, ModelError, UsageError
from mlpcli.files import archive
from mlpcli.files.jsonable import from_json, to_json
from mlpcli.metrics.scoring import decide
from mlpcli.model.checks import check_header
from mlpcli.model.record import ADDED, ModelRecord
from mlpcli.training.ensemble import Ensemble
from mlpcli.training.networks import build_loss, build_network, layer_widths, n_weights, unseen_inputs

SMALLER = (8, 32, 128)  # in place of PREDICT_ROWS where few have come: a row alone need not wait for 1,024


@dataclass
class TrainedModel:
    """Predicts from frames that were read by its rules; `library.Model` has the verbs that need more."""

    record: ModelRecord
    ensemble: Ensemble
    path: str | None = None  # where it was loaded from
    data_folder: str | None = None  # of its training file, where it was trained in this process

    @property
    def schema(self) -> Schema:
        return self.record.schema

    @property
    def config(self) -> Settings:
        return self.record.config

    @property
    def networks(self) -> list[Network]:
        """Of all components, one after another."""
        return [network for networks in self.ensemble.networks for network in networks]

    @property
    def lead(self) -> tuple[Network, ...]:
        """The networks of the first kind."""
        return self.ensemble.lead

    @property
    def task(self) -> str:
        return self.schema.target.task

    @property
    def labels(self) -> tuple[str, ...]:
        return self.schema.target.labels

    def outputs(
        self, frame: pd.DataFrame | RowValues, release: Callable[[], None] = lambda: None,
        ensemble: Ensemble | None = None,
    ) -> Array:  # fmt: skip
        """n rows with at least the model's columns -> probabilities (n, n_classes), or values (n,)

        A row's outputs depend on the row alone, to the last bit: the networks always see blocks of one size, or of
        others that are proven to give the same bits.
        `release` gives back the memory of rows that are read from a file. `ensemble` is a twin of the model's own.
        """
        found = np.empty((len(frame), len(self.labels)) if self.labels else len(frame))
        start = 0
        for encoded in self.schema.encoded_parts(frame):
            done = 0
            while done < len(encoded):
                x = encoded[done : done + self.rows_at_once(len(encoded) - done)]
                found[start + done : start + done + len(x)] = self.combined(x, ensemble)
                done += len(x)
            start += len(encoded)
            release()
        return found

    def rows_at_once(self, n_left: int) -> int:
        """The largest block that these rows fill, or the smallest."""
        return max((size for size in self.exact_sizes if size <= n_left), default=self.exact_sizes[0])

    def combined(self, x: Matrix, ensemble: Ensemble | None = None) -> Array:
        """(n, n_inputs), n up to PREDICT_ROWS -> outputs; computed in a block of one of `exact_sizes`"""
        n = len(x)
        size = min(size for size in self.exact_sizes if size >= n)
        if n < size:  # a matrix product of another shape may round differently
            x = np.concatenate([x, np.zeros((size - n, x.shape[1]), np.float32)])
        return (ensemble or self.ensemble).outputs(x)[:n]

    @cached_property
    def exact_sizes(self) -> tuple[int, ...]:
        """PREDICT_ROWS and the smaller sizes of blocks in which this machine's matrix products give a row the same
        bits, ascending.
        """
        x = np.random.default_rng(0).standard_normal((PREDICT_ROWS, self.schema.n_inputs)).astype(np.float32)
        for place, n_levels, _ in self.schema.embeddings(BLOCKS):
            x[:, place] = np.arange(PREDICT_ROWS) % n_levels
        sizes = set(SMALLER)
        with np.errstate(over="ignore", invalid="ignore"):
            for network in self.networks:
                whole = network.forward(x).copy()
                for size in list(sizes):
                    starts = (0, (PREDICT_ROWS - size) // 2, PREDICT_ROWS - size)
                    if any((network.forward(x[i : i + size]) != whole[i : i + size]).any() for i in starts):
                        sizes.remove(size)
        return (*sorted(sizes), PREDICT_ROWS)

    def predict(self, frame: pd.DataFrame) -> NDArray[Any]:
        """n rows -> n labels as they stood in the training file, or n numbers"""
        outputs = self.outputs_of(frame)
        if not self.labels:
            return outputs
        return np.asarray(self.labels, object)[decide(outputs, self.record.rule)]

    def predict_proba(self, frame: pd.DataFrame) -> Array:
        """n rows -> (n, n_classes) probabilities, in the order of `labels`"""
        return self.outputs_of(frame)

    def outputs_of(self, frame: pd.DataFrame) -> Array:
        """The outputs for a user's frame; a cell that is not as the model reads it is missing. Raises DataError."""
        self.require_columns(frame)
        return self.outputs(as_table(frame, self.schema))

    def require_columns(self, frame: pd.DataFrame) -> None:
        missing = [c.name for c in self.schema.features if c.name not in frame.columns]
        if missing:
            import difflib

            near = difflib.get_close_matches(missing[0], [str(c) for c in frame.columns], n=1)
            raise DataError(
                "missing columns: " + ", ".join(missing[:10]) + (" ..." if len(missing) > 10 else ""),
                f"did you mean '{near[0]}' for '{missing[0]}'?" if near else "the model needs every column it learned",
            )

    @property
    def sha256(self) -> str:
        """Of the model file."""
        return hashlib.sha256(archive.pack(*self.parts())).hexdigest()

    def save(self, path: str) -> None:
        """Writes the model file; an existing one is replaced by the complete new one. Raises MachineError."""
        archive.save(path, *self.parts())

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled and copied as what a model file holds: views into networks and their buffers are made anew."""
        return of_parts, (type(self), *self.parts())

    def parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The header and the arrays of the model file."""
        vectors = [network.saved() for network in self.networks]
        members = np.zeros((len(vectors), max(map(len, vectors))), np.float32)
        for row, weights in zip(members, vectors, strict=True):
            row[: len(weights)] = weights
        return to_json(self.record), {"members": members}


def of_parts(kind: type[TrainedModel], header: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> TrainedModel:
    """What `parts` takes apart. Raises ModelError."""
    record = from_json(ModelRecord, ADDED | header)
    check_header(record)
    return kind(record, ensemble_of(record, arrays))


def check_replaced(path: str, schema: Schema) -> None:
    """UsageError where `path` holds a model of another target or of other columns, which a new one would replace."""
    try:
        old = load(path).schema
    except (ModelError, MachineError):
        return  # nothing that is of use
    if old.target.name != schema.target.name:
        what = f"predicts '{old.target.name}', not '{schema.target.name}'"
    elif {c.name for c in old.columns} != {c.name for c in schema.columns}:
        what = "has other columns"
    else:
        return
    raise UsageError(f"the model that is there {what}", "another file with -o, or --overwrite", file=path)


def load(path: str) -> TrainedModel:
    """The model of a file. Raises ModelError or MachineError."""
    header, arrays = archive.load(path)
    try:
        if header.get("kind") == "mlpcli checkpoint":
            raise ModelError("a checkpoint, not a model", "mlpcli train --resume goes on with it")
        return replace(of_parts(TrainedModel, header, arrays), path=path)
    except ModelError as error:
        raise ModelError(error.message, error.hint, file=path) from error


def ensemble_of(record: ModelRecord, arrays: Mapping[str, NDArray[Any]]) -> Ensemble:
    """The networks of a header with their weights. Raises ModelError when these do not fit."""
    each = record.config.ensemble
    members = arrays.get("members", np.empty((0, 0), np.float32))
    if (
        arrays.keys() != {"members"}
        or members.ndim != 2
        or members.dtype != np.float32
        or len(members) != each * len(record.components)
    ):
        raise ModelError("the weights do not fit the settings", hint=archive.DAMAGED)
    networks = tuple(
        tuple(with_weights(record, row, component.kind) for row in members[i * each : (i + 1) * each])
        for i, component in enumerate(record.components)
    )
    if members.shape[1] != max(len(n.whole()[0]) for of_component in networks for n in of_component):
        raise ModelError("the weights do not fit the settings", hint=archive.DAMAGED)
    return Ensemble(record.components, networks, build_loss(record.config), record.schema.target)


def with_weights(record: ModelRecord, row: Array, kind: str) -> Network:
    """A network with the weights of a model file. Raises ModelError when they are too few."""
    # Before anything of the size that a header asks for is made.
    if n_weights(layer_widths(record.config, record.schema, kind)) > len(row):
        raise ModelError("the weights do not fit the settings", hint=archive.DAMAGED)
    config = replace(record.config, init="zeros")  # random ones would be overwritten
    network = build_network(config, record.schema, np.random.default_rng(0), kind)
    if len(network.params) + len(network.state) > len(row):
        raise ModelError("the weights do not fit the settings", hint=archive.DAMAGED)
    network.load(row)
    unseen = unseen_inputs(network, record.schema, kind)
    if any(map(len, unseen.values())):
        network = build_network(config, record.schema, np.random.default_rng(0), kind, unseen)
        network.load(row)
    return network


def as_read(model: TrainedModel, frame: pd.DataFrame) -> pd.DataFrame:
    """The model's columns of a frame that was read by its rules."""
    return as_frame({name: frame[name] for name in model.schema.formats()})

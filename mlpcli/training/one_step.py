"""One row, one step: every number of a forward and a backward pass of a small network, and of the step they lead to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mlpcli.config.settings import Config, Settings, flag
from mlpcli.data.dataset import DataSet
from mlpcli.data.kinds.category import CategoryColumn
from mlpcli.data.schema import Schema
from mlpcli.data.storage import Storage
from mlpcli.data.take import take_rows
from mlpcli.data.values import column_values
from mlpcli.engine.arrays import Array
from mlpcli.engine.layers import Dense
from mlpcli.engine.network import Network
from mlpcli.errors import UsageError, plural
from mlpcli.training.loop import MemberTrainer
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import encode_target, prepare_dataset

MAX_PARAMETERS = 200  # more would be no numbers to follow
HIDDEN, ACTIVATION = (2,), "tanh"  # where nothing else is asked for: the smallest network that bends
PLAIN = {  # settings at which every number is a weighted sum, an activation or a gradient
    "dropout": 0.0, "input_noise": 0.0, "normalization": "none", "parametrization": "standard",
    "embed_numbers": "none", "embed_categories": "none", "label_smoothing": 0.0,
}  # fmt: skip

Vector = tuple[float, ...]


@dataclass(frozen=True)
class LayerStep:
    """One layer of weights; of each unit the weights of its inputs, in their order."""

    activation: str  # "" of the output layer
    inputs: Vector
    weights: tuple[Vector, ...]  # of each unit
    biases: Vector
    sums: Vector  # weighted sum of the inputs, and the bias
    outputs: Vector  # the activation's; of the output layer what the loss's link makes of all sums
    weight_gradients: tuple[Vector, ...]
    sum_gradients: Vector  # of the loss by each sum, which is that by the bias too
    output_gradients: Vector | None  # None of the output layer
    weights_after: tuple[Vector, ...]
    biases_after: Vector


@dataclass(frozen=True)
class OneStep:
    """A row on its way through a network, back, and the network after it."""

    data: str
    row: int  # from 1
    line: int  # of the file
    cells: dict[str, str]  # of the columns that are inputs, as they stand in the file
    target: str  # column
    truth: str  # cell
    inputs: tuple[str, ...]  # names
    labels: tuple[str, ...]  # classes; () for a number
    true_output: float  # class number, or the value on the scale of the network
    layers: tuple[LayerStep, ...]
    loss: str  # name
    loss_before: float
    loss_after: float  # of the same row
    lr: float
    optimizer: str
    is_plain: bool  # after = before - lr x gradient


def small(config: Config) -> Config:
    """The settings of a small textbook network. Raises UsageError for what has no place in one."""
    if config.preset not in ("default", "classic"):
        raise UsageError(f"--preset {config.preset}: a step is shown of a textbook network", "leave out --preset")
    return replace(
        config, preset="classic", ensemble=1, kinds=None, hidden=HIDDEN if config.hidden is None else config.hidden,
        activation=config.activation or ACTIVATION, l2=config.l2 or 0.0,
    )  # fmt: skip


def one_step(dataset: DataSet, config: Config, number: int) -> OneStep:
    """What the row of this number, from 1, does to an untrained network. Raises DataError or UsageError."""
    at = place_of(dataset, number)
    prepared = prepare_dataset(dataset, config)
    network = prepared.members[0].network
    check(prepared.settings, network)
    frame = take_rows(dataset.frame, np.array([at]), Storage(), dataset.storage)
    x = prepared.schema.encode(frame)
    y = encode_target(column_values(frame[dataset.target]), prepared.schema)
    loss, grad = build_loss(prepared.settings), np.empty((1, network.n_outputs), network.params.dtype)
    trainer = MemberTrainer(prepared.members[0], loss, prepared.settings)
    seen = [(x[0].copy(), z[0].copy()) for layer, x, z in network.walk(x) if isinstance(layer, Dense)]
    logits = network.forward(x, training=True).copy()
    loss.gradient(logits, y, None, grad)
    network.backward(grad)
    before, gradients = network.params.copy(), network.grads.copy()
    rate = trainer.lr * trainer.schedule(0.0)
    trainer.step(rate)
    after = network.params.copy()
    outputs = loss.link(logits)[0] if prepared.schema.target.labels else prepared.schema.target.in_units(logits[0])
    steps = layer_steps(dense_of(network), prepared.settings.activation, seen, (before, gradients, after), outputs)
    again = loss.value(network.forward(x), y)
    is_plain = bool(np.allclose(after, before - rate * gradients, rtol=1e-4, atol=1e-7))
    file, line = dataset.source.place(int(dataset.rows[at]))
    names = [c.name for c in prepared.schema.features]
    row = int(dataset.rows[at])
    return OneStep(
        file, number, line, {name: dataset.source.cell(row, name) for name in names}, dataset.target,
        dataset.source.cell(row, dataset.target), tuple(input_names(prepared.schema)), prepared.schema.target.labels,
        float(y[0]), tuple(steps), prepared.settings.loss,
        loss.value(logits, y), again, float(rate), prepared.settings.optimizer,
        is_plain,
    )  # fmt: skip


def place_of(dataset: DataSet, number: int) -> int:
    """Where the row stands among those that have a target. Raises UsageError where it does not."""
    if not 1 <= number <= dataset.n_rows:
        raise UsageError(f"{dataset.name}: no row {number}: it has {plural(dataset.n_rows, 'row')}", "--row 1")
    at = int(np.searchsorted(dataset.rows, number - 1))
    if at == len(dataset.rows) or dataset.rows[at] != number - 1:
        raise UsageError(f"{dataset.name}: row {number} has no target", f"--row {int(dataset.rows[0]) + 1}")
    return at


def check(settings: Settings, network: Network) -> None:
    """UsageError for a network whose numbers cannot be followed by hand."""
    for name, plain in PLAIN.items():
        if getattr(settings, name) != plain:
            raise UsageError(f"{flag(name)}: a step is shown without it", f"leave out {flag(name)}")
    if len(network.params) > MAX_PARAMETERS:
        what = f"a network of {len(network.params):,} weights is no screen to follow; at most {MAX_PARAMETERS}"
        raise UsageError(what, "fewer units with --hidden 2, or fewer columns with --drop")


def dense_of(network: Network) -> list[Dense]:
    return [layer for layer in network.layers if isinstance(layer, Dense)]


def layer_steps(
    dense: list[Dense],
    activation: str,
    seen: list[tuple[Array, Array]],
    vectors: tuple[Array, Array, Array],
    answer: Array,
) -> Iterator[LayerStep]:
    """Each layer from its inputs and sums, and from parameters before, their gradients, and parameters after."""
    parts = [list(parts_of(dense, vector)) for vector in vectors]
    for i in range(len(dense)):
        (weights, biases), (of_weights, of_biases), (weights_after, biases_after) = (part[i] for part in parts)
        is_output = i == len(dense) - 1
        outputs = answer if is_output else seen[i + 1][0]
        back = None if is_output else parts[0][i + 1][0] @ parts[1][i + 1][1]
        yield LayerStep(
            "" if is_output else activation, numbers(seen[i][0]), matrix(weights), numbers(biases),
            numbers(seen[i][1]), numbers(outputs), matrix(of_weights), numbers(of_biases),
            None if back is None else numbers(back), matrix(weights_after), numbers(biases_after),
        )  # fmt: skip


def parts_of(dense: list[Dense], vector: Array) -> Iterator[tuple[Array, Array]]:
    """Weights (n_in, n_out) and biases (n_out,) of each layer, from a flat vector as the network's parameters are."""
    at = 0
    for layer in dense:
        n = layer.n_in * layer.n_out
        yield vector[at : at + n].reshape(layer.n_in, layer.n_out), vector[at + n : at + n + layer.n_out]
        at += n + layer.n_out


def numbers(values: Array) -> Vector:
    return tuple(np.asarray(values, np.float64).tolist())


def matrix(values: Array) -> tuple[Vector, ...]:
    """(n_in, n_out) -> of each unit the numbers of its inputs"""
    return tuple(numbers(unit) for unit in values.T)


def input_names(schema: Schema) -> Iterator[str]:
    """A name for each input: that of its column, with the level, or with a number where a column has several."""
    for column in schema.features:
        n = column.n_inputs.get("plain", 0)
        levels = column.levels if isinstance(column, CategoryColumn) else ()
        for i in range(n):
            if i < len(levels) and n > 1:
                yield f"{column.name}={levels[i] or ''}"
            else:
                yield column.name if n == 1 else f"{column.name} {i + 1}"

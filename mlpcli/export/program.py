"""The intermediate form of a model: the way from the cells of a row to an answer, in steps that any language can take.

Cells are read as numbers, times or texts; these fill the inputs of the networks, which are plain numbers; each network
is a list of layers on the inputs that it sees; what they say is combined, and decided. Nothing here but numbers, texts
and arrays; the reading rules are those of `data/formats`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mlpcli.data.dialect import Dialect
from mlpcli.data.kinds.category import MEETING, CategoryColumn, EmbeddedColumn
from mlpcli.data.kinds.date import DateColumn
from mlpcli.data.kinds.number import NumberColumn
from mlpcli.data.kinds.protocol import BLOCKS, Format
from mlpcli.data.kinds.text import FreeText
from mlpcli.data.reading import as_asked
from mlpcli.data.schema import Schema
from mlpcli.engine.arrays import Array, Ints
from mlpcli.engine.layers import NORM_EPSILON, Activate, BatchNorm, Dense, Embed, LayerNorm
from mlpcli.engine.network import Network
from mlpcli.metrics.conformal import ConformalIntervals
from mlpcli.metrics.costs import Costs
from mlpcli.metrics.error_scale import MAX_LOG
from mlpcli.model.certainty import Certainty, promise_of
from mlpcli.model.trained import TrainedModel
from mlpcli.training.networks import build_loss

LINKS = {  # of a loss
    "cross_entropy": "softmax", "binary_cross_entropy": "sigmoid", "squared_error": "identity",
    "absolute_error": "identity", "huber": "identity", "poisson": "exp", "quantile": "identity",
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A column that is read: as a number, as seconds of a time, or, without a format, as text."""

    name: str
    format: Format | None


@dataclass(frozen=True)
class Number:
    """Inputs made of one number: those of `rule`, from these places of the row of inputs on."""

    cell: int
    part: str | None  # of a date, a key of `data.kinds.date.date_parts`; None: the number itself
    rule: NumberColumn
    plain: int
    ple: int
    cuts: int


@dataclass(frozen=True)
class Category:
    """Inputs made of the level of a category; at most one of them is on."""

    cell: int
    start: int  # place of the first input
    off: tuple[float, ...]
    codes: tuple[tuple[str | None, int], ...]  # level -> code; None is the missing value
    other: int  # code of every other level
    on: tuple[tuple[int, float] | None, ...]  # code -> number of its input and the value of that, or none
    met: tuple[int, ...]  # code -> its number in pairs of levels


@dataclass(frozen=True)
class Level:
    """One input, the number of a level, of which networks have a vector."""

    cell: int
    place: int
    codes: tuple[tuple[str | None, int], ...]
    other = 0


@dataclass(frozen=True)
class Words:
    """Inputs made of the words of a text: log(1 + occurrences) of hashed words, scaled; see `data.words`."""

    cell: int
    start: int
    rule: FreeText


@dataclass(frozen=True)
class Pair:
    """An input that is `value` where a row has two levels together, else 0; numbers of categories and of `met`."""

    place: int
    first: int
    second: int
    met: tuple[int, int]
    value: float


@dataclass(frozen=True)
class Linear:
    """x w + b"""

    weights: Array  # (n_in, n_out)
    bias: Array  # (n_out,)


@dataclass(frozen=True)
class Affine:
    """x * scale + shift, unit by unit."""

    scale: Array
    shift: Array


@dataclass(frozen=True)
class Standardise:
    """(x - mean) / sqrt(variance + epsilon) over the units of the row, then `scale` and `shift`."""

    scale: Array
    shift: Array
    epsilon: float


@dataclass(frozen=True)
class Activation:
    """A key of `engine.activations.ACTIVATIONS`, on every unit."""

    name: str


Step = Linear | Affine | Standardise | Activation


@dataclass(frozen=True)
class Table:
    """The vectors (n_levels, width) of the levels whose number stands at a place of the inputs."""

    place: int
    vectors: Array


@dataclass(frozen=True)
class Net:
    """A network: the inputs that it sees, in this order, then the vectors of levels; then its layers."""

    inputs: Ints
    tables: tuple[Table, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Part:
    """The networks of one kind: their mean answer counts `weight`, their logits are divided by `temperature`."""

    weight: float
    temperature: float
    nets: tuple[Net, ...]


@dataclass(frozen=True)
class Interval:
    """answer +- factor * exp(base + a log for each step, within +- max_log), but not below `lowest`."""

    level: float
    factor: float  # in the target's unit
    base: float
    steps: tuple[tuple[int, float, float, float], ...]  # place of an input or -1, the standardised answer; cut; logs
    max_log: float
    lowest: float


@dataclass(frozen=True)
class Program:
    """What every export says in its own language."""

    target: str
    labels: tuple[str, ...]  # () for a number
    dialect: Dialect
    cells: tuple[Cell, ...]
    numbers: tuple[Number, ...]
    categories: tuple[Category, ...]
    levels: tuple[Level, ...]
    words: tuple[Words, ...]
    pairs: tuple[Pair, ...]
    n_inputs: int
    parts: tuple[Part, ...]
    link: str  # a value of LINKS
    mean: float  # a value is an output of the link * std + mean, from low to high
    std: float
    low: float
    high: float
    threshold: float | None  # from which probability on the second of two classes is said
    costs: tuple[tuple[float, ...], ...]  # of true class and answer; () where the most probable class is said
    interval: Interval | None

    @property
    def names(self) -> list[str]:
        """The columns of the answers, as `mlpcli predict --proba` writes them."""
        return ["prediction", *["low", "high"] * bool(self.interval), *(f"p_{label}" for label in self.labels)]

    @property
    def nets(self) -> Iterator[Net]:
        return (net for part in self.parts for net in part.nets)


def program_of(model: TrainedModel, level: float | None = None) -> Program:
    """The program of a model, with intervals of a level. Raises UsageError or ModelError for a level it cannot have."""
    Certainty(interval=level).check(model)
    schema, target, rule = model.schema, model.schema.target, model.record.rule
    dialect = model.record.dialect
    cells = tuple(Cell(c.name, c.format and as_asked(c.format, c.name, dialect)) for c in schema.features)
    categories = tuple(categories_of(schema))
    return Program(
        target=target.name, labels=target.labels, dialect=dialect, cells=cells, numbers=tuple(numbers_of(schema)),
        categories=categories, levels=tuple(levels_of(schema)), words=tuple(words_of(schema)),
        pairs=tuple(pairs_of(schema, categories)), n_inputs=schema.n_inputs,
        parts=tuple(
            Part(component.weight, component.temperature, tuple(map(net_of, networks)))
            for component, networks in zip(model.ensemble.components, model.ensemble.networks, strict=True)
        ),
        link=LINKS[model.config.loss], mean=target.mean, std=target.std, low=target.low, high=target.high,
        threshold=None if isinstance(rule, Costs) else rule,
        costs=tuple(map(tuple, rule.matrix.tolist())) if isinstance(rule, Costs) else (),
        interval=None if level is None else interval_of(model, level),
    )  # fmt: skip


# --- inputs -----------------------------------------------------------------------------------------------


def place_of(schema: Schema, name: str, block: str) -> int:
    """Where the inputs of a column in a block begin in the row of inputs."""
    return int(schema.blocks[block].start + schema.inputs_of[name].get(block, slice(0, 0)).start)


def numbers_of(schema: Schema) -> Iterator[Number]:
    for cell, column in enumerate(schema.features):
        if isinstance(column, NumberColumn):
            plain, ple, cuts = (place_of(schema, column.name, block) for block in ("plain", "ple", "cuts"))
            yield Number(cell, None, column, plain, ple, cuts)
        elif isinstance(column, DateColumn):
            starts = {block: place_of(schema, column.name, block) for block in BLOCKS}
            for part in column.parts:
                yield Number(cell, part.name, part, starts["plain"], starts["ple"], starts["cuts"])
                for block, n in part.n_inputs.items():
                    starts[block] += n


def categories_of(schema: Schema) -> Iterator[Category]:
    for cell, column in enumerate(schema.features):
        if isinstance(column, CategoryColumn):
            yield category_of(cell, column, place_of(schema, column.name, "plain"))


def category_of(cell: int, column: CategoryColumn, start: int) -> Category:
    n_inputs, n_levels = len(column.on), len(column.levels)
    is_pair = n_levels == 2 and not column.has_rare
    on: list[tuple[int, float] | None] = []
    met = []
    for code in range(max(n_levels, n_inputs) + 1):
        here = (0, column.on[0]) if is_pair and code == 1 else None
        if not is_pair and code < n_inputs:
            here = (code, column.on[code])
        inputs = np.asarray(column.off, np.float32)[None]
        if here is not None:
            inputs[0, here[0]] = here[1]
        on.append(here)
        met.append(int(column.active(inputs)[0]))
    other = n_levels if column.has_rare else max(n_levels, n_inputs)
    codes = tuple((level, code) for code, level in enumerate(column.levels))
    return Category(cell, start, column.off, codes, other, tuple(on), tuple(met))


def levels_of(schema: Schema) -> Iterator[Level]:
    for cell, column in enumerate(schema.features):
        if isinstance(column, EmbeddedColumn):
            codes = tuple((level, code) for code, level in enumerate(column.levels, 1))
            yield Level(cell, place_of(schema, column.name, "plain"), codes)


def words_of(schema: Schema) -> Iterator[Words]:
    for cell, column in enumerate(schema.features):
        if isinstance(column, FreeText):
            yield Words(cell, place_of(schema, column.name, "plain"), column)


def pairs_of(schema: Schema, categories: tuple[Category, ...]) -> Iterator[Pair]:
    number = {schema.features[category.cell].name: i for i, category in enumerate(categories)}
    place = schema.blocks["crosses"].start
    for cross in schema.crosses:
        for pair in cross.pairs:
            yield Pair(place, number[cross.first], number[cross.second], pair, MEETING)
            place += 1


# --- networks ---------------------------------------------------------------------------------------------


def net_of(network: Network) -> Net:
    """A network's layers; what does nothing outside training is left out."""
    places = [np.arange(stretch.start, stretch.stop) for stretch in network.inputs]
    seen = np.concatenate(places if network.others is None else [*places, network.others]).astype(np.int64)
    tables: tuple[Table, ...] = ()
    steps: list[Step] = []
    for layer in network.layers:
        if isinstance(layer, Embed):
            numbers = [embedding.place for embedding in layer.embeddings]
            tables = tuple(Table(int(seen[i]), t) for i, t in zip(numbers, layer.p.values(), strict=True))
            seen = np.delete(seen, numbers)
        elif isinstance(layer, Dense):
            saved = layer.saved()
            scale = saved["a"][:, None] if "a" in saved else np.float32(1)
            steps.append(Linear(scale * saved["w"], saved["b"]))
        elif isinstance(layer, BatchNorm):
            factor = layer.p["scale"] / np.sqrt(layer.s["variance"] + NORM_EPSILON)
            steps.append(Affine(factor, layer.p["shift"] - layer.s["mean"] * factor))
        elif isinstance(layer, LayerNorm):
            steps.append(Standardise(layer.p["scale"], layer.p["shift"], NORM_EPSILON))
        elif isinstance(layer, Activate):
            steps.append(Activation(layer.name))
    return Net(seen, tables, tuple(steps))


# --- intervals --------------------------------------------------------------------------------------------


def interval_of(model: TrainedModel, level: float) -> Interval:
    """What an interval of a level that is reached is made of."""
    found, target = promise_of(model, ConformalIntervals), model.schema.target
    start = model.schema.blocks["plain"].start
    steps = tuple(
        (
            step.input if step.input < 0 else start + step.input,
            step.cut if step.input < 0 else below_which(step.cut), step.below, step.above,
        )
        for step in found.scale.steps
    )  # fmt: skip
    factor = found.ensemble_factor * found.quantiles.at(level) * target.std
    lowest = max(build_loss(model.config).min_target, float(np.finfo(np.float64).min))
    return Interval(level, factor, found.scale.base, steps, MAX_LOG, lowest)


def below_which(cut: float) -> float:
    """A number that an input is at most if, and only if, it is at most the cut once it is rounded to float32."""
    largest = np.float32(cut)
    if float(largest) > cut:  # as float64: a float32 would make another float32 of the cut
        largest = np.nextafter(largest, np.float32(-np.inf))
    return (float(largest) + float(np.nextafter(largest, np.float32(np.inf)))) / 2

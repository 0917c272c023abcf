"""Every number and choice a user can set, once: default, unit, range, meaning, source.

Options of the command line, keys of the configuration file, keyword arguments of `fit` and the pages of the
documentation are all computed from the fields here. To add a setting: add a field to `Config` (how to train)
or `ReadOptions` (how to read bytes), and its value to each preset that needs its own.
A field left at None is decided by the preset.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from mlpcli.config.costs import check_order, split_costs
from mlpcli.config.marks import check_mark, check_written
from mlpcli.config.presets import BASE, KIND_NAMES, preset_values
from mlpcli.errors import UsageError

Task = Literal["classification", "regression"]
TASKS: tuple[Task, ...] = ("classification", "regression")

ACTIVATION_NAMES = (
    "identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus",
)  # fmt: skip
INITIALIZER_NAMES = (
    "zeros", "normal", "uniform", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal",
    "lecun_normal", "orthogonal",
)  # fmt: skip
LOSS_NAMES = (
    "cross_entropy", "binary_cross_entropy", "squared_error", "absolute_error", "huber", "poisson", "quantile",
)  # fmt: skip
OPTIMIZER_NAMES = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "adagrad")
THE_LOSS = "loss"  # of --stop-on: no metric
# All of METRICS but ece, which a constant answer can make 0: it would choose an epoch that has learned nothing.
STOP_METRIC_NAMES = (
    "accuracy", "balanced_accuracy", "f1", "mean_cost", "rank_error", "auc", "average_precision", "log_loss", "brier",
    "rmse", "mae", "median_absolute_error", "r2", "poisson_deviance", "pinball",
)  # fmt: skip
SCHEDULE_NAMES = ("constant", "step", "cosine", "one_cycle", "coslog4")

# What the preset leaves to the number of rows that a network trains on.
BATCH_SHARE, MIN_BATCH, MAX_BATCH = 1 / 8, 32, 256  # rows a step; a power of two
REFERENCE_ROWS = 4000
# Epochs at most: about as many steps for small tables as for 4,000 rows, within bounds.
EPOCHS_AT_REFERENCE, MIN_EPOCHS, MAX_EPOCHS = 60, 24, 120
LARGE_ROWS = 50_000  # for training and validation, from which on a table is large
EPOCHS_OF_LARGE, MIN_LARGE_EPOCHS = 56, 6  # at the reference, and the fewest, with a rate that falls over them
TEXTBOOK_EPOCHS = 200  # without the recipe
LOSS_OF_TASK: Mapping[Task, str] = {"classification": "cross_entropy", "regression": "squared_error"}

# Cells that mean "no value" in any column but the target; see the guide's page on reading.
MISSING_MARKERS = ("", "NA", "N/A", "n/a", "na", "NaN", "nan", "NULL", "null", "None", "?", "-", "#N/A")

# What `predict` does about a cell not written like its column: it stops, counts the cell as missing, or leaves the
# row's prediction empty.
BAD_CELLS = ("error", "missing", "empty")


class Rules(TypedDict, total=False):
    """What a setting may be."""

    low: float | None  # low <= value <= high
    high: float | None
    above: float | None  # above < value
    choices: tuple[str, ...]
    metavar: str | None
    unit: str | None  # duration (90s, 5m) or size (500MB)
    repeat: bool  # a tuple is written with commas, or with `repeat` as an option given several times
    optional: bool  # a model file names it only where it is not the default


def setting(
    default: Any,
    help: str,
    *,
    group: str,
    **rules: Unpack[Rules],
) -> Any:
    """One setting: its default, what `--help` says of it, under which heading, and the rules for its values."""
    none: Rules = {
        "low": None, "high": None, "above": None, "choices": (), "metavar": None, "unit": None, "repeat": False,
    }  # fmt: skip
    return field(default=default, metadata={"help": help, "group": group, **none, **rules})


DATA, NETWORK, TRAINING, ENSEMBLE, READING = "Data", "Network", "Training", "Ensemble", "Reading"


@dataclass(frozen=True)
class ReadOptions:
    """How the bytes of a CSV become cells. None means: found out from the file, and said.

    >>> mlpcli.drift("iris.npz", "sample_data/iris.csv", mlpcli.ReadOptions(delimiter=",")).n_rows
    150
    """

    encoding: str | None = setting(None, "Text encoding, e.g. utf-8, cp949, latin-1.", group=READING)
    delimiter: str | None = setting(None, r"Character between fields; '\t' for a tab.", group=READING)
    quote: str = setting('"', "Character around fields that hold a delimiter or line end.", group=READING)
    escape: str | None = setting(None, r"Character that takes the next one literally, e.g. '\'.", group=READING)
    comment: str | None = setting(None, "Lines that begin with this character are left out.", group=READING)
    header: bool = setting(True, "The first line names the columns; --no-header: col1, col2, ...", group=READING)
    skip_rows: int = setting(0, "Lines to leave out before the header.", group=READING, low=0, metavar="N")
    skip_last: int = setting(0, "Rows to leave out at the end, e.g. a total.", group=READING, low=0, metavar="N")
    decimal: tuple[str, ...] = setting(
        (), "Decimal mark, of all columns or of one: ',' or fee=,", group=READING, metavar="[COL=]MARK", repeat=True
    )
    thousands: tuple[str, ...] = setting(
        (), "Mark between thousands, of all columns or of one: ',' or fee=,", group=READING, metavar="[COL=]MARK",
        repeat=True,
    )  # fmt: skip
    dates: tuple[str, ...] = setting(
        (), "Order of dates, of all columns or of one: dmy, mdy or ymd; COL=clock and COL=duration are times of one.",
        group=READING, metavar="[COL=]FORM", repeat=True,
    )  # fmt: skip
    missing: tuple[str, ...] = setting(
        (), "More cells that mean: no value; in the target too.", group=READING, metavar="A,B"
    )
    inf: str = setting(
        "error", "Infinite numbers: stop, or treat them as missing.", group=READING, choices=("error", "missing")
    )
    bad_rows: str = setting(
        "error", "Rows with too few or too many fields: stop, or leave them out and say so.",
        group=READING, choices=("error", "skip"),
    )  # fmt: skip
    sheet: str | None = setting(None, "Sheet of an Excel or OpenDocument file; by default the first.", group=READING)
    memory: int | None = setting(
        None, "Memory for the rows, e.g. 500MB, 2GB; what is larger lives in a file. By default a quarter of the free.",
        group=READING, low=1_000_000, metavar="SIZE", unit="size",
    )  # fmt: skip

    def __post_init__(self) -> None:
        check(self)
        for name in ("delimiter", "quote", "escape", "comment"):
            value = getattr(self, name)
            if value == "\\t":
                object.__setattr__(self, name, "\t")
            elif value is not None:
                check_mark(name, value)
        for name in ("decimal", "thousands", "dates"):
            given = getattr(self, name)
            given = (given,) if isinstance(given, str) else tuple(given)
            object.__setattr__(self, name, given)
            check_written(name, given)


@dataclass(frozen=True)
class Config:
    """How a model is trained. None means: the preset decides (`resolve`).

    >>> mlpcli.Config(hidden=(64, 64)).resolve("classification").hidden
    (64, 64)
    """

    # Data: which column is what, and which row goes where.
    target: str | None = setting(
        None, "Column to predict. Without it: a column named target, label, class or y, else the last.",
        group=DATA, metavar="COL",
    )  # fmt: skip
    task: str = setting(
        "auto", "What to predict: a class or a number. auto: text and few whole numbers are classes.",
        group=DATA, choices=("auto", *TASKS),
    )  # fmt: skip
    drop: tuple[str, ...] = setting((), "Columns to leave out.", group=DATA, metavar="A,B")
    numeric: tuple[str, ...] = setting((), "Columns to read as numbers.", group=DATA, metavar="A,B")
    category: tuple[str, ...] = setting((), "Columns to read as categories.", group=DATA, metavar="A,B")
    weight: str | None = setting(None, "Column with a weight for each row.", group=DATA, metavar="COL")
    group: str | None = setting(None, "Rows with the same value here stay in one set.", group=DATA, metavar="COL")
    time: str | None = setting(None, "The rows latest by this column are the test rows.", group=DATA, metavar="COL")
    validation: str = setting(
        "0.15",
        "Share of rows that choose the epoch, or a CSV file; 0: none.",
        group=DATA,
        metavar="SHARE|FILE",
    )
    test: str = setting(
        "0.15",
        "Share of rows kept for the final evaluation, or a CSV file; 0: none.",
        group=DATA,
        metavar="SHARE|FILE",
    )
    seed: int = setting(0, "Seed of every random choice.", group=DATA, low=0, high=2**64 - 1)

    # Columns: how they become the network's inputs.
    scale: str | None = setting(
        None, "Scaling of numbers. standard: mean and standard deviation; clipped: the same, clipped smoothly; robust: "
        "median and quartiles, clipped.",
        group=NETWORK, choices=("standard", "clipped", "robust", "none"),
    )  # fmt: skip
    embed_numbers: str | None = setting(
        None, "Piecewise-linear encoding of numbers beside the numbers themselves, and for classes their cuts.",
        group=NETWORK, choices=("ple", "none"),
    )  # fmt: skip
    embed_categories: str | None = setting(
        None, "learned: a vector for each level of a category with more than --max-categories levels, and for classes "
        "inputs for pairs of levels where they tell more; none: rare levels share one input.",
        group=NETWORK, choices=("learned", "none"),
    )  # fmt: skip
    max_categories: int | None = setting(
        None,
        "Levels of a category with an input each; rarer ones share one input.",
        group=NETWORK,
        low=2,
        high=10_000,
    )
    hidden: tuple[int, ...] | None = setting(
        None, "Units of each hidden layer, e.g. 128,64; '': none, a single-layer perceptron.",
        group=NETWORK, low=1, high=65_536, metavar="A,B",
    )  # fmt: skip
    activation: str | None = setting(None, "Activation of the hidden layers.", group=NETWORK, choices=ACTIVATION_NAMES)
    init: str | None = setting(
        None, "Weight initialisation; auto: the one that suits the activation. With ntk, auto starts regression "
        "from ridge regression, and classes from small trees where these surely lead.",
        group=NETWORK, choices=("auto", *INITIALIZER_NAMES),
    )  # fmt: skip
    parametrization: str | None = setting(
        None, "standard, or ntk: learning rates by tensor and a learned scale on each input (RealMLP).",
        group=NETWORK, choices=("standard", "ntk"),
    )  # fmt: skip
    normalization: str | None = setting(
        None, "Normalisation after each hidden layer.", group=NETWORK, choices=("none", "batch", "layer")
    )
    dropout: float | None = setting(
        None, "Share of hidden units dropped in each training step.", group=NETWORK, low=0, high=0.95
    )
    input_noise: float | None = setting(
        None, "Standard deviation of noise added to the inputs in training.", group=NETWORK, low=0, high=10
    )

    # Training: the loss and the descent.
    loss: str | None = setting(
        None,
        "Loss function; auto: the one that suits the task.",
        group=TRAINING,
        choices=("auto", *LOSS_NAMES),
    )
    quantile: float = setting(
        0.5, "Share of answers that the truth should stay below with --loss quantile.",
        group=TRAINING, low=0.001, high=0.999,
    )  # fmt: skip
    optimizer: str | None = setting(None, "Gradient-descent method.", group=TRAINING, choices=OPTIMIZER_NAMES)
    lr: float | None = setting(None, "Peak learning rate.", group=TRAINING, above=0, high=1e3)
    schedule: str | None = setting(
        None,
        "How the learning rate changes during training: a factor on --lr.",
        group=TRAINING,
        choices=SCHEDULE_NAMES,
    )
    average: float | None = setting(
        None, "Average the weights over so many epochs, and evaluate and keep the average; 0: no averaging.",
        group=TRAINING, low=0, high=1000, metavar="EPOCHS",
    )  # fmt: skip
    warmup: float | None = setting(
        None, "Share of the training in which the rate climbs from 0.", group=TRAINING, low=0, high=0.9
    )
    batch_size: str | None = setting(
        None, "Rows a step: full (batch), 1 (stochastic), N (mini-batch gradient descent); auto: an eighth, 32 to 256.",
        group=TRAINING, metavar="auto|full|N",
    )  # fmt: skip
    epochs: int | None = setting(None, "Passes over the training rows, at most.", group=TRAINING, low=1, high=100_000)
    time_limit: float | None = setting(
        None, "Stop training after this time, e.g. 90s, 5m, 2h.", group=TRAINING, above=0, unit="duration"
    )
    patience: int | None = setting(
        None, "Epochs without a better validation loss before a network stops; 0: never stops early.",
        group=TRAINING, low=0, high=1_000_000,
    )  # fmt: skip
    stop_on: str = setting(
        THE_LOSS, "What of the validation rows chooses the epoch and counts for --patience: the loss, or a metric.",
        group=TRAINING, choices=(THE_LOSS, *STOP_METRIC_NAMES), optional=True,
    )  # fmt: skip
    momentum: float | None = setting(None, "Momentum of momentum and nesterov.", group=TRAINING, low=0, high=0.9999)
    beta1: float | None = setting(
        None, "Decay of the gradient's mean in adam and adamw.", group=TRAINING, low=0, high=0.9999
    )
    beta2: float | None = setting(
        None,
        "Decay of the squared gradient's mean in adam, adamw and rmsprop.",
        group=TRAINING,
        low=0,
        high=0.999999,
    )
    l1: float | None = setting(None, "L1 penalty on the weights.", group=TRAINING, low=0, high=1e3)
    l2: float | None = setting(None, "L2 penalty on the weights.", group=TRAINING, low=0, high=1e3)
    weight_decay: float | None = setting(
        None,
        "Decoupled weight decay: share of each weight removed per step, times the learning rate.",
        group=TRAINING,
        low=0,
        high=1e3,
    )
    clip_norm: float | None = setting(
        None, "Clip the gradient of a step to this norm; 0: no clipping.", group=TRAINING, low=0, high=1e9
    )
    max_norm: float | None = setting(
        None, "Limit the norm of the weights into a unit; 0: no limit.", group=TRAINING, low=0, high=1e9
    )
    label_smoothing: float | None = setting(
        None, "Label smoothing: share of each label spread over all classes.", group=TRAINING, low=0, high=0.9
    )
    class_weight: str = setting(
        "none",
        "balanced: every class has the same total weight in the loss.",
        group=TRAINING,
        choices=("none", "balanced"),
    )

    threshold: str = setting(
        "none", "Choose the probability threshold that maximises this metric on out-of-fold rows (two classes).",
        group=TRAINING, choices=("none", "accuracy", "balanced_accuracy", "f1"),
    )  # fmt: skip
    cost: tuple[str, ...] = setting(
        (), "What it costs to answer PREDICTED for a row of class TRUE; any other mistake costs 1, or its distance "
        "with --order. Each row gets the answer of the least expected cost.",
        group=TRAINING, metavar="TRUE:PREDICTED=COST", repeat=True, optional=True,
    )  # fmt: skip
    order: tuple[str, ...] = setting(
        (), "Classes that have an order, the lowest first: a mistake costs its distance in ranks.",
        group=TRAINING, metavar="A,B", optional=True,
    )  # fmt: skip

    dtype: str = setting(
        "float32", "Numbers that training computes with; weights are kept as float32. float64: the same model from "
        "rows in another order, or written out as often as their weights say, with --batch-size full.",
        group=TRAINING, choices=("float32", "float64"), optional=True,
    )  # fmt: skip

    # Ensemble: members that each validate on a fold of their own, averaged.
    preset: str = setting(
        "default", "Set of defaults. default: tuned for tables; fast: fewer and smaller networks; best: more networks, "
        "of all kinds; classic: the textbook network.",
        group=ENSEMBLE, choices=("default", "classic", "fast", "best"),
    )  # fmt: skip
    ensemble: int | None = setting(
        None, "Number of networks, averaged; each has its own validation fold. 1: one network, one validation set.",
        group=ENSEMBLE, low=1, high=100, metavar="K",
    )  # fmt: skip
    kinds: tuple[str, ...] | None = setting(
        None, "Kinds of network, --ensemble of each, weighted on validation rows. mlp: as --hidden says; wide: 2 "
        "layers of 256; plain: without piecewise-linear inputs; linear: without these and without hidden layers.",
        group=ENSEMBLE, choices=KIND_NAMES, metavar="A,B",
    )  # fmt: skip
    calibrate: bool | None = setting(
        None, "Calibrate probabilities on validation rows (temperature scaling).", group=ENSEMBLE
    )

    def __post_init__(self) -> None:
        check(self)
        if self.batch_size not in (None, "auto", "full") and not re.fullmatch(r"[1-9][0-9]{0,8}", str(self.batch_size)):
            raise UsageError(f"--batch-size: expected auto, full or a whole number from 1, found '{self.batch_size}'")
        object.__setattr__(self, "cost", split_costs(self.cost))
        check_order(self.order)
        if self.threshold != "none" and (self.cost or self.order):
            asked = "--cost" if self.cost else "--order"
            raise UsageError(f"--threshold and {asked} both say which class to answer", f"leave out {asked}")
        if self.kinds is not None and not 0 < len(self.kinds) == len(set(self.kinds)):
            raise UsageError("--kinds: name one or more kinds of network, each once")
        if self.hidden is not None and len(self.hidden) > 100:
            raise UsageError(f"--hidden: {len(self.hidden)} layers; at most 100")
        for name in ("validation", "test"):
            share = self.share(name)
            if share is not None and not 0 <= share < 0.9:
                raise UsageError(f"{flag(name)}: expected a share from 0 to 0.9 or a CSV file, found {share:g}")
        if (self.share("validation") or 0) + (self.share("test") or 0) > 0.9:
            raise UsageError("--validation and --test together leave less than a tenth of the rows for training")

    def share(self, name: Literal["validation", "test"] | str) -> float | None:
        """The share of rows `--validation` or `--test` asks for; None when it names a file."""
        try:
            return float(getattr(self, name))
        except ValueError:
            return None

    def resolve(self, task: Task, n_rows: int = REFERENCE_ROWS, n_train: int | None = None) -> Settings:
        """Every choice made, by the user or else the preset, for `n_rows` rows to learn from, `n_train` a network."""
        n_train = n_train or n_rows
        # Who chooses the course of the learning rate, or a time to stop at, has the recipe that bears any of them.
        is_large = n_rows >= LARGE_ROWS and self.schedule is None and self.time_limit is None
        chosen = preset_values(self.preset, task, is_large)
        if self.ensemble == 1:
            chosen["kinds"] = BASE["kinds"]  # one network was asked for
        values = {f.name: getattr(self, f.name) for f in fields(Config)} | {"task": task}
        values |= {name: value for name, value in chosen.items() if values[name] is None}
        if values["loss"] == "auto":
            values["loss"] = LOSS_OF_TASK[task]
        if values["batch_size"] == "auto":
            nearest = 2 ** round(math.log2(n_train * BATCH_SHARE))
            values["batch_size"] = str(min(max(nearest, MIN_BATCH), MAX_BATCH))
        if values["epochs"] is None:
            is_recipe = values["parametrization"] == "ntk"
            most, fewest = (EPOCHS_OF_LARGE, MIN_LARGE_EPOCHS) if is_large else (EPOCHS_AT_REFERENCE, MIN_EPOCHS)
            by_rows = round(most * (REFERENCE_ROWS / n_train) ** 0.5)
            values["epochs"] = min(max(by_rows, fewest), MAX_EPOCHS) if is_recipe else TEXTBOOK_EPOCHS
        return Settings(**values)


@dataclass(frozen=True, kw_only=True)
class Settings(Config):
    """A Config in which nothing is left to a preset: how a training is done, and what a model file keeps."""

    if TYPE_CHECKING:  # what __post_init__ proves
        task: Task
        scale: str
        embed_numbers: str
        embed_categories: str
        max_categories: int
        hidden: tuple[int, ...]
        activation: str
        init: str
        parametrization: str
        normalization: str
        dropout: float
        input_noise: float
        loss: str
        optimizer: str
        lr: float
        schedule: str
        average: float
        warmup: float
        batch_size: str
        epochs: int
        patience: int
        momentum: float
        beta1: float
        beta2: float
        l1: float
        l2: float
        weight_decay: float
        clip_norm: float
        max_norm: float
        label_smoothing: float
        ensemble: int
        kinds: tuple[str, ...]
        calibrate: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("epochs", *BASE):
            if getattr(self, name) is None:
                raise UsageError(f"{flag(name)}: no value")
        if self.task not in TASKS or self.batch_size == "auto" or self.loss == "auto":
            raise UsageError("--task, --batch-size or --loss is not decided")

    @property
    def lead(self) -> str:
        """The first kind of network; history and evidence are those of its members."""
        return self.kinds[0]

    def rows_a_step(self, n_train: int) -> int:
        """Rows of a mini-batch, of all the rows that a network trains on."""
        return n_train if self.batch_size == "full" else min(int(self.batch_size), n_train)


# --- checks of values -------------------------------------------------------------------------------------


def flag(name: str) -> str:
    """max_norm -> --max-norm"""
    return "--" + name.replace("_", "-")


def check(settings: Config | ReadOptions) -> None:
    """UsageError when a value lies outside its range or its choices."""
    for spec in fields(settings):
        value = getattr(settings, spec.name)
        for one in value if isinstance(value, tuple) else (value,):
            choices = spec.metadata["choices"]
            if choices and one is not None and one not in choices:
                near = difflib.get_close_matches(str(one), choices, n=1)
                raise UsageError(
                    f"{flag(spec.name)}: no such choice '{one}'" + (f"; did you mean {near[0]}?" if near else ""),
                    hint="one of " + ", ".join(choices),
                )
            if isinstance(one, (int, float)) and not isinstance(one, bool) and not is_within(spec, one):
                raise UsageError(f"{flag(spec.name)}: expected a number{range_text(spec)}, found {one:g}")


def is_within(spec: Field[Any], value: float) -> bool:
    low, high, above = (spec.metadata[k] for k in ("low", "high", "above"))
    return (
        math.isfinite(value)
        and (low is None or value >= low)
        and (high is None or value <= high)
        and (above is None or value > above)
    )


def range_text(spec: Field[Any]) -> str:
    """' from 1 to 100': the values a setting may have."""
    low, high, above = (spec.metadata[k] for k in ("low", "high", "above"))
    parts = [
        f" from {low:g}" if low is not None else "",
        f" above {above:g}" if above is not None else "",
        f" to {high:g}" if high is not None else "",
    ]
    return "".join(parts)

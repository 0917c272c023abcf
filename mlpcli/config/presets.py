"""Named sets of settings: what is chosen where the user asks for nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlpcli.config.settings import Task

KIND_NAMES = ("mlp", "wide", "plain", "linear")


@dataclass(frozen=True)
class Preset:
    """A named set of settings: for both tasks, and where the tasks differ."""

    both: Mapping[str, Any]
    classification: Mapping[str, Any] = field(default_factory=dict)
    regression: Mapping[str, Any] = field(default_factory=dict)
    large: Mapping[Task, Mapping[str, Any]] = field(default_factory=dict)  # in place of these, for large tables

    def of(self, task: Task, is_large: bool) -> Mapping[str, Any]:
        values = self.classification if task == "classification" else self.regression
        return {**values, **(self.large.get(task, {}) if is_large else {})}


# What every preset shares unless it says otherwise: the textbook values.
BASE: Mapping[str, Any] = {
    "scale": "standard",
    "embed_numbers": "none",
    "embed_categories": "none",
    "max_categories": 64,
    "hidden": (64, 64),
    "activation": "relu",
    "init": "auto",
    "parametrization": "standard",
    "normalization": "none",
    "dropout": 0.0,
    "input_noise": 0.0,
    "loss": "auto",
    "optimizer": "adam",
    "lr": 1e-3,  # Kingma & Ba 2014, section 2
    "schedule": "constant",
    "average": 0.0,
    "warmup": 0.0,
    "batch_size": "32",
    "patience": 20,
    "momentum": 0.9,  # Sutskever et al. 2013
    "beta1": 0.9,  # Kingma & Ba 2014
    "beta2": 0.999,  # Kingma & Ba 2014
    "l1": 0.0,
    "l2": 0.0,
    "weight_decay": 0.0,
    "clip_norm": 0.0,
    "max_norm": 0.0,
    "label_smoothing": 0.0,
    "ensemble": 1,
    "kinds": ("mlp",),
    "calibrate": False,
}

# Large tables: a falling rate needs fewer epochs, and four networks that have many rows are nearly as good as six.
FALLING = {"schedule": "cosine", "patience": 0}
LARGE: Mapping[Task, Mapping[str, Any]] = {
    "classification": {**FALLING, "ensemble": 4, "lr": 0.03},
    "regression": {**FALLING, "ensemble": 4},
}
# The recipe for tables: fold members, piecewise-linear encoding, NTK parametrisation. What is without a source was
# chosen on 12 tables and confirmed on 23 others (tests/benchmarks/ablation.py).
RECIPE = Preset(
    both={
        "embed_numbers": "ple",  # Gorishniy et al., arXiv 2203.05556
        "embed_categories": "learned",  # Guo & Berkhahn, arXiv 1604.06737
        "parametrization": "ntk",  # RealMLP, arXiv 2407.04491
        "batch_size": "auto",  # 256 from 1,500 rows on, as in RealMLP; below, more steps make small tables better
        "beta2": 0.99,
        "average": 1.0,  # a falling rate without its schedule; Morales-Brotons et al., arXiv 2411.18704
        "calibrate": True,  # Guo et al. 2017
    },
    classification={
        "scale": "clipped",  # level on error, better on log-loss
        "hidden": (128, 128),
        "activation": "silu",
        "ensemble": 6,
        "lr": 0.02,  # half of RealMLP's peak; twice as much is no better, half of it slower
        "label_smoothing": 0.1,  # RealMLP
        "patience": 7,
    },
    regression={
        "scale": "robust",  # RealMLP
        "hidden": (64, 64, 64),
        "activation": "relu",  # as accurate as SiLU and wider layers here, in less time
        "ensemble": 5,
        "lr": 0.04,
        "patience": 10,
    },
    large=LARGE,
)
FAST = {"hidden": (64, 64), "activation": "silu", "ensemble": 4, "patience": 6}
BEST = {"ensemble": 8, "kinds": KIND_NAMES}  # greedy selection of kinds; Caruana et al. 2004

PRESETS: Mapping[str, Preset] = {
    "default": RECIPE,
    "classic": Preset(both={"optimizer": "sgd", "lr": 0.05, "init": "glorot_uniform", "l2": 1e-4}),
    "fast": Preset(RECIPE.both, {**RECIPE.classification, **FAST}, {**RECIPE.regression, **FAST}, LARGE),
    "best": Preset(
        RECIPE.both,
        {**RECIPE.classification, **BEST},
        {**RECIPE.regression, **BEST},
        {task: {**values, **BEST} for task, values in LARGE.items()},
    ),
}


def preset_values(preset: str, task: Task, is_large: bool = False) -> dict[str, Any]:
    """What a preset sets for a task, by field of Config; auto stands for what the rows decide."""
    return {**BASE, **PRESETS[preset].both, **PRESETS[preset].of(task, is_large)}

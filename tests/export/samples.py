"""Tables with every kind of column, hostile names and levels, and models of them, for the exports."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mlpcli.engine.activations import ACTIVATIONS

N_ROWS = 400
LEVELS = [
    'a"b', "c,d", "</script>", "__proto__", "two\nlines", "é", "'; DROP TABLE data; --", "back\\slash", "??/", "*/",
    "{}",
]  # fmt: skip
WORDS = (
    "the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "naïve", "Straße", "İstanbul",
    "고양이", "runs",
)  # fmt: skip
NAMES = {  # of the columns; those of texts can be dropped where a language cannot say them
    "number": "x", "missing": "in%put", "money": "price, €", "unit": "weight", "comma": "comma", "date": "date",
    "stamp": "time's", "clock": "clock", "duration": "took", "category": 'cat"egory', "pair": "yes/no", "rare": "rare",
    "many": "many levels", "first": "first", "second": "second", "text": "re\nmarks",
}  # fmt: skip


def cells(n: int, seed: int = 0) -> dict[str, list[str]]:
    """Column -> cells."""
    rng = np.random.default_rng(seed)

    def some(values: list[str], share_missing: float = 0.0) -> list[str]:
        return ["" if rng.random() < share_missing else values[i] for i in rng.integers(len(values), size=n)]

    x, days = rng.normal(0, 3, n), rng.integers(0, 4000, n)
    dates = np.datetime64("2015-01-01") + days
    seconds = rng.integers(0, 86400, n)
    columns = {
        "number": [f"{value:.4f}" for value in x],
        "missing": ["" if rng.random() < 0.2 else f"{value:.3e}" for value in rng.lognormal(0, 3, n)],
        "money": [f"(€{v:,.2f})" if v > 5000 else f"€{v:,.2f}" for v in rng.uniform(1, 9000, n)],
        "unit": [f"{value:.1f} kg" for value in rng.uniform(40, 120, n)],
        "comma": [f"{value:.3f}".replace(".", ",") for value in rng.uniform(-5, 5, n)],
        "date": [f"{d.astype(object):%d.%m.%Y}" for d in dates],
        "stamp": [f"{d}T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}.5Z" for d, s in zip(dates, seconds, strict=True)],
        "clock": [f"{s // 3600:02}:{s // 60 % 60:02}" for s in seconds],
        "duration": [f"{s // 3600 + 24}:{s // 60 % 60:02}:{s % 60:02}" for s in seconds],
        "category": some(LEVELS, 0.1),
        "pair": some(["yes", "no"]),
        "rare": [f"r{i}" if i < 30 else "often" for i in rng.integers(0, 90, n)],
        "many": [f"level {i}" for i in rng.integers(0, 40, n)],
        "first": some(["p", "q", "r"]),
        "second": some(["s", "t", "u"]),
        "text": [" ".join(rng.choice(WORDS, rng.integers(4, 9))) for _ in range(n)],
    }
    met = [
        a in "pq" and b in "st" and (a == "p") == (b == "s")
        for a, b in zip(columns["first"], columns["second"], strict=True)
    ]
    logit = 3 * np.asarray(met) - 1.5 + (x > 2.5) * 3 - (x < -2.5) * 3
    columns["class"] = [["no ", 'ye"s', "may,be"][int(z > 1) + int(z > 2.9)] for z in logit + rng.normal(0, 0.3, n)]
    columns["two"] = ["1" if z > 0 else "0" for z in logit + rng.normal(0, 0.3, n)]
    columns["value"] = [f"{z:.4f}" for z in logit + 0.1 * x**2 + rng.normal(0, 0.1 + 0.2 * (x > 0), n)]
    columns["count"] = [str(int(c)) for c in rng.poisson(np.exp(np.clip(logit, -2, 2)))]
    return columns


def write(path: Path, columns: dict[str, list[str]], target: str, without: tuple[str, ...] = ()) -> None:
    """A CSV of the columns that are inputs, and one target."""
    targets = ("class", "two", "value", "count")
    wanted = [n for n in columns if n not in without and (n not in targets or n == target)]
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([NAMES.get(name, name) for name in wanted])
        writer.writerows(zip(*(columns[name] for name in wanted), strict=True))


@dataclass(frozen=True)
class Sample:
    """How a model is trained: on which target, without which columns, with which settings."""

    target: str
    without: tuple[str, ...] = ()
    level: float | None = None  # of intervals that are written too
    settings: dict[str, Any] = field(default_factory=dict)


FEW = ("money", "unit", "comma", "stamp", "clock", "duration", "many", "text", "rare")
SMALL = {"preset": "classic", "epochs": 3, "hidden": (8, 6), "ensemble": 1}
SAMPLES = {
    "classes": Sample(
        "class",
        settings={
            "epochs": 3, "ensemble": 2, "hidden": (16, 8), "kinds": ("mlp", "plain", "linear"),
            "embed_categories": "learned", "max_categories": 30,
        },
    ),
    "numbers": Sample("value", level=0.8, settings={"epochs": 3, "ensemble": 2, "hidden": (16, 8)}),
    "one-hot": Sample("class", settings={"epochs": 3, "ensemble": 1, "hidden": (16,), "embed_categories": "none"}),
    "crossed": Sample("class", (*FEW, "category", "missing", "date"), settings={
        "epochs": 3, "ensemble": 2, "hidden": (8,), "embed_categories": "learned",
    }),
    "threshold": Sample("two", FEW, settings=SMALL | {"threshold": "f1"}),
    "costs": Sample("class", FEW, settings=SMALL | {"cost": ('ye"s:no =5', 'no :ye"s=0.5')}),
    "binary": Sample("two", FEW, settings=SMALL | {"loss": "binary_cross_entropy"}),
    "counts": Sample("count", FEW, 0.9, settings=SMALL | {"task": "regression", "loss": "poisson"}),
    "batch": Sample("class", FEW, settings=SMALL | {"normalization": "batch"}),
    "layer": Sample("class", FEW, settings=SMALL | {"normalization": "layer"}),
    "levels alone": Sample("class", (*FEW, "number", "missing", "date"), settings=SMALL),
    "perceptron": Sample("class", FEW, settings=SMALL | {"hidden": ()}),
} | {
    name: Sample("class", (*FEW, "category"), settings=SMALL | {"activation": name, "epochs": 1})
    for name in ACTIVATIONS
}  # fmt: skip

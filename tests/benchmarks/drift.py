"""False alarms of `drift` on rows like the training rows, and the share of planted shifts that it finds at 500 rows.

    python tests/benchmarks/drift.py FOLDER... [--splits 5] [--epochs 4] [--only NAME,NAME]

Each folder holds index.tsv (file, target, task) and its CSV files. Of each table and split a model is trained without
500 rows, and `drift` sees those: untouched, and with one shift after another in a column drawn at random. A table of
fewer than 1,500 rows gives a third of them, untouched only. The shifts:

- unit: a column of numbers times 1000, 2.54, or 9/5 plus 32
- level: the second most frequent level of a category, written otherwise
- default: a column filled with its most frequent value
- later: a column of dates moved behind the last one of training, by up to a month

A shift that changes fewer than one cell in 20 is counted apart: hardly any of 500 rows shows it.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

import mlpcli
from mlpcli.data.kinds.date import DateColumn
from mlpcli.data.kinds.number import NumberColumn
from mlpcli.errors import MlpcliError

ROWS, FEW = 500, 0.05
UNITS = ((1000.0, 0.0), (2.54, 0.0), (1.8, 32.0))


def tables(folder):
    with open(folder / "index.tsv", encoding="utf-8") as file:
        yield from csv.DictReader(file, delimiter="\t")


def plantings(model, rng):
    """A shift of each sort for which the table has a column, as (sort, column, function of the frame)."""
    columns = [c for c in model.schema.features if c.name != model.schema.target.name]
    numbers = [c for c in columns if isinstance(c, NumberColumn)]
    levels = [c for c in columns if c.known_levels and len(c.known_levels) > 1]
    dates = [c for c in columns if isinstance(c, DateColumn)]
    if numbers:
        name, (factor, shift) = rng.choice([c.name for c in numbers]), UNITS[rng.integers(len(UNITS))]
        yield "unit", name, lambda f: f.assign(**{name: f[name] * factor + shift})
    if levels:
        column = levels[rng.integers(len(levels))]
        old = column.known_levels[1]
        yield (
            "level",
            column.name,
            lambda f: f.assign(
                **{column.name: f[column.name].astype(str).where(f[column.name].astype(str) != old, f"new {old}")}
            ),
        )
    filled = rng.choice([c.name for c in columns])
    yield "default", filled, lambda f: f.assign(**{filled: f[filled].mode().iloc[0]})
    if dates:
        name = rng.choice([c.name for c in dates])
        last = max(c.high for c in next(c for c in dates if c.name == name).parts if c.name == "elapsed days")
        later = pd.to_datetime(last + rng.uniform(1, 31, ROWS), unit="D").strftime("%Y-%m-%d")
        yield "later", name, lambda f: f.assign(**{name: later[: len(f)]})


def measure(path, target, task, n_splits, epochs):
    frame = pd.read_csv(path, low_memory=False)
    n_new = ROWS if len(frame) >= 3 * ROWS else len(frame) // 3
    for seed in range(n_splits):
        rng = np.random.default_rng([seed, len(frame)])
        order = rng.permutation(len(frame))[:20_000]
        new, known = frame.iloc[order[:n_new]], frame.iloc[order[n_new:]]
        try:
            model = mlpcli.fit(
                known.reset_index(drop=True),
                target=target,
                task=task,
                preset="fast",
                epochs=epochs,
                seed=seed,
                test="0",
            )
        except MlpcliError as error:
            print(f"  {path.name}: not trained: {error}", file=sys.stderr)
            return
        new = new.reset_index(drop=True)
        yield "untouched", "", model.drift(new), 1.0
        yield "untouched, no target", "", model.drift(new.drop(columns=target)), 1.0
        for sort, name, plant in plantings(model, rng) if n_new == ROWS else ():
            changed = plant(new)
            touched = float(((changed[name] != new[name]) & (changed[name].notna() | new[name].notna())).mean())
            yield sort, name, model.drift(changed.drop(columns=target)), touched


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    found, n = Counter(), Counter()
    for folder in asked.folders:
        for table in tables(folder):
            if asked.only and table["file"].removesuffix(".csv") not in asked.only.split(","):
                continue
            path = folder / table["file"]
            if not path.is_file():
                continue
            task = "regression" if table["task"] == "regression" else "classification"
            for sort, name, drift, touched in measure(path, table["target"], task, asked.splits, asked.epochs):
                sort += ", of few cells" if touched < FEW else ""
                n[sort] += 1
                hit = any(not name or shift.name == name for shift in drift.drifted)
                found[sort] += hit
                if hit == sort.startswith("untouched") and touched >= FEW:
                    first = next((s for s in drift.shifts if not name or s.name == name), drift.shifts[0])
                    print(f"{sort}, {table['file']}, {drift.n_rows} rows: {first}", file=sys.stderr, flush=True)
    for sort in n:
        print(f"{sort}: {found[sort]} of {n[sort]}, {found[sort] / n[sort]:.1%}")


if __name__ == "__main__":
    main()

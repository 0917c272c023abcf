"""What `learning-curve` expects of twice the rows, beside what twice the rows really bring.

    python tests/benchmarks/doubling.py [--suite FOLDER] [--draws 5] [--truths 30] [--first 1000] [--jobs 2]
                                        [--preset classic] [--only SET] [--json FILE]

From each set a part is drawn that the learning curve sees, and it foretells how much lower the validation loss is with
twice its training rows, with a 95 % range. The truth comes from the rows held back: networks with the same settings are
trained on as many rows and on twice as many, those containing the former, again and again on other rows of the set, and
judged on rows that neither saw; the mean over the repeats, with its own 95 % interval.
Prints a Markdown table: medians over the draws, as shares of the loss that twice the rows would lower, and in how many
draws the range covers the truth, or at least meets its interval.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.data.splits import UNUSED
from mlpcli.metrics.intervals import t_quantile
from mlpcli.studies.learning_curve import part_order, plan
from mlpcli.studies.tasks import TrainingTask as Task
from mlpcli.studies.tasks import perform, shared, validated
from mlpcli.training.networks import build_loss

ROOT = Path(__file__).parents[2]
SEEN, MOST_SEEN = 0.44, 700  # share of the rows that a learning curve sees, judged rows included; twice as many exist
MOST_ROWS = 12_000  # of a set
MIN_ROWS = 400  # of a set; with fewer the part that is seen is too small for a curve
JUDGED = 0.2  # share of a set that judges a repeat of the truth, as many as a learning curve's fold
Frame = pd.DataFrame


# --- the sets: all rows, and the target's name ------------------------------------------------------------


def made(target: Callable[[np.ndarray, np.random.Generator], Any], n_columns: int) -> Frame:
    """Made-up rows, many enough that the truth has little error."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(12_000, n_columns))
    return pd.DataFrame({**{f"x{j}": np.round(x[:, j], 5) for j in range(n_columns)}, "y": target(x, rng)})


def straight(x: np.ndarray, rng: np.random.Generator) -> Any:
    return np.round(x.sum(axis=1) / x.shape[1] ** 0.5 + rng.normal(size=len(x)), 5)


def bent(x: np.ndarray, rng: np.random.Generator) -> Any:
    """Friedman 1991, the first function, on normal columns."""
    u = 0.5 + 0.5 * np.tanh(x)
    y = 10 * np.sin(np.pi * u[:, 0] * u[:, 1]) + 20 * (u[:, 2] - 0.5) ** 2 + 10 * u[:, 3] + 5 * u[:, 4]
    return np.round(y + rng.normal(size=len(x)), 5)


def round_classes(x: np.ndarray, rng: np.random.Generator) -> Any:
    inside = np.linalg.norm(x, axis=1) < np.median(np.linalg.norm(x, axis=1))
    return np.where(inside ^ (rng.random(len(x)) < 0.1), "in", "out")


def noise(x: np.ndarray, rng: np.random.Generator) -> Any:
    return np.round(rng.normal(size=len(x)), 5)


MADE: dict[str, Callable[[], Frame]] = {
    "made up: a straight law": lambda: made(straight, 10),
    "made up: a bent law": lambda: made(bent, 8),
    "made up: a ball's inside": lambda: made(round_classes, 4),
    "made up: noise": lambda: made(noise, 8),
}
SAMPLES = {"penguins": "species", "diabetes": "progression", "spirals": "class"}


def of_sklearn(name: str) -> Frame:
    from sklearn import datasets

    loaded = getattr(datasets, f"load_{name}")()
    frame = pd.DataFrame(loaded.data, columns=[f"x{j}" for j in range(loaded.data.shape[1])])
    return frame.assign(y=[f"k{v}" for v in loaded.target])


def sets(suite: str | None) -> dict[str, Callable[[], tuple[Frame, str]]]:
    """Name -> all rows and the target."""
    found: dict[str, Callable[[], tuple[Frame, str]]] = {}
    for name in ("digits", "breast_cancer"):
        found[name] = lambda name=name: (of_sklearn(name), "y")
    for name, target in SAMPLES.items():
        path = ROOT / "sample_data" / f"{name}.csv"
        found[name] = lambda path=path, target=target: (pd.read_csv(path, dtype=str, keep_default_na=False), target)
    for name, make in MADE.items():
        found[name] = lambda make=make: (make(), "y")
    if suite is not None:
        lines = [line.split("\t") for line in (Path(suite) / "index.tsv").read_text(encoding="utf-8").splitlines()[1:]]
        for file, _, target, *_ in lines:
            path = Path(suite) / file
            found[path.stem] = lambda path=path, target=target: (
                pd.read_csv(path, dtype=str, keep_default_na=False), target
            )  # fmt: skip
    return found


# --- foretold and true ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """One draw of a learning curve (its seed), or one repeat of the truth (its number, with the curve's size)."""

    name: str
    suite: str | None
    config: Config
    draw: int
    size: int = 0  # training rows of which the truth takes twice as many; 0: a learning curve

    def table(self, folder: str) -> DataSet:
        frame, target = sets(self.suite)[self.name]()
        frame = frame.iloc[np.sort(np.random.default_rng(0).permutation(len(frame))[:MOST_ROWS])]
        path = Path(folder) / "rows.csv"
        if not self.size:
            rng = np.random.default_rng([self.draw, *self.name.encode()])
            frame = frame.iloc[np.sort(rng.permutation(len(frame))[: min(int(SEEN * len(frame)), MOST_SEEN)])]
        frame.to_csv(path, index=False)
        return DataSet.read(str(path), replace(self.config, target=target, test="0", seed=self.draw), ReadOptions())


def run(job: Job) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        table = job.table(folder)
        return true_losses(table, job) if job.size else foretold(table, job)


def foretold(table: DataSet, job: Job) -> dict[str, Any]:
    study = plan(table, replace(job.config, seed=job.draw))
    outcomes = list(study.outcomes())
    found = study.result(outcomes)
    by_number = {o.number: o.metrics["test"][found.metric] for o in outcomes if o.error is None}
    return {
        "set": job.name, "draw": job.draw, "rows": study.sizes[-1], "gain": found.doubling.value,
        "low": found.doubling.low, "high": found.doubling.high, "advice": found.advice, "sizes": study.sizes,
        "losses": [by_number.get(t.number) for t in study.tasks],
    }  # fmt: skip


def true_losses(table: DataSet, job: Job) -> dict[str, Any]:
    """The losses on n and on 2 n rows of one repeat."""
    metric, config = build_loss(job.config.resolve(table.task)).metric, replace(job.config, seed=job.draw)
    taken = np.arange(len(table.sets))
    order, judged = part_order(table, taken, round(1 / JUDGED), job.draw, 0)
    data = shared(table)
    losses = []
    for n in (job.size, 2 * job.size):
        assert n <= len(order)
        marked = np.full(len(table.sets), UNUSED)
        marked[order[:n]], marked[judged] = splits.TRAIN, splits.TEST
        outcome = perform(Task(0, job.name, config, data, validated(table, config, marked, job.draw)))
        losses.append(outcome.metrics["test"][metric])
    return {"set": job.name, "losses": losses}


def summary(name: str, drawn: list[dict[str, Any]], truths: list[dict[str, Any]]) -> dict[str, Any]:
    losses = np.array([t["losses"] for t in truths])
    gains = losses[:, 0] - losses[:, 1]
    half = t_quantile(len(gains) - 1) * float(gains.std(ddof=1)) / len(gains) ** 0.5
    truth, loss = float(gains.mean()), float(losses[:, 0].mean())
    covered = [d["low"] <= truth <= d["high"] for d in drawn]
    overlap = [d["low"] <= truth + half and truth - half <= d["high"] for d in drawn]
    middle = {k: float(np.median([d[k] for d in drawn])) / loss for k in ("gain", "low", "high")}
    return {
        "set": name, "rows": drawn[0]["rows"], "loss": loss, "truth": truth / loss, "half": half / loss,
        "covered": sum(covered), "overlap": sum(overlap), "draws": len(drawn), **middle,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default=None, help="a folder of CSV files with an index.tsv")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--truths", type=int, default=30, help="repeats of the truth")
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--preset", default="classic")
    parser.add_argument("--only", default=None, help="sets whose name has this in it")
    parser.add_argument("--json", default=None, help="file for all draws and truths")
    args = parser.parse_args()
    config = Config(preset=args.preset)
    names = [
        name for name, load in sets(args.suite).items()
        if (args.only is None or args.only in name) and len(load()[0]) >= MIN_ROWS
    ]  # fmt: skip
    with ProcessPoolExecutor(args.jobs) as pool:
        curves = [Job(name, args.suite, config, args.first + i) for name in names for i in range(args.draws)]
        drawn = list(pool.map(run, curves))
        sizes = {d["set"]: d["rows"] for d in drawn}
        truths = list(
            pool.map(run, [Job(n, args.suite, config, k, sizes[n]) for n in names for k in range(args.truths)])
        )
    if args.json:
        Path(args.json).write_text(json.dumps({"drawn": drawn, "truths": truths}), encoding="utf-8")
    print("| set | rows | foretold | range | true | covered | met |\n|---|---|---|---|---|---|---|")
    found = [summary(n, [d for d in drawn if d["set"] == n], [t for t in truths if t["set"] == n]) for n in names]
    for s in found:
        print(
            f"| {s['set']} | {s['rows']} | {s['gain']:.1%} | {s['low']:.1%} to {s['high']:.1%} | "
            f"{s['truth']:.1%} ± {s['half']:.1%} | {s['covered']} of {s['draws']} | {s['overlap']} of {s['draws']} |"
        )
    n = sum(s["draws"] for s in found)
    for key, what in (("covered", "the truth lies in the range"), ("overlap", "the truth's interval meets the range")):
        print(f"{what}: {sum(s[key] for s in found) / n:.0%} of {n}", file=sys.stderr)


if __name__ == "__main__":
    main()

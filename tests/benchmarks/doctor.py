"""Does the doctor name what is planted, and keep silent on healthy runs?

    python tests/benchmarks/doctor.py --seeds 20 --first 1000 [--suite FOLDER] [--jobs 2] [--json FILE]

Each family plants one fault in generated data or settings; a healthy run is a real table with usual settings. The
bounds in mlpcli/diagnosis/bounds.py were chosen on seeds from 0 on; the table of `mlpcli guide findings` is of seeds
from 9000 on.
Prints a Markdown table: runs, runs in which the fault was named, and other warnings or problems that were raised.
A false alarm on a healthy run is any finding of severity warning or problem; notes are counted beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from mlpcli.config.settings import Config
from mlpcli.diagnosis.findings import findings
from mlpcli.evaluation.evaluate import evaluate_dataset
from mlpcli.model.assemble import assemble
from mlpcli.training.events import History
from mlpcli.training.prepare import prepare

ROOT = Path(__file__).parents[2]
Columns = dict[str, Any]
Planted = tuple[Columns, Columns | None, dict[str, Any]]  # rows, test rows of their own, settings
CLASSIC = {"preset": "classic", "ensemble": 1}


def named(y: np.ndarray) -> list[str]:
    return [f"k{int(v)}" for v in y]


def columns(x: np.ndarray, y: Any) -> Columns:
    return {**{f"x{j}": np.round(x[:, j], 4) for j in range(x.shape[1])}, "y": y}


def law(x: np.ndarray, rng: np.random.Generator, is_class: bool, noise: float) -> Any:
    """A smooth, not quite linear target with noise, as classes or as numbers."""
    w = rng.normal(size=x.shape[1])
    t = x @ (w / np.linalg.norm(w)) + 0.5 * np.sin(2 * x[:, 0]) + noise * rng.normal(size=len(x))
    return named(t > 0) if is_class else np.round(t, 4)


def too_large(rng: np.random.Generator, k: int) -> Planted:
    x = rng.normal(size=(int(rng.integers(150, 250)), int(rng.integers(20, 40))))
    widths = [(512, 512), (1024,), (256, 256, 256)][k % 3]
    settings = {**CLASSIC, "hidden": widths, "optimizer": "adam", "lr": 1e-3, "epochs": 100}
    settings |= {"ensemble": [1, 5][k % 4 == 1], "patience": [0, 20][k % 4 == 3]}
    return columns(x, law(x, rng, k % 2 == 0, 1.5)), None, settings


def too_small(rng: np.random.Generator, k: int) -> Planted:
    n = int(rng.integers(600, 1500))
    x = rng.uniform(-1, 1, size=(n, 2))
    if k % 3 == 0:
        y: Any = named((np.sin(3 * x[:, 0]) * np.sin(3 * x[:, 1]) > 0) ^ (rng.random(n) < 0.05))
    elif k % 3 == 1:
        y = np.round(np.sin(5 * x[:, 0]) + np.cos(4 * x[:, 1]) + 0.2 * rng.normal(size=n), 4)
    else:
        y = named((np.hypot(x[:, 0], x[:, 1]) < 0.6) ^ (rng.random(n) < 0.03))
    return columns(x, y), None, {**CLASSIC, "hidden": [(), (1,), (1, 1)][k % 3 if k % 2 else 0], "epochs": 100}


def too_low_rate(rng: np.random.Generator, k: int) -> Planted:
    x = rng.normal(size=(int(rng.integers(300, 800)), 6))
    lr = {"sgd": 1e-4, "adam": 1e-5, "momentum": 1e-5}
    optimizer = ["sgd", "adam", "momentum"][k % 3]
    settings = {**CLASSIC, "optimizer": optimizer, "lr": lr[optimizer] * 10 ** rng.uniform(-1, 0.3), "epochs": 40}
    return columns(x, law(x, rng, k % 2 == 0, 0.3)), None, settings


def too_high_rate(rng: np.random.Generator, k: int) -> Planted:
    x = rng.normal(size=(int(rng.integers(300, 800)), 6))
    optimizer = ["sgd", "adam", "momentum"][k % 3]
    lr = {"sgd": 10.0, "adam": 1.0, "momentum": 3.0}[optimizer] * 10 ** rng.uniform(0, 1)
    settings = {**CLASSIC, "optimizer": optimizer, "lr": lr, "epochs": 40, "activation": ["relu", "tanh"][k % 2]}
    return columns(x, law(x, rng, k % 4 < 2, 0.3)), None, settings


def pure_noise(rng: np.random.Generator, k: int) -> Planted:
    n = int(rng.integers(200, 1000))
    x = rng.normal(size=(n, int(rng.integers(3, 15))))
    y: Any = named(rng.integers(0, 2 + k % 3, n)) if k % 2 else np.round(rng.normal(size=n), 4)
    return columns(x, y), None, {} if k % 3 == 0 else dict(CLASSIC)


def a_leak(rng: np.random.Generator, k: int) -> Planted:
    n = int(rng.integers(200, 1000))
    x = rng.normal(size=(n, 6))
    if k % 2:
        y = law(x, rng, True, 0.7)
        codes = np.array([int(v[1:]) for v in y])
        leak: Any = [f"code{9 - c}" for c in codes] if k % 4 == 1 else np.round(5 * codes + 0.1 * rng.normal(size=n), 3)
    else:
        y = law(x, rng, False, 0.7)
        leak = np.round(1e3 * y + 20 + rng.normal(size=n), 2) if k % 4 == 0 else np.round(np.exp(y), 6)
    return {"leak": leak, **columns(x, y)}, None, {} if k % 3 == 0 else dict(CLASSIC)


def a_shifted_test(rng: np.random.Generator, k: int) -> Planted:
    n, m, d = int(rng.integers(300, 900)), 150, 6
    x, t = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    w = rng.normal(size=d)
    w /= np.linalg.norm(w)
    kind = ["inputs move", "law changes", "units change"][k % 3]
    if kind == "inputs move":
        t[:, :2] += 1.0
    truth = [x @ w, t @ (-w if kind == "law changes" else w)]
    if kind == "units change":
        t[:, 0] *= 2.54
    made = [v + 0.3 * rng.normal(size=len(v)) for v in truth]
    targets: list[Any] = [named(v > 0) if k % 2 else np.round(v, 4) for v in made]
    return columns(x, targets[0]), columns(t, targets[1]), {} if k % 4 == 0 else dict(CLASSIC)


def linear_truth(rng: np.random.Generator, k: int) -> Planted:
    n = int(rng.integers(1500, 2500))
    x = rng.normal(size=(n, 5))
    t = x @ rng.normal(size=5) + 0.7 * rng.normal(size=n)
    return columns(x, named(t > 0) if k % 2 else np.round(t, 4)), None, dict(CLASSIC)


def few_rows(rng: np.random.Generator, k: int) -> Planted:
    x = rng.normal(size=(int(rng.integers(40, 70)), 4))
    return columns(x, law(x, rng, k % 2 == 0, 0.5)), None, dict(CLASSIC)


def a_rare_class(rng: np.random.Generator, k: int) -> Planted:
    n = int(rng.integers(600, 1200))
    x = rng.normal(size=(n, 4))
    return columns(x, named(x[:, 0] + 0.3 * rng.normal(size=n) > 2.2)), None, dict(CLASSIC)


def dying_units(rng: np.random.Generator, k: int) -> Planted:
    x = rng.normal(size=(int(rng.integers(300, 700)), 6))
    settings = {**CLASSIC, "optimizer": "adam", "lr": 0.3 * 10 ** rng.uniform(0, 0.5), "epochs": 60, "patience": 0}
    return columns(x, law(x, rng, k % 2 == 0, 0.3)), None, settings


def unscaled_inputs(rng: np.random.Generator, k: int) -> Planted:
    x = rng.normal(size=(int(rng.integers(300, 700)), 6))
    made = columns(1000 * x, law(x, rng, k % 2 == 0, 0.3))
    return made, None, {**CLASSIC, "scale": "none", "activation": ["tanh", "sigmoid"][k % 2], "epochs": 60}


PLANTED: dict[str, tuple[Callable[[np.random.Generator, int], Planted], set[str]]] = {
    "far too large a network on few rows": (too_large, {"overfitting", "overfitting-averted"}),
    "too small a network": (too_small, {"underfitting"}),
    "too low a learning rate": (too_low_rate, {"not-converged"}),
    "too high a learning rate": (too_high_rate, {"unstable", "diverged", "recovered"}),
    "pure noise": (pure_noise, {"no-better-than-baseline"}),
    "a leak": (a_leak, {"leak-suspected"}),
    "a shifted test set": (a_shifted_test, {"test-differs-from-validation"}),
    "a linear law": (linear_truth, {"linear-is-enough"}),
    "few rows": (few_rows, {"validation-too-small"}),
    "a rare class": (a_rare_class, {"imbalanced"}),
    "units that die": (dying_units, {"dead-units"}),
    "inputs without scale": (unscaled_inputs, {"saturated-units"}),
}
SAMPLES = {
    "penguins": "species", "iris": "species", "wine": "cultivar", "diabetes": "progression", "xor": "class",
    "spirals": "class", "cafe_utf8": None,
}  # fmt: skip
SUITE_ROWS = 1500  # of a larger table, drawn by the seed


def write(path: Path, made: Columns) -> None:
    lines = [",".join(made), *(",".join(map(str, row)) for row in zip(*made.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def doctor(path: str, settings: dict[str, Any]) -> tuple[list[tuple[str, str]], Any]:
    prepared = prepare(path, Config(**settings))
    history = History.of(prepared.events())
    model = assemble(prepared, history)
    evaluation = evaluate_dataset(model, prepared.dataset, linear=True)
    found = findings(model, evaluation)
    return [(f.code, f.severity) for f in found], (history, model.record.evidence, evaluation.test_evidence, found)


def one_run(task: tuple[str, str, int, str | None]) -> dict[str, Any]:
    """Trains one planted or healthy case and says which findings it raised."""
    family, name, seed, suite = task
    rng = np.random.default_rng([seed, *name.encode()])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        settings: dict[str, Any] = {"seed": seed}
        if family == "planted":
            made, of_test, chosen = PLANTED[name][0](rng, seed)
            write(path, made)
            settings |= chosen
            if of_test is not None:
                write(Path(folder) / "test.csv", of_test)
                settings["test"] = str(Path(folder) / "test.csv")
        else:
            table, _, preset = name.partition(" ")
            settings["preset"] = preset
            if table in SAMPLES:
                path = ROOT / "sample_data" / f"{table}.csv"
                settings["target"] = SAMPLES[table]
            else:
                assert suite is not None
                lines = (Path(suite) / f"{table}.csv").read_text(encoding="utf-8").splitlines()
                targets = [line.split("\t") for line in (Path(suite) / "index.tsv").read_text().splitlines()]
                settings["target"] = next(row[2] for row in targets if row[0] == f"{table}.csv")
                chosen_rows = np.sort(rng.permutation(len(lines) - 1)[:SUITE_ROWS]) + 1
                path.write_text("\n".join([lines[0], *(lines[i] for i in chosen_rows)]) + "\n", encoding="utf-8")
        found, facts = doctor(str(path), settings)
    return {"family": family, "name": name, "seed": seed, "found": found, "facts": facts}


def tasks(args: argparse.Namespace) -> list[tuple[str, str, int, str | None]]:
    made = [("planted", name, args.first + i, None) for name in PLANTED for i in range(args.seeds)]
    tables = [*SAMPLES, *(sorted(p.stem for p in Path(args.suite).glob("*.csv") if p.stem != "results")
                          if args.suite else [])]  # fmt: skip
    healthy = [
        ("healthy", f"{table} {preset}", args.first + i, args.suite)
        for table in tables for preset in ("default", "classic") for i in range(max(args.seeds // 5, 1))
    ]  # fmt: skip
    return [t for t in [*made, *healthy] if args.only is None or args.only in t[1] or args.only == t[0]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--suite", default=None)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default=None, help="a family")
    parser.add_argument("--json", default=None, help="file for what each run raised")
    args = parser.parse_args()
    if args.suite is None and (ROOT.parent / "shared" / "suite").is_dir():
        args.suite = str(ROOT.parent / "shared" / "suite")
    with ProcessPoolExecutor(args.jobs) as pool:
        runs = list(pool.map(one_run, tasks(args)))
    if args.json:
        kept = [{k: v for k, v in run.items() if k != "facts"} for run in runs]
        Path(args.json).write_text(json.dumps(kept, indent=1), encoding="utf-8")
    print("| planted | finding | runs | named | other warnings |\n|---|---|---|---|---|")
    for name, (_, codes) in PLANTED.items():
        mine = [r for r in runs if r["name"] == name]
        if not mine:
            continue
        hits = sum(any(code in codes for code, _ in r["found"]) for r in mine)
        others = Counter(c for r in mine for c, severity in r["found"] if c not in codes and severity != "note")
        told = ", ".join(f"{c} {n}" for c, n in others.most_common(4)) or "none"
        by_code = Counter(c for r in mine for c, _ in r["found"] if c in codes)
        which = ", ".join(f"{c} {by_code[c]}" if len(codes) > 1 else c for c in sorted(codes))
        print(f"| {name} | {which} | {len(mine)} | {100 * hits / len(mine):.0f} % | {told} |")
    healthy = [r for r in runs if r["family"] == "healthy"]
    if healthy:
        alarms = [r for r in healthy if any(severity != "note" for _, severity in r["found"])]
        notes = Counter(c for r in healthy for c, severity in r["found"] if severity == "note")
        told = ", ".join(f"{c} {n}" for c, n in notes.most_common())
        which = Counter(f"{r['name']}: {c}" for r in alarms for c, severity in r["found"] if severity != "note")
        print(f"| healthy | no warning | {len(healthy)} | {100 * (1 - len(alarms) / len(healthy)):.0f} % | |\n")
        print(f"notes on healthy runs: {told or 'none'}")
        print("false alarms: " + (", ".join(f"{k} {n}" for k, n in which.most_common()) or "none"))
    print(f"{len(runs)} runs", file=sys.stderr)


if __name__ == "__main__":
    main()

"""How often each suspicion is right: planted in real tables it must be found, and real tables must not raise it.

python tests/benchmarks/table_checks.py [FOLDER ...]

Takes the CSV files of sample_data and of the folders named; a folder may hold an index.tsv with columns `file` and
`target`. An alarm on an unchanged table is listed with what it says, for a reader to judge whether it is true.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.diagnosis.table_checks import check_table
from mlpcli.training.prepare import prepare

SAMPLES = Path(__file__).parents[2] / "sample_data"
SEEDS = range(3)


def tables(folders):
    for folder in [SAMPLES, *map(Path, folders)]:
        index = folder / "index.tsv"
        targets = dict(pd.read_csv(index, sep="\t")[["file", "target"]].to_numpy()) if index.exists() else {}
        for path in sorted(folder.glob("*.csv")):
            if "cp949" not in path.name and (not targets or path.name in targets):
                frame = pd.read_csv(path, keep_default_na=False, dtype=str)
                yield path.name, frame, targets.get(path.name) or frame.columns[-1]


def is_number(y):
    values = pd.to_numeric(y, errors="coerce")
    return values.notna().all() and values.nunique() > 10


def leak(frame, target, rng):
    y = frame[target]
    if is_number(y):
        values = y.astype(float)
        leaked = np.sqrt(values - values.min() + 1) + rng.normal(size=len(y)) * 1e-6
    else:
        leaked = pd.Series(y.astype("category").cat.codes.to_numpy() * 3 + 1.0) + rng.normal(size=len(y)) * 1e-3
    return frame.assign(leaked=np.asarray(leaked)), {}


def leak_text(frame, target, rng):
    if is_number(frame[target]):
        return None
    return frame.assign(leaked="state " + frame[target]), {}


def group(frame, target, rng):
    return frame.assign(patient_id=rng.permutation(np.arange(len(frame)) // 6)), {}


def dated(frame, target, rng):
    y = frame[target]
    order = np.argsort(y.astype(float).rank() if is_number(y) else y.astype("category").cat.codes, kind="stable")
    noisy = np.argsort(np.asarray(order).argsort() + rng.normal(size=len(y)) * len(y) / 20)
    days = pd.date_range("2020-01-01", periods=len(y), freq="6h").strftime("%Y-%m-%d %H:%M")
    return frame.iloc[noisy].reset_index(drop=True).assign(day=days), {}


def repeated(frame, target, rng):
    more = frame.iloc[rng.integers(0, len(frame), len(frame) // 7)]
    return pd.concat([frame, more]).iloc[rng.permutation(len(frame) + len(more))], {}


def missing(frame, target, rng):
    values = np.where(rng.random(len(frame)) < 0.65, "", np.round(rng.normal(size=len(frame)), 3).astype(str))
    return frame.assign(sparse=values), {}


def shifted(frame, target, rng):
    t = np.arange(len(frame))
    return frame.assign(when=t, drift=rng.normal(size=len(frame)) + 3 * t / len(t)), {"time": "when"}


def rare(frame, target, rng):
    if is_number(frame[target]):
        return None
    labels = np.full(len(frame), frame[target].mode()[0], object)
    labels[rng.permutation(len(frame))[: max(2, len(frame) // 80)]] = "seldom"
    return frame.assign(**{target: labels}), {}


PLANTS = {
    "leak-suspected": [leak, leak_text], "group-column": [group], "time-order": [dated], "repeated-rows": [repeated],
    "repeated-across-sets": [repeated], "mostly-missing": [missing], "test-differs-from-validation": [shifted],
    "imbalanced": [rare],
}  # fmt: skip


def alarms(frame, target, **settings):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.csv"
        frame.to_csv(path, index=False)
        return check_table(prepare(str(path), Config(target=target, **settings), ReadOptions()))


def main() -> None:
    found, planted = Counter(), Counter()
    clean = list(tables(sys.argv[1:]))
    for name, frame, target in clean:
        for finding in alarms(frame, target):
            print(f"unchanged {name}: {finding.code}: {finding.message}")
        for code, plants in PLANTS.items():
            for plant in plants:
                for seed in SEEDS:
                    changed = plant(frame, target, np.random.default_rng(seed))
                    if changed is not None:
                        planted[code] += 1
                        hit = any(f.code == code for f in alarms(changed[0], target, **changed[1]))
                        found[code] += hit
                        if not hit:
                            print(f"missed {code} in {name}, {plant.__name__}, seed {seed}")
    print(f"\n{len(clean)} unchanged tables")
    for code in PLANTS:
        print(f"{code:24} planted {planted[code]:4}  found {found[code]:4}  {found[code] / planted[code]:.1%}")


if __name__ == "__main__":
    main()

"""Prints how many times as fast whole commands are as scripts that do the same with scikit-learn.

    python tests/benchmarks/whole_command.py [rounds]

Training: `mlpcli train --preset classic` against a script that reads the CSV with pandas, splits it, scales the
numbers, trains MLPClassifier with the same layers, epochs, batches, learning rate and penalty, scores the other rows
and saves the model. Answers: `mlpcli predict` of a file of 10^6 rows against a script that reads it and writes the
labels of an MLPClassifier with one layer of 100 units, its default, and where it is installed of LightGBM with 100
trees. Each is a process of its own, in turn, imports included, with one BLAS thread; a ratio above 1 says that mlpcli
is faster, by processor time and by the clock; medians over the rounds. `predict` may use all cores of this process:
`taskset -c 0` gives it one.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

TRAININGS = ((1_000, 20, 32, 20), (20_000, 16, 32, 8), (20_000, 16, 256, 20), (200_000, 16, 256, 8))
N_TRAINED, N_ANSWERED, COLUMNS = 10_000, 1_000_000, 20
TRAIN = """
import sys
import joblib, pandas as pd
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
path, batch, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
frame = pd.read_csv(path)
x, y = frame.drop(columns="y"), frame["y"]
x, x_test, y, y_test = train_test_split(x, y, test_size=0.15, stratify=y, random_state=0)
x, x_valid, y, y_valid = train_test_split(x, y, test_size=0.15 / 0.85, stratify=y, random_state=0)
net = MLPClassifier((64, 64), solver="sgd", learning_rate_init=0.05, momentum=0, alpha=1e-4, batch_size=batch,
                    max_iter=epochs, tol=0, n_iter_no_change=epochs, random_state=0)
model = make_pipeline(StandardScaler(), net).fit(x, y)
for rows, truth in ((x_valid, y_valid), (x_test, y_test)):
    proba = model.predict_proba(rows)
    print(log_loss(truth, proba), accuracy_score(truth, model.classes_[proba.argmax(axis=1)]))
joblib.dump(model, path + ".joblib")
"""
ANSWER = """
import sys
import joblib, pandas as pd
model, frame = joblib.load(sys.argv[1]), pd.read_csv(sys.argv[2])
pd.DataFrame({"prediction": model.predict(frame)}).to_csv(sys.argv[3], index=False)
"""
PEERS = {
    "scikit-learn": "from sklearn.neural_network import MLPClassifier as C; kind = C(random_state=0)",
    "LightGBM": "from lightgbm import LGBMClassifier as C; kind = C(n_estimators=100, n_jobs=1, verbose=-1)",
}
FIT = """
import sys
import joblib, pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
{kind}
frame = pd.read_csv(sys.argv[1])
joblib.dump(make_pipeline(StandardScaler(), kind).fit(frame.drop(columns="y"), frame["y"]), sys.argv[2])
"""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def write(path: Path, n: int, n_columns: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, n_columns)).round(4)
    noise = rng.standard_normal((n, 3))
    frame = pd.DataFrame(x).add_prefix("x")
    frame["y"] = np.array(["a", "b", "c"])[(np.tanh(2 * x[:, :3]) + x[:, 3:6] * x[:, 6:9] + noise).argmax(axis=1)]
    frame.to_csv(path, index=False)


def seconds(command: list[str]) -> tuple[float, float]:
    """Processor time, and time by the clock, of a process."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    env = {**os.environ, **ONE_THREAD}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # else only installed packages are there as bytecode
    subprocess.run(command, check=True, capture_output=True, env=env)
    ended, after = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ended - began


def ratios(ours: list[str], theirs: list[str], rounds: int) -> str:
    found = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    cpu, clock = (statistics.median(their[i] / our[i] for our, their in found) for i in (0, 1))
    mean = [statistics.median(one[who][1] for one in found) for who in (0, 1)]
    return f"{cpu:8.2f}{clock:8.2f}{mean[0]:9.2f} s{mean[1]:9.2f} s"


def trainings(folder: Path, rounds: int) -> None:
    mlpcli = [sys.executable, "-m", "mlpcli", "train"]
    for n, n_columns, batch, epochs in TRAININGS:
        path = str(folder / f"{n}-{n_columns}.csv")
        write(Path(path), n, n_columns)
        flags = ["--preset", "classic", "--hidden", "64,64", "--epochs", str(epochs), "--batch-size", str(batch)]
        ours = [*mlpcli, path, *flags, "--patience", "0", "-o", str(folder / "m.npz"), "--overwrite"]
        theirs = [sys.executable, "-c", TRAIN, path, str(batch), str(epochs)]
        what = f"train, {n:,} x {n_columns}, batch {batch}, {epochs} epochs"
        print(f"{what:52}{'scikit-learn':14}{ratios(ours, theirs, rounds)}", flush=True)


def answers(folder: Path, rounds: int) -> None:
    trained, asked, written = str(folder / "t.csv"), folder / "a.csv", str(folder / "p.csv")
    write(Path(trained), N_TRAINED, COLUMNS)
    write(asked, N_ANSWERED, COLUMNS)
    pd.read_csv(asked).drop(columns="y").to_csv(asked, index=False)
    peers = {}
    for name, kind in PEERS.items():
        if importlib.util.find_spec("lightgbm") or name != "LightGBM":
            peers[name] = str(folder / name)
            subprocess.run(
                [sys.executable, "-c", FIT.format(kind=kind), trained, peers[name]], check=True, capture_output=True
            )
    for flags in ([], ["--preset", "fast"], ["--ensemble", "1"]):
        model = str(folder / "p.npz")
        command = [sys.executable, "-m", "mlpcli"]
        seconds([*command, "train", trained, "-o", model, "-q", "--overwrite", *flags])
        ours = [*command, "predict", model, str(asked), "-o", written, "-q"]
        for name, path in peers.items():
            theirs = [sys.executable, "-c", ANSWER, path, str(asked), str(folder / "their.csv")]
            what = f"predict, {N_ANSWERED:,} x {COLUMNS}, {' '.join(flags) or 'default'}"
            print(f"{what:52}{name:14}{ratios(ours, theirs, rounds)}", flush=True)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(f"{'':52}{'against':14}{'cpu':>8}{'clock':>8}{'ours':>11}{'theirs':>11}")
    with tempfile.TemporaryDirectory() as name:
        trainings(Path(name), rounds)
        answers(Path(name), rounds)


if __name__ == "__main__":
    main()

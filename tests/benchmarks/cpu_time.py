# ruff: noqa: E402
"""Prints the processor time of `mlpcli train` and `mlpcli predict` over that of scikit-learn's default MLP.

    python tests/benchmarks/cpu_time.py [FOLDER] [flags of train ...]

Ours is two whole processes, interpreter start and reading included, or, for tables of up to 2,000 rows, without the
start, which is measured as `mlpcli predict` of one row. Theirs is fit and predict of MLPClassifier or MLPRegressor
alone, of numbers standardised and categories one-hot, in this process. One BLAS thread for both.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported

import io
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from suite import Case, geometric_mean, tables

SMALL = 2000  # rows up to which the start of the interpreter is not counted
MAX_LEVELS = 64  # of a category one-hot, as ours; the peer would otherwise be slowed by every rare one


def of_command(*arguments: str) -> float:
    """Seconds of processor time of one mlpcli process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "mlpcli", *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ours(case: Case, flags: list[str]) -> tuple[float, float]:
    """Seconds of train and predict, and of their starts."""
    fit, test = case.split(0)
    task = "regression" if case.is_regression else "classification"
    with tempfile.TemporaryDirectory() as folder:
        names = {"fit": fit, "test": test.drop(columns=case.target), "one": test.drop(columns=case.target).head(1)}
        path = {name: str(Path(folder) / f"{name}.csv") for name in names}
        for name, frame in names.items():
            frame.to_csv(path[name], index=False)
        model = str(Path(folder) / "m.npz")
        total = of_command(
            "train", path["fit"], "--target", case.target, "--task", task, "--test", "0", "-o", model, "-q", *flags
        )
        total += of_command("predict", model, path["test"], "-q")
        return total, 2 * of_command("predict", model, path["one"], "-q")


def theirs(case: Case) -> float:
    """Seconds of fit and predict, of the split as pandas reads it."""
    fit, test = (as_pandas_reads(frame) for frame in case.split(0))
    y = fit.pop(case.target)
    numbers = [c for c in fit if fit[c].dtype.kind in "iuf"]
    texts = [c for c in fit if c not in numbers]
    for frame in (fit, test):
        frame[texts] = frame[texts].astype(object).where(frame[texts].notna(), "missing")
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MAX_LEVELS, sparse_output=False)
    model = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            (one_hot, texts),
        ),
        MLPRegressor(random_state=0) if case.is_regression else MLPClassifier(random_state=0),
    )
    began = time.process_time()
    model.fit(fit, y if case.is_regression else y.astype(str))
    model.predict(test)
    return time.process_time() - began


def as_pandas_reads(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)))


def main(folder: str | None, flags: list[str]) -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)  # its default of 200 epochs is what is compared
    whole, counted = [], []
    for case in tables(folder):
        (total, start), peer = ours(case, flags), theirs(case)
        whole.append(total / peer)
        counted.append((total - start if len(case.frame) <= SMALL else total) / peer)
        print(
            f"{case.name:20s} {len(case.frame):6d} rows: {total:6.2f} s, of which start {start:.2f}; scikit-learn "
            f"{peer:6.2f} s; ratio {counted[-1]:.2f}", flush=True,
        )  # fmt: skip
    print(f"geometric mean {geometric_mean(counted):.2f}; with every start counted {geometric_mean(whole):.2f}")


if __name__ == "__main__":
    given = sys.argv[1:]
    named = bool(given) and not given[0].startswith("-")
    main(given[0] if named else None, given[1 if named else 0 :])

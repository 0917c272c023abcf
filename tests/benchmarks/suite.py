# ruff: noqa: E402
"""Tables for the accuracy benchmarks, and one run of one table: what ablation.py, calibration.py and cpu_time.py share.

A folder of tables holds index.tsv with the columns file, task (regression, or anything else) and target. Without a
folder the tables are those that scikit-learn and sample_data bring.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.model_selection import train_test_split

import mlpcli
from mlpcli.config.settings import MISSING_MARKERS, Config
from mlpcli.model.assemble import assemble
from mlpcli.training.events import History
from mlpcli.training.prepare import prepare

SAMPLES = Path(mlpcli.__file__).parents[1] / "sample_data"
OFFSET = 0.002  # added to errors before a ratio is taken: an error of 0 has none
TEST_SHARE = 0.15


@dataclass(frozen=True)
class Case:
    """A table of text cells."""

    name: str
    frame: pd.DataFrame
    target: str
    is_regression: bool

    def split(self, number: int, test_share: float = TEST_SHARE) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Rows to fit and rows to test, in proportion within each class."""
        strata = None if self.is_regression else self.frame[self.target]
        fit, test = train_test_split(self.frame, test_size=test_share, random_state=1000 + number, stratify=strata)
        # As the reader of files would: a marker is no value.
        inputs = test.columns.drop(self.target)
        test[inputs] = test[inputs].replace(list(MISSING_MARKERS), None)
        return fit, test


@dataclass(frozen=True)
class Result:
    """What a model does on test rows. `error`: share of wrong labels, or RMSE over the target's deviation."""

    error: float
    log_loss: float  # nan for regression
    confidence: np.ndarray  # of each predicted label; empty for regression
    is_hit: np.ndarray
    seconds: float  # of processor time, to train


def tables(folder: str | None) -> Iterator[Case]:
    if folder is not None:
        index = pd.read_csv(Path(folder) / "index.tsv", sep="\t")
        for file, task, target in zip(index.file, index.task, index.target, strict=True):
            frame = pd.read_csv(Path(folder) / file, dtype=str, keep_default_na=False)
            yield Case(Path(file).stem, frame[frame[target] != ""], target, task == "regression")
        return
    for name in ("breast_cancer", "digits", "wine", "diabetes"):
        data = getattr(datasets, f"load_{name}")(as_frame=True)
        yield Case(name, data.frame.astype(str), "target", name == "diabetes")
    for name, target in (("penguins", "species"), ("iris", "species"), ("spirals", "class")):
        frame = pd.read_csv(SAMPLES / f"{name}.csv", dtype=str, keep_default_na=False)
        target = target if target in frame else str(frame.columns[-1])
        yield Case(name, frame[frame[target] != ""], target, False)


@contextmanager
def written(frame: pd.DataFrame) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "table.csv")
        frame.to_csv(path, index=False)
        yield path


def run(case: Case, number: int, settings: Mapping[str, Any]) -> Result:
    """Trains on one split of a table with these settings and scores the held-out rows."""
    fit, test = case.split(number)
    config = Config(
        target=case.target, test="0", task="regression" if case.is_regression else "classification", **settings
    )
    with written(fit) as path:
        began = time.process_time()
        prepared = prepare(path, config)
        model = assemble(prepared, History.of(prepared.events()))
        seconds = time.process_time() - began
    if case.is_regression:
        truth = test[case.target].astype(float).to_numpy()
        error = float(np.sqrt(np.mean((model.predict(test) - truth) ** 2)) / np.std(truth))
        return Result(error, float("nan"), np.empty(0), np.empty(0), seconds)
    proba = model.predict_proba(test)
    place = {label: i for i, label in enumerate(model.labels)}
    truth = test[case.target].map(place).to_numpy()
    is_hit = proba.argmax(axis=1) == truth
    log_loss = float(-np.mean(np.log(np.clip(proba[np.arange(len(truth)), truth], 1e-7, 1))))
    return Result(float(1 - is_hit.mean()), log_loss, proba.max(axis=1), is_hit, seconds)


def geometric_mean(values: Any) -> float:
    found = np.asarray(values, float)
    found = found[~np.isnan(found)]
    return float(np.exp(np.log(found).mean())) if len(found) else float("nan")

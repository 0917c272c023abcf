# ruff: noqa: E402
"""Prints errors over those of CatBoost with the same number of folds, averaged.

    python tests/benchmarks/against_catboost.py FOLDER [preset] [seeds]

FOLDER holds tables as suite.py says; catboost is to be installed. Each table has two splits; CatBoost has its defaults,
1,000 rounds at most, stopped after 100 without a better loss on a fold of its own, and its five models are averaged.
Printed are ratios of (error + 0.002), of (log-loss + 0.002) and of processor time, of one thread each, then their
geometric means; error is the share of wrong labels, or RMSE over the target's deviation.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is imported

import sys
import time

import catboost
import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold
from suite import Case, geometric_mean, run, tables

FOLDS, SPLITS = 5, (0, 1)
ADDED = np.array([0.002, 0.002, 0.0])  # so that one row more where errors are few is no large ratio
SETTINGS = {"random_seed": 0, "thread_count": 1, "verbose": 0, "allow_writing_files": False}


def as_columns(fit: pd.DataFrame, test: pd.DataFrame) -> list[str]:
    """Makes numbers of the columns that hold nothing else; the names of the others, which are categories."""
    texts = []
    for name in fit:
        numbers = pd.to_numeric(fit[name].replace("", np.nan), errors="coerce")
        if numbers[fit[name] != ""].notna().all():
            fit[name], test[name] = numbers, pd.to_numeric(test[name], errors="coerce")
        else:
            texts.append(name)
            fit[name], test[name] = fit[name].astype(str), test[name].fillna("").astype(str)
    return texts


def of_catboost(case: Case, number: int) -> np.ndarray:
    """Error, log-loss and seconds."""
    fit, test = (frame.copy() for frame in case.split(number))
    y, truth = fit.pop(case.target), test.pop(case.target)
    texts, began = as_columns(fit, test), time.process_time()
    kind = catboost.CatBoostRegressor if case.is_regression else catboost.CatBoostClassifier
    folds = (KFold if case.is_regression else StratifiedKFold)(FOLDS, shuffle=True, random_state=0)
    y = y.astype(float) if case.is_regression else y
    found = []
    for seen, held in folds.split(fit, y):
        model = kind(cat_features=texts, early_stopping_rounds=100, **SETTINGS)
        model.fit(fit.iloc[seen], y.iloc[seen], eval_set=(fit.iloc[held], y.iloc[held]))
        found.append(model.predict(test) if case.is_regression else model.predict_proba(test))
    mean, seconds = np.mean(found, axis=0), time.process_time() - began
    if case.is_regression:
        truth = truth.astype(float).to_numpy()
        return np.array([np.sqrt(np.mean((mean - truth) ** 2)) / np.std(truth), np.nan, seconds])
    place = {label: i for i, label in enumerate(model.classes_)}
    right = truth.map(place).to_numpy()
    shares = mean[np.arange(len(right)), right]
    return np.array([np.mean(mean.argmax(axis=1) != right), -np.mean(np.log(shares.clip(1e-7, 1))), seconds])


def ours(case: Case, number: int, preset: str, n_seeds: int) -> np.ndarray:
    results = [run(case, number, {"preset": preset, "seed": seed}) for seed in range(n_seeds)]
    return np.mean([[r.error, r.log_loss, r.seconds] for r in results], axis=0)


def main() -> None:
    folder, preset, n_seeds = sys.argv[1], *(sys.argv[2:3] or ["default"]), int((sys.argv[3:4] or ["1"])[0])
    ratios: dict[bool, list[np.ndarray]] = {False: [], True: []}
    print(f"{'table':24}{'error':>8}{'log-loss':>10}{'time':>8}{'our error':>12}{'theirs':>8}")
    for case in tables(folder):
        our = np.mean([ours(case, number, preset, n_seeds) for number in SPLITS], axis=0)
        their = np.mean([of_catboost(case, number) for number in SPLITS], axis=0)
        ratio = (our + ADDED) / (their + ADDED)
        ratios[case.is_regression].append(ratio)
        print(f"{case.name:24}{ratio[0]:8.3f}{ratio[1]:10.3f}{ratio[2]:8.3f}{our[0]:12.4f}{their[0]:8.4f}", flush=True)
    for is_regression, found in ratios.items():
        if found:
            means = [geometric_mean(column) for column in np.transpose(found)]
            what = f"{len(found)} of {'numbers' if is_regression else 'classes'}"
            print(f"{what:24}{means[0]:8.3f}{means[1]:10.3f}{means[2]:8.3f}")


if __name__ == "__main__":
    main()

"""Whether intervals and label sets hold what they promise, and how wide they are: python coverage.py FOLDER...

For each table of the folders (see suite.py) and each split: the share of test rows whose truth is held at 0.8, 0.9 and
0.95, and the mean width, as a ratio to two rivals: split-conformal intervals of one width for all rows, from the same
network with a fifth of its rows held back (Lei et al. 2018); and, where LightGBM is installed, its quantile regression
in 5 folds, conformalised (Romano et al. 2019, CV+). For classes the shares over all rows and in the worst class, and
the mean number of labels. Test rows of all splits count together.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from suite import TEST_SHARE, Case, geometric_mean, tables, written

import mlpcli

with suppress(ImportError):
    import lightgbm

LEVELS = (0.8, 0.9, 0.95)
HELD_BACK = 0.2  # of the rows, from which split-conformal takes its width
N_FOLDS = 5
MIN_CLASS_ROWS = 40  # test rows of a class, of all splits together, that its share is worth something
Ends = tuple[np.ndarray, np.ndarray]


def fitted(case: Case, frame: pd.DataFrame, preset: str) -> mlpcli.Model:
    task = "regression" if case.is_regression else "classification"
    with written(frame) as path:
        return mlpcli.fit(path, target=case.target, task=task, test="0", preset=preset)


def some_of(case: Case, number: int, n_rows: int) -> Case:
    if len(case.frame) <= n_rows:
        return case
    return replace(case, frame=case.frame.sample(n_rows, random_state=number))


def held_share(truth: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    return float(np.mean((truth >= low) & (truth <= high)))


def rank_bound(scores: np.ndarray, level: float) -> float:
    """The score that the next one stays below with this probability."""
    rank = int(np.ceil(level * (len(scores) + 1)))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else float("inf")


def split_conformal(case: Case, fit: pd.DataFrame, test: pd.DataFrame, preset: str, number: int) -> dict[float, Ends]:
    order = np.random.default_rng(number).permutation(len(fit))
    n_back = round(HELD_BACK * len(fit))
    back, rest = fit.iloc[order[:n_back]], fit.iloc[order[n_back:]]
    model = fitted(case, rest, preset)
    errors = np.abs(model.predict(back) - back[case.target].astype(float).to_numpy())
    middle = model.predict(test)
    return {level: (middle - rank_bound(errors, level), middle + rank_bound(errors, level)) for level in LEVELS}


def as_numbers(frame: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Numbers as such, anything else as categories of the rows to fit."""
    found = {}
    for name in frame:
        numbers = pd.to_numeric(like[name], errors="coerce")
        if numbers.notna().sum() >= like[name].replace("", None).notna().sum() * 0.95:
            found[name] = pd.to_numeric(frame[name], errors="coerce")
        else:
            found[name] = pd.Categorical(frame[name], categories=sorted(like[name].dropna().astype(str).unique()))
    return pd.DataFrame(found)


def quantile_boosting(case: Case, fit: pd.DataFrame, test: pd.DataFrame, number: int) -> dict[float, Ends]:
    """Quantiles of each fold's model, widened by what they miss of the fold's own rows."""
    inputs = [name for name in fit.columns if name != case.target]
    x, new = as_numbers(fit[inputs], fit[inputs]), as_numbers(test[inputs], fit[inputs])
    x.columns = new.columns = [f"c{i}" for i in range(len(inputs))]
    y = fit[case.target].astype(float).to_numpy()
    fold = np.random.default_rng(number).permutation(len(fit)) % N_FOLDS
    found = {}
    for level in LEVELS:
        scores, ends = np.empty(len(fit)), np.zeros((2, len(test)))
        for k in range(N_FOLDS):
            here, there = fold == k, fold != k
            own = []
            for i, share in enumerate(((1 - level) / 2, (1 + level) / 2)):
                model = lightgbm.LGBMRegressor(objective="quantile", alpha=share, verbose=-1, n_jobs=1)
                model.fit(x[there], y[there])
                own.append(model.predict(x[here]))
                ends[i] += model.predict(new) / N_FOLDS
            scores[here] = np.maximum(own[0] - y[here], y[here] - own[1])
        bound = rank_bound(scores, level)
        found[level] = (ends[0] - bound, ends[1] + bound)
    return found


def regression(case: Case, args: argparse.Namespace) -> dict[str, Any]:
    """Level -> shares held and widths by method, over the splits."""
    held: dict[Any, list[float]] = {}
    for number in range(args.splits):
        fit, test = some_of(case, number, args.rows).split(number, args.test_share)
        truth = test[case.target].astype(float).to_numpy()
        model = fitted(case, fit, args.preset)
        methods = {"ours": {level: tuple(model.predict_interval(test, level).T) for level in LEVELS}}
        methods["one width"] = split_conformal(case, fit, test, args.preset, number)
        if "lightgbm" in globals() and not args.no_lightgbm:
            methods["lightgbm"] = quantile_boosting(case, fit, test, number)
        for name, by_level in methods.items():
            for level, (low, high) in by_level.items():
                held.setdefault((name, level, "held"), []).append(held_share(truth, low, high))
                held.setdefault((name, level, "width"), []).append(float(np.mean(high - low)))
    return {key: float(np.mean(values)) for key, values in held.items()}


def classification(case: Case, args: argparse.Namespace) -> dict[str, Any]:
    """Level -> shares held, overall and in the worst class, sizes; accuracy."""
    truths, sets, right = [], {(level, way): [] for level in LEVELS for way in (None, True)}, []
    for number in range(args.splits):
        fit, test = some_of(case, number, args.rows).split(number, args.test_share)
        model = fitted(case, fit, args.preset)
        truth = test[case.target].to_numpy()
        truths.append(truth)
        right.append(model.predict(test) == truth)
        for level, way in sets:
            if model.record.conformal.quantiles.reaches(level):
                chosen = model.predict_label_set(test, level, by_class=way)
                sets[level, way].append([(y in one, len(one)) for y, one in zip(truth, chosen, strict=True)])
    y, found = np.concatenate(truths), {"accuracy": float(np.concatenate(right).mean())}
    labels, counts = np.unique(y, return_counts=True)
    enough = labels[counts >= MIN_CLASS_ROWS]
    for (level, way), parts in sets.items():
        if len(parts) == args.splits:
            is_held, sizes = np.concatenate(parts).T
            name = "by class" if way else "ours"
            worst = [is_held[y == label].mean() for label in enough]
            found |= {(name, level, "held"): float(is_held.mean()), (name, level, "size"): float(sizes.mean()),
                      (name, level, "worst"): float(min(worst, default=np.nan))}  # fmt: skip
    return found


def lines(name: str, found: dict[Any, float]) -> Iterator[str]:
    for method in ("ours", "by class", "one width", "lightgbm"):
        parts = []
        for level in LEVELS:
            values = {what: found[m, at, what] for m, at, what in (k for k in found if k != "accuracy")
                      if (m, at) == (method, level)}  # fmt: skip
            parts += (
                [f"{level}: " + " ".join(f"{what} {value:.4g}" for what, value in values.items())] if values else []
            )
        if parts:
            yield f"{name:16s} {method:10s} " + "   ".join(parts)


def summary(results: list[dict[Any, float]], of_classes: bool) -> Iterator[str]:
    for level in LEVELS:
        for method in ("ours", "by class", "one width", "lightgbm"):
            has = [r for r in results if (method, level, "held") in r]
            if not has:
                continue
            held = [r[method, level, "held"] for r in has]
            text = f"{level}: {method}: mean share held {np.mean(held):.4f}, lowest table {min(held):.3f}"
            if of_classes:
                promised = [max(level, r["accuracy"]) for r in has]
                text += f", above max(level, accuracy) by {np.mean(np.array(held) - promised):.4f}"
                worst = [r[method, level, "worst"] for r in has if not np.isnan(r[method, level, "worst"])]
                text += (
                    f", worst class on average {np.mean(worst or np.nan):.3f}, lowest {min(worst, default=np.nan):.3f}"
                )
                text += f", labels {np.mean([r[method, level, 'size'] for r in has]):.3f}"
            elif method != "ours":
                ratios = [r["ours", level, "width"] / r[method, level, "width"] for r in has]
                text += f"; our widths are {geometric_mean(ratios):.3f} of these"
            yield text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", help="each with an index.tsv")
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--test-share", type=float, default=TEST_SHARE)
    parser.add_argument("--rows", type=int, default=10**9, help="of a table, at most, drawn at random for each split")
    parser.add_argument("--only", choices=("numbers", "classes"))
    parser.add_argument("--no-lightgbm", action="store_true")
    args = parser.parse_args()
    results: dict[bool, list[dict[Any, float]]] = {True: [], False: []}
    for case in (case for folder in args.folders for case in tables(folder)):
        if args.only in (None, "numbers" if case.is_regression else "classes"):
            found = (regression if case.is_regression else classification)(case, args)
            results[case.is_regression].append(found)
            for line in lines(case.name, found):
                print(line, flush=True)
    for is_regression, of_tables in results.items():
        if of_tables:
            print(f"\n{len(of_tables)} tables of {'numbers' if is_regression else 'classes'}")
            print("\n".join(summary(of_tables, not is_regression)))


if __name__ == "__main__":
    main()

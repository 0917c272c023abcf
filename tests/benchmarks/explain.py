"""Whether `explain` finds what was planted: importance, effects and contributions on laws that are known.

python tests/benchmarks/explain.py [samples] [preset] [law ...]

Each sample is a table of 1,500 rows drawn anew, and a model trained on it; the test rows are explained. Prints by law
the share of noise columns without sure effect, the share of samples in which the planted columns stand in order above
all noise, the share of these with a sure effect, how far effects are from the law's own curves (as a share of their
range), and in how many of the rows the largest error of a contribution is within 5 % of the largest contribution, exact
ones by all coalitions. Where scikit-learn is installed, the correlation of importances with its
`permutation_importance`; where shap is, the largest difference of our exact contributions from its own.
"""

from __future__ import annotations

import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np
import pandas as pd

import mlpcli
from mlpcli.evaluation.explain.answers import answers
from mlpcli.evaluation.explain.contributions import Background, predicted_output
from mlpcli.evaluation.explain.effects import effects
from mlpcli.evaluation.explain.importance import Importance, importance
from mlpcli.evaluation.explain.rows import ExplainedRows, explained_rows

try:
    from sklearn.inspection import permutation_importance
except ImportError:
    permutation_importance = None
try:
    import shap
except ImportError:
    shap = None

N_ROWS, N_NOISE, EXPLAINED = 1_500, 5, 3
Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Law:
    """What the target is of its columns, and what should be found."""

    columns: Callable[[np.random.Generator, int], Columns]
    target: Callable[[Columns], np.ndarray]
    order: Sequence[set[str]]  # planted columns, by how much they matter; those of one set equally
    shapes: dict[str, Callable[[np.ndarray], np.ndarray]] = field(default_factory=dict)
    error: float = 0.3  # standard deviation of what no column tells
    classes: bool = False


def independent(rng: np.random.Generator, n: int) -> Columns:
    return {name: rng.uniform(-1, 1, n) for name in ("a", "b", "c")}


def correlated(rng: np.random.Generator, n: int) -> Columns:
    """b follows a so closely that they are one group; c follows both loosely."""
    a = rng.normal(size=n)
    return {"a": a, "b": a + rng.normal(0, 0.2, n), "c": 0.5 * a + rng.normal(0, 1, n)}


LAWS = {
    "additive": Law(
        independent, lambda x: 3 * x["a"] + 1.5 * np.sin(3 * x["b"]) + 2 * x["c"] ** 2, [{"a"}, {"b"}, {"c"}],
        {"a": lambda a: 3 * a, "b": lambda b: 1.5 * np.sin(3 * b), "c": lambda c: 2 * c**2},
    ),
    "interacting": Law(independent, lambda x: 4 * x["a"] * x["b"] + x["c"], [{"a", "b"}, {"c"}], {"c": lambda c: c}),
    "correlated": Law(correlated, lambda x: x["a"] + x["b"] + x["c"], [{"a", "b"}, {"c"}], {"c": lambda c: c}),
    "classes": Law(
        independent, lambda x: 6 * x["a"] + 3 * np.sin(3 * x["b"]) + 2.5 * x["c"], [{"a"}, {"b"}, {"c"}], error=0,
        classes=True,
    ),
    "noise alone": Law(independent, lambda x: 0 * x["a"], [], error=1),
}  # fmt: skip


@dataclass
class Sample:
    """A model of a table of a law, and the rows explained."""

    law: Law
    model: mlpcli.Model
    rows: ExplainedRows
    found: Importance
    seconds: float


def drawn(law: Law, seed: int, preset: str) -> Sample:
    rng = np.random.default_rng(seed)
    columns = law.columns(rng, N_ROWS)
    y = law.target(columns) + rng.normal(0, 1, N_ROWS) * law.error
    frame = pd.DataFrame(columns | {f"noise{i}": rng.normal(size=N_ROWS) for i in range(N_NOISE)})
    frame["y"] = np.where(rng.random(N_ROWS) < 1 / (1 + np.exp(-y)), "yes", "no") if law.classes else y
    model = mlpcli.fit(frame, "y", preset=preset, test="0.3", seed=seed)
    began = time.monotonic()
    rows = explained_rows(model, frame)
    return Sample(law, model, rows, importance(model, rows), time.monotonic() - began)


def ranks_right(sample: Sample) -> bool:
    """Whether planted columns are in their order, above all noise."""
    place = {name: i for i, one in enumerate(sample.found.columns) for name in one.columns}
    levels = [*sample.law.order, {name for name in place if name.startswith("noise")}]
    return all(max(place[n] for n in first) < min(place[n] for n in then) for first, then in pairwise(levels))


def shape_errors(sample: Sample) -> list[float]:
    """How far each effect is from the law's curve between its outer twentieths, as a share of the curve's range."""
    found = []
    for effect in effects(sample.model, sample.rows, list(sample.law.shapes)):
        x = sample.rows.frame[effect.column].to_numpy()
        at = np.quantile(x, np.linspace(0.05, 0.95, 50))
        curve = sample.law.shapes[effect.column](at)
        ours = np.interp(at, np.asarray(effect.at, float), effect.values[0])
        found.append(float(np.abs((ours - ours.mean()) - (curve - curve.mean())).max() / np.ptp(curve)))
    return found


def exact_contributions(background: Background, x: np.ndarray, chosen: int) -> np.ndarray:
    """(d,) Shapley values by all coalitions."""
    d = background.n_columns

    def value(coalition: tuple[int, ...]) -> float:
        mixed = np.where(np.isin(background.column_of, coalition), x, background.x)
        return float(answers(background.model, mixed)[:, chosen].mean())

    values = {c: value(c) for size in range(d + 1) for c in combinations(range(d), size)}
    found = np.zeros(d)
    for coalition, before in values.items():
        if len(coalition) == d:
            continue
        weight = math.factorial(len(coalition)) * math.factorial(d - len(coalition) - 1) / math.factorial(d)
        for column in set(range(d)).difference(coalition):
            found[column] += weight * (values[tuple(sorted((*coalition, column)))] - before)
    return found


def contribution_errors(sample: Sample, totals: dict[str, list[float]]) -> None:
    """The largest error of each row's contributions over the largest contribution, and whether the stated one holds."""
    background = Background.of(sample.model, sample.rows)
    for x in sample.rows.x[:EXPLAINED]:
        found = background.contributions(x)
        chosen = predicted_output(sample.model, answers(sample.model, x[None]))
        exact = exact_contributions(background, x, chosen)
        error = np.abs(np.asarray(found.values) - exact)
        totals["contribution"].append(float(error.max() / np.abs(exact).max()))
        totals["held"] += (error <= np.asarray(found.errors) + 1e-9).tolist()
        totals["sum"].append(abs(found.mean + sum(found.values) - found.answer))
        if shap is not None and not totals["shap"]:  # once a law: it takes longer than all else
            totals["shap"].append(float(np.abs(of_shap(background, x, chosen) - exact).max() / np.abs(exact).max()))


def of_shap(background: Background, x: np.ndarray, chosen: int) -> np.ndarray:
    """shap's exact explainer, which is given columns, not inputs: row 0 is x, row i + 1 the background row i."""
    both, d = np.concatenate([x[None], background.x]), background.n_columns

    def predict(which: np.ndarray) -> np.ndarray:
        row = which.astype(int)[:, background.column_of]
        return answers(background.model, np.take_along_axis(both, row, axis=0))[:, chosen]

    rows = np.tile(np.arange(1, len(both))[:, None], (1, d)).astype(float)
    explainer = shap.explainers.Exact(predict, shap.maskers.Independent(rows, max_samples=len(rows)))
    return explainer(np.zeros((1, d)), silent=True).values[0]


def of_sklearn(sample: Sample) -> float:
    """Correlation of our importances, each column alone, with scikit-learn's on the same rows and loss."""
    model, rows = sample.model, sample.rows
    ours = {one.column: one.value for one in importance(model, rows, group_correlated=1).columns}

    class Wrapper:
        def fit(self, *_: object) -> None: ...
        def predict(self, frame: pd.DataFrame) -> np.ndarray:
            return model.outputs(frame)

    def score(wrapper: Wrapper, frame: pd.DataFrame, truth: np.ndarray) -> float:
        outputs = wrapper.predict(frame)
        if model.labels:
            return float(np.log(np.maximum(outputs[np.arange(len(truth)), truth], 1e-7)).mean())
        return -float(np.square(outputs - truth).mean())

    theirs = permutation_importance(Wrapper(), rows.frame, rows.truth, scoring=score, n_repeats=10, random_state=0)
    return float(np.corrcoef([ours[name] for name in rows.frame], theirs.importances_mean)[0, 1])


def main(n_samples: int, preset: str, chosen: Sequence[str]) -> None:
    for name, law in ((name, law) for name, law in LAWS.items() if not chosen or name in chosen):
        totals: dict[str, list[float]] = defaultdict(list)
        for seed in range(n_samples):
            sample = drawn(law, seed, preset)
            totals["seconds"].append(sample.seconds)
            planted = set().union(*law.order) if law.order else set()
            noise = [one for one in sample.found.columns if not planted & set(one.columns)]
            totals["noise"] += [not one.is_sure for one in noise]
            totals["sure"] += [one.is_sure for one in sample.found.columns if planted & set(one.columns)]
            totals["order"].append(ranks_right(sample))
            totals["shape"] += shape_errors(sample)
            if law.order:
                contribution_errors(sample, totals)
            if permutation_importance is not None and law.order:
                totals["sklearn"].append(of_sklearn(sample))
        print(f"{name}: {n_samples} samples, importance in {np.mean(totals['seconds']):.2f} s", flush=True)
        print(f"  {np.mean(totals['noise']):6.1%} of {len(totals['noise'])} noise columns without sure effect")
        if not law.order:
            continue
        print(f"  {np.mean(totals['order']):6.1%} of samples with all planted columns in order, above noise")
        print(f"  {np.mean(totals['sure']):6.1%} of {len(totals['sure'])} planted columns or groups with a sure effect")
        if totals["shape"]:
            print(f"  {np.median(totals['shape']):6.1%} median, {max(totals['shape']):.1%} largest error of effects")
        errors = np.asarray(totals["contribution"])
        print(f"  {np.mean(errors <= 0.05):6.1%} of {len(errors)} rows with contributions within 5 % of exact ones;")
        print(f"          median error {np.median(errors):.1%}, largest {errors.max():.1%}")
        print(f"  {np.mean(totals['held']):6.1%} of contributions within their stated error (95 %)")
        print(f"  {max(totals['sum']):.0e} the largest difference of mean plus contributions from the answer")
        if totals["sklearn"]:
            print(f"  {min(totals['sklearn']):.4f} the least correlation with scikit-learn's permutation_importance")
        if totals["shap"]:
            print(f"  {max(totals['shap']):.1e} the largest difference of exact contributions from shap's")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10, sys.argv[2] if len(sys.argv) > 2 else "classic", sys.argv[3:])

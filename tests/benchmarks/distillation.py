"""What a distilled model loses, and what it saves: a line a table, then geometric means over tables.

    python tests/benchmarks/distillation.py [FOLDER] [SPLITS] [HIDDEN]

Error (of classes, or RMSE) and log-loss of the distilled model over those of the model, on the same held-out rows; its
parameters, and its processor time a row from cells to answers and in the networks alone, as shares of the model's.
"""

from __future__ import annotations

import sys

import numpy as np
import suite  # before NumPy is imported: one thread
from suite import OFFSET, Case, geometric_mean

from mlpcli.config.settings import Config
from mlpcli.data.frame import as_table
from mlpcli.engine.network import PREDICT_ROWS
from mlpcli.model.assemble import assemble
from mlpcli.model.trained import TrainedModel
from mlpcli.studies.distill import MEASURED_ROWS, plan, seconds, speed_of
from mlpcli.training.events import History
from mlpcli.training.prepare import prepare

NAMES = ("error", "log-loss", "parameters", "time a row", "time in networks")


def ratios(case: Case, number: int, hidden: tuple[int, ...] | None) -> list[float]:
    """Of NAMES: distilled over undistilled."""
    fit, test = case.split(number)
    task = "regression" if case.is_regression else "classification"
    with suite.written(fit) as path:
        prepared = prepare(path, Config(target=case.target, test="0", task=task))
        large = assemble(prepared, History.of(prepared.events()))
        study = plan(large, hidden, path)
        small = study.assemble(History.of(study.events()))
    frame = as_table(test.iloc[np.resize(np.arange(len(test)), MEASURED_ROWS)], large.schema)
    x = large.schema.encode(frame)[:PREDICT_ROWS]
    found = []
    for model in (small, large):
        error, log_loss = errors(model, case, test)
        speed = speed_of(model, frame)
        of_networks = seconds(lambda model=model: model.combined(x))
        found.append([error + OFFSET, log_loss, speed.n_parameters, 1 / speed.rows_per_second, of_networks])
    return list(np.divide(*found))


def errors(model: TrainedModel, case: Case, test: suite.pd.DataFrame) -> tuple[float, float]:
    """Share of wrong labels and log-loss, or RMSE over the target's deviation and nan."""
    outputs = model.outputs_of(test)
    if case.is_regression:
        truth = test[case.target].astype(float).to_numpy()
        return float(np.sqrt(np.mean((outputs - truth) ** 2)) / np.std(truth)), float("nan")
    truth = test[case.target].map({label: i for i, label in enumerate(model.labels)}).to_numpy()
    log_loss = -np.log(np.clip(outputs[np.arange(len(truth)), truth], 1e-7, 1)).mean()
    return float((outputs.argmax(axis=1) != truth).mean()), float(log_loss)


def main(folder: str | None = None, splits: str = "1", hidden: str | None = None) -> None:
    layers = None if hidden is None else tuple(int(n) for n in hidden.split(",") if n)
    print(f"{'table':20}", *NAMES, sep="\t")
    found = []
    for case in suite.tables(folder):
        for number in range(int(splits)):
            found.append(ratios(case, number, layers))
            print(f"{case.name:20}", *(f"{r:.3f}" for r in found[-1]), sep="\t", flush=True)
    print(f"{'geometric mean':20}", *(f"{geometric_mean(column):.3f}" for column in np.transpose(found)), sep="\t")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Accuracy on held-out rows of the sample tables, mean over seeds 0-9: python tests/benchmarks/seeds.py"""

from __future__ import annotations

import os
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

import mlpcli
from mlpcli.config.settings import Config
from mlpcli.evaluation.evaluate import evaluate_dataset
from mlpcli.model.assemble import assemble
from mlpcli.training.events import History
from mlpcli.training.prepare import prepare

FOLDER = Path(mlpcli.__file__).parents[1] / "sample_data"

for name in ("iris", "penguins", "wine", "xor", "spirals", "cafe_utf8"):
    found = []
    for seed in range(10):
        prepared = prepare(str(FOLDER / f"{name}.csv"), Config(seed=seed))
        model = assemble(prepared, History.of(prepared.events()))
        found.append(evaluate_dataset(model, prepared.dataset, linear=False).metrics["test"]["accuracy"].value)
    print(f"{name:10s} accuracy on test rows {np.mean(found):.4f} (lowest {min(found):.4f})")

"""Rows that are answered on several threads: what one thread answers, to the bit."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError

import numpy as np
import pandas as pd
import pytest

import mlpcli
from mlpcli.config.settings import ReadOptions
from mlpcli.model.crew import Crew
from mlpcli.model.prediction import Predictor
from mlpcli.training.ensemble import Ensemble

MODELS = {
    "classes": {"ensemble": 3},
    "numbers": {"ensemble": 2, "target": "x0", "task": "regression"},
    "kinds": {"ensemble": 2, "kinds": ("mlp", "linear"), "normalization": "batch", "dropout": 0.1},
    "layer norm, float64": {"ensemble": 2, "normalization": "layer", "dtype": "float64"},
    "one network": {"ensemble": 1},
}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """4,000 rows of numbers that see different cuts, and a category of many levels."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((4000, 4)).round(3)).add_prefix("x")
    frame["level"] = [f"l{i}" for i in rng.integers(0, 90, 4000)]
    return frame.assign(y=np.where(frame.x0 * frame.x1 > 0.2, "yes", "no"))


@pytest.mark.parametrize("name", MODELS)
def test_twins_on_threads_answer_to_the_bit_as_the_model_does(name, table):
    model = mlpcli.fit(table, **({"target": "y", "epochs": 2, "hidden": (16, 16)} | MODELS[name]))
    frame = model.table_of(table)
    with Crew(model, 3) as crew:
        parts = [frame.iloc[i : i + 500 + 37 * i % 900] for i in range(0, 3000, 250)]
        found = [outputs.result() for outputs in [crew.outputs(part) for part in parts]]
    for part, outputs in zip(parts, found, strict=True):
        assert np.array_equal(outputs, model.outputs(part))


def test_networks_of_a_twin_have_no_weights_but_the_models_and_work_in_the_same_arrays(table):
    model = mlpcli.fit(table, target="y", epochs=1, hidden=(16,), ensemble=3)
    model.outputs(model.table_of(table.head(9)))
    first, *others = model.ensemble.twin().lead
    for network, own in zip([first, *others], model.lead, strict=True):
        assert network.params is own.params
        assert network.layers[-2].out is first.layers[-2].out
        assert not np.shares_memory(network.layers[-2].out, own.layers[-2].out)
    assert model.lead[0].layers[-2].out is not model.lead[1].layers[-2].out


def test_who_leaves_waits_for_no_more_than_the_blocks_under_way(table, monkeypatch):
    model, n_asked = mlpcli.fit(table, target="y", epochs=1, hidden=(16,), ensemble=2), 0
    outputs = Ensemble.outputs

    def slow(self, x):
        nonlocal n_asked
        n_asked += 1
        time.sleep(0.2)
        return outputs(self, x)

    monkeypatch.setattr(Ensemble, "outputs", slow)
    with Crew(model, 1) as crew:
        first, second = (crew.outputs(model.table_of(table)) for _ in range(2))
        while not n_asked:
            time.sleep(0.01)
    assert n_asked == 1
    with pytest.raises(CancelledError):
        first.result()
    assert second.cancelled()


def test_who_leaves_leaves_no_thread(table, tmp_path):
    model = mlpcli.fit(table, target="y", epochs=1, hidden=(16,), ensemble=2)
    before, text = threading.active_count(), table.to_csv(index=False).encode()
    parts = [text[i : i + 2000] for i in range(0, len(text), 2000)]
    lines = Predictor(model, jobs=2).predict(iter(parts), "t.csv", ReadOptions())
    assert next(lines).startswith(b"prediction\n")
    lines.close()
    end = time.monotonic() + 20
    while threading.active_count() > before:
        assert time.monotonic() < end
        time.sleep(0.02)

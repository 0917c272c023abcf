"""Two thousand columns and a thousand classes train in memory that grows with the table, not with its square."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest

from mlpcli.config.settings import Config
from mlpcli.model.assemble import assemble
from mlpcli.training.events import History
from mlpcli.training.prepare import prepare

MB = 2**20


def peak(path: str, config: Config) -> tuple[float, int, float]:
    """Most memory in MB while training, inputs of the network, accuracy on validation rows."""
    tracemalloc.start()
    try:
        prepared = prepare(path, config)
        model = assemble(prepared, History.of(prepared.events()))
        most = tracemalloc.get_traced_memory()[1] / MB
    finally:
        tracemalloc.stop()
    return most, prepared.schema.n_inputs, model.record.validation["accuracy"]


@pytest.mark.slow
def test_Z02_two_thousand_columns(tmp_path):
    rng = np.random.default_rng(0)
    x, common = rng.standard_normal((250, 2000)), rng.standard_normal(250)
    x[:, :200] += common[:, None]
    frame = pd.DataFrame(x.round(3), columns=[f"c{i}" for i in range(2000)])
    frame["y"] = np.where(common > 0, "a", "b")
    frame.to_csv(tmp_path / "wide.csv", index=False)
    most, n_inputs, accuracy = peak(str(tmp_path / "wide.csv"), Config(epochs=4, test="0", ensemble=3))
    assert n_inputs == 2000  # piecewise-linear encoding would multiply them
    assert accuracy > 0.8
    # The table as text, as numbers and as inputs, with the weights and moments of the networks.
    assert most < 150


@pytest.mark.slow
def test_a_thousand_classes(tmp_path):
    rng = np.random.default_rng(0)
    k = np.repeat(np.arange(1000), 4)
    x = (3 * rng.standard_normal((1000, 6)))[k] + 0.2 * rng.standard_normal((4000, 6))
    frame = pd.DataFrame(x.round(3), columns=list("abcdef"))
    frame["y"] = [f"k{i}" for i in k]
    frame.to_csv(tmp_path / "many.csv", index=False)
    most, _, accuracy = peak(str(tmp_path / "many.csv"), Config(epochs=6, test="0", ensemble=2))
    assert accuracy > 0.3  # 0.001 by chance
    assert most < 500  # a few matrices of rows by classes

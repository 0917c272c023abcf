from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mlpcli.engine.losses import LOSSES
from mlpcli.engine.network import mlp
from mlpcli.engine.optimizers import OPTIMIZERS

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


def test_the_golden_runs_cover_every_optimizer():
    assert list(GOLDEN["runs"]) == list(OPTIMIZERS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_ten_steps_give_the_losses_and_parameters_of_pytorch(name):
    x, y = np.array(GOLDEN["x"]), np.array(GOLDEN["y"])
    network = mlp(4, 3, rng=np.random.default_rng(0), hidden=(5,), activation="tanh", dtype=np.float64)
    network.params[:] = np.concatenate(GOLDEN["start"])
    optimizer, loss = OPTIMIZERS[name](len(network.params), np.float64), LOSSES["cross_entropy"]()
    grad, losses = np.empty((len(x), 3)), []
    for _ in range(10):
        losses.append(loss.value_and_grad(network.forward(x, training=True), y, None, grad))
        network.backward(grad)
        optimizer.step(network.params, network.grads, GOLDEN["lr"])
    assert losses == pytest.approx(GOLDEN["runs"][name]["losses"], rel=1e-9)
    assert network.params == pytest.approx(np.array(GOLDEN["runs"][name]["params"]), rel=1e-7, abs=1e-9)

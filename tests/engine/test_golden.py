"""Ten steps of training repeat PyTorch's to 1e-9; golden.json is made by make_golden.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mlpcli.config.settings import Config
from mlpcli.engine.activations import ACTIVATIONS
from mlpcli.engine.layers import NORMALIZATIONS
from mlpcli.engine.losses import LOSSES
from mlpcli.engine.network import Architecture, mlp
from mlpcli.engine.optimizers import OPTIMIZERS
from mlpcli.training.events import History
from mlpcli.training.loop import Member, Rows, train

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))
JUDGED_BY_SCIKIT_LEARN = {"poisson", "quantile"}  # training/test_linear.py
KNOBS = ("optimizer", "loss", "normalization", "l2", "clip_norm", "label_smoothing")


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda c: "-".join(str(c[k]) for k in KNOBS))
def test_ten_steps_repeat_pytorch(case):
    n, n_inputs = np.shape(case["x"])
    net = mlp(
        n_inputs,
        case["n_outputs"],
        Architecture(hidden=(4,), activation="tanh", normalization=case["normalization"]),
        rng=np.random.default_rng(0),
        dtype=np.float64,
    )
    net.params[:] = case["start"]
    config = Config(
        optimizer=case["optimizer"],
        parametrization="standard",
        schedule="constant",
        lr=GOLDEN["lr"],
        beta2=0.999,
        batch_size="full",
        epochs=len(case["losses"]),
        l2=case["l2"],
        clip_norm=case["clip_norm"],
    ).resolve("classification")
    rows = Rows(np.array(case["x"]), np.array(case["y"]), None, np.arange(n))
    loss = LOSSES[case["loss"]](case["label_smoothing"])
    history = History.of(train([Member(net, rows, None, np.random.default_rng(0))], loss, config))

    np.testing.assert_allclose(net.params, case["end"], rtol=1e-9, atol=1e-11)
    if case["normalization"] != "batch":  # measured by running statistics, which PyTorch corrects for size
        np.testing.assert_allclose(history.train_loss, case["losses"], rtol=1e-9)


def test_every_optimizer_loss_and_normalization_has_a_golden_case():
    assert {case["optimizer"] for case in GOLDEN["cases"]} == set(OPTIMIZERS)
    assert {case["loss"] for case in GOLDEN["cases"]} == set(LOSSES) - JUDGED_BY_SCIKIT_LEARN
    assert {case["normalization"] for case in GOLDEN["cases"]} == {"none", *NORMALIZATIONS}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_equal_pytorchs(name):
    z = np.array(GOLDEN["activations"]["z"])
    out, kept = np.empty_like(z), np.empty_like(z)
    ACTIVATIONS[name].forward(z, out, kept)
    np.testing.assert_allclose(out, GOLDEN["activations"][name], rtol=1e-12, atol=1e-14)

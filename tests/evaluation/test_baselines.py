"""Baselines are of the model's loss: the best constant for the rows that networks are fitted on, and a linear model."""

from __future__ import annotations

import numpy as np
import pytest
from samples import SAMPLES

from mlpcli.config.settings import Config
from mlpcli.engine.losses import Huber
from mlpcli.evaluation.baselines import constant_outputs, fit_linear, loss_ratio
from mlpcli.evaluation.evaluate import evaluate_dataset
from mlpcli.model.assemble import assemble
from mlpcli.training.events import History
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import prepare


def trained(**settings):
    prepared = prepare(str(SAMPLES / "diabetes.csv"), Config(preset="classic", epochs=2, **settings))
    return prepared, assemble(prepared, History.of(prepared.events()))


@pytest.mark.parametrize(
    ("loss", "name", "best"), [("squared_error", "mean", np.mean), ("absolute_error", "median", np.median)]
)
def test_the_constant_answer_is_that_of_the_loss(loss, name, best):
    prepared, model = trained(loss=loss)
    fitted = prepared.schema.target.in_units(prepared.encoded.y[prepared.members[0].train.index])
    assert constant_outputs(model, 3) == pytest.approx([best(fitted)] * 3, rel=1e-6)
    found = evaluate_dataset(model, prepared.dataset, linear=False)
    assert found.baselines[name]["mae"] == pytest.approx(np.abs(found.y - best(fitted)).mean(), rel=1e-6)


def test_the_linear_model_descends_on_the_same_loss():
    prepared, model = trained(loss="huber")
    found = fit_linear(prepared.dataset, model.config)
    assert type(found.ensemble.loss) is type(build_loss(model.config)) is Huber
    frame = prepared.dataset.frame
    answers, released = found.outputs(frame, lambda: None), []
    assert len(answers) == len(frame)
    assert found.outputs(frame.iloc[5:7], lambda: released.append(1)) == pytest.approx(answers[5:7], rel=1e-5)
    assert released


def test_a_model_as_good_as_the_linear_one_has_no_advantage_and_a_perfect_one_all_that_is_left():
    _, model = trained()
    truth = np.linspace(50, 300, 80)
    theirs = truth + 20 * np.sin(np.arange(80))
    assert loss_ratio(model, truth, theirs, theirs).value == 0
    constant = np.mean((truth - model.record.constant[0]) ** 2)
    expected = np.mean((theirs - truth) ** 2) / (constant - np.mean((theirs - truth) ** 2))
    assert loss_ratio(model, truth, truth, theirs).value == pytest.approx(expected)

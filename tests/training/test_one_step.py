"""One step with its numbers: each is checked against formulas of its own, and each gradient by central differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from samples import SAMPLES

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data.dataset import DataSet
from mlpcli.errors import UsageError
from mlpcli.files.jsonable import from_json, to_json
from mlpcli.training.one_step import OneStep, one_step, small

EPSILON = 1e-5
ACTIVATIONS = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0), "sigmoid": lambda z: 1 / (1 + np.exp(-z))}


def step_of(name, row=3, **settings):
    config = small(Config(**settings))
    return one_step(DataSet.read(str(SAMPLES / name), config, ReadOptions()), config, row)


def forward(step, weights, biases):
    """Sums of each layer and outputs of the hidden ones, from the inputs of the row, in float64."""
    out, sums, outputs = np.array(step.layers[0].inputs), [], []
    for layer, w, b in zip(step.layers, weights, biases, strict=True):
        sums.append(w @ out + b)
        out = ACTIVATIONS[layer.activation](sums[-1]) if layer.activation else sums[-1]
        outputs.append(out)
    return sums, outputs


def loss_of(step, z):
    y = step.true_output
    if step.loss == "cross_entropy":
        return float(np.log(np.exp(z).sum()) - z[int(y)])
    if step.loss == "binary_cross_entropy":
        return float(np.log1p(np.exp(-z[0])) if y else np.log1p(np.exp(z[0])))
    return 0.5 * float(z[0] - y) ** 2


def parameters(step, after=False):
    names = ("weights_after", "biases_after") if after else ("weights", "biases")
    return tuple([np.array(getattr(layer, name)) for layer in step.layers] for name in names)


CASES = {
    "xor": ("xor.csv", {}),
    "relu": ("xor.csv", {"activation": "relu", "hidden": (3,), "seed": 2}),
    "two hidden layers": ("iris.csv", {"activation": "sigmoid", "hidden": (3, 2), "lr": 0.5}),
    "no hidden layer": ("iris.csv", {"hidden": ()}),
    "one logit": ("xor.csv", {"loss": "binary_cross_entropy"}),
    "numbers": ("diabetes.csv", {"drop": ("s1", "s2", "s3")}),
    "categories": ("penguins.csv", {}),
}


@pytest.fixture(scope="module", params=CASES)
def step(request):
    name, settings = CASES[request.param]
    return step_of(name, **settings)


def test_sums_outputs_and_loss_are_those_of_the_formulas(step):
    sums, outputs = forward(step, *parameters(step))
    for layer, z, out in zip(step.layers, sums, outputs, strict=True):
        assert layer.sums == pytest.approx(z, rel=1e-4, abs=1e-5)
        if layer.activation:
            assert layer.outputs == pytest.approx(out, rel=1e-4, abs=1e-5)
    assert step.loss_before == pytest.approx(loss_of(step, sums[-1]), rel=1e-4)
    after, _ = forward(step, *parameters(step, after=True))
    assert step.loss_after == pytest.approx(loss_of(step, after[-1]), rel=1e-3, abs=1e-5)
    if step.labels and len(step.layers[-1].sums) > 1:
        p = np.exp(sums[-1]) / np.exp(sums[-1]).sum()
        assert step.layers[-1].outputs == pytest.approx(p, rel=1e-4)


def test_each_gradient_is_that_of_central_differences(step):
    weights, biases = parameters(step)
    told = ([np.array(x.weight_gradients) for x in step.layers], [np.array(x.sum_gradients) for x in step.layers])
    for arrays, gradients in zip((weights, biases), told, strict=True):
        for array, gradient in zip(arrays, gradients, strict=True):
            for at in np.ndindex(array.shape):
                value, found = array[at], []
                for shift in (EPSILON, -EPSILON):
                    array[at] = value + shift
                    found.append(loss_of(step, forward(step, weights, biases)[0][-1]))
                array[at] = value
                assert gradient[at] == pytest.approx((found[0] - found[1]) / (2 * EPSILON), rel=2e-3, abs=1e-5)


def test_gradients_of_hidden_outputs_lead_to_those_of_the_sums(step):
    for layer in step.layers[:-1]:
        for z, back, gradient in zip(layer.sums, layer.output_gradients, layer.sum_gradients, strict=True):
            f = ACTIVATIONS[layer.activation]
            slope = (f(np.float64(z + EPSILON)) - f(np.float64(z - EPSILON))) / (2 * EPSILON)
            assert gradient == pytest.approx(back * slope, rel=2e-3, abs=1e-5)


def test_weights_go_down_the_gradient_and_the_loss_of_the_row_falls(step):
    assert step.is_plain
    assert step.loss_after < step.loss_before
    for layer in step.layers:
        moved = np.array(layer.weights) - step.lr * np.array(layer.weight_gradients)
        assert np.array(layer.weights_after) == pytest.approx(moved, rel=1e-4, abs=1e-6)
        biases = np.array(layer.biases) - step.lr * np.array(layer.sum_gradients)
        assert np.array(layer.biases_after) == pytest.approx(biases, rel=1e-4, abs=1e-6)


def test_a_step_has_a_json_form(step):
    assert from_json(OneStep, to_json(step)) == step


def test_another_optimiser_or_a_penalty_is_no_plain_step():
    assert not step_of("xor.csv", optimizer="adam").is_plain
    assert not step_of("xor.csv", l2=0.1).is_plain


def test_a_row_is_told_with_its_line_and_its_inputs_with_their_levels():
    step = step_of("penguins.csv", row=5)
    assert (step.row, step.line) == (5, 6)
    assert step.cells["island"] == "Torgersen"
    assert "island=Torgersen" in step.inputs
    assert len(step.inputs) == len(step.layers[0].inputs)


def test_a_row_without_a_target_is_refused(tmp_path):
    (tmp_path / "d.csv").write_text("a,y\n" + "".join(f"{i % 7},{'' if i == 2 else i % 5 * 1.5}\n" for i in range(60)))
    config = small(Config())
    dataset = DataSet.read(str(tmp_path / "d.csv"), config, ReadOptions())
    assert one_step(dataset, config, 4).truth == "4.5"
    for number, message in ((3, "row 3 has no target"), (0, "no row 0"), (61, "no row 61: it has 60 rows")):
        with pytest.raises(UsageError, match=message):
            one_step(dataset, config, number)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "fast"}, "--preset fast"), ({"dropout": 0.5}, "--dropout"), ({"normalization": "batch"}, "without"),
        ({"hidden": (40, 40)}, "at most 200"), ({"embed_numbers": "ple"}, "--embed-numbers"),
    ],
)  # fmt: skip
def test_a_network_that_no_hand_could_follow_is_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        step_of("xor.csv", **settings)


def test_what_was_asked_for_is_kept():
    asked = small(Config(hidden=(), activation="relu", l2=0.1, ensemble=7))
    assert (asked.hidden, asked.activation, asked.l2, asked.ensemble) == ((), "relu", 0.1, 1)
    assert replace(small(Config()), seed=3) == small(Config(seed=3))

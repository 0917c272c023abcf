"""One step of a small network with its numbers: the row, each layer forward and back, the loss, the weights after."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from mlpcli.reporter.grid import Grid
from mlpcli.reporter.text import safe
from mlpcli.training.one_step import LayerStep, OneStep

FORMULAS = {  # of the loss of one row; y is the truth, z the output's sum, p the answer
    "cross_entropy": "-log p of the true class",
    "binary_cross_entropy": "-log p of the true class",
    "squared_error": "(z - y)^2 / 2",
    "absolute_error": "|z - y|",
    "huber": "(z - y)^2 / 2, or |z - y| - 1/2 from 1 on",
    "poisson": "exp(z) - y z + y log y - y",
    "quantile": "|z - y|, weighed by the quantile",
}


def number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1e3 else f"{value:.4g}"


def step_view(step: OneStep) -> Iterator[RenderableType]:
    """All of a step, for XOR in one screen."""
    cells = "  ".join(f"{safe(name, 24)} {safe(cell, 24)}" for name, cell in step.cells.items())
    yield f"{step.data}, line {step.line}: {cells}  ->  {safe(step.target, 24)} {safe(step.truth, 24)}"
    before = [safe(name, 24) for name in step.inputs]
    for place, layer in enumerate(step.layers, 1):
        yield layer_table(step, layer, f"layer {place}", before)
        before = [f"h{place}.{unit}" for unit in range(1, len(layer.sums) + 1)]
    truth = "" if step.labels else f", y = {number(step.true_output)}"
    yield (
        f"loss: {step.loss}, {FORMULAS[step.loss]}{truth}: {number(step.loss_before)}; "
        f"after the step {number(step.loss_after)}"
    )
    formula = f"weight - {step.lr:g} x gradient" if step.is_plain else f"one step of {step.optimizer}, --lr {step.lr:g}"
    yield f"gradient: of the loss by the number above it; after: {formula}"


def layer_table(step: OneStep, layer: LayerStep, name: str, inputs: list[str]) -> Grid:
    """Three lines for each unit: its numbers, the gradient of the loss by each of them, and its weights after."""
    is_output, answer = not layer.activation, "probability" if step.labels else "answer"
    # One output for two classes: its sum says how much more probable the second one is.
    units = (
        [safe(label, 12) for label in step.labels[-len(layer.sums) :]]
        if is_output and step.labels
        else [f"{name[-1]}.{unit}" for unit in range(1, len(layer.sums) + 1)]
    )
    rows = [("input", *map(number, layer.inputs), "", "", "")]
    outputs = layer.outputs[-len(layer.sums) :]
    for i, unit in enumerate(units):
        back = "" if layer.output_gradients is None else number(layer.output_gradients[i])
        rows += [
            (f"{unit} weight", *map(number, layer.weights[i]), number(layer.biases[i]), number(layer.sums[i]),
             number(outputs[i])),
            ("  gradient", *map(number, layer.weight_gradients[i]), *[number(layer.sum_gradients[i])] * 2, back),
            ("  after", *map(number, layer.weights_after[i]), number(layer.biases_after[i]), "", ""),
        ]  # fmt: skip
    title = f"{name}, {answer}" if is_output else f"{name}, {layer.activation}"
    return Grid([title, *inputs, "bias", "sum", answer if is_output else layer.activation], rows)

"""Networks in float32, as in the model; what they say together in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mlpcli.engine.activations import GELU_C, GELU_CUBIC, LEAK, MISH_LINEAR, SELU_ALPHA, SELU_SCALE
from mlpcli.engine.losses import MAX_LOG_RATE
from mlpcli.export.onnx.graph import Graph
from mlpcli.export.onnx.inputs import looked_up
from mlpcli.export.program import Activation, Affine, Interval, Linear, Net, Program, Standardise

Function = Callable[[str, Graph], str]


def single(graph: Graph, value: float) -> str:
    return graph.constant(value, np.float32)


def above(z: str, g: Graph) -> str:
    return g.op("Max", z, single(g, 0))


def expm1_below(z: str, g: Graph) -> str:
    return g.op("Sub", g.op("Exp", g.op("Min", z, single(g, 0))), single(g, 1))


def elu(z: str, g: Graph) -> str:
    return g.op("Add", above(z, g), expm1_below(z, g))


def selu(z: str, g: Graph) -> str:
    below = g.op("Mul", expm1_below(z, g), single(g, SELU_ALPHA))
    return g.op("Mul", g.op("Add", above(z, g), below), single(g, SELU_SCALE))


def gelu(z: str, g: Graph) -> str:
    cubic = g.op("Mul", g.op("Mul", z, z), single(g, GELU_C * GELU_CUBIC))
    inner = g.op("Mul", g.op("Add", cubic, single(g, GELU_C)), z)
    return g.op("Mul", g.op("Mul", g.op("Add", g.op("Tanh", inner), single(g, 1)), z), single(g, 0.5))


def mish(z: str, g: Graph) -> str:
    w = g.op("Add", g.op("Exp", g.op("Min", z, single(g, MISH_LINEAR))), single(g, 1))
    share = g.op("Div", single(g, -2), g.op("Add", g.op("Mul", w, w), single(g, 1)))
    return g.op("Mul", g.op("Add", share, single(g, 1)), z)


def softplus(z: str, g: Graph) -> str:
    small = g.op("Exp", g.op("Neg", g.op("Abs", z)))
    return g.op("Add", above(z, g), g.op("Log", g.op("Add", small, single(g, 1))))


ACTIVATIONS: Mapping[str, Function] = {
    "identity": lambda z, g: z,
    "sigmoid": lambda z, g: g.op("Sigmoid", z),
    "tanh": lambda z, g: g.op("Tanh", z),
    "relu": above,
    "leaky_relu": lambda z, g: g.op("Max", z, g.op("Mul", z, single(g, LEAK))),
    "elu": elu,
    "selu": selu,
    "gelu": gelu,
    "silu": lambda z, g: g.op("Mul", z, g.op("Sigmoid", z)),
    "mish": mish,
    "softplus": softplus,
}


def logits_of(net: Net, inputs: str, levels: Mapping[int, str], graph: Graph) -> str:
    """Inputs (n, n_inputs), numbers of levels by place -> logits (n, n_outputs)"""
    vectors = [looked_up(np.asarray(table.vectors, np.float32), levels[table.place], graph) for table in net.tables]
    x = graph.columns(inputs, net.inputs)
    if vectors:
        x = graph.op("Concat", x, *vectors, axis=1)
    for step in net.steps:
        match step:
            case Linear(weights, bias):
                product = graph.op("MatMul", x, graph.constant(weights, np.float32))
                x = graph.op("Add", product, graph.constant(bias, np.float32))
            case Affine(scale, shift):
                x = graph.op("Mul", x, graph.constant(scale, np.float32))
                x = graph.op("Add", x, graph.constant(shift, np.float32))
            case Standardise():
                x = standardised(step, x, graph)
            case Activation(name):
                x = ACTIVATIONS[name](x, graph)
    return x


def standardised(step: Standardise, x: str, graph: Graph) -> str:
    centred = graph.op("Sub", x, graph.op("ReduceMean", x, axes=[1], keepdims=1))
    variance = graph.op("ReduceMean", graph.op("Mul", centred, centred), axes=[1], keepdims=1)
    root = graph.op("Sqrt", graph.op("Add", variance, single(graph, step.epsilon)))
    scaled = graph.op("Mul", graph.op("Div", centred, root), graph.constant(step.scale, np.float32))
    return graph.op("Add", scaled, graph.constant(step.shift, np.float32))


# --- what they say together -------------------------------------------------------------------------------


def sigmoid(z: str, g: Graph) -> str:
    p = g.op("Sigmoid", z)
    return g.op("Concat", g.op("Sub", g.constant(1.0), p), p, axis=1)


LINKS: Mapping[str, Function] = {
    "softmax": lambda z, g: g.op("Softmax", z, axis=1),
    "sigmoid": sigmoid,
    "identity": lambda z, g: z,
    "exp": lambda z, g: g.op("Exp", g.between(-MAX_LOG_RATE, z, MAX_LOG_RATE)),
}


def mean_of(program: Program, inputs: str, levels: Mapping[int, str], graph: Graph) -> str:
    """(n, n_classes) probabilities, or (n, 1) values in the unit of the networks"""
    shares = []
    for part in program.parts:
        for net in part.nets:
            logits = graph.numbers(logits_of(net, inputs, levels, graph), True)
            outputs = LINKS[program.link](graph.op("Div", logits, graph.constant(part.temperature)), graph)
            shares.append(graph.op("Mul", outputs, graph.constant(part.weight / len(part.nets))))
    return graph.op("Sum", *shares)


def answers_of(program: Program, mean: str, inputs: str, graph: Graph) -> list[str]:
    """Names of values (n,), in the order of `Program.names`."""
    if program.labels:
        shares = [graph.op("Gather", mean, graph.constant(j, np.int64), axis=1) for j in range(len(program.labels))]
        best = graph.op("Gather", graph.texts(program.labels), decision(program, mean, shares, graph))
        return [best, *shares]
    value = graph.op("Add", graph.op("Mul", mean, graph.constant(program.std)), graph.constant(program.mean))
    value = graph.between(program.low, value, program.high)
    found = [value, *(ends_of(program, program.interval, value, inputs, graph) if program.interval else ())]
    return [graph.op("Squeeze", one, graph.constant([1], np.int64)) for one in found]


def decision(program: Program, mean: str, shares: list[str], graph: Graph) -> str:
    """(n,) numbers of classes"""
    if program.threshold is not None:
        return graph.whole(graph.op("GreaterOrEqual", shares[1], graph.constant(program.threshold)))
    if program.costs:
        return graph.op("ArgMin", graph.op("MatMul", mean, graph.constant(program.costs)), axis=1, keepdims=0)
    return graph.op("ArgMax", mean, axis=1, keepdims=0)


def ends_of(program: Program, interval: Interval, value: str, inputs: str, graph: Graph) -> tuple[str, str]:
    """(n, 1) low and high"""
    standard = graph.op("Div", graph.op("Sub", value, graph.constant(program.mean)), graph.constant(program.std))
    logs = graph.op("Add", graph.op("Mul", value, graph.constant(0.0)), graph.constant(interval.base))
    if interval.steps:
        all_inputs = graph.op("Concat", graph.numbers(inputs, True), standard, axis=1)
        places = [place if place >= 0 else program.n_inputs for place, _, _, _ in interval.steps]
        cuts, below, above = ([[step[i] for step in interval.steps]] for i in (1, 2, 3))
        is_below = graph.op("LessOrEqual", graph.columns(all_inputs, places), graph.constant(cuts))
        each = graph.op("Where", is_below, graph.constant(below), graph.constant(above))
        logs = graph.op("Add", logs, graph.op("ReduceSum", each, graph.constant([1], np.int64), keepdims=1))
    size = graph.op("Exp", graph.between(-interval.max_log, logs, interval.max_log))
    half = graph.op("Mul", size, graph.constant(interval.factor))
    low, high = (
        graph.op("Max", graph.op(sign, value, half), graph.constant(interval.lowest)) for sign in ("Sub", "Add")
    )
    return low, high

"""Networks, and what they say together: columns p0, p1, ... of probabilities, or p0 of the number."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mlpcli.engine.activations import GELU_C, GELU_CUBIC, LEAK, MISH_LINEAR, SELU_ALPHA, SELU_SCALE
from mlpcli.engine.arrays import Array
from mlpcli.engine.losses import MAX_LOG_RATE
from mlpcli.export.program import Activation, Affine, Interval, Linear, Net, Program, Standardise, Step
from mlpcli.export.sql.chain import Chain
from mlpcli.export.sql.engines import Engine, bracketed, cases, literal

Function = Callable[[str, Engine], str]


def elu(z: str, e: Engine) -> str:
    return f"CASE WHEN {z} > 0 THEN {z} ELSE {e.exp(z)} - 1 END"


def selu(z: str, e: Engine) -> str:
    below = f"{e.number(SELU_ALPHA)} * ({e.exp(z)} - 1)"
    return f"{e.number(SELU_SCALE)} * CASE WHEN {z} > 0 THEN {z} ELSE {below} END"


def gelu(z: str, e: Engine) -> str:
    # (1 + tanh u) / 2 = 1 - 1 / (1 + exp(2 u))
    u = f"{e.number(2 * GELU_C)} * {z} * (1 + {e.number(GELU_CUBIC)} * {z} * {z})"
    return f"{z} * (1 - 1 / (1 + {e.exp(u)}))"


def mish(z: str, e: Engine) -> str:
    w = f"(1 + {e.exp(f'{e.least}({z}, {e.number(MISH_LINEAR)})')})"
    return f"{z} * (1 - 2 / ({w} * {w} + 1))"


ACTIVATIONS: Mapping[str, Function] = {
    "identity": lambda z, e: z,
    "sigmoid": lambda z, e: f"1 / (1 + {e.exp(f'-{z}')})",
    "tanh": lambda z, e: f"1 - 2 / (1 + {e.exp(f'2 * {z}')})",
    "relu": lambda z, e: f"{e.greatest}({z}, {e.number(0.0)})",
    "leaky_relu": lambda z, e: f"{e.greatest}({z}, {e.number(LEAK)} * {z})",
    "elu": elu,
    "selu": selu,
    "gelu": gelu,
    "silu": lambda z, e: f"{z} / (1 + {e.exp(f'-{z}')})",
    "mish": mish,
    "softplus": lambda z, e: f"{e.greatest}({z}, {e.number(0.0)}) + ln(1 + {e.exp(f'-abs({z})')})",
}


def add_networks(program: Program, chain: Chain) -> None:
    """All networks, one after another; what each says is added to p0, p1, ..."""
    last = len(list(program.nets)) - 1
    number = 0
    for part in program.parts:
        for net in part.nets:
            logits = add_network(net, chain, of_interest(program) if number == last else None)
            weight = part.weight / len(part.nets)
            LINKS[program.link](logits, part.temperature, weight, number == 0, chain)
            number += 1


def of_interest(program: Program) -> set[str]:
    """The inputs that are needed behind the last network."""
    return {f"x{step[0]}" for step in (program.interval.steps if program.interval else ()) if step[0] >= 0}


def add_network(net: Net, chain: Chain, kept: set[str] | None) -> list[str]:
    """The columns of the logits. `kept`: the inputs that are needed behind this network, None: all."""
    names = [f"x{i}" for i in net.inputs.tolist()]
    join, done, found = "", list[str](), dict[str, str]()
    for k, table in enumerate(net.tables):
        columns = [f"l{k}_{j}" for j in range(table.vectors.shape[1])]
        names += columns
        values = [chain.engine.of_level(column, f"x{table.place}") for column in table.vectors.T.tolist()]
        found |= dict(zip(columns, [value or name for value, name in zip(values, columns, strict=True)], strict=True))
        if None not in values:
            continue
        vectors = f"vectors{len(chain.others)}"
        rows = ", ".join(
            f"({i}, {', '.join(map(chain.engine.number, row))})" for i, row in enumerate(table.vectors.tolist())
        )
        chain.others.append(f"{vectors}(code, {', '.join(columns)}) AS (VALUES {rows})")
        join += f" JOIN {vectors} ON {vectors}.code = x{table.place}"
    if found:
        chain.add(found, join=join)
        done += found
    steps = merged(net.steps)
    for i, step in enumerate(steps):
        if kept is not None and not any(isinstance(later, Linear) for later in steps[:i]) and isinstance(step, Linear):
            done += [name for name in chain.live if name.startswith("x") and name not in kept]
        names = add_step(step, names, done, chain)
        done = []
    return names


def merged(steps: tuple[Step, ...]) -> list[Linear | Standardise | Activation]:
    """The steps with every scale and shift behind a layer in its weights."""
    found: list[Linear | Standardise | Activation] = []
    for step in steps:
        if isinstance(step, Affine):
            before = found.pop()
            assert isinstance(before, Linear)  # a batch is normalised behind a layer
            weights, bias = (np.asarray(a, np.float64) for a in (before.weights, before.bias))
            found.append(Linear(weights * step.scale, bias * step.scale + step.shift))
        else:
            found.append(step)
    return found


def add_step(step: Linear | Standardise | Activation, names: list[str], done: list[str], chain: Chain) -> list[str]:
    """One layer on these columns -> the columns of its outputs"""
    e, own = chain.engine, [name for name in names if name[0] in "hg"]
    if isinstance(step, Linear):
        return add_linear(names, step.weights, step.bias, [*done, *own], chain)
    if isinstance(step, Standardise):
        add_moments(step, names, chain)
        sizes = zip(names, step.scale, step.shift, strict=True)
        new = [f"({z} - m0) * {e.number(a)} / m1 + {e.number(b)}" for z, a, b in sizes]
        done = [*done, "m0", "m1"]
    else:
        new = [ACTIVATIONS[step.name](z, e) for z in names]
    columns = {f"h{j}": expression for j, expression in enumerate(new)}
    chain.add(columns, [*done, *(name for name in own if name not in columns)])
    return list(columns)


def add_linear(names: list[str], weights: Array, bias: Array, done: list[str], chain: Chain) -> list[str]:
    found = chain.engine.products(names, weights, bias, f"weights{len(chain.others)}")
    if found.table:
        chain.others.append(found.table)
    if found.first:
        chain.add(found.first, done)
        done = list(found.first)
    columns = {f"h{j}": expression for j, expression in enumerate(found.sums)}
    chain.add(columns, [name for name in done if name not in columns], found.join)
    return list(columns)


def add_moments(step: Standardise, names: list[str], chain: Chain) -> None:
    """m0, the mean over the units, and m1, their standard deviation."""
    e, n = chain.engine, chain.engine.number(len(names))
    chain.add({"m0": f"({bracketed('+', names)}) / {n}"})
    squares = bracketed("+", [f"({z} - m0) * ({z} - m0)" for z in names])
    chain.add({"m1": f"sqrt(({squares}) / {n} + {e.number(step.epsilon)})"})


# --- what they say together -------------------------------------------------------------------------------


def summed(values: list[str], weight: float, is_first: bool, engine: Engine) -> dict[str, str]:
    """p0, p1, ... with one more network's share."""
    before = [""] * len(values) if is_first else [f"p{j} + " for j in range(len(values))]
    return {f"p{j}": f"{b}{engine.number(weight)} * ({v})" for j, (b, v) in enumerate(zip(before, values, strict=True))}


def softmax(logits: list[str], temperature: float, weight: float, is_first: bool, chain: Chain) -> None:
    e = chain.engine
    chain.add({"m0": e.extreme(e.greatest, logits)})
    chain.add({z: e.exp(f"({z} - m0) / {e.number(temperature)}") for z in logits}, ["m0"])
    chain.add({"m0": bracketed("+", logits)})
    chain.add(summed([f"{z} / m0" for z in logits], weight, is_first, e), [*logits, "m0"])


def sigmoid(logits: list[str], temperature: float, weight: float, is_first: bool, chain: Chain) -> None:
    e, z = chain.engine, logits[0]
    chain.add({z: f"1 / (1 + {e.exp(f'-{z} / {e.number(temperature)}')})"})
    chain.add(summed([f"1 - {z}", z], weight, is_first, e), logits)


def identity(logits: list[str], temperature: float, weight: float, is_first: bool, chain: Chain) -> None:
    chain.add(summed([f"{logits[0]} / {chain.engine.number(temperature)}"], weight, is_first, chain.engine), logits)


def exponential(logits: list[str], temperature: float, weight: float, is_first: bool, chain: Chain) -> None:
    e, limit = chain.engine, chain.engine.number(MAX_LOG_RATE)
    z = f"{e.greatest}(-{limit}, {e.least}({limit}, {logits[0]} / {e.number(temperature)}))"
    chain.add(summed([e.exp(z)], weight, is_first, e), logits)


LINKS = {"softmax": softmax, "sigmoid": sigmoid, "identity": identity, "exp": exponential}


# --- answers ----------------------------------------------------------------------------------------------


def answers_of(program: Program, chain: Chain) -> dict[str, str]:
    """Name -> expression, in the order of `Program.names`."""
    e, n_labels = chain.engine, len(program.labels)
    if not program.labels:
        value = f"p0 * {e.number(program.std)} + {e.number(program.mean)}"
        chain.add({"p0": f"{e.greatest}({e.number(program.low)}, {e.least}({e.number(program.high)}, {value}))"})
        return {"prediction": "p0"} | (ends_of(program, program.interval, chain) if program.interval else {})
    labels = list(map(literal, program.labels))
    shares = [f"p{j}" for j in range(n_labels)]
    if program.threshold is not None:
        best = f"CASE WHEN p1 >= {e.number(program.threshold)} THEN {labels[1]} ELSE {labels[0]} END"
    else:
        found, function = (shares, e.greatest) if not program.costs else (expected_costs(program, chain), e.least)
        chain.add({"m0": e.extreme(function, found)})
        best = cases("m0", dict(zip(found, labels, strict=True)), "NULL")
    return {"prediction": best} | dict(zip(program.names[1:], shares, strict=True))


def expected_costs(program: Program, chain: Chain) -> list[str]:
    e = chain.engine
    columns = {}
    for j in range(len(program.labels)):
        terms = [f"p{i} * {e.number(row[j])}" for i, row in enumerate(program.costs) if row[j]]
        columns[f"h{j}"] = bracketed("+", terms or [e.number(0.0)])
    chain.add(columns)
    return list(columns)


def ends_of(program: Program, interval: Interval, chain: Chain) -> dict[str, str]:
    """low and high, `half` of the interval away from the answer."""
    e, terms = chain.engine, [chain.engine.number(interval.base)]
    for place, cut, below, above in interval.steps:
        value = f"x{place}" if place >= 0 else f"((p0 - {e.number(program.mean)}) / {e.number(program.std)})"
        terms.append(f"CASE WHEN {value} <= {e.number(cut)} THEN {e.number(below)} ELSE {e.number(above)} END")
    limit = e.number(interval.max_log)
    chain.add({"m0": bracketed("+", terms)})
    logs = f"{e.greatest}(-{limit}, {e.least}({limit}, m0))"
    chain.add({"m1": f"{e.number(interval.factor)} * {e.exp(logs)}"})
    lowest = e.number(interval.lowest)
    return {name: f"{e.greatest}({lowest}, p0 {sign} m1)" for name, sign in (("low", "-"), ("high", "+"))}

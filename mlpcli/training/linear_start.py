"""A linear start for regression: networks begin at the line of ridge regression, and learn what it leaves.

What is linear in the columns is then exact from the first step on, where a network alone would approach it with many
small bends. The line is carried by two units of each hidden layer, so a model is like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mlpcli.config.settings import Settings
from mlpcli.data.schema import Schema
from mlpcli.engine.activations import ACTIVATIONS
from mlpcli.engine.arrays import Floats, Ints
from mlpcli.engine.layers import Activate, Dense, Embed, Tensor
from mlpcli.engine.network import Line, Network, carry
from mlpcli.training.kinds import KINDS, hidden_of
from mlpcli.training.loop import LOGIT_ROWS, Rows

MAX_TERMS = 512  # of a line: with more, solving for it would take as long as a small training
MAX_LINE_ROWS = 20_000  # rows that a line is fitted on
MIN_UNITS = 8  # of a hidden layer, of which two carry the line
RIDGES = np.geomspace(1e-3, 1e4, 15)  # rows' worth of pull of each term's weight to 0


def may_start(settings: Settings, schema: Schema, kind: str) -> bool:
    """Whether networks of this kind can carry a line of these columns, and squared errors are what counts."""
    plain = (settings.dropout, settings.input_noise, settings.max_norm) == (0, 0, 0)
    return (
        settings.loss == "squared_error"
        and settings.parametrization == "ntk"
        and settings.init == "auto"
        and settings.normalization == "none"
        and plain
        and ACTIVATIONS[settings.activation].slope is not None
        and all(n >= MIN_UNITS for n in hidden_of(settings, kind))
        and 0 < len(schema.straight(KINDS[kind].sees)) <= MAX_TERMS
    )


def terms_of(schema: Schema, kind: str) -> Floats:
    """(n_inputs that the kind sees, n) the terms of a line as sums of inputs."""
    sees = KINDS[kind].sees
    sums = schema.straight(sees)
    terms = np.zeros((schema.width(sees), len(sums)))
    for i, (places, weights) in enumerate(sums):
        terms[places, i] = weights
    return terms


def fit_lines(rows: Sequence[tuple[Rows, Rows | None]], schema: Schema, settings: Settings, kind: str) -> list[Line]:
    """The line of each member, fitted on the rows that it trains on; none where lines tell nothing."""
    return solve_lines(line_sums(rows, schema, settings, kind), schema, kind)


# Of each member what lines are solved from: sums over the rows it trains on and over those that validate it. Sums of
# parts of the rows add up to those of all.
LineSums = tuple[tuple[Floats, Floats], ...]


def line_sums(rows: Sequence[tuple[Rows, Rows | None]], schema: Schema, settings: Settings, kind: str) -> LineSums:
    """What lines are solved from; nothing where there can be none."""
    if not may_start(settings, schema, kind) or any(valid is None for _, valid in rows):
        return ()
    terms = terms_of(schema, kind)
    places = np.concatenate([np.arange(part.start, part.stop) for part in schema.stretches(KINDS[kind].sees)])
    return tuple(
        (products(fit, places, terms), products(valid, places, terms)) for fit, valid in rows if valid is not None
    )


def add_sums(parts: Sequence[LineSums]) -> LineSums:
    """The sums over all rows, of those over parts of them."""
    by_member = zip(*parts, strict=True)
    return tuple((sum(fit for fit, _ in of), sum(valid for _, valid in of)) for of in by_member)


def solve_lines(sums: LineSums, schema: Schema, kind: str) -> list[Line]:
    """The line of each member, all with the ridge of the least error on the rows that validate them; or none."""
    if not sums or any(part[-2, -2] == 0 for of_member in sums for part in of_member):  # rows without any weight
        return []
    solved = [solve(fit) for fit, _ in sums]
    errors = np.array([np.einsum("ij,jk,ik->i", v, valid, v) for v, (_, valid) in zip(solved, sums, strict=True)])
    best = int(np.argmin(errors.sum(axis=0)))
    error, total = errors.sum(axis=0)[best], sum(centred_square(valid) for _, valid in sums)
    if not error < total:
        return []
    terms, levels = terms_of(schema, kind), [e.place for e in schema.embeddings(KINDS[kind].sees)]
    weights = [np.delete(terms @ v[best, :-2], levels) for v in solved]
    rest = float(np.sqrt(max(error, 0.0) / total))
    return [Line(w, float(v[best, -2]), rest) for w, v in zip(weights, solved, strict=True)]


def products(rows: Rows, places: Ints, terms: Floats) -> Floats:
    """(n + 2, n + 2) sums over rows of the products of the n terms, 1 and the target with one another."""
    index, sums = rows.index[:MAX_LINE_ROWS], np.zeros((terms.shape[1] + 2,) * 2)
    for start in range(0, len(index), LOGIT_ROWS):
        x, y, weights = rows.take(index[start : start + LOGIT_ROWS])
        of_rows = np.column_stack([x[:, places].astype(np.float64) @ terms, np.ones(len(x)), y])
        sums += of_rows.T @ (of_rows if weights is None else of_rows * weights[:, None])
        rows.release()
    return sums


def centred_square(sums: Floats) -> float:
    """The target's squared deviations from its mean, of what `products` gives."""
    return float(sums[-1, -1] - sums[-1, -2] ** 2 / sums[-2, -2])


def solve(sums: Floats) -> Floats:
    """(n_ridges, n + 2) for each ridge the weights of the terms, the intercept and -1: times terms, 1 and target, an
    error.
    """
    n, total = len(sums) - 2, sums[-2, -2]
    mean = sums[:n, -2] / total
    centred, with_target = sums[:n, :n] - total * np.outer(mean, mean), sums[:n, -1] - mean * sums[-2, -1]
    size = np.sqrt(np.maximum(np.diag(centred) / total, 0))
    scale = np.divide(1, size, out=np.zeros(n), where=size > 1e-9 * np.abs(mean))
    values, vectors = np.linalg.eigh(centred * np.outer(scale, scale))
    along = vectors.T @ (with_target * scale)
    weights = (along / (np.maximum(values, 0) + RIDGES[:, None])) @ vectors.T * scale
    intercept = sums[-2, -1] / total - weights @ mean
    return np.column_stack([weights, intercept, np.full(len(RIDGES), -1.0)])


def line_of(network: Network, rows: tuple[Rows, Rows | None]) -> Line | None:
    """The line that a trained network carries, with what it leaves of these rows; None for a network without one."""
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    slope = next((layer.activation.slope for layer in network.layers if isinstance(layer, Activate)), None)
    if slope is None or network.n_outputs > 1 or min(layer.n_out for layer in dense[:-1]) < MIN_UNITS:
        return None
    tensors = [(layer.saved()["w"].astype(np.float64), layer.p["b"].astype(np.float64)) for layer in dense]
    line = Line(tensors[0][0][: dense[0].n_given or None, 0], float(tensors[0][1][0]), 1.0)
    for i, (w, b) in enumerate(tensors):
        weights, bias = Tensor(w.copy()), Tensor(b.copy())
        carry(line, weights, bias, slope, is_first=i == 0, is_output=i == len(dense) - 1)
        if not all(np.array_equal(np.float32(t.start), np.float32(old)) for t, old in ((weights, w), (bias, b))):
            return None
    asked = rows[0] if rows[1] is None else rows[1]
    x, y, _ = asked.take(asked.index[:LOGIT_ROWS])
    seen = np.concatenate([x[:, stretch] for stretch in network.inputs], axis=1)
    levels = [e.place for layer in network.layers if isinstance(layer, Embed) for e in layer.embeddings]
    left = y - np.delete(seen, levels, axis=1) @ line.weights - line.bias
    deviation = float(np.std(y))
    return replace(line, rest=min(1.0, float(np.sqrt(np.mean(np.square(left)))) / deviation) if deviation else 1.0)

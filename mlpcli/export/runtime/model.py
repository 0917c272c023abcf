"""Predicts with Python's standard library alone.

import model; model.predict({"column": "cell", ...})     one row: cells as they stand in a CSV, or numbers; None
                                                         or "" where there is no value
python model.py < rows.csv > predictions.csv             a CSV like the one the model was trained on
"""

from __future__ import annotations

import array
import base64
import csv
import io
import math
import re
import sys
import zlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from operator import mul
from typing import Any

from mlpcli.export.runtime.cells import MODEL, part_of, read

WORD = re.compile(r"\w+")
FLOAT32_MAX = 3.4028234663852886e38


def inputs_of(row: Mapping[str, object]) -> list[float]:
    """The inputs of the networks. ValueError for a column that is missing or a cell that is not written like it."""
    missing = [cell["name"] for cell in MODEL["cells"] if cell["name"] not in row]
    if missing:
        raise ValueError(f"no column {missing[0]!r}")
    values = [read(cell, row[cell["name"]]) for cell in MODEL["cells"]]
    x = [0.0] * MODEL["n_inputs"]
    for number in MODEL["numbers"]:
        value = values[number["cell"]]
        fill_number(number, value if number["part"] is None else part_of(number["part"], value), x)
    met = []
    for category in MODEL["categories"]:
        code = category["codes"].get(values[category["cell"]], category["other"])
        start, on = category["start"], category["on"][code]
        x[start : start + len(category["off"])] = category["off"]
        if on is not None:
            x[start + on[0]] = on[1]
        met.append(category["met"][code])
    for level in MODEL["levels"]:
        x[level["place"]] = level["codes"].get(values[level["cell"]], 0)
    for words in MODEL["words"]:
        fill_words(words, values[words["cell"]] or "", x)
    for place, first, second, pair, value in MODEL["pairs"]:
        if (met[first], met[second]) == pair:
            x[place] = value
    return x


def bent(z: float, clip: float) -> float:
    return z / math.sqrt(1 + (z / clip) ** 2) if clip else z


def fill_number(rule: dict[str, Any], value: float, x: list[float]) -> None:
    is_missing = math.isnan(value)
    value = min(max(rule["median"] if is_missing else value, -1e300), 1e300)
    z = min(max((value - rule["center"]) * rule["factor"], -1e6), 1e6)
    x[rule["plain"]] = bent(0.0 if abs(z) < 1e-30 else z, rule["clip"])
    if rule["indicator"]:
        x[rule["plain"] + 1] = rule["indicator"][is_missing]
    edges, shrink = rule["edges"], rule["shrink"]
    for i in range(len(edges) - 1):
        inside = min(max(value, edges[0]), edges[-1])
        share = min(max((inside - edges[i]) / (edges[i + 1] - edges[i]), 0.0), 1.0)
        x[rule["ple"] + i] = 2 * shrink * (share - 0.5)
    for i, cut in enumerate(rule["cuts"]):
        x[rule["cuts_from"] + i] = 0.25 if value > cut else -0.25


def fill_words(rule: dict[str, Any], text: str, x: list[float]) -> None:
    """log(1 + occurrences) of hashed words and pairs of neighbouring words."""
    hashes = [zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in WORD.findall(text.casefold())]
    pairs = [a * 0x9E3779B1 + b * 0x85EBCA6B for a, b in pairwise(hashes)]
    found = [(one * 0xC2B2AE3D & 0xFFFFFFFF) >> 16 for one in hashes + pairs]
    for i, (slot, center, factor) in enumerate(zip(rule["slots"], rule["center"], rule["factor"], strict=True)):
        x[rule["start"] + i] = bent((math.log1p(found.count(slot)) - center) * factor, rule["clip"])


# --- networks ---------------------------------------------------------------------------------------------


def sigmoid(z: float) -> float:
    return 0.5 * (1 + math.tanh(0.5 * z))


def elu(z: float) -> float:
    return z if z > 0 else math.expm1(z)


def selu(z: float) -> float:
    return 1.0507009873554805 * (z if z > 0 else 1.6732632423543772 * math.expm1(z))


def gelu(z: float) -> float:
    return 0.5 * z * (1 + math.tanh((2 / math.pi) ** 0.5 * (z + 0.044715 * z * z * z)))


def mish(z: float) -> float:
    w = 1 + math.exp(min(z, 20.0))
    return z * (1 - 2 / (w * w + 1))


ACTIVATIONS: dict[str, Any] = {
    "identity": lambda z: z,
    "sigmoid": sigmoid,
    "tanh": math.tanh,
    "relu": lambda z: max(z, 0.0),
    "leaky_relu": lambda z: max(z, 0.01 * z),
    "elu": elu,
    "selu": selu,
    "gelu": gelu,
    "silu": lambda z: z * sigmoid(z),
    "mish": mish,
    "softplus": lambda z: max(z, 0.0) + math.log1p(math.exp(-abs(z))),
}


def floats(text: str) -> list[float]:
    """Numbers of a text that holds float32 in base 64, little-endian."""
    found = array.array("f", base64.b64decode(text))
    if sys.byteorder == "big":
        found.byteswap()
    return found.tolist()


def matrix(text: str, width: int) -> list[list[float]]:
    flat = floats(text)
    return [flat[i : i + width] for i in range(0, len(flat), width)]


def unpack() -> None:
    """Texts of weights -> lists of numbers."""
    for part in MODEL["parts"]:
        for net in part["nets"]:
            net["tables"] = [(place, matrix(text, width)) for place, width, text in net["tables"]]
            net["steps"] = [
                (name, matrix(rest[1], rest[0]), floats(rest[2])) if name == "linear"
                else (name, *map(floats, rest[:2]), *rest[2:])
                for name, *rest in net["steps"]
            ]  # fmt: skip


def linear(x: list[float], weights: list[list[float]], bias: list[float]) -> list[float]:
    return [sum(map(mul, x, row), shift) for row, shift in zip(weights, bias, strict=True)]


def affine(x: list[float], scale: list[float], shift: list[float]) -> list[float]:
    return [a * b + c for a, b, c in zip(x, scale, shift, strict=True)]


def standardise(x: list[float], scale: list[float], shift: list[float], epsilon: float) -> list[float]:
    mean = sum(x) / len(x)
    inverse = 1 / math.sqrt(sum((z - mean) ** 2 for z in x) / len(x) + epsilon)
    return affine([(z - mean) * inverse for z in x], scale, shift)


STEPS: dict[str, Any] = {"linear": linear, "affine": affine, "standardise": standardise}


def logits_of(net: dict[str, Any], x: list[float]) -> list[float]:
    found = [x[i] for i in net["inputs"]]
    for place, vectors in net["tables"]:
        found += vectors[int(x[place])]
    for name, *rest in net["steps"]:
        found = STEPS[name](found, *rest) if name in STEPS else list(map(ACTIVATIONS[name], found))
    return [0.0 if math.isnan(z) else min(max(z, -FLOAT32_MAX), FLOAT32_MAX) for z in found]


def softmax(logits: list[float]) -> list[float]:
    largest = max(logits)
    shares = [math.exp(z - largest) for z in logits]
    total = sum(shares)
    return [share / total for share in shares]


LINKS: dict[str, Any] = {
    "softmax": softmax,
    "sigmoid": lambda z: [1 - sigmoid(z[0]), sigmoid(z[0])],
    "identity": lambda z: z,
    "exp": lambda z: [math.exp(min(max(z[0], -80.0), 80.0))],
}


def answer(x: list[float]) -> tuple[str | float, list[float]]:
    """Inputs -> the prediction; probabilities, or the value and the ends of its interval."""
    link, mean = LINKS[MODEL["link"]], [0.0] * max(len(MODEL["labels"]), 1)
    for part in MODEL["parts"]:
        share = part["weight"] / len(part["nets"])
        for net in part["nets"]:
            outputs = link([z / part["temperature"] for z in logits_of(net, x)])
            mean = [a + share * b for a, b in zip(mean, outputs, strict=True)]
    if MODEL["labels"]:
        return MODEL["labels"][decide(mean)], mean
    value = min(max(mean[0] * MODEL["std"] + MODEL["mean"], MODEL["low"]), MODEL["high"])
    return value, [value, *interval(x, value)]


def decide(shares: list[float]) -> int:
    """Probabilities -> the number of the class that is said."""
    if MODEL["costs"]:
        expected = [sum(map(mul, shares, costs)) for costs in zip(*MODEL["costs"], strict=True)]
        return expected.index(min(expected))
    if MODEL["threshold"] is not None:
        return int(shares[1] >= MODEL["threshold"])
    return shares.index(max(shares))


def interval(x: list[float], value: float) -> list[float]:
    of = MODEL["interval"]
    if of is None:
        return []
    log, standardised = of["base"], (value - MODEL["mean"]) / MODEL["std"]
    for place, cut, below, above in of["steps"]:
        log += below if (standardised if place < 0 else x[place]) <= cut else above
    half = of["factor"] * math.exp(min(max(log, -of["max_log"]), of["max_log"]))
    return [max(value - half, of["lowest"]), max(value + half, of["lowest"])]


def predict(row: Mapping[str, object]) -> dict[str, str | float]:
    """A row by the names of its columns -> prediction, and probabilities, or the ends of its interval.

    ValueError for a column that is missing or a cell that is not written like its column.
    """
    prediction, numbers = answer(inputs_of(row))
    return dict(zip(MODEL["names"], [prediction, *numbers[not MODEL["labels"] :]], strict=True))


# --- a CSV from standard input ----------------------------------------------------------------------------


def records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each record."""
    lines = io.StringIO(text, newline="")
    for _ in range(MODEL["skip_rows"]):
        lines.readline()
    csv.field_size_limit(sys.maxsize)
    comment = MODEL["comment"]
    reader = csv.reader(
        (line for line in lines if not (comment and line.startswith(comment))), delimiter=MODEL["delimiter"],
        quotechar=MODEL["quote"], escapechar=MODEL["escape"], skipinitialspace=MODEL["spaces"],
    )  # fmt: skip
    for cells in reader:
        if cells:
            yield MODEL["skip_rows"] + reader.line_num, cells


def names_of(cells: list[str]) -> list[str]:
    """The header's names without the spaces around them, unless only these tell some apart."""
    trimmed = [cell.strip() for cell in cells]
    if len(set(trimmed)) < len(set(cells)):
        trimmed = cells
    return [cell or f"unnamed_{i}" for i, cell in enumerate(trimmed, 1)]


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(mark in cell for mark in ',"\n\r') else cell


def written(row: Mapping[str, object], full: bool) -> str:
    cells = []
    for value in predict(row).values():
        if isinstance(value, str):
            cells.append(quoted(value))
        elif full:
            cells.append(repr(value))
        else:
            cells.append(repr(round(value * 1e6) / 1e6) if MODEL["labels"] else f"{value:.9g}")
    return ",".join(cells) if len(cells) > 1 or cells[0] else '""'


def main() -> int:
    """Exit code; `--full` as an argument writes all digits."""
    full, encoding = "--full" in sys.argv[1:], MODEL["encoding"]
    text = sys.stdin.buffer.read().decode(encoding)
    found = records(text.removeprefix("\ufeff"))
    out = io.TextIOWrapper(sys.stdout.buffer, "utf-8", "surrogatepass", newline="")
    names = names_of(next(found, (0, []))[1]) if MODEL["header"] else []
    out.write(",".join(map(quoted, MODEL["names"])) + "\n")
    for line, cells in found:
        names = names or [f"col{i}" for i in range(1, len(cells) + 1)]
        problem = None
        if len(cells) == len(names):
            try:
                out.write(written(dict(zip(names, cells, strict=True)), full) + "\n")
                continue
            except ValueError as error:
                problem = str(error)
        elif MODEL["bad_rows"] == "skip":
            out.write("," * (len(MODEL["names"]) - 1) + "\n")
            continue
        out.flush()
        problem = problem or f"expected {len(names)} fields, found {len(cells)}"
        sys.stderr.write(f"line {line}: {problem}\n")
        return 2
    out.flush()
    return 0


if MODEL:
    unpack()
if __name__ == "__main__":
    raise SystemExit(main())

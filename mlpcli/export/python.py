"""A model as one Python file that needs nothing but the standard library: data, then the modules of `runtime`."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.formats.dates import HALVES, LAYOUTS, MONTH_OF, ZONES, TimeFormat
from mlpcli.data.formats.marks import CURRENCIES
from mlpcli.data.formats.numbers import POWERS, NumberFormat
from mlpcli.data.formats.writing import FOLDED
from mlpcli.export.answers import read_answers
from mlpcli.export.program import Activation, Affine, Cell, Linear, Net, Number, Program, Standardise, Step
from mlpcli.export.target import Answers, Target, Wishes

RUNTIME = Path(__file__).with_name("runtime")
PLACE = "MODEL: dict[str, Any] = {}"  # in cells.py, where the data goes
FROM_CELLS = re.compile(r"from mlpcli\.[^\n]*\n")  # in model.py
BODY = re.compile(r"(?P<imports>.*?\n\n(?=[A-Z]))(?P<body>.*)", re.DOTALL)  # behind the imports stands a constant
KINDS = {"date": "date", "clock": "time of day", "duration": "duration"}  # of a TimeFormat, in messages


class Python(Target):
    def write(self, program: Program, wishes: Wishes) -> bytes:
        cells, model = (RUNTIME.joinpath(name).read_text(encoding="utf-8") for name in ("cells.py", "model.py"))
        imports, body = parts_of(FROM_CELLS.sub("", model))
        of_cells = parts_of(cells)[1].replace(PLACE, PLACE[:-2] + ascii(data_of(program)))
        return f"{imports}{of_cells}\n\n{body}".encode()

    def run(self, path: str, rows: str, program: Program, wishes: Wishes) -> Answers | str:
        began = time.monotonic()
        with open(rows, "rb") as given:
            done = subprocess.run(
                [sys.executable, "-I", os.path.abspath(path), "--full"], stdin=given, capture_output=True, check=False
            )
        if done.returncode:
            raise RuntimeError(done.stderr.decode("utf-8", "replace"))
        return read_answers(done.stdout, program, time.monotonic() - began)


def parts_of(source: str) -> tuple[str, str]:
    """A module -> its docstring and imports, and what stands behind."""
    found = BODY.fullmatch(source)
    assert found is not None
    return found["imports"], found["body"]


def data_of(program: Program) -> dict[str, Any]:
    """A program as the runtime reads it: lists, texts and numbers."""
    dialect, has_currency = program.dialect, any(getattr(cell.format, "currency", "") for cell in program.cells)
    return {
        "names": program.names, "labels": program.labels, "missing": dialect.missing, "inf": dialect.inf,
        "bad_rows": dialect.bad_rows, "encoding": dialect.encoding, "delimiter": dialect.delimiter,
        "quote": dialect.quote, "escape": dialect.escape, "comment": dialect.comment, "header": dialect.header,
        "skip_rows": dialect.skip_rows, "spaces": dialect.spaces,
        "currencies": CURRENCIES if has_currency else {}, "powers": POWERS, "folded": FOLDED,
        "months": MONTH_OF, "zones": ZONES, "halves": HALVES,
        "cells": list(map(cell_of, program.cells)), "numbers": list(map(number_of, program.numbers)),
        "categories": [
            {"cell": c.cell, "start": c.start, "off": list(c.off), "codes": dict(c.codes), "other": c.other, "on": c.on,
             "met": c.met}
            for c in program.categories
        ],
        "levels": [{"cell": of.cell, "place": of.place, "codes": dict(of.codes)} for of in program.levels],
        "words": [
            {"cell": w.cell, "start": w.start, "slots": w.rule.slots, "center": w.rule.center,
             "factor": w.rule.factor, "clip": w.rule.clip}
            for w in program.words
        ],
        "pairs": [(p.place, p.first, p.second, p.met, p.value) for p in program.pairs],
        "n_inputs": program.n_inputs,
        "parts": [
            {"weight": part.weight, "temperature": part.temperature, "nets": list(map(net_of, part.nets))}
            for part in program.parts
        ],
        "link": program.link, "mean": program.mean, "std": program.std, "low": program.low, "high": program.high,
        "threshold": program.threshold, "costs": program.costs,
        "interval": program.interval and vars(program.interval),
    }  # fmt: skip


def cell_of(cell: Cell) -> dict[str, Any]:
    form = cell.format
    if form is None:
        return {"name": cell.name, "kind": "text"}
    if isinstance(form, NumberFormat):
        return {"name": cell.name, "kind": "number"} | vars(form)
    return {"name": cell.name, "kind": KINDS[form.kind], "layouts": layouts_of(form)}


def layouts_of(form: TimeFormat) -> list[tuple[str, int]]:
    """Patterns of shapes and their flags; the last that fits reads a text."""
    found = [LAYOUTS[form.kind][name].pattern for name in form.layouts]
    return [(pattern.text, int(pattern.flags)) for pattern in found]


def number_of(number: Number) -> dict[str, Any]:
    rule = number.rule
    return {
        "cell": number.cell, "part": number.part, "median": rule.median, "center": rule.center, "factor": rule.factor,
        "clip": rule.clip, "indicator": rule.indicator, "edges": rule.edges, "shrink": rule.shrink, "cuts": rule.cuts,
        "plain": number.plain, "ple": number.ple, "cuts_from": number.cuts,
    }  # fmt: skip


def net_of(net: Net) -> dict[str, Any]:
    return {
        "inputs": net.inputs.tolist(),
        "tables": [(table.place, table.vectors.shape[1], packed(table.vectors)) for table in net.tables],
        "steps": list(map(step_of, net.steps)),
    }


def step_of(step: Step) -> tuple[Any, ...]:
    match step:
        case Linear(weights, bias):
            return "linear", len(weights), packed(weights.T), packed(bias)
        case Affine(scale, shift):
            return "affine", packed(scale), packed(shift)
        case Standardise(scale, shift, epsilon):
            return "standardise", packed(scale), packed(shift), epsilon
        case Activation(name):
            return (name,)


def packed(numbers: NDArray[np.floating]) -> str:
    """float32, little-endian, in base 64."""
    return base64.b64encode(np.ascontiguousarray(numbers, "<f4").tobytes()).decode("ascii")

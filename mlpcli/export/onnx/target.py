"""A model as an ONNX file, checked by ONNX and run by its reference and, where it is installed, by onnxruntime."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.settings import ReadOptions
from mlpcli.data.foreign import open_any
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.reading import read_written
from mlpcli.data.values import column_values, used_texts
from mlpcli.errors import ModelError, UsageError
from mlpcli.export.onnx.graph import IR, ML, ML_OPSET, OPSET, Graph
from mlpcli.export.onnx.inputs import fill_inputs
from mlpcli.export.onnx.networks import answers_of, mean_of
from mlpcli.export.program import Cell, Program
from mlpcli.export.target import Answers, Target, Wishes

SAME = 1e-5  # by which runtimes may differ
KINDS = {  # of a column, as its input
    "number": "a number; NaN where it is missing",
    "date": "seconds since 1970-01-01 in UTC; NaN where it is missing",
    "clock": "seconds since midnight; NaN where it is missing",
    "duration": "seconds; NaN where it is missing",
    "text": "a text; empty where it is missing",
}
DOC = """\
Inputs are columns of n rows, (n, 1): texts, or float64. Cells that a CSV holds as 1,234 $ or 5 kg are given as numbers,
dates and times as seconds. Answers are (n,)."""


class Onnx(Target):
    def write(self, program: Program, wishes: Wishes) -> bytes:
        try:
            import onnx
        except ImportError:
            raise UsageError("--to onnx needs the extra 'onnx'", "pip install 'mlpcli[onnx]'") from None
        check(program)
        model = model_of(program)
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))

    def run(self, path: str, rows: str, program: Program, wishes: Wishes) -> Answers | str:
        inputs = inputs_of(rows, program)
        found = [answered(run(path, inputs), program) for run in (by_reference, by_onnxruntime)]
        first, *others = [answers for answers in found if answers is not None]
        for other in others:
            if not np.allclose(first.numbers, other.numbers, rtol=SAME, atol=SAME):
                raise ModelError("ONNX's reference and onnxruntime answer otherwise: a bug in one of them")
        return others[0] if others else first


def kind_of(cell: Cell) -> str:
    if cell.format is None:
        return "text"
    return "number" if isinstance(cell.format, NumberFormat) else cell.format.kind


def check(program: Program) -> None:
    """UsageError for what ONNX cannot say."""
    for words in program.words:
        raise UsageError(
            f"column '{program.cells[words.cell].name}' is free text, whose words ONNX cannot count",
            "train without it, or another --to",
        )
    texts = [cell.name for cell in program.cells] + list(program.labels)
    codes = [*(of.codes for of in program.categories), *(of.codes for of in program.levels)]
    texts += [level for of_column in codes for level, _ in of_column if level is not None]
    for text in texts:
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise UsageError(
                f"ONNX has no way to write {ascii(text)[:60]}", "rename it in the training file, and train again"
            )
    for cell in program.cells:
        if not cell.name or cell.name in program.names:
            raise UsageError(
                f"column '{cell.name}' has the name of an output", "rename it in the training file, and train again"
            )


def model_of(program: Program) -> Any:
    """The ModelProto."""
    from onnx import TensorProto, helper

    names = [cell.name for cell in program.cells]
    prefix = "_"
    while any(name.startswith(prefix) for name in (*names, *program.names)):
        prefix += "_"
    graph = Graph(prefix)
    inputs, levels = fill_inputs(program, names, graph)
    answers = answers_of(program, mean_of(program, inputs, levels, graph), inputs, graph)
    for value, name in zip(answers, program.names, strict=True):
        graph.named(value, name)
    types = {True: TensorProto.STRING, False: TensorProto.DOUBLE}
    made = helper.make_graph(
        graph.nodes, "mlpcli",
        [
            helper.make_tensor_value_info(cell.name, types[cell.format is None], ["rows", 1], KINDS[kind_of(cell)])
            for cell in program.cells
        ],
        [
            helper.make_tensor_value_info(name, types[bool(program.labels) and i == 0], ["rows"])
            for i, name in enumerate(program.names)
        ],
        graph.constants,
    )  # fmt: skip
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
    return helper.make_model(
        made, opset_imports=opsets, ir_version=IR, producer_name="mlpcli", doc_string=doc_of(program)
    )


def doc_of(program: Program) -> str:
    return "\n".join([f"Predicts {program.target}.", DOC, *(f"{c.name}: {KINDS[kind_of(c)]}" for c in program.cells)])


# --- running ----------------------------------------------------------------------------------------------


def inputs_of(rows: str, program: Program) -> dict[str, NDArray[Any]]:
    """The columns of a CSV as inputs (n, 1)."""
    formats = {cell.name: cell.format for cell in program.cells}
    frame = read_written(open_any(rows, ReadOptions(), dialect=program.dialect, expect=[*formats]), formats)
    found = {}
    for name, form in formats.items():
        values = column_values(frame[name])
        if form is None:
            texts, codes = used_texts(values)
            values = np.array([*texts, ""], object)[codes]  # the last, -1: missing
        found[name] = values[:, None]
    return found


Found = tuple[Any, float]  # the outputs, each (n,), and seconds


def by_reference(path: str, inputs: Mapping[str, NDArray[Any]]) -> Found:
    from onnx.reference import ReferenceEvaluator

    session = ReferenceEvaluator(path)
    began = time.monotonic()
    with np.errstate(all="ignore"):
        return session.run(None, dict(inputs)), time.monotonic() - began


def by_onnxruntime(path: str, inputs: Mapping[str, NDArray[Any]]) -> Found | None:
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    began = time.monotonic()
    return session.run(None, dict(inputs)), time.monotonic() - began


def answered(found: Found | None, program: Program) -> Answers | None:
    if found is None:
        return None
    (first, *others), seconds = found
    numbers = others if program.labels else [first, *others]
    return Answers([str(one) for one in first.tolist()], np.stack(numbers, axis=1).astype(np.float64), seconds)

"""A model written as ONNX says what the model says, in ONNX's reference and in onnxruntime."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from export.samples import SAMPLES

from mlpcli.errors import ModelError, UsageError
from mlpcli.export.check import export, outputs_of
from mlpcli.export.languages import TARGETS
from mlpcli.export.onnx.target import answered, by_onnxruntime, by_reference, inputs_of
from mlpcli.export.program import program_of
from mlpcli.export.target import Wishes

onnx = pytest.importorskip("onnx")
WITHOUT_TEXT = {name: ("text",) if "text" not in SAMPLES[name].without else () for name in SAMPLES}
RUNTIMES = {"reference": by_reference, "onnxruntime": by_onnxruntime}


@pytest.fixture(scope="module")
def written(trained, tmp_path_factory):
    """Name of a sample -> the file, the program, and inputs; written once."""
    folder, found = tmp_path_factory.mktemp("onnx"), {}

    def of(name):
        if name not in found:
            model, rows = trained(name, WITHOUT_TEXT[name])
            program = program_of(model, SAMPLES[name].level)
            path = folder / f"{name}.onnx"
            path.write_bytes(TARGETS["onnx"].write(program, Wishes()))
            found[name] = str(path), program, inputs_of(rows, program)
        return found[name]

    return of


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", SAMPLES)
def test_it_says_what_the_model_says(name, runtime, trained, written):
    model, rows = trained(name, WITHOUT_TEXT[name])
    path, program, inputs = written(name)
    answers = answered(RUNTIMES[runtime](path, inputs), program)
    if answers is None:
        pytest.skip(f"{runtime} is not installed")
    expected, labels = outputs_of(model, rows, SAMPLES[name].level)
    np.testing.assert_allclose(answers.numbers, expected, atol=1e-6, rtol=1e-6)
    if model.labels:
        assert answers.predictions == labels.tolist()


def test_an_input_is_a_column_and_an_output_is_a_column_of_predict(written):
    path, program, _ = written("classes")
    found = onnx.load(path)
    assert [one.name for one in found.graph.input] == [cell.name for cell in program.cells]
    assert [one.name for one in found.graph.output] == program.names
    shapes = {tuple(d.dim_param or d.dim_value for d in one.type.tensor_type.shape.dim) for one in found.graph.input}
    assert shapes == {("rows", 1)}
    assert "date: seconds since 1970-01-01 in UTC; NaN where it is missing" in found.doc_string


def test_it_asks_for_no_operators_of_the_last_two_years(written):
    found = onnx.load(written("classes")[0])
    assert found.ir_version == 8
    assert {one.domain: one.version for one in found.opset_import} == {"": 17, "ai.onnx.ml": 3}


def test_the_same_model_gives_the_same_bytes(written, trained):
    path, program, _ = written("classes")
    with open(path, "rb") as file:
        assert file.read() == TARGETS["onnx"].write(program, Wishes())


def test_markers_of_missing_values_are_missing_in_texts(written):
    path, program, inputs = written("one-hot")
    column = next(c.name for c in program.cells if c.name == 'cat"egory')
    one = {name: np.repeat(cells[:1], 3, axis=0) for name, cells in inputs.items()}
    one[column] = np.array([[""], ["NA"], ["never seen"]], object)
    numbers = answered(by_reference(path, one), program).numbers
    np.testing.assert_array_equal(numbers[0], numbers[1])
    assert not np.array_equal(numbers[0], numbers[2])


@pytest.mark.parametrize("seconds", [-62135596800.0, -1.0, 951782399.5, 951782400.0, 4107542399.9999999])
def test_dates_are_read_to_the_end_of_the_calendar(seconds, written, trained):
    import pandas as pd

    model, _ = trained("one-hot", ("text",))
    path, program, inputs = written("one-hot")
    one = {name: cells[:1] for name, cells in inputs.items()} | {"date": np.array([[seconds]])}
    frame = pd.DataFrame({name: pd.Series(cells[:1, 0]) for name, cells in one.items()})
    for cell in program.cells:
        if cell.format is None:
            frame[cell.name] = pd.Categorical(frame[cell.name].where(frame[cell.name] != "", None))
    numbers = answered(by_reference(path, one), program).numbers
    np.testing.assert_allclose(numbers, model.outputs(frame), atol=1e-6)


def test_a_column_may_be_named_like_the_values_between_nodes(written):
    path, program, inputs = written("crossed")
    renamed = {name: "_" * i + "0" for i, name in enumerate(inputs, 1)}
    cells = tuple(replace(cell, name=renamed[cell.name]) for cell in program.cells)
    other = onnx.load_from_string(TARGETS["onnx"].write(replace(program, cells=cells), Wishes()))
    answers = answered(by_reference(other, {renamed[name]: cells for name, cells in inputs.items()}), program)
    np.testing.assert_array_equal(answers.numbers, answered(by_reference(path, inputs), program).numbers)


def test_it_is_run_in_both_runtimes_before_it_is_said_to_be_done(trained, monkeypatch):
    model, rows = trained("crossed")
    assert export(model, TARGETS["onnx"], Wishes(), data=rows).checked.largest < 1e-6
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert export(model, TARGETS["onnx"], Wishes(), data=rows).checked.largest < 1e-6


def test_runtimes_that_answer_otherwise_are_said(trained, monkeypatch):
    pytest.importorskip("onnxruntime")
    from mlpcli.export.onnx import target

    model, rows = trained("crossed")
    right = target.by_onnxruntime

    def wrong(path, inputs):
        values, seconds = right(path, inputs)
        return [values[0], *(one + 1e-3 for one in values[1:])], seconds

    monkeypatch.setattr(target, "by_onnxruntime", wrong)
    with pytest.raises(ModelError, match="answer otherwise"):
        export(model, TARGETS["onnx"], Wishes(), data=rows)


def refused(program, match):
    with pytest.raises(UsageError, match=match):
        TARGETS["onnx"].write(program, Wishes())


def test_what_onnx_cannot_say_is_refused_by_name(trained):
    refused(program_of(trained("numbers")[0]), "column 're\nmarks' is free text, whose words ONNX cannot count")
    program = program_of(trained("crossed")[0])
    first, *others = program.cells
    for name, match in (("p_no ", "column 'p_no ' has the name of an output"), ("a\0", "ONNX has no way to write")):
        refused(replace(program, cells=(replace(first, name=name), *others)), match)


def test_without_the_extra_the_way_to_it_is_named(trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UsageError, match="--to onnx needs the extra 'onnx'") as found:
        TARGETS["onnx"].write(program_of(trained("crossed")[0]), Wishes())
    assert found.value.hint == "pip install 'mlpcli[onnx]'"

"""A model made again: the same bits from the same data, and the cause by name where it is another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from samples import SAMPLES

import mlpcli
from mlpcli.errors import DataError, ModelError
from mlpcli.studies.reproduce import TOLERANCE, plan
from mlpcli.training.events import History


def again(model, data=None):
    study = plan(model, data)
    return study.result(History.of(study.events()))


CASES = {
    "classes": ("iris.csv", {}),
    "numbers in time": ("diabetes.csv", {"time": "age"}),
    "groups, and a cell that is missing": ("penguins.csv", {"group": "island", "missing": ("male",)}),
    "weights": ("diabetes.csv", {"weight": "age", "loss": "huber"}),
    "another encoding": ("cafe_cp949.csv", {"ensemble": 2}),
    "kinds and a threshold": ("xor.csv", {"kinds": ("mlp", "linear"), "threshold": "f1", "ensemble": 2}),
    "no validation rows": ("iris.csv", {"validation": "0"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_same_data_and_settings_give_the_same_bits(name, tmp_path):
    file, settings = CASES[name]
    mlpcli.fit(str(SAMPLES / file), epochs=2, preset="classic", **settings).save(str(tmp_path / "m.npz"))
    found = again(mlpcli.load(str(tmp_path / "m.npz")), str(SAMPLES / file))
    assert found.is_same
    assert (found.differences, found.largest) == ({}, 0.0)


@pytest.fixture
def model(tmp_path):
    """A model beside its training file, d.csv."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=90).round(3), "b": rng.choice(["u", "v", "w"], 90)})
    frame.assign(y=(3 * frame.a).round(2)).to_csv(tmp_path / "d.csv", index=False)
    path = str(tmp_path / "m.npz")
    mlpcli.fit(str(tmp_path / "d.csv"), preset="classic", epochs=2).save(path)
    return mlpcli.load(path)


def with_record(model, **changes):
    return mlpcli.Model(replace(model.record, **changes), model.ensemble, model.path)


def test_the_training_file_is_found_beside_the_model(model):
    assert again(model).is_same


def test_data_that_changed_are_named_and_the_answers_compared(model, tmp_path):
    lines = (tmp_path / "d.csv").read_text().splitlines()
    (tmp_path / "d.csv").write_text("\n".join([*lines, "1,u,9"]) + "\n")
    found = again(model)
    assert not found.is_same
    assert list(found.differences) == ["data"]
    assert found.n_rows == 91
    assert found.largest > TOLERANCE
    assert not found.agrees


def test_answers_of_other_columns_are_not_compared(model, tmp_path):
    frame = pd.read_csv(tmp_path / "d.csv").rename(columns={"b": "c"})
    frame.to_csv(tmp_path / "d.csv", index=False)
    found = again(model)
    assert (found.largest, found.agrees, found.n_rows) == (None, False, 0)


def test_other_versions_are_no_other_model_but_are_said(model):
    found = again(with_record(model, versions=model.record.versions | {"numpy": "1.0"}))
    assert found.is_same
    assert found.differences == {"versions": f"numpy was 1.0, is {np.__version__}"}


def test_weights_that_differ_alone_are_the_processor_s(model):
    model.networks[0].params[0] += np.float32(1e-7)
    found = again(model)
    assert not found.is_same
    assert list(found.differences) == ["processor"]
    assert found.agrees
    assert 0 <= found.largest <= TOLERANCE


def test_columns_and_settings_that_differ_are_named(model):
    schema = model.schema
    column = replace(schema.columns[0], median=schema.columns[0].median + 1)
    found = again(with_record(model, schema=replace(schema, columns=(column, *schema.columns[1:]))))
    assert found.differences == {"columns": "a is read or encoded otherwise"}
    threshold = with_record(model, config=replace(model.config, batch_size="16"))
    study = plan(threshold)
    settings = replace(study.prepared.settings, batch_size="32")
    study = replace(study, prepared=replace(study.prepared, settings=settings))
    found = study.result(History.of(study.events()))
    assert found.differences == {"settings": "--batch-size was 16, is 32"}


@pytest.mark.parametrize("stop", ["interrupted", "time limit"])
def test_a_training_that_was_stopped_cannot_be_repeated(stop, model):
    history = replace(model.record.history, stopped_by=stop)
    with pytest.raises(ModelError, match="depends on the moment") as caught:
        plan(with_record(model, history=history))
    assert caught.value.hint


def test_without_the_training_file_its_name_is_asked_for(model, tmp_path):
    (tmp_path / "d.csv").unlink()
    with pytest.raises(DataError, match="the training file is not here") as caught:
        plan(model)
    assert "mlpcli reproduce MODEL DATA" in caught.value.hint
    of_frame = mlpcli.fit(pd.DataFrame({"x": [1, 2, 3] * 10, "y": ["a", "b"] * 15}), preset="classic", epochs=1)
    with pytest.raises(DataError, match="trained on a DataFrame"):
        plan(of_frame)

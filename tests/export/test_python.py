"""A model written as Python says what the model says, in a process of its own and with the standard library alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from export.samples import SAMPLES

from mlpcli.export.check import outputs_of
from mlpcli.export.program import program_of
from mlpcli.export.python import data_of
from mlpcli.export.runtime import cells, model


@pytest.fixture
def runtime(trained):
    """Fills the runtime in this process with a sample's model."""

    def of(name):
        found, rows = trained(name)
        cells.MODEL.clear()
        cells.MODEL.update(eval(ascii(data_of(program_of(found, SAMPLES[name].level)))))
        model.unpack()
        return found, rows

    yield of
    cells.MODEL.clear()


@pytest.mark.parametrize("name", SAMPLES)
def test_it_says_what_the_model_says(name, runtime):
    found, rows = runtime(name)
    level = SAMPLES[name].level
    expected, labels = outputs_of(found, rows, level)
    header, *records = [list(record) for _, record in model.records(Path(rows).read_bytes().decode())]
    for cells_of_row, numbers, label in zip(records, expected, labels, strict=True):
        said = model.predict(dict(zip(model.names_of(header), cells_of_row, strict=True)))
        if found.labels:
            assert said.pop("prediction") == label
        np.testing.assert_allclose([*said.values()], numbers, atol=1e-6, rtol=1e-6)

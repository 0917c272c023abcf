"""A row explained names its cells as written, the largest contribution first, and the numbers add up."""

from __future__ import annotations

import json

import pytest

from mlpcli.config.settings import ReadOptions
from mlpcli.evaluation.explain.row import explain_row
from mlpcli.evaluation.explain.rows import background_rows, one_row
from mlpcli.files.jsonable import to_json


@pytest.mark.parametrize("target", ["y", "is"])
def test_it_adds_up(laws, tmp_path, target):
    model = laws({"y": lambda c: 3 * c["a"] + c["b"], "is": lambda c: (c["a"] + 1) / 2}[target], target)
    (tmp_path / "new.csv").write_text("c,a,b,noise,twin\nred,0.90,-0.1,0,0\n")
    row = one_row(model, str(tmp_path / "new.csv"), ReadOptions(), 1)
    found = explain_row(model, row, background_rows(model, None, ReadOptions()))
    assert found.contributions[0].column == "a"
    assert found.contributions[0].cell == "0.90"
    assert found.mean + sum(one.value for one in found.contributions) == pytest.approx(found.output)
    assert found.answer == {"y": pytest.approx(2.6), "is": "yes"}[target]
    assert (found.row, found.line) == (1, 2)
    assert "100 of 300 test rows" in found.background
    json.dumps(to_json(found), allow_nan=False)

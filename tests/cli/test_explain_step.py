"""`explain-step` as a user meets it: XOR on one screen, every width, JSON, and messages."""

from __future__ import annotations

import json

import pytest
from samples import SAMPLES

from mlpcli.engine.losses import LOSSES
from mlpcli.reporter.one_step import FORMULAS, number

XOR = SAMPLES / "xor.csv"


def test_xor_fits_a_screen(call, here, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(SAMPLES.parent)
    code, out, err = call("explain-step", "sample_data/xor.csv", "--row", "3")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert len(lines) <= 23
    assert max(map(len, lines)) <= 80
    assert lines[0] == "sample_data/xor.csv, line 4: a -0.795  b -0.553  ->  class same"
    for part in ("layer 1, tanh", "layer 2, probability", "-log p of the true class", "weight - 0.05 x gradient"):
        assert part in out


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("name", ["penguins", "diabetes"])
def test_other_tables_fit_their_width(name, width, call, here, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, _ = call("explain-step", SAMPLES / f"{name}.csv", "--row", "7", "--optimizer", "adam")
    assert code == 0
    assert "one step of adam, --lr 0.05" in out
    assert max(len(line) for line in out.splitlines()[1:-2]) <= width  # sentences are whole off a terminal


def test_json_has_every_number(call, here):
    found = json.loads(call("explain-step", XOR, "--json", "--loss", "binary_cross_entropy")[1])
    assert (found["schema"], found["loss"], found["row"]) == (1, "binary_cross_entropy", 1)
    assert [len(layer["sums"]) for layer in found["layers"]] == [2, 1]
    text = call("explain-step", XOR, "--loss", "binary_cross_entropy")[1]
    assert number(found["layers"][0]["weight_gradients"][1][0]) in text
    assert "same weight" in text


def test_mistakes_are_told(call, here):
    code, _, err = call("explain-step", XOR, "--hidden", "64,64")
    assert (code, "at most 200" in err, "--hidden 2" in err) == (2, True, True)
    assert call("explain-step", XOR, "--row", "4000")[0] == 2


def test_every_loss_has_its_formula_and_large_numbers_are_short():
    assert list(FORMULAS) == list(LOSSES)
    assert (number(12345.678), number(0.5)) == ("1.235e+04", "0.5000")

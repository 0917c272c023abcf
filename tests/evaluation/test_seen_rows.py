"""Which rows a model was trained on: by number in its own file, by cells in others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlpcli
from mlpcli.config.settings import ReadOptions
from mlpcli.data.splits import TEST
from mlpcli.evaluation.seen_rows import read_table, training_rows

ASKED = ReadOptions()


def test_rows_of_the_training_file_are_known_by_their_number(months):
    model = mlpcli.load(str(months / "jan.npz"))
    found = read_table(model, str(months / "jan.csv"), ASKED).trained_on()
    table = training_rows(model)
    assert found.tolist() == (table.sets != TEST).tolist()


def test_rows_of_another_file_are_known_by_their_cells(months, tmp_path):
    model = mlpcli.load(str(months / "jan.npz"))
    frame = pd.read_csv(months / "janfeb.csv")
    table = training_rows(model)
    expected = np.append(table.sets != TEST, np.zeros(200, bool))
    order = np.random.default_rng(0).permutation(500)
    mixed = frame.iloc[order][["y", "town", "z", "x"]].assign(more=1)
    mixed.to_csv(tmp_path / "mixed.csv", index=False)
    assert read_table(model, str(tmp_path / "mixed.csv"), ASKED).trained_on().tolist() == expected[order].tolist()
    assert read_table(model, mixed, ASKED).trained_on().tolist() == expected[order].tolist()


def test_a_repeated_row_of_the_training_file_counts_by_its_own_place(tmp_path):
    frame = pd.DataFrame({"x": [0, 1, 2, 3] * 30, "y": ["a", "b", "a", "b"] * 30})
    frame.to_csv(tmp_path / "d.csv", index=False)
    model = mlpcli.fit(str(tmp_path / "d.csv"), preset="classic", epochs=2)
    found = read_table(model, str(tmp_path / "d.csv"), ASKED).trained_on()
    assert 0 < np.count_nonzero(~found) < 30


def test_rows_of_a_validation_file_are_known_too(months, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = pd.read_csv(months / "janfeb.csv")
    frame[:300].to_csv("train.csv", index=False)
    frame[300:400].to_csv("valid.csv", index=False)
    model = mlpcli.fit("train.csv", preset="classic", epochs=2, validation="valid.csv", test="0.2")
    model.path = "m.npz"
    own = read_table(model, "train.csv", ASKED).trained_on()
    assert np.count_nonzero(own) == 240
    assert read_table(model, "valid.csv", ASKED).trained_on().all()


def test_without_the_training_file_nothing_is_known(months, tmp_path):
    (tmp_path / "m.npz").write_bytes((months / "jan.npz").read_bytes())
    found = read_table(mlpcli.load(str(tmp_path / "m.npz")), str(months / "janfeb.csv"), ASKED).trained_on()
    assert found is None


def test_a_model_of_a_frame_knows_that_frame_alone(months):
    frame = pd.read_csv(months / "jan.csv")
    model = mlpcli.fit(frame, preset="classic", epochs=2)
    assert np.count_nonzero(~read_table(model, frame, ASKED).trained_on()) == pytest.approx(45, abs=2)
    assert read_table(model, frame[:100], ASKED).trained_on() is None

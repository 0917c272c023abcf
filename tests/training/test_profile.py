"""What a model keeps of its rows' distribution is that of the rows it did not keep for testing, and is checked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlpcli
from mlpcli.errors import ModelError
from mlpcli.model.trained import load
from mlpcli.training import profile as profiles


def table(n=200):
    rng = np.random.default_rng(0)
    words = [" ".join(rng.choice(["red", "blue", "green", "old", "new"], 4)) + f" nr{i}" for i in range(n)]
    return pd.DataFrame({
        "x": rng.normal(size=n), "town": rng.choice(["Ulm", "Bonn"], n), "review": words,
        "day": pd.date_range("2020-01-01", periods=n).astype(str), "y": rng.normal(size=n),
    })  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return mlpcli.fit(table(), target="y", preset="classic", epochs=1)


def test_every_input_the_target_and_the_answers_have_a_profile(model):
    profile, n = model.record.profile, 200 - model.record.data.n_test
    assert list(profile.columns) == ["x", "town", "review", "day"]
    assert {name: sum(p.counts) for name, p in profile.columns.items()} == dict.fromkeys(profile.columns, n)
    assert sum(profile.target.counts) == n
    assert sum(profile.answers.counts) == model.record.data.n_validation
    assert profile.confidence is None
    assert profile.columns["town"].kind == "levels"
    assert profile.columns["review"].points[0] >= len("old old old old nr0") - 5  # of texts their length


def test_without_validation_rows_there_are_no_answers_to_compare_with():
    found = mlpcli.fit(table(), target="town", preset="classic", epochs=1, validation="0").record.profile
    assert (found.answers, found.confidence) == (None, None)


def test_classes_have_labels_and_their_probabilities():
    found = mlpcli.fit(table(), target="town", preset="fast", epochs=1).record.profile
    assert found.answers.n_levels == 2
    assert 0.5 <= found.confidence.points[0] <= found.confidence.points[-1] <= 1


def test_a_very_wide_table_keeps_the_profiles_of_its_first_columns(monkeypatch, tmp_path):
    monkeypatch.setattr(profiles, "MAX_PROFILED", 2)
    model = mlpcli.fit(table(), target="y", preset="classic", epochs=1)
    assert list(model.record.profile.columns) == ["x", "town"]
    model.save(str(tmp_path / "m.npz"))
    assert load(str(tmp_path / "m.npz")).record == model.record


def test_a_category_of_rare_levels_alone_has_a_profile(tmp_path):
    frame = table(60).assign(town=[None] * 40 + [f"t{i}" for i in range(20)])
    model = mlpcli.fit(frame, target="y", preset="classic", epochs=1, category=("town",))
    assert model.record.profile.columns["town"].n_levels == 0
    model.save(str(tmp_path / "m.npz"))
    assert load(str(tmp_path / "m.npz")).record == model.record


EDITS = {
    "a column too few": lambda p: p["columns"].popitem(),
    "other levels": lambda p: p["columns"].update(petal_width={**p["target"], "n_levels": 3}),
    "negative counts": lambda p: p["target"]["counts"].__setitem__(0, -1),
    "a class too many": lambda p: p["answers"].update(n_levels=4, counts=[1] * 6),
    "numbers of a category": lambda p: p.update(target={**p["confidence"]}),
    "no confidence": lambda p: p.update(confidence=None),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_profile_that_no_training_wrote_is_refused(name, edit):
    with pytest.raises(ModelError, match="its profile cannot be"):
        load(edit(lambda header: EDITS[name](header["profile"])))

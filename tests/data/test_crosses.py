"""Pairs of levels as inputs: asked for as an outside judge would, not by a member's own rows, and blind where not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

import mlpcli
from mlpcli.config.settings import Config
from mlpcli.data import crosses
from mlpcli.data.crosses import MAX_INPUTS, MAX_PAIRS, MIN_MET, N_ASKED, ask, find_crosses, left_out_errors
from mlpcli.data.kinds.category import MEETING, Cross
from mlpcli.errors import ModelError
from mlpcli.files import archive
from mlpcli.files.jsonable import from_json, to_json
from mlpcli.model.assemble import assemble
from mlpcli.model.trained import load
from mlpcli.training.events import History
from mlpcli.training.prepare import prepare, prepare_dataset

N = 600


@pytest.fixture(scope="module")
def frame():
    """A class that hangs on two categories together, and tells nothing of either; a flag, a number, a rare level."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({name: rng.choice(list("uvw"), N) for name in ("a", "b")})
    frame["flag"], frame["size"] = rng.choice(["on", "off"], N), rng.normal(size=N).round(2)
    frame.loc[:3, "b"] = "seldom"
    frame["y"] = np.where((frame.a == frame.b) ^ (rng.random(N) < 0.05), "same", "other")
    return frame


@pytest.fixture(scope="module")
def path(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("crosses") / "table.csv"
    frame.to_csv(path, index=False)
    return str(path)


def prepared_with(path, **settings):
    return prepare(path, Config(target="y", test="0", epochs=3, **settings))


@pytest.fixture(scope="module")
def prepared(path):
    prepared = prepared_with(path)
    History.of(prepared.events())
    return prepared


# --- what is asked ----------------------------------------------------------------------------------------


def test_errors_of_rows_left_out_are_those_of_regressions_without_them():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 5)), rng.normal(size=(40, 2))
    found = left_out_errors(x, y, x.T @ x + 2 * np.eye(5), x.T @ y)
    for i in range(40):
        others = np.arange(40) != i
        judge = Ridge(alpha=2, fit_intercept=False).fit(x[others], y[others])
        assert found[i] == pytest.approx(np.square(judge.predict(x[i : i + 1]) - y[i]).sum())


def drawn(tells: bool, n_parts: int):
    """Two levels and their pair, of which a class tells or not, and chance."""
    rng = np.random.default_rng(1)
    a, b, noise = rng.integers(2, size=(3, N))
    x = np.stack([a, b, a & b], axis=1).astype(float)
    classes = a & b if tells else noise
    return x, np.eye(2)[classes], rng.integers(n_parts, size=N).astype(np.int8)


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("n_parts", [2, N_ASKED, 9])
def test_pairs_are_asked_for_where_they_tell_more(tells, n_parts):
    x, y, part = drawn(tells, n_parts)
    assert ask(x, y, 1, part) == [tells] * min(n_parts, N_ASKED)
    assert ask(x, y, 1, np.full(N, -1, np.int8)) == [tells]


@pytest.mark.parametrize("number", [2, 2 + N_ASKED])
def test_a_member_is_not_asked_by_its_own_rows(number):
    x, y, part = drawn(True, 2)
    part[: 2 * N // 3] = number
    chance = np.random.default_rng(0).permutation(y)
    own = (part == number)[:, None]
    assert ask(x, np.where(own, y, chance), 1, part)[:3] == [True, True, False]  # the pair tells in these rows alone
    assert ask(x, np.where(own, chance, y), 1, part)[2] is True


def test_pairs_that_meet_in_rows_enough_are_found(prepared, frame):
    found = find_crosses(prepared.schema, prepared.schema.encode(frame))
    columns = {c.name: c for c in prepared.schema.features}
    assert [(c.first, c.second) for c in found] == [("a", "b"), ("a", "flag"), ("b", "flag")]
    for cross in found[:1]:
        pairs = {(columns["a"].levels[i], columns["b"].levels[j]) for i, j in cross.pairs}
        met = frame.groupby(["a", "b"]).size()
        assert pairs == {*met[(met >= MIN_MET)].index}
    assert {j for _, j in found[1].pairs} == {0}  # a column of two levels has one input


@pytest.mark.parametrize("bound", ["MAX_PAIRS", "MAX_INPUTS"])
def test_of_too_many_pairs_or_inputs_none_is_tried(bound, path, prepared, monkeypatch):
    assert 0 < prepared.schema.width(["crosses"]) <= MAX_PAIRS
    assert prepared.schema.n_inputs <= MAX_INPUTS
    monkeypatch.setattr(crosses, bound, 10)
    assert not prepared_with(path).schema.crosses


@pytest.mark.parametrize("bound", ["MAX_PAIRS", "MAX_INPUTS"])
def test_of_too_many_columns_no_row_is_taken(path, prepared, bound, monkeypatch):
    monkeypatch.setattr(crosses, bound, 2)
    monkeypatch.setattr("mlpcli.training.prepare.add_crosses", None)
    assert not prepared_with(path).schema.crosses


@pytest.mark.parametrize("settings", [
    {"embed_categories": "none"}, {"drop": ("a",)}, {"drop": ("a", "flag")}, {"target": "flag"},
    {"target": "size", "task": "regression"},
])  # fmt: skip
def test_without_pairs_that_tell_more_there_are_no_inputs_for_them(path, settings):
    prepared = prepare(path, Config(test="0", **({"target": "y"} | settings)))
    assert not prepared.schema.width(["crosses"])
    assert not any(len(member.unseen["crosses"]) for member in prepared.members)
    assert "crosses" not in to_json(prepared.schema)
    assert not any("pairs" in note for note in prepared.notes)


# --- in a training ----------------------------------------------------------------------------------------


def test_inputs_are_on_where_a_row_has_both_levels(prepared, frame):
    schema = prepared.schema
    met = schema.encode(frame)[:, schema.blocks["crosses"]]
    columns, at = {c.name: c for c in schema.features}, 0
    for cross in schema.crosses:
        for i, j in cross.pairs:
            names = [columns[name].levels[k + (name == "flag")]
                     for name, k in ((cross.first, i), (cross.second, j))]  # fmt: skip
            both = (frame[cross.first] == names[0]) & (frame[cross.second] == names[1])
            np.testing.assert_array_equal(met[:, at], np.where(both, MEETING, 0))
            at += 1
    assert at == met.shape[1]
    unknown = schema.encode(pd.DataFrame({"a": ["new"], "b": [None], "flag": ["?"], "size": [np.nan]}, dtype=object)
                            .astype({"size": float}))  # fmt: skip
    assert not unknown[:, schema.blocks["crosses"]].any()
    one = schema.encode(frame[7:8])
    np.testing.assert_array_equal(one[0], schema.encode(frame)[7])


def test_it_is_said_that_there_are_pairs(prepared):
    assert any("pairs (--embed-categories none)" in note for note in prepared.notes)


def test_a_member_that_does_not_ask_is_blind_to_pairs(path, monkeypatch):
    monkeypatch.setattr(crosses, "ask", lambda *given: [True, False, True])
    prepared = prepared_with(path, ensemble=3, kinds=("mlp", "plain"))
    History.of(prepared.events())
    places = prepared.schema.blocks["crosses"]
    x = prepared.encoded.x[:50].copy()
    changed = x.copy()
    changed[:, places] = MEETING - changed[:, places]
    for k, member in enumerate(prepared.members):
        is_same = np.array_equal(member.network.predict(changed), member.network.predict(x))
        assert is_same == (k in (1, 3, 4, 5)), k


def test_without_folds_the_classes_of_validation_rows_do_not_ask(path):
    ours = prepared_with(path, ensemble=1)
    assert ours.schema.crosses
    dataset, rows = ours.dataset, ours.encoded.rows[ours.members[0].valid.index]
    mixed = dataset.y_cells.copy()
    mixed.iloc[rows] = dataset.y_cells.iloc[np.random.default_rng(0).permutation(rows)].to_numpy()
    assert prepare_dataset(replace(dataset, y_cells=mixed), ours.settings).schema == ours.schema


def test_a_large_table_is_asked_by_some_of_its_rows(path, monkeypatch):
    monkeypatch.setattr(crosses, "MAX_CELLS", 20_000)
    assert prepared_with(path).schema.crosses


@pytest.fixture(scope="module")
def model(prepared):
    return assemble(prepared, History.of(prepared.events()))


def test_a_model_is_what_it_was_after_a_round_trip(model, frame, tmp_path):
    model.save(str(tmp_path / "m.npz"))
    again = mlpcli.load(str(tmp_path / "m.npz"))
    assert again.schema == model.schema
    np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))
    for i in (0, 99):
        np.testing.assert_array_equal(again.predict_proba(frame[i : i + 1])[0], model.predict_proba(frame)[i])


GOOD = {"first": "a", "second": "b", "pairs": [[0, 1], [1, 0]]}


@pytest.mark.parametrize("change", [
    [], [GOOD | {"pairs": []}], [GOOD, GOOD], [GOOD | {"first": "b", "second": "a"}], [GOOD | {"second": "a"}],
    [GOOD | {"first": "size", "second": "b"}], [GOOD | {"first": "y"}], [GOOD | {"first": 1}], {}, None,
    *([GOOD | {"pairs": pairs}] for pairs in ([[1, 0], [0, 1]], [[0, 1], [0, 1]], [[-1, 1]], [[0, 99]], [[2**40, 1]],
                                               [[0]], [[0, 1, 2]], [[0, True]], [[0, 1.0]])),
    [GOOD | {"more": 1}], [{"first": "a", "second": "b"}],
])  # fmt: skip
def test_M16_pairs_that_no_training_finds_are_refused(model, tmp_path, change):
    file = str(tmp_path / "m.npz")
    model.save(file)
    header, arrays = archive.load(file)
    header["schema"]["crosses"] = change
    archive.save(file, header, arrays)
    with pytest.raises(ModelError):
        load(file)


def test_pairs_that_are_left_out_do_not_fit_the_weights(model, tmp_path):
    file = str(tmp_path / "m.npz")
    model.save(file)
    header, arrays = archive.load(file)
    del header["schema"]["crosses"]
    archive.save(file, header, arrays)
    with pytest.raises(ModelError, match="weights do not fit"):
        load(file)


def test_pairs_come_back_from_json(prepared):
    assert from_json(type(prepared.schema), to_json(prepared.schema)) == prepared.schema
    assert all(isinstance(cross, Cross) for cross in prepared.schema.crosses)

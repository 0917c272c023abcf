"""Cuts of numbers: found as outside judges find them, not with a member's own rows, and blind to those of others."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

import mlpcli
from mlpcli.config.settings import Config
from mlpcli.data import cuts
from mlpcli.data.cuts import LEAF_SHARE, MAX_COLUMN_CUTS, MAX_CUTS, MIN_GAIN, MIN_LEAF_ROWS, find_cuts, n_cut_rows
from mlpcli.data.kinds.number import JUMP
from mlpcli.errors import ModelError
from mlpcli.files import archive
from mlpcli.model.assemble import assemble
from mlpcli.model.trained import load
from mlpcli.studies.remedies import with_other_weights
from mlpcli.training.events import History
from mlpcli.training.prepare import prepare, prepare_dataset

N = 2400
ALL = np.full(N, -1)


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    values = np.exp(rng.normal(0, 1.5, N))
    classes = np.where(values > np.quantile(values, 0.98), 2, rng.integers(2, size=N) * (values > 1))
    return values, classes, rng.integers(6, size=N)


def impurity(classes):
    """Entropy in nats times the number of rows."""
    counts = np.bincount(classes)
    counts = counts[counts > 0]
    return -np.sum(counts * np.log(counts / counts.sum()))


def searched(values, classes):
    """Every cut of every leaf tried, the best one of all leaves taken first."""
    fewest, bounds = max(MIN_LEAF_ROWS, len(values) * LEAF_SHARE), [-np.inf, np.inf]
    for _ in range(MAX_COLUMN_CUTS):
        tried = []
        for low, high in pairwise(bounds):
            inside = (values > low) & (values <= high)
            for a, b in pairwise(np.unique(values[inside])):
                parts = [classes[inside & (values <= a)], classes[inside & (values > a)]]
                if min(map(len, parts)) >= fewest:
                    tried.append((impurity(classes[inside]) - sum(map(impurity, parts)), (a + b) / 2))
        gain, cut = max(tried)
        if gain < MIN_GAIN:
            break
        bounds = sorted([*bounds, cut])
    return bounds[1:-1]


@pytest.mark.parametrize("member", [0, 4])
def test_cuts_are_those_of_a_search_of_all(drawn, member):
    values, classes, part = (a[:500] for a in drawn)
    values = values.round(1)
    seen = part != member
    expected = searched(values[seen], classes[seen])
    assert 1 <= len(expected) < MAX_COLUMN_CUTS
    found = find_cuts([values], classes, part, 6)[0][member]
    np.testing.assert_array_equal(values[seen] > found[:, None], values[seen] > np.array(expected)[:, None])


def test_cuts_are_those_of_a_decision_tree(drawn, monkeypatch):
    monkeypatch.setattr(cuts, "MIN_GAIN", 1e-9)
    values, classes, _ = drawn
    judge = DecisionTreeClassifier(
        criterion="entropy", max_leaf_nodes=MAX_COLUMN_CUTS + 1, min_samples_leaf=int(np.ceil(N * LEAF_SHARE))
    ).fit(values[:, None], classes)
    expected = np.sort(judge.tree_.threshold[judge.tree_.feature >= 0])
    np.testing.assert_allclose(find_cuts([values], classes, ALL, 1)[0][0], expected, rtol=1e-6)


def test_a_member_does_not_know_the_classes_of_its_own_fold(drawn):
    values, classes, part = drawn
    other = classes.copy()
    other[part == 3] = np.random.default_rng(0).permutation(classes[part == 3])
    ours, theirs = (find_cuts([values], c, part, 6)[0] for c in (classes, other))
    np.testing.assert_array_equal(ours[3], theirs[3])
    assert any(not np.array_equal(ours[k], theirs[k]) for k in range(6) if k != 3)


def test_a_member_has_no_more_cuts_than_allowed(drawn):
    values, classes, part = drawn
    rng = np.random.default_rng(1)
    columns = [values * np.exp(rng.normal(0, 0.3, N)) for _ in range(20)]
    found = find_cuts(columns, classes, part, 6)
    assert all(sum(len(of_column[k]) for of_column in found) == MAX_CUTS for k in range(6))


def test_chance_is_not_cut():
    rng = np.random.default_rng(0)
    columns = list(rng.random((20, N)))
    assert sum(len(found) for (found,) in find_cuts(columns, rng.integers(2, size=N), ALL, 1)) <= 3


@pytest.mark.parametrize("constant", [True, False])
def test_what_tells_nothing_is_not_cut(constant):
    values = np.zeros(100) if constant else np.arange(100.0)
    assert not len(find_cuts([values], np.zeros(100, int), np.arange(100) % 6, 6)[0][0])


def test_neighbouring_numbers_are_told_apart():
    values = np.repeat([1.0, np.nextafter(1.0, 2)], 50)
    [cut] = find_cuts([values], (values > 1).astype(int), np.full(100, -1), 1)[0][0]
    assert np.array_equal(values > cut, values > 1)


@pytest.mark.parametrize(("n_classes", "n"), [(2, 20_000), (1000, 2000), (10**7, 1)])
def test_many_classes_have_fewer_rows_to_cut(n_classes, n):
    assert n_cut_rows(n_classes) == n


# --- in a training ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A class that a threshold in a tail decides, behind a category of many levels and a number with gaps."""
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"city": [f"c{i}" for i in rng.integers(12, size=600)]})
    frame["lab"], frame["age"] = np.exp(rng.normal(0, 1, 600)).round(3), rng.integers(20, 60, 600).astype(float)
    frame.loc[::9, "age"] = np.nan
    chance = rng.random(600) < 0.1
    frame["class"] = np.where((frame.lab > 4) ^ chance, "high", np.where(frame.age > 40, "same", "low"))
    path = tmp_path_factory.mktemp("cuts") / "table.csv"
    frame.to_csv(path, index=False)
    return str(path)


def prepared_with(path, **settings):
    return prepare(path, Config(target="class", test="0", epochs=3, **settings))


@pytest.mark.parametrize("settings", [
    {},
    {"kinds": ("mlp", "wide"), "ensemble": 3},
    {"embed_categories": "learned", "max_categories": 5},
    {"optimizer": "adamw", "weight_decay": 0.1, "parametrization": "standard", "input_noise": 0.1},
    {"optimizer": "sgd", "lr": 0.01, "parametrization": "standard", "max_norm": 1.0},
])  # fmt: skip
def test_members_never_have_weights_for_the_cuts_of_others(path, settings):
    prepared = prepared_with(path, **settings)
    History.of(prepared.events())
    places = prepared.schema.blocks["cuts"]
    x = prepared.encoded.x[:50].copy()
    for member in prepared.members:
        assert len(member.unseen["cuts"])
        own = np.setdiff1d(np.arange(places.stop - places.start), member.unseen["cuts"])
        before = member.network.predict(x)
        changed = x.copy()
        changed[:, places.start + member.unseen["cuts"]] *= -1
        np.testing.assert_array_equal(member.network.predict(changed), before)
        for cut in own:
            changed = x.copy()
            changed[:, places.start + cut] *= -1
            assert not np.array_equal(member.network.predict(changed), before)


def test_a_network_of_other_first_weights_is_blind_to_the_same_cuts(path):
    prepared = prepared_with(path)
    member = with_other_weights(prepared, prepared.members[2], 2)
    places = prepared.schema.blocks["cuts"]
    assert member.network.n_inputs < prepared.schema.n_inputs
    np.testing.assert_array_equal(member.network.others, prepared.members[2].network.others)
    assert not np.isin(places.start + member.unseen["cuts"], member.network.others).any()


@pytest.mark.parametrize("kind", ["plain", "linear"])
def test_a_kind_that_does_not_see_cuts_has_no_inputs_for_them(path, kind):
    prepared = prepared_with(path, kinds=(kind,), ensemble=2)
    assert prepared.schema.width(["cuts"])
    assert prepared.members[0].network.n_inputs == prepared.schema.width(["plain"])


def test_inputs_jump_at_cuts(path):
    prepared, frame = prepared_with(path), pd.read_csv(path)
    x = prepared.encoded.x[np.argsort(prepared.encoded.rows)]
    lab = next(c for c in prepared.schema.features if c.name == "lab")
    places = prepared.schema.inputs_of["lab"]["cuts"]
    jumps = x[:, prepared.schema.blocks["cuts"]][:, places]
    np.testing.assert_array_equal(jumps, np.where(frame.lab.to_numpy()[:, None] > lab.cuts, JUMP, -JUMP))
    assert any(3.9 < cut < 4.1 for cut in lab.cuts)


def test_without_folds_the_classes_of_validation_rows_do_not_move_cuts(path):
    ours = prepared_with(path, ensemble=1)
    dataset, rows = ours.dataset, ours.encoded.rows[ours.members[0].valid.index]
    assert not len(ours.members[0].unseen["cuts"])
    mixed = dataset.y_cells.copy()
    mixed.iloc[rows] = dataset.y_cells.iloc[np.random.default_rng(0).permutation(rows)].to_numpy()
    assert not mixed.equals(dataset.y_cells)
    assert prepare_dataset(replace(dataset, y_cells=mixed), ours.settings).schema == ours.schema


@pytest.mark.parametrize("settings", [{"embed_numbers": "none"}, {"drop": ("lab", "age")}])
def test_without_encoded_numbers_nothing_is_cut(path, settings):
    prepared = prepared_with(path, **settings)
    assert not prepared.schema.width(["cuts"])
    assert not any(len(member.unseen["cuts"]) for member in prepared.members)


def test_numbers_have_no_cuts(path):
    prepared = prepare(path, Config(target="lab", test="0"))
    assert prepared.schema.width(["ple"])
    assert not prepared.schema.width(["cuts"])


def test_a_model_is_what_it_was_after_a_round_trip(path, tmp_path):
    prepared = prepared_with(path)
    model = assemble(prepared, History.of(prepared.events()))
    model.save(str(tmp_path / "m.npz"))
    again, frame = mlpcli.load(str(tmp_path / "m.npz")), pd.read_csv(path)
    assert again.schema == prepared.schema
    np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))


@pytest.mark.parametrize("change", ["backwards", "twice", "one more", "text"])
def test_cuts_that_no_training_finds_are_refused(path, tmp_path, change):
    model = mlpcli.fit(path, target="class", epochs=1)
    file = str(tmp_path / "m.npz")
    model.save(file)
    header, arrays = archive.load(file)
    column = next(c for c in header["schema"]["columns"] if c["name"] == "lab")
    assert len(column["cuts"]) > 1
    good = column["cuts"]
    changed = {"backwards": good[::-1], "twice": [good[0], *good[:-1]], "one more": [*good, 1e9], "text": ["4", *good]}
    column["cuts"] = changed[change]
    archive.save(file, header, arrays)
    with pytest.raises(ModelError):
        load(file)

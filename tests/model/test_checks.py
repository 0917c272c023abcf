"""Parts of a model file that no training writes are refused before anything is made of them."""

from __future__ import annotations

import numpy as np
import pytest
from samples import SAMPLES

import mlpcli
from mlpcli.errors import ModelError
from mlpcli.files import archive
from mlpcli.model.trained import load


@pytest.fixture
def iris_with_batch_norm(tmp_path):
    path = str(tmp_path / "normed.npz")
    mlpcli.fit(str(SAMPLES / "iris.csv"), preset="classic", normalization="batch", epochs=1).save(path)
    return path


NAMES = ["__class__", "__init__", "os.system", "relu\0", "../relu", "", "RELU"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("setting", ["activation", "loss", "optimizer", "init", "schedule", "normalization", "scale"])
def test_X08_a_name_in_a_model_is_looked_up_in_closed_lists_alone(setting, name, edit):
    with pytest.raises(ModelError, match="no such choice"):
        load(edit(lambda h: h["config"].update({setting: name})))


def test_M12_an_array_that_no_model_has_is_refused(edit):
    with pytest.raises(ModelError, match="weights do not fit"):
        load(edit(lambda h: None, more=np.zeros(3, np.float32)))


def test_M08_weights_without_the_running_statistics_are_refused(iris_with_batch_norm, tmp_path):
    header, own = archive.load(iris_with_batch_norm)
    path = str(tmp_path / "m.npz")
    archive.save(path, header, {"members": own["members"][:, :-1]})
    with pytest.raises(ModelError, match="weights do not fit"):
        load(path)


def test_M16_slots_of_words_out_of_order_or_range_are_refused(tmp_path):
    words = np.random.default_rng(0).choice([f"word{i}" for i in range(40)], (120, 8))
    rows = "".join(f"{' '.join(row)} nr{i},{i % 2}\n" for i, row in enumerate(words))
    (tmp_path / "d.csv").write_text("review,y\n" + rows)
    path = str(tmp_path / "m.npz")
    mlpcli.fit(str(tmp_path / "d.csv"), preset="classic", epochs=1).save(path)
    assert load(path).schema.features[0].kind == "text"
    header, own = archive.load(path)
    (column,) = header["schema"]["columns"]
    good = column["slots"]
    for slots in ([*good[:-1], good[0]], [*good[:-1], 1 << 30], [-1, *good[1:]]):
        column["slots"] = slots
        archive.save(path, header, own)
        with pytest.raises(ModelError):
            load(path)


@pytest.mark.parametrize("shape", [(0, 0), (1, 0), (2, 1), (1, 10)])
def test_M08_weights_of_another_shape_are_refused(shape, edit):
    with pytest.raises(ModelError, match="weights do not fit"):
        load(edit(lambda h: None, members=np.zeros(shape, np.float32)))


@pytest.mark.parametrize("hidden", [[65536] * 100, [65536, 65536], [4000] * 3, [65536]])
def test_M08_layers_larger_than_the_weights_are_refused_before_they_are_made(hidden, edit, monkeypatch):
    monkeypatch.setattr("mlpcli.training.networks.mlp", None)
    with pytest.raises(ModelError, match="weights do not fit"):
        load(edit(lambda h: h["config"].update(hidden=hidden)))


def test_M11_weights_that_are_all_zero_are_weights(edit, small, call):
    path = edit(lambda h: None, members=np.zeros_like(archive.load(str(small / "iris.npz"))[1]["members"]))
    assert call("predict", path, small / "iris.csv")[0] == 0


PER_EPOCH = ("train_loss", "train_spread", "valid_loss", "valid_metric", "valid_spread")


@pytest.mark.parametrize("edited", [
    {"train_loss": []}, {key: [] for key in PER_EPOCH},
    {"valid_loss": []}, {"valid_metric": [0.5]}, {"train_spread": []}, {"best_epoch": 0}, {"best_epoch": 1_000},
])  # fmt: skip
def test_M16_a_history_that_is_not_whole_is_refused(edited, edit):
    with pytest.raises(ModelError, match="its history cannot be"):
        load(edit(lambda h: h["history"].update(edited)))


@pytest.mark.parametrize("constant", [[], [1.0], [0.5, 0.6, 0.1], [1.5, -0.5, 0.0], [0.25, 0.25, 0.25, 0.25]])
def test_a_constant_answer_that_is_none_of_this_target_is_refused(constant, edit):
    with pytest.raises(ModelError, match="constant answer"):
        load(edit(lambda h: h.update(constant=constant)))

"""Rows in several shares: one share gives the bytes of one machine; several depend on no worker, no order, no death."""

from __future__ import annotations

import os
import pickle
import signal
from concurrent.futures import CancelledError
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from samples import SAMPLES

from mlpcli.config import settings
from mlpcli.config.cluster import ClusterOptions
from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data import fit_columns
from mlpcli.data.fit_columns import LARGE_PLE_BINS
from mlpcli.errors import DataError, MachineError, UsageError
from mlpcli.model.assemble import assemble
from mlpcli.studies import distributed_rows
from mlpcli.studies.cluster import connected
from mlpcli.studies.distributed_rows import prepare, share_files
from mlpcli.studies.row_shares import Share, SharedTable
from mlpcli.studies.workers import Inline, Shared
from mlpcli.training import prepare as preparing
from mlpcli.training.events import History

SETTINGS = {
    "classes": {"epochs": 2, "hidden": (8,), "ensemble": 2, "dropout": 0.1},
    "numbers": {"epochs": 3, "hidden": (8,), "ensemble": 1, "target": "year", "task": "regression"},
    "kinds": {"epochs": 2, "hidden": (8,), "ensemble": 2, "kinds": ("mlp", "linear"), "normalization": "batch"},
    "no validation": {"epochs": 2, "hidden": (8,), "ensemble": 1, "validation": "0", "average": 0.0},
    "float64": {"epochs": 2, "hidden": (8,), "ensemble": 1, "dtype": "float64"},
    "diverging": {"epochs": 2, "hidden": (8,), "ensemble": 1, "preset": "classic", "lr": 1000.0},
    "metric": {"epochs": 3, "hidden": (8,), "ensemble": 1, "stop_on": "auc", "target": "sex"},
}


class Forgetful(Inline):
    """Every task meets a share that is made anew, as where the worker before it has died."""

    def submit(self, fn, /, *args, **kwargs):
        held = Shared(pickle.loads(pickle.dumps(args[0].held.value)))
        return super().submit(fn, replace(args[0], held=held))


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A pattern of four files with the penguins."""
    folder = tmp_path_factory.mktemp("parts")
    header, *rows = (SAMPLES / "penguins.csv").read_text().splitlines()
    for i, stop in enumerate((60, 180, 200, len(rows))):
        start = (0, 60, 180, 200)[i]
        (folder / f"{i}.csv").write_text("\n".join([header, *rows[start:stop], ""]))
    return str(folder / "*.csv")


def trained(parts, config, n_shares, workers=None):
    training = prepare(parts, config, ReadOptions(), workers or Inline(), n_shares, every=2)
    return assemble(training.prepared, History.of(training.events()))


@pytest.mark.parametrize("name", SETTINGS)
def test_one_share_gives_the_model_of_one_machine_to_the_byte(name, parts):
    config = Config(**SETTINGS[name])
    whole = preparing.prepare(parts, config)
    assert trained(parts, config, 1).sha256 == assemble(whole, History.of(whole.events())).sha256


def test_one_share_of_a_large_table_has_the_networks_epochs_and_bins_of_one_machine(parts, monkeypatch):
    for module in (settings, fit_columns):
        monkeypatch.setattr(module, "LARGE_ROWS", 250)  # of the 333 penguins, 283 to learn from
    config = Config(epochs=2, hidden=(8,))
    whole = preparing.prepare(parts, config)
    assert (whole.settings.ensemble, whole.settings.schedule) == (4, "cosine")
    n_edges = {len(c.edges) for c in whole.schema.features if c.kind == "number"}
    assert n_edges == {LARGE_PLE_BINS["classification"] + 1, 0}  # none of a year with three values
    assert trained(parts, config, 1).sha256 == assemble(whole, History.of(whole.events())).sha256


def test_one_share_gives_the_model_of_one_machine_where_rows_are_in_a_file(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(2):
        x = rng.normal(size=(2000, 6)).round(3)
        cells = np.column_stack([x, x[:, 0] > x[:, 1]])
        np.savetxt(tmp_path / f"{i}.csv", cells, "%g", ",", header="a,b,c,d,e,f,y", comments="")
    pattern, config, options = (
        str(tmp_path / "*.csv"),
        Config(epochs=1, ensemble=1, hidden=(4,)),
        ReadOptions(memory=10**6),
    )
    whole = preparing.prepare(pattern, config, options, str(tmp_path))
    assert whole.dataset.storage.maps
    shared = prepare(pattern, config, options, Inline(), 1)
    assert shared.shares.held[0].value.share.dataset(shared.shares.plan).storage.maps
    model = assemble(shared.prepared, History.of(shared.events()))
    assert model.sha256 == assemble(whole, History.of(whole.events())).sha256


@pytest.mark.slow
@pytest.mark.parametrize("name", ["classes", "diverging"])
def test_several_shares_that_are_forgotten_after_each_answer_give_the_same_model(name, parts):
    config = Config(**SETTINGS[name])
    model = trained(parts, config, 3)
    assert model.record.shares == 3
    assert trained(parts, config, 3, Forgetful()).sha256 == model.sha256


@pytest.mark.slow
def test_the_share_of_a_killed_worker_is_read_by_another_and_the_model_is_the_same(parts, scheduler):
    config = Config(**SETTINGS["classes"] | {"epochs": 3})
    with connected(ClusterOptions(scheduler)) as cluster:
        training = prepare(parts, config, ReadOptions(), cluster, 2, every=2)
        history, homes = History(), list(cluster.homes.values())
        assert len(set(homes)) == 2
        for event in training.events():
            history.add(event)
            if len(history.train_loss) == 1 and homes:
                os.kill(cluster.client.run(os.getpid, workers=[homes[0]])[homes.pop(0)], signal.SIGKILL)
                homes.clear()
        assert not cluster.kept
    assert assemble(training.prepared, history).sha256 == trained(parts, config, 2).sha256


def test_columns_rows_and_counts_of_several_shares_are_those_of_one_machine(parts):
    config = Config(**SETTINGS["numbers"])
    whole, shared = preparing.prepare(parts, config), prepare(parts, config, ReadOptions(), Inline(), 3)
    assert shared.prepared.schema == whole.schema
    assert shared.prepared.settings == whole.settings
    a, b = trained(parts, config, 3).record, assemble(whole, History.of(whole.events())).record
    assert a.data == b.data
    assert (a.history.n_train, a.history.n_valid) == (b.history.n_train, b.history.n_valid)


def test_networks_on_several_shares_learn(parts):
    model = trained(parts, Config(epochs=20, hidden=(8,), ensemble=1), 2)
    assert model.record.validation["accuracy"] > 0.9


def test_a_training_that_is_stopped_asks_no_more_and_has_the_best_weights(parts):
    training = prepare(parts, Config(epochs=50, hidden=(8,), ensemble=1), ReadOptions(), Inline(), 2)
    events = training.events()
    history = History.of(islice(events, 3))
    events.close()
    assert assemble(training.prepared, history).record.history.best_epoch in (1, 2)
    with pytest.raises(CancelledError):
        training.shares.ask("training", Share.encode, is_wanted=lambda: False)


def test_a_time_limit_ends_an_epoch_between_two_rounds(parts):
    config = Config(epochs=500, hidden=(8,), ensemble=1, time_limit=0.5, patience=0)
    model = trained(parts, config, 2)
    assert model.record.history.stopped_by == "time limit"


def test_many_rows_are_looked_at_by_a_sample(parts, monkeypatch):
    for module in (preparing, distributed_rows):
        monkeypatch.setattr(module, "MAX_EVALUATED", 100)
    monkeypatch.setattr(preparing, "MAX_VALIDATION_ROWS", 30)
    monkeypatch.setattr(distributed_rows, "MIN_FITTED_ROWS", 90)
    monkeypatch.setattr(distributed_rows, "FITTED_CELLS", 90)
    monkeypatch.setattr("mlpcli.studies.row_shares.MAX_VALIDATION_ROWS", 30)
    training = prepare(parts, Config(epochs=2, hidden=(8,), ensemble=1), ReadOptions(), Inline(), 3)
    assert len(training.prepared.encoded.rows) == 100
    assert np.unique(training.prepared.encoded.rows).size == 100
    model = assemble(training.prepared, History.of(training.events()))
    assert model.record.history.n_valid in range(30, 33)
    assert sum((model.record.data.n_train, model.record.data.n_validation, model.record.data.n_test)) == 344


@pytest.mark.parametrize(
    ("sizes", "n", "expected"),
    [((1, 1, 1, 1), 2, (2, 2)), ((9, 1, 1, 1), 2, (1, 3)), ((1, 1, 1, 9), 3, (2, 1, 1)), ((5, 5), 4, (1, 1))],
)
def test_files_are_shared_by_their_bytes_in_their_order(sizes, n, expected, tmp_path):
    for i, size in enumerate(sizes):
        (tmp_path / f"{i}.csv").write_bytes(b"x" * size)
    shares = share_files(str(tmp_path / "*.csv"), n)
    assert tuple(map(len, shares)) == expected
    assert [file for share in shares for file in share] == [str(tmp_path / f"{i}.csv") for i in range(len(sizes))]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"group": "island"}, "--group needs all rows in one place"),
        ({"time": "year"}, "--time needs"),
        ({"weight": "year"}, "--weight needs"),
        ({"class_weight": "balanced"}, "--class-weight needs"),
        ({"test": "other.csv"}, "--test: with --distribute rows a share of the rows"),
    ],
)
def test_what_needs_all_rows_in_one_place_is_refused(settings, said, parts):
    with pytest.raises(UsageError, match=said):
        prepare(parts, Config(**settings), ReadOptions(), Inline(), 2)


def test_standard_input_missing_files_and_small_shares_are_refused(parts):
    with pytest.raises(UsageError, match="standard input"):
        prepare("-", Config(), ReadOptions(), Inline(), 2)
    with pytest.raises(DataError, match="cannot read"):
        prepare(parts.replace("*", "none"), Config(), ReadOptions(), Inline(), 2)
    with pytest.raises(DataError, match="too few rows") as raised:
        prepare(parts, Config(ensemble=12), ReadOptions(), Inline(), 4)
    assert raised.value.file.endswith("2.csv")


def test_a_file_that_a_worker_cannot_read_is_named_with_what_is_to_be_done(parts):
    share = Share(SharedTable(parts, ((parts.replace("*", "none"),),), Config(), ReadOptions()), 0)
    with pytest.raises(MachineError) as raised:
        share.read()
    assert raised.value.hint == "the path is to lead to the same file on every worker"


def test_fewer_files_than_workers_are_fewer_shares_and_that_is_said(parts):
    training = prepare(parts, Config(epochs=1, ensemble=1), ReadOptions(), Inline(), 5)
    assert len(training.shares) == 4
    assert "4 shares for 5 workers: a file is not divided, give more of them" in training.prepared.notes


def test_a_cell_that_is_written_otherwise_is_named_with_its_file_as_given(parts, monkeypatch):
    monkeypatch.chdir(parts.removesuffix("*.csv"))
    with pytest.raises(DataError) as raised:
        prepare("*.csv", Config(numeric=("island",)), ReadOptions(), Inline(), 2)
    assert raised.value.file == "0.csv"

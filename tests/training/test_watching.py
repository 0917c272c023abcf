"""Watching a training: what is seen is there, and nothing that is trained changes by it."""

from __future__ import annotations

import numpy as np
import pytest
from samples import SAMPLES

from mlpcli.config.settings import Config
from mlpcli.errors import UsageError
from mlpcli.model.assemble import assemble
from mlpcli.training.checkpoint import resumable
from mlpcli.training.events import DIGITS, EpochEnded, History, Watched
from mlpcli.training.prepare import prepare
from mlpcli.training.watching import CELLS_RIGHT, CELLS_UP, levels_of, watcher_of

XOR, PENGUINS, DIABETES = (str(SAMPLES / f"{name}.csv") for name in ("xor", "penguins", "diabetes"))
TANH = Config(preset="classic", hidden=(8,), activation="tanh", batch_size="8", epochs=60, lr=0.1)


def watched(path, config, columns=None, **files):
    prepared = prepare(path, config)
    watcher = watcher_of(prepared, columns)
    events = list(resumable(prepared, 1, files.get("checkpoint"), files.get("resume"), watcher))
    return prepared, events, [event for event in events if isinstance(event, Watched)]


@pytest.fixture(scope="module")
def xor():
    return watched(XOR, TANH)


def test_each_epoch_is_looked_at_just_before_it_is_told(xor):
    _, events, seen = xor
    kinds = [type(event) for event in events[1:-1]]
    assert kinds == [Watched, EpochEnded] * len(seen)


def test_the_map_of_a_network_that_learned_shows_the_law_of_the_table(xor):
    _, _, seen = xor
    axes, surface = seen[-1].axes, seen[-1].surface
    assert (axes.columns, axes.labels) == (("a", "b"), ("different", "same"))
    assert {len(line) for line in surface.classes} == {CELLS_RIGHT}
    assert len(surface.classes) == len(surface.levels) == CELLS_UP
    across, down = np.linspace(*axes.right, CELLS_RIGHT), np.linspace(*axes.up[::-1], CELLS_UP)
    law = (across[None, :] * down[:, None] > 0).astype(int)
    found = np.array([[int(c) for c in line] for line in surface.classes])
    assert (found == law).mean() > 0.85
    assert (np.array([law[j, i] == kind for i, j, kind in axes.rows])).mean() > 0.9
    first = np.array([[int(c) for c in line] for line in seen[0].surface.classes])
    assert (first == law).mean() < (found == law).mean()


@pytest.mark.parametrize("average", [0.0, 1.0])
def test_cells_answer_as_the_model_does(average):
    config = Config(ensemble=1, calibrate=False, hidden=(8,), epochs=8, average=average)
    prepared, events, seen = watched(XOR, config)
    model = assemble(prepared, History.of(events))
    watcher = watcher_of(prepared, None)
    best = [e for e in events if isinstance(e, EpochEnded)][-1].best_epoch
    answers = model.ensemble.outputs(watcher.cells)
    shown = "".join(seen[best - 1].surface.classes)
    assert shown == "".join(str(i) for i in answers.argmax(axis=1))
    levels = "".join(DIGITS[i] for i in levels_of(answers.max(axis=1), (0.5, 1.0)))
    assert levels == "".join(seen[best - 1].surface.levels)


def test_layers_are_told_with_their_units_and_the_output_layer_without_shares(xor):
    _, _, seen = xor
    hidden, output = seen[-1].layers
    assert (hidden.n_units, output.n_units) == (8, 2)
    assert 0 <= hidden.dead <= 1
    assert 0 <= hidden.saturated <= 1
    assert (output.dead, output.saturated) == (None, None)
    assert hidden.gradient > 0
    assert [s.lr for s in seen] == [0.1] * len(seen)


def test_units_without_a_gradient_are_dead_and_the_rate_follows_its_schedule():
    config = Config(preset="classic", hidden=(6,), init="zeros", epochs=4, schedule="cosine", lr=0.01)
    _, _, seen = watched(XOR, config)
    assert seen[0].layers[0].dead == 1
    rates = [s.lr for s in seen]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < rates[0] < 0.01


@pytest.mark.parametrize(
    ("path", "columns", "config"),
    [
        (XOR, None, TANH),
        (PENGUINS, ["bill_length_mm", "body_mass_g"], Config(preset="fast", epochs=4)),
        (DIABETES, None, Config(preset="classic", epochs=3, hidden=(8, 8), normalization="batch", dropout=0.3)),
        (DIABETES, ["bmi", "age"], Config(epochs=3, hidden=(8,))),
    ],
)
def test_watching_changes_no_weight(path, columns, config):
    prepared, events, _ = watched(path, config, columns)
    plain = prepare(path, config)
    history = History.of(plain.events())
    for one, other in zip(prepared.members, plain.members, strict=True):
        assert one.network.params.tobytes() == other.network.params.tobytes()
    assert History.of(events).valid_loss == history.valid_loss


def test_a_fitted_surface_has_levels_between_the_ends_of_the_target():
    _, _, seen = watched(DIABETES, Config(epochs=3, hidden=(8,)), ["bmi", "age"])
    axes, surface = seen[-1].axes, seen[-1].surface
    assert (axes.labels, surface.classes) == ((), ())
    assert axes.range[0] < axes.range[1]
    assert len({*"".join(surface.levels)}) > 5
    assert seen[-1].layers[0].n_units == 8


def test_a_table_of_more_columns_has_a_map_only_when_two_are_named():
    assert watcher_of(prepare(PENGUINS, TANH), None).axes is None
    assert watcher_of(prepare(PENGUINS, TANH), ["body_mass_g", "bill_depth_mm"]).axes.columns[0] == "body_mass_g"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["island", "body_mass_g"], "'island' is no column of numbers"),
        (["wings", "body_mass_g"], "'wings' is no column$"),
        (["body_mass_g"], "expected two columns"),
        (["body_mass_g", "body_mass_g"], "expected two columns"),
    ],
)
def test_other_columns_are_refused(columns, message):
    with pytest.raises(UsageError, match=message):
        watcher_of(prepare(PENGUINS, TANH), columns)


def test_a_map_has_room_for_36_classes(tmp_path):
    path = tmp_path / "many.csv"
    path.write_text("a,b,y\n" + "".join(f"{i % 13},{i % 17},class {i % 40}\n" for i in range(400)))
    prepared = prepare(str(path), TANH)
    assert watcher_of(prepared, None).axes is None
    with pytest.raises(UsageError, match="36 classes"):
        watcher_of(prepared, ["a", "b"])


def test_a_resumed_training_is_looked_at_from_where_it_goes_on(tmp_path):
    path = str(tmp_path / "run.ckpt")
    config = Config(preset="classic", hidden=(4,), epochs=6)
    prepared = prepare(XOR, config)
    events = resumable(prepared, 1, path, None)
    for event in events:
        if isinstance(event, EpochEnded) and event.epoch == 3:
            break
    events.close()
    _, events, seen = watched(XOR, config, resume=path)
    assert [type(e) for e in events].count(EpochEnded) == 6
    assert len(seen) == 3

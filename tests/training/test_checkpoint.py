"""A training that was stopped and gone on with ends in the same bytes as one that never stopped."""

from __future__ import annotations

import errno
import os
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from samples import SAMPLES

from mlpcli.config.settings import Config
from mlpcli.errors import MachineError, ModelError, UsageError
from mlpcli.files import archive
from mlpcli.model.assemble import assemble
from mlpcli.training import checkpoint
from mlpcli.training.checkpoint import resumable
from mlpcli.training.events import EpochEnded, History
from mlpcli.training.prepare import prepare

EPOCHS = 8
CASES = {
    "classification ensemble": ("penguins.csv", {}),
    "regression ensemble": ("diabetes.csv", {"target": "progression"}),
    "one network": ("penguins.csv", {"ensemble": 1}),
    "classic": ("iris.csv", {"preset": "classic"}),
    "momentum, running statistics and dropout": (
        "iris.csv",
        {"ensemble": 2, "optimizer": "momentum", "lr": 0.01, "normalization": "batch", "dropout": 0.3,
         "parametrization": "standard"},
    ),
    "stops by patience": ("iris.csv", {"ensemble": 2, "patience": 2, "lr": 0.2}),
    "several kinds": ("iris.csv", {"ensemble": 2, "patience": 2, "kinds": ("mlp", "wide", "plain", "linear")}),
    "stops on a metric": ("iris.csv", {"ensemble": 2, "patience": 2, "lr": 0.2, "stop_on": "auc"}),
    "computes in float64": ("iris.csv", {"ensemble": 2, "dtype": "float64"}),
    "without validation rows": ("iris.csv", {"ensemble": 1, "validation": "0"}),
}  # fmt: skip


@pytest.fixture(autouse=True)
def after_every_epoch(monkeypatch):
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)


def start(case: str):
    name, settings = CASES[case]
    return prepare(str(SAMPLES / name), Config(epochs=EPOCHS, **settings))


def test_a_case_has_cuts():
    assert start("classification ensemble").schema.width(["cuts"])


def finish(case: str, path: Path, resume: str | None = None, keep: str | None = None, jobs: int = 1) -> bytes:
    prepared = start(case)
    history = History.of(resumable(prepared, jobs, keep, resume))
    assemble(prepared, history).save(str(path))
    return path.read_bytes()


def stop_after(case: str, epochs: int, keep: str) -> None:
    with closing(resumable(start(case), 1, keep, None)) as events:
        for event in events:
            if isinstance(event, EpochEnded) and event.epoch == epochs:
                break


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_training_stopped_at_any_epoch_goes_on_to_the_same_bytes(case, tmp_path):
    whole = finish(case, tmp_path / "whole.npz")
    kept = str(tmp_path / "run.ckpt")
    n_epochs = len(History.of(start(case).events()).train_loss)
    for epochs in {1, 2, n_epochs // 2, n_epochs}:
        stop_after(case, epochs, kept)
        assert len(archive.load(kept)[0]["emitted"]) == epochs
        assert finish(case, tmp_path / "part.npz", resume=kept, jobs=2) == whole


@pytest.mark.slow
def test_a_training_stopped_again_and_again_goes_on_to_the_same_bytes(tmp_path):
    case, kept = "classification ensemble", str(tmp_path / "run.ckpt")
    stop_after(case, 1, kept)
    for epochs in range(2, EPOCHS):
        with closing(resumable(start(case), 1, kept, kept)) as events:
            emitted = 0
            while emitted < epochs:
                emitted += isinstance(next(events), EpochEnded)
    assert finish(case, tmp_path / "part.npz", resume=kept) == finish(case, tmp_path / "whole.npz")


def test_an_interruption_inside_an_epoch_keeps_the_epoch_before(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHARE", 1e-9)  # the first epoch is written at once, the next ones are not due
    case, kept = "one network", str(tmp_path / "run.ckpt")
    prepared = start(case)
    events = resumable(prepared, 1, kept, None)
    for event in events:
        if isinstance(event, EpochEnded) and event.epoch == 5:
            break
    assert len(archive.load(kept)[0]["emitted"]) == 1
    generator = prepared.members[0].rng
    monkeypatch.setattr(prepared.members[0], "rng", Interrupting(generator))
    with pytest.raises(KeyboardInterrupt):
        next(events)
    assert len(archive.load(kept)[0]["emitted"]) == 5
    assert finish(case, tmp_path / "part.npz", resume=kept) == finish(case, tmp_path / "whole.npz")


class Interrupting:
    """A generator of random numbers that is interrupted once it has been used."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator

    def permutation(self, rows):
        self.generator.permutation(rows)
        raise KeyboardInterrupt


def test_recoveries_from_divergence_go_on_too(tmp_path):
    """A rate at which the loss overflows: the lower one, the count and the words must be there again."""
    case = "explodes"
    CASES[case] = ("iris.csv", {"ensemble": 1, "preset": "classic", "lr": 100.0, "activation": "identity"})
    try:
        whole = finish(case, tmp_path / "whole.npz")
        assert archive.load(str(tmp_path / "whole.npz"))[0]["history"]["recoveries"]
        stop_after(case, 3, str(tmp_path / "run.ckpt"))
        assert finish(case, tmp_path / "part.npz", resume=str(tmp_path / "run.ckpt")) == whole
    finally:
        del CASES[case]


@pytest.mark.parametrize(
    ("settings", "difference"),
    [
        ({"lr": 0.03}, "--lr was 0.02, is 0.03"),
        ({"hidden": (5,)}, "--hidden was 128,128, is 5"),
        ({"seed": 3}, "--seed was 0, is 3"),
        ({"drop": ("year",)}, "--drop"),
        ({"epochs": 20, "lr": 0.1}, "--lr was 0.02, is 0.1; --epochs was 8, is 20"),
    ],
)
def test_other_flags_are_refused_by_name(settings, difference, tmp_path):
    kept = str(tmp_path / "run.ckpt")
    stop_after("classification ensemble", 1, kept)
    other = prepare(str(SAMPLES / "penguins.csv"), Config(**({"epochs": EPOCHS} | settings)))
    with pytest.raises(UsageError, match=difference):
        resumable(other, 1, None, kept)


def test_other_data_are_refused(tmp_path):
    kept, data = str(tmp_path / "run.ckpt"), tmp_path / "penguins.csv"
    data.write_text((SAMPLES / "penguins.csv").read_text() + "Dream,40,18,190,3500,male,2009,Adelie\n")
    stop_after("classification ensemble", 1, kept)
    with pytest.raises(UsageError, match="the data file is another one, or has changed"):
        resumable(prepare(str(data), Config(epochs=EPOCHS)), 1, None, kept)


def test_a_changed_validation_file_is_refused(tmp_path):
    kept, judge = str(tmp_path / "run.ckpt"), tmp_path / "judge.csv"
    lines = (SAMPLES / "iris.csv").read_text().splitlines(keepends=True)
    config = Config(epochs=EPOCHS, ensemble=1, validation=str(judge))
    judge.write_text("".join(lines[:30]))
    for _ in resumable(prepare(str(SAMPLES / "iris.csv"), config), 1, kept, None):
        pass
    judge.write_text("".join(lines[:29]))
    with pytest.raises(UsageError, match="another --test or --validation file"):
        resumable(prepare(str(SAMPLES / "iris.csv"), config), 1, None, kept)


def test_another_time_limit_is_the_same_training(tmp_path):
    kept = str(tmp_path / "run.ckpt")
    stop_after("classic", 2, kept)
    prepared = prepare(str(SAMPLES / "iris.csv"), Config(epochs=EPOCHS, preset="classic", time_limit=1000.0))
    assert len(History.of(resumable(prepared, 1, None, kept)).train_loss) == EPOCHS


def test_a_model_is_no_checkpoint_and_a_checkpoint_no_model(tmp_path):
    from mlpcli.model.trained import load

    kept, model = str(tmp_path / "run.ckpt"), tmp_path / "m.npz"
    finish("classic", model, keep=kept)
    with pytest.raises(ModelError, match="a model, not a checkpoint"):
        resumable(start("classic"), 1, None, str(model))
    with pytest.raises(ModelError, match="a checkpoint, not a model"):
        load(kept)


STANDING = ("done", "best_epoch", "steps", "retries")
EDITS = {
    **{f"negative {name}": lambda h, name=name: h["member_states"][0].update({name: -1}) for name in STANDING},
    "best after the last": lambda h: h["member_states"][0].update(best_epoch=99),
    "generator too large": lambda h: h["member_states"][0].update(rng=[2**128, 1, 0, 0]),
    "generator even": lambda h: h["member_states"][0].update(rng=[1, 2, 0, 0]),
    "generator half": lambda h: h["member_states"][0].update(rng=[1, 1, 2, 0]),
    "generator half too large": lambda h: h["member_states"][0].update(rng=[1, 1, 1, 2**32]),
    "standing missing": lambda h: h["member_states"].pop(),
    "epochs out of order": lambda h: h["emitted"].reverse(),
    "best epoch 0": lambda h: h["emitted"][0].update(best_epoch=0),
    "unknown entry": lambda h: h.update(more=1),
    "loss no number": lambda h: h["member_states"][0].update(best_loss="low"),
}


@pytest.mark.slow
@pytest.mark.parametrize("edit", EDITS)
def test_a_checkpoint_edited_by_hand_is_refused(edit, tmp_path):
    kept = str(tmp_path / "run.ckpt")
    stop_after("one network", 3, kept)
    header, arrays = archive.load(kept)
    EDITS[edit](header)
    archive.save(kept, header, arrays)
    with pytest.raises(ModelError):
        resumable(start("one network"), 1, None, kept)


@pytest.mark.parametrize("shape", [(1, 7), (2, 4), (0, 0)])
def test_vectors_of_another_size_are_refused(shape, tmp_path):
    kept = str(tmp_path / "run.ckpt")
    stop_after("one network", 1, kept)
    header, _ = archive.load(kept)
    archive.save(kept, header, {"members": np.zeros(shape, np.float32)})
    with pytest.raises(ModelError, match="does not fit"):
        resumable(start("one network"), 1, None, kept)


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    kept = tmp_path / "run.ckpt"
    events = resumable(start("classic"), 1, str(kept), None)
    while not kept.exists():
        next(events)
    before = kept.read_bytes()

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MachineError, match="No space left"):
        list(events)
    assert kept.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run.ckpt"]


def test_writing_takes_a_small_share_of_the_time(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SHARE", 0.05)
    clock, written = [0.0], []
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: clock[0])

    def save(path, record, state):
        clock[0] += 1
        written.append(len(state.emitted))

    monkeypatch.setattr(checkpoint, "save", save)
    prepared = prepare(str(SAMPLES / "iris.csv"), Config(epochs=50, preset="classic", hidden=()))
    for event in resumable(prepared, 1, "x", None):
        clock[0] += isinstance(event, EpochEnded)
    assert written == [1, 21, 41, 50]

"""Watching on a screen: a view that fits it, plain lines elsewhere, and every event passed on."""

from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.live import Live

from mlpcli.reporter import watch as watching
from mlpcli.reporter.text import make_console
from mlpcli.reporter.watch import map_notes, watch
from mlpcli.training.events import EpochEnded, Finished, LayerWatched, MapAxes, Started, Surface, Watched

LAYERS = (LayerWatched(8, 0.25, 0.0, 0.01), LayerWatched(2, None, None, 0.02))
AXES = MapAxes(("a", "b"), (0.0, 1.0), (-1.0, 1.0), ("no", "yes"), (0.5, 1.0), ((0, 0, 1),))
SURFACE = Surface(("0" * 48,) * 32, ("z" * 48,) * 32)


def events_of(axes=AXES, surface=SURFACE):
    yield Started("cross_entropy", "accuracy", 3, 1, 10, 5, 7, 10)
    for i in (1, 2, 3):
        yield Watched(0.5 / i, LAYERS, axes, surface)
        valid = None if axes is None else 1.5 / i
        yield EpochEnded(i, 1 / i, valid, None if axes is None else 0.5, 0.0, 0.0, i, 100.0, 0.1 * i)
    yield Finished(3, 3, "epochs", 0.3)


def without_escapes(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("axes", [AXES, None], ids=["map", "no map"])
def test_a_screen_shows_losses_rate_layers_and_map_and_fits(width, axes, terminal, monkeypatch):
    out, console = terminal(width)
    frames = []
    monkeypatch.setattr(Live, "update", lambda self, what, **more: frames.append(what))
    events = list(events_of(axes, SURFACE if axes else None))
    assert list(watch(iter(events), console, 60)) == events
    assert frames[-1] == ""
    out.truncate(0)
    for frame in frames[:-1]:
        console.print(frame)
    lines = without_escapes(out.getvalue()).replace("\x00", "").splitlines()
    assert max(map(cell_len, lines)) <= width
    assert len(lines) <= 24 * 3
    text = " ".join(" ".join(lines).split())
    for part in ("epoch 1/3", "training 0.5", "learning rate 0.25", "dead", "25%"):
        assert part in text
    assert ("▀" in text) == (axes is not None)
    assert ("validation 0.75" in text) == (axes is not None)


def test_elsewhere_each_epoch_is_a_line_and_the_last_map_stands_below():
    out = io.StringIO()
    events = list(events_of())
    assert list(watch(iter(events), make_console(out))) == events
    lines = out.getvalue().splitlines()
    assert [line.split("  ")[0] for line in lines[:3]] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert "learning rate 0.5  dead 25%  gradient/weights 1.0e-02, 2.0e-02" in lines[0]
    assert "\x1b" not in out.getvalue()
    assert any(line.startswith("A, area . no") for line in lines)
    assert any(line.startswith("layer 1") for line in lines)


def test_a_training_that_is_not_watched_is_shown_by_its_curves(terminal):
    out, console = terminal(80)
    events = [e for e in events_of() if not isinstance(e, Watched)]
    assert list(watch(iter(events), console, 60)) == events
    assert "learning rate" not in out.getvalue()
    assert "⠤" in out.getvalue() or "┊" in out.getvalue()


def test_epochs_are_shown_no_faster_than_asked(terminal, monkeypatch):
    _, console = terminal(80)
    now, slept = [0.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(watching.time, "monotonic", lambda: now[0] + 100.0)
    monkeypatch.setattr(watching.time, "sleep", sleep)
    list(watch(events_of(), console, 5))
    assert slept == pytest.approx([0.2, 0.2])
    slept.clear()
    list(watch(events_of(), console))
    assert not slept


def test_the_map_says_what_the_other_columns_do():
    assert not list(map_notes(AXES, ["a", "b"]))
    (note,) = map_notes(AXES, ["a", "b", "c\x1b[31m"])
    assert note == "map: a and b (--watch-columns); held at medians and most frequent levels: c\\x1b[31m"
    assert "--watch-columns A,B" in next(map_notes(None, ["a"]))


def test_lines_of_a_log_cannot_act_on_the_terminal():
    out = io.StringIO()
    event = EpochEnded(1, 1.0, 1.0, 0.5, 0.0, 0.0, 1, 1.0, 0.1, ("\x1b[2J",))
    list(watch([Started("", "\x1b[2J", 1, 1, 1, 1, 1, 1), event], make_console(out)))
    assert "\x1b" not in out.getvalue()

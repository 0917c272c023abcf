"""Reports on a training while it runs pass every event on."""

from __future__ import annotations

import io
import json
import re

import pytest
from rich.live import Live

from mlpcli.reporter.live import live
from mlpcli.reporter.text import make_console
from mlpcli.training.events import EpochEnded, Finished, Started
from mlpcli.training.run_log import logged

EVENTS = [
    Started("cross_entropy", "accuracy", 3, 1, 10, 5, 7, 10),
    *(EpochEnded(i, 1 / i, None if i == 2 else float("nan"), 0.5, 0.0, 0.0, i, 100.0, 0.1 * i) for i in (1, 2, 3)),
    Finished(3, 3, "epochs", 0.3),
]


def test_reports_pass_every_event_on_and_print_no_escape_off_a_terminal():
    out, log = io.StringIO(), io.StringIO()
    passed = list(logged(live(iter(EVENTS), make_console(out)), log))
    assert all(a is b for a, b in zip(passed, EVENTS, strict=True))
    assert "\x1b" not in out.getvalue()
    lines = [json.loads(line, parse_constant=pytest.fail) for line in log.getvalue().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]


def ansi_less(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_terminal_shows_bar_losses_and_curve_and_an_interrupt_gets_through(width, terminal):
    out, console = terminal(width)

    def interrupted():
        yield from EVENTS[:-1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(live(interrupted(), console))
    shown = " ".join(ansi_less(out.getvalue()).split())
    for part in ("epoch 1/3", "best epoch 1", "at most 0 s left", "training 1", "100 rows/s", "╌", "│"):
        assert part in shown


def test_a_dumb_terminal_gets_plain_lines(terminal):
    out, console = terminal(200, "dumb")
    list(live(iter(EVENTS), console))
    assert [line.split("  ")[0] for line in out.getvalue().splitlines()] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]


def test_a_training_that_ended_leaves_an_empty_view(terminal, monkeypatch):
    _, console = terminal(80)
    shown = []
    update = Live.update

    def seen(self, what, **more):
        shown.append(what)
        update(self, what, **more)

    monkeypatch.setattr(Live, "update", seen)
    assert list(live(iter(EVENTS), console)) == EVENTS
    assert shown[0] != ""
    assert shown[-1] == ""

"""Reports that watch a training: generators that take events and pass the same events on, unchanged.
To add one: write such a generator, and a flag in the command line that puts it into the chain."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from mlpcli.events import EpochEnded, Event, History
from mlpcli.reporter.chart import loss_chart

FRAME = 0.25  # seconds between two frames
PLAIN_LINES = 10  # about so many lines a training where there is no terminal


def status(history: History, event: EpochEnded) -> str:
    valid = "" if event.valid_loss is None else f"  validation {event.valid_loss:.4g}  best epoch {event.best_epoch}"
    left = event.seconds / event.epoch * (history.max_epochs - event.epoch)
    return (
        f"epoch {event.epoch}/{history.max_epochs}  training {event.train_loss:.4g}{valid}"
        f"  {event.rows_per_second:,.0f} rows/s  at most {left:.0f} s left"
    )


def bar(share: float, width: int, ascii_only: bool) -> str:
    full = round(share * width)
    return ("#" * full + "." * (width - full)) if ascii_only else ("━" * full + "╌" * (width - full))


def live(events: Iterable[Event], console: Console) -> Iterator[Event]:
    """On a terminal a view that grows with the training; elsewhere a plain line now and then."""
    yield from (on_terminal if console.is_terminal else in_lines)(events, console)


def on_terminal(events: Iterable[Event], console: Console) -> Iterator[Event]:
    history, shown = History(), 0.0
    view = Live(
        console=console, auto_refresh=False, vertical_overflow="crop", transient=True,
        redirect_stdout=False, redirect_stderr=False,
    )  # fmt: skip
    with view:
        for event in events:
            history.add(event)
            now = time.monotonic()
            if isinstance(event, EpochEnded) and now - shown >= FRAME:
                shown = now
                share = event.epoch / history.max_epochs
                line = bar(share, min(console.width, 60), console.options.ascii_only)
                height = max(min(12, console.height - 7), 3)
                chart = loss_chart(history.train_loss, history.valid_loss, history.best_epoch, height)
                view.update(Group(Text(line, style="#0072B2"), Text(status(history, event)), chart), refresh=True)
            yield event
        view.update("", refresh=True)


def in_lines(events: Iterable[Event], console: Console) -> Iterator[Event]:
    history = History()
    for event in events:
        history.add(event)
        if isinstance(event, EpochEnded) and event.epoch % max(history.max_epochs // PLAIN_LINES, 1) == 0:
            console.print(status(history, event), soft_wrap=True)
        yield event


def jsonl(events: Iterable[Event], file: TextIO) -> Iterator[Event]:
    """One JSON object an epoch, written at once, so that `tail -f` follows the training."""
    for event in events:
        if isinstance(event, EpochEnded):
            values = {k: finite(v) for k, v in vars(event).items()}
            print(json.dumps(values, allow_nan=False), file=file, flush=True)
        yield event


def finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None

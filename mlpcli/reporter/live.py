"""Reports that watch a training: generators that take events and pass the same events on, unchanged.
To add one: write such a generator, and a flag in the command line that puts it into the chain."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from mlpcli.reporter.chart import loss_chart
from mlpcli.reporter.colour import BLUE
from mlpcli.reporter.text import MAX_LINE, safe
from mlpcli.training.events import EpochEnded, Event, History

FRAME = 0.25  # seconds between two frames
MIN_BAR = 10  # cells of a bar with text beside it
PLAIN_LINES = 10  # about so many lines a training where there is no terminal


def losses(history: History, event: EpochEnded) -> str:
    valid = ""
    if event.valid_loss is not None:
        metric = f"{safe(history.metric, 40)} {event.valid_metric:.3f}"
        valid = f"  validation {event.valid_loss:.4g} ({metric})"
    return f"training {event.train_loss:.4g}{valid}"


def reached(history: History, event: EpochEnded) -> str:
    return f"{losses(history, event)}  {event.rows_per_second:,.0f} rows/s"


def place(history: History, event: EpochEnded) -> str:
    best = "" if event.valid_loss is None else f"  best epoch {event.best_epoch}"
    left = event.seconds / event.epoch * (history.max_epochs - event.epoch)
    return f"epoch {event.epoch}/{history.max_epochs}{best}  at most {left:.0f} s left"


def bar(share: float, width: int, ascii_only: bool) -> str:
    full = round(share * width)
    return ("#" * full + "." * (width - full)) if ascii_only else ("━" * full + "╌" * (width - full))


def is_live(console: Console) -> bool:
    """Whether what was printed can be replaced."""
    return console.is_terminal and not console.is_dumb_terminal


def live(events: Iterable[Event], console: Console, verbose: bool = False) -> Iterator[Event]:
    """On a terminal a view that grows with the training; elsewhere a plain line now and then, or every epoch."""
    if is_live(console) and not verbose:
        return on_terminal(events, console)
    return in_lines(events, console, every_epoch=verbose)


def on_terminal(events: Iterable[Event], console: Console) -> Iterator[Event]:
    history, shown = History(), 0.0
    view = Live(
        console=console, auto_refresh=False, vertical_overflow="crop", transient=True,
        redirect_stdout=False, redirect_stderr=False,
    )  # fmt: skip
    with view:
        for event in events:
            history.add(event)
            print_recoveries(event, console)
            now = time.monotonic()
            if isinstance(event, EpochEnded) and now - shown >= FRAME:
                shown = now
                share = event.epoch / history.max_epochs
                beside = f"  {place(history, event)}"
                room = console.width - len(beside)
                line = bar(share, min(room if room >= MIN_BAR else console.width, 60), console.options.ascii_only)
                head = Text(line, style=BLUE).append(beside, style="default")
                height = max(min(12, console.height - 7), 3)
                chart = loss_chart(history.train_loss, history.valid_loss, history.best_epoch, height)
                view.update(Group(head, Text(reached(history, event)), chart), refresh=True)
            yield event
        view.update("", refresh=True)


def in_lines(events: Iterable[Event], console: Console, every_epoch: bool) -> Iterator[Event]:
    history = History()
    for event in events:
        history.add(event)
        print_recoveries(event, console)
        step = 1 if every_epoch else max(history.max_epochs // PLAIN_LINES, 1)
        if isinstance(event, EpochEnded) and event.epoch % step == 0:
            console.print(f"{place(history, event)}  {reached(history, event)}", soft_wrap=True)
        yield event


def print_recoveries(event: Event, console: Console) -> None:
    for what in event.recoveries if isinstance(event, EpochEnded) else ():
        console.print(safe(what, MAX_LINE), soft_wrap=True)

"""`train --watch` and `replay`: beside the curves what goes on in the layers, and the map that the network draws."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mlpcli.reporter.chart import loss_chart
from mlpcli.reporter.colour import BLUE
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.live import FRAME, PLAIN_LINES, bar, is_live, losses, print_recoveries, reached
from mlpcli.reporter.surface import SurfaceMap
from mlpcli.reporter.text import safe
from mlpcli.training.events import EpochEnded, Event, History, LayerWatched, MapAxes, Watched

SIDE_BY_SIDE = 72  # cells of a screen that is wide enough for a chart beside a map
MIN_HEIGHT, MAX_HEIGHT = 3, 16  # lines of a chart or a map
AROUND_CHART, AROUND_MAP = 5, 4  # lines of axes and legends
HEAD_OF_TABLE, NARROW_LINES = 3, 7  # lines above the rows of a table; of text on a narrow screen
BAR = 24  # cells


@dataclass
class Watching:
    """What was seen so far."""

    history: History = field(default_factory=History)
    epoch: EpochEnded | None = None
    watched: Watched | None = None

    def add(self, event: Event) -> None:
        self.history.add(event)
        match event:
            case EpochEnded():
                self.epoch = event
            case Watched():
                self.watched = event


def watch(events: Iterable[Event], console: Console, fps: float | None = None) -> Iterator[Event]:
    """Passes every event on, and shows it: on a terminal a view that is drawn again, elsewhere plain lines.

    `fps` is how many epochs a second are shown at most, each of them; without it epochs go by as they come.
    """
    seen = Watching()
    yield from drawn(seen, events, console, fps) if is_live(console) else plain_lines(seen, events, console)
    for item in last_view(seen):
        console.print(item)


def drawn(seen: Watching, events: Iterable[Event], console: Console, fps: float | None) -> Iterator[Event]:
    pause, shown = 1 / fps if fps else 0.0, 0.0
    with Live(
        console=console, auto_refresh=False, vertical_overflow="crop", transient=True,
        redirect_stdout=False, redirect_stderr=False,
    ) as view:  # fmt: skip
        for event in events:
            seen.add(event)
            print_recoveries(event, console)
            if isinstance(event, EpochEnded):
                now = time.monotonic()
                if shown and pause > now - shown:
                    time.sleep(pause - (now - shown))
                if pause or now - shown >= FRAME:
                    shown = time.monotonic()
                    view.update(Group(*screen(seen, console)), refresh=True)
            yield event
        view.update("", refresh=True)


def plain_lines(seen: Watching, events: Iterable[Event], console: Console) -> Iterator[Event]:
    for event in events:
        seen.add(event)
        print_recoveries(event, console)
        step = max(seen.history.max_epochs // PLAIN_LINES, 1)
        if isinstance(event, EpochEnded) and event.epoch % step == 0:
            parts = [place(seen), reached(seen.history, event), *([] if seen.watched is None else inside(seen.watched))]
            console.print("  ".join(parts), soft_wrap=True)
        yield event


def place(seen: Watching) -> str:
    event = seen.epoch
    assert event is not None
    best = "" if event.valid_loss is None else f"  best epoch {event.best_epoch}"
    return f"epoch {event.epoch}/{seen.history.max_epochs}{best}  {event.seconds:.1f} s"


def inside(watched: Watched) -> Iterator[str]:
    """The layers in a line."""
    yield f"learning rate {watched.lr:.3g}"
    for name, shares in (
        ("dead", [x.dead for x in watched.layers]),
        ("saturated", [x.saturated for x in watched.layers]),
    ):
        hidden = [share for share in shares if share is not None]
        if any(hidden):
            yield f"{name} " + ", ".join(f"{share:.0%}" for share in hidden)
    yield "gradient/weights " + ", ".join(f"{layer.gradient:.1e}" for layer in watched.layers)


def screen(seen: Watching, console: Console) -> Iterator[RenderableType]:
    """How far it is, curves and map, and the layers."""
    event, width = seen.epoch, console.width
    assert event is not None
    is_wide = width >= SIDE_BY_SIDE
    share = event.epoch / seen.history.max_epochs
    line = bar(share, BAR, console.options.ascii_only) + "  " if is_wide else ""
    yield Text(line, style=BLUE).append(place(seen), style="default")
    watched = seen.watched
    if watched is None:
        yield Text(losses(seen.history, event))
        yield from panels(seen, width, console.height - 3)
    elif is_wide:
        yield Text(f"{losses(seen.history, event)}  learning rate {watched.lr:.3g}")
        yield from panels(seen, width, console.height - 3 - len(watched.layers) - HEAD_OF_TABLE)
        yield layers_table(watched.layers)
    else:
        yield Text(losses(seen.history, event))
        yield from panels(seen, width, console.height - NARROW_LINES)
        yield Text("  ".join(inside(watched)))


def panels(seen: Watching, width: int, room: int) -> Iterator[RenderableType]:
    """The curves and the map, beside or below each other, in so many lines."""
    history, watched = seen.history, seen.watched
    has_map = watched is not None and watched.axes is not None and watched.surface is not None
    beside = has_map and width >= SIDE_BY_SIDE
    below = has_map and not beside
    share = (room - AROUND_MAP) // 2 if below else room
    n_chart, n_map = share - AROUND_CHART, share - AROUND_MAP if beside else share
    chart = loss_chart(history.train_loss, history.valid_loss, history.best_epoch, limited(n_chart))
    if watched is None or watched.axes is None or watched.surface is None:
        yield chart
        return
    surface = SurfaceMap(watched.axes, watched.surface, limited(n_map))
    if beside:
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(ratio=1)
        table.add_column(ratio=1)
        table.add_row(chart, surface)
        yield table
    else:
        yield from (chart, surface)


def limited(height: int) -> int:
    return min(max(height, MIN_HEIGHT), MAX_HEIGHT)


def layers_table(layers: Sequence[LayerWatched]) -> Grid:
    """A line for each layer of weights."""
    rows = []
    for number, layer in enumerate(layers, 1):
        name = f"layer {number}" if number < len(layers) else "output"
        shares = ["" if share is None else f"{share:.0%}" for share in (layer.dead, layer.saturated)]
        rows.append((name, str(layer.n_units), *shares, f"{layer.gradient:.1e}"))
    return Grid(["", "units", "dead", "saturated", "gradient / weights"], rows)


def last_view(seen: Watching) -> Iterator[RenderableType]:
    """What stays on the screen when all is over: the last map and the layers."""
    watched = seen.watched
    if watched is None:
        return
    if watched.axes is not None and watched.surface is not None:
        yield SurfaceMap(watched.axes, watched.surface, MAX_HEIGHT)
    yield layers_table(watched.layers)


def map_notes(axes: MapAxes | None, columns: Sequence[str]) -> Iterator[str]:
    """Which columns the map shows, and what the others do meanwhile; or how to get one."""
    if axes is None:
        yield "no map: there are more than two columns, or others than numbers (--watch-columns A,B)"
        return
    others = [safe(name, 30) for name in columns if name not in axes.columns]
    if others:
        shown = " and ".join(safe(name, 30) for name in axes.columns)
        yield f"map: {shown} (--watch-columns); held at medians and most frequent levels: {', '.join(others)}"

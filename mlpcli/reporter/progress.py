"""Progress of studies: one line or one bar while trainings run. Generators that pass on what they are given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from mlpcli.metrics.scoring import METRICS
from mlpcli.reporter.chart import LineChart, Series
from mlpcli.reporter.colour import BLUE
from mlpcli.reporter.live import bar, is_live
from mlpcli.reporter.tables import number
from mlpcli.reporter.text import safe
from mlpcli.studies.search import GIVEN, Trial
from mlpcli.studies.tasks import TaskOutcome
from mlpcli.studies.tuning import SearchEvent, TrialEnded

SHOWN = {"classification": ("accuracy", "log_loss"), "regression": ("rmse", "r2")}  # of each outcome, in its line
T = TypeVar("T")


def shown_metrics(leading: str) -> tuple[str, ...]:
    """The metrics shown of an outcome whose leading metric is this one."""
    shown = SHOWN[METRICS[leading].task]
    return shown if leading in shown else (leading, *shown)


def task_line(outcome: TaskOutcome) -> str:
    """What a training that ended reached."""
    if outcome.error is not None:
        return safe(f"{outcome.name}: diverged", 120)
    metrics = outcome.metrics.get("test") or outcome.metrics.get("validation") or outcome.metrics["train"]
    names = shown_metrics(next(iter(metrics)))
    return safe(f"{outcome.name}: ", 80) + ", ".join(f"{n} {number(metrics[n])}" for n in names)


def progress(
    items: Iterable[T], total: int, console: Console, describe: Callable[[T], str], noun: str = "trainings",
    workers: Callable[[], str] = lambda: "",
) -> Iterator[T]:  # fmt: skip
    """On a terminal a bar, the last line and what workers do, elsewhere a line for each item; passes the items on."""
    began = time.monotonic()
    if not is_live(console):
        for n, item in enumerate(items, 1):
            console.print(f"{n}/{total}  {describe(item)}", soft_wrap=True)
            yield item
        return
    width, ascii_only = min(console.width, 60), console.options.ascii_only
    with Live(
        console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as view:
        view.update(bar(0, width, ascii_only), refresh=True)
        for n, item in enumerate(items, 1):
            left = (time.monotonic() - began) / n * (total - n)
            status = f"{n} of {total} {noun}  {describe(item)}  about {left:.0f} s left"
            line = Text(bar(n / total, width, ascii_only), style=BLUE)
            texts = [Text(text, overflow="ellipsis", no_wrap=True) for text in (status, workers()) if text]
            view.update(Group(line, *texts), refresh=True)
            yield item
        view.update("", refresh=True)


def trial_name(trial: Trial) -> str:
    """The values of a trial as flags."""
    if trial.number == GIVEN:
        return "the settings as given"
    return safe(" ".join(f"{k.replace('_', '-')}={v}" for k, v in trial.values.items()), 200)


def search_progress(
    events: Iterable[SearchEvent], metric: str, console: Console, workers: Callable[[], str] = lambda: ""
) -> Iterator[SearchEvent]:
    """On a terminal what runs and the best loss so far against the trials, elsewhere a line for each trial."""
    if not is_live(console):
        for event in events:
            if isinstance(event, TrialEnded):
                what = "pruned" if event.trial.state == "pruned" else f"{metric} {number(event.trial.loss)}"
                console.print(
                    f"trial {event.trial.number}: {what}  best {number(event.best.loss)} (trial {event.best.number})  "
                    f"{event.seconds:.0f} s", soft_wrap=True,
                )  # fmt: skip
            yield event
        return
    ended: list[TrialEnded] = []
    running = ""
    with Live(
        console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as view:
        for event in events:
            if isinstance(event, TrialEnded):
                ended.append(event)
            else:
                running = (
                    f"{event.n_trained} trainings in {event.seconds:.0f} s; the last: trial {event.trial.number}, "
                    f"fold {event.fold + 1}, {metric} {number(event.trial.losses[event.fold])}"
                )
            lines = [line for line in (running, workers()) if line]
            view.update(Group(*search_view(ended, "\n".join(lines), metric, console.height)), refresh=True)
            yield event
        view.update("", refresh=True)


def search_view(ended: Sequence[TrialEnded], running: str, metric: str, height: int) -> Iterator[RenderableType]:
    """What runs, and of the trials that ended the best and how it was reached."""
    yield Text(running, overflow="ellipsis", no_wrap=True)
    if ended:
        best = ended[-1].best
        line = f"{ended[-1].n_ended} trials; best {metric} {number(best.loss)}: {trial_name(best)}"
        yield Text(line, overflow="ellipsis", no_wrap=True)
        curve = Series("best so far", [e.n_ended for e in ended], [e.best.loss for e in ended])
        yield LineChart([curve], height=max(min(10, height - 7), 3), x_label="trial")

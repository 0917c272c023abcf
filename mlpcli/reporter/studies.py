"""Reports on studies of many trainings: one line or one bar while they run, then what they found."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from mlpcli.metrics.intervals import Interval
from mlpcli.metrics.scoring import METRICS
from mlpcli.reporter.chart import LineChart, Series
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.live import bar, is_live
from mlpcli.reporter.tables import number
from mlpcli.reporter.text import safe
from mlpcli.studies.comparison import Comparison
from mlpcli.studies.cross_validation import CrossValidation
from mlpcli.studies.learning_curve import LearningCurve
from mlpcli.studies.search import GIVEN, Trial
from mlpcli.studies.tasks import TaskOutcome
from mlpcli.studies.tuning import SearchEvent, TrialEnded, Tuning

TOLD = {"classification": ("accuracy", "log_loss"), "regression": ("rmse", "r2")}  # of each outcome, in its line


def told_metrics(leading: str) -> tuple[str, ...]:
    """The metrics told of an outcome whose leading metric is this one."""
    metric = METRICS[leading]
    return (leading, *TOLD[metric.task]) if metric.is_own else TOLD[metric.task]


def told(outcome: TaskOutcome) -> str:
    """One line about a training that ended."""
    if outcome.error is not None:
        return safe(f"{outcome.name}: diverged", 120)
    metrics = outcome.metrics.get("test") or outcome.metrics.get("validation") or outcome.metrics["train"]
    names = told_metrics(next(iter(metrics)))
    return safe(f"{outcome.name}: ", 80) + ", ".join(f"{n} {number(metrics[n])}" for n in names)


def progress(outcomes: Iterable[TaskOutcome], total: int, console: Console) -> Iterator[TaskOutcome]:
    """On a terminal a bar and the last line, elsewhere a line for each training; passes the outcomes on."""
    began = time.monotonic()
    if not is_live(console):
        for n, outcome in enumerate(outcomes, 1):
            console.print(f"{n}/{total}  {told(outcome)}  {outcome.seconds:.1f} s", soft_wrap=True)
            yield outcome
        return
    with Live(
        console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as view:
        view.update(bar(0, min(console.width, 60), console.options.ascii_only), refresh=True)
        for n, outcome in enumerate(outcomes, 1):
            line = bar(n / total, min(console.width, 60), console.options.ascii_only)
            left = (time.monotonic() - began) / n * (total - n)
            status = f"{n} of {total} trainings  {told(outcome)}  about {left:.0f} s left"
            view.update(
                Group(Text(line, style="#0072B2"), Text(status, overflow="ellipsis", no_wrap=True)), refresh=True
            )
            yield outcome
        view.update("", refresh=True)


def cross_validation_table(found: CrossValidation) -> Grid:
    """Each metric: mean over folds, interval, standard deviation over folds."""
    rows = []
    for name, interval in found.metrics.items():
        scores = [f.metrics["test"][name] for f in found.folds]
        spread = (sum((s - interval.value) ** 2 for s in scores) / (len(scores) - 1)) ** 0.5
        rows.append((name, number(interval.value), f"{interval.low:.4g} to {interval.high:.4g}", number(spread)))
    return Grid(["metric", "mean", "(95 %)", "std over folds"], rows)


def comparison_chart(found: Comparison) -> LineChart:
    """The validation loss of each value against the epoch."""
    return LineChart([
        Series(safe(o.name, 40), range(1, len(o.history.valid_loss) + 1), o.history.valid_loss) for o in found.outcomes
    ])  # fmt: skip


def comparison_table(found: Comparison) -> Grid:
    """A line for each value: what its training reached and the time it took."""
    metrics = told_metrics(found.metric)
    rows = []
    for o in found.outcomes:
        h, validation = o.history, o.metrics.get("validation", {})
        losses = [number(h.train_loss[h.best_epoch - 1]), number(min(h.valid_loss))] if h.train_loss else ["", ""]
        reached = [number(validation[m]) for m in metrics] if validation else ["diverged", ""]
        mark = "best" if o is found.best else ""
        epochs = f"{h.best_epoch} of {len(h.train_loss)}"
        rows.append((o.name, *losses, epochs, *reached, f"{o.seconds:.1f}", mark))
    title = "losses at the best epoch, metrics on validation rows"
    columns = ["setting", "train", "valid.", "best epoch", *metrics, "seconds", ""]
    return Grid(columns, rows, texts=(0, len(columns) - 1), title=title)


def trial_name(trial: Trial) -> str:
    """The values of a trial as flags."""
    if trial.number == GIVEN:
        return "the settings as given"
    return safe(" ".join(f"{k.replace('_', '-')}={v}" for k, v in trial.values.items()), 200)


def search_progress(events: Iterable[SearchEvent], metric: str, console: Console) -> Iterator[SearchEvent]:
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
            view.update(Group(*search_view(ended, running, metric, console.height)), refresh=True)
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


def best_chart(found: Tuning) -> LineChart:
    """The best loss so far against the trials on all folds."""
    full = [t for t in found.trials if len(t.losses) == found.n_folds]
    best = [min(t.loss for t in full[: n + 1]) for n in range(len(full))]
    return LineChart([Series(f"best {found.metric} so far", [t.number for t in full], best)], height=8, x_label="trial")


def best_table(found: Tuning) -> Grid:
    """The best trials on all folds, and the settings as given, with the standard error of the mean over folds."""
    names = list(found.importance)
    rows = []
    given = [found.given] if found.given is not None and found.given not in found.top else []
    for trial in [*found.top, *given]:
        n = len(trial.losses)
        error = (sum((v - trial.loss) ** 2 for v in trial.losses.values()) / max(n - 1, 1) / n) ** 0.5
        values = [(trial.values or found.given_values).get(name, "") for name in names]
        mark = "given" if trial.number == GIVEN else str(trial.number)
        rows.append((mark, number(trial.loss), f"{error:.2g}", *values))
    title = f"validation {found.metric}: mean over {found.n_folds} folds, standard error"
    return Grid(["trial", "loss", "±", *(n.replace("_", " ") for n in names)], rows, title=title)


def importance_table(found: Tuning) -> Grid:
    """The share of the losses' variance that each setting explains alone, as `search.importance` defines it."""
    rows = [(n.replace("_", "-"), f"{share:.0%}", "#" * round(20 * share)) for n, share in found.importance.items()]
    return Grid(["importance", "share", ""], rows, texts=(0, 2))


def learning_chart(found: LearningCurve) -> LineChart:
    """Training and validation loss with intervals against rows, and the power law as far as twice the rows."""
    rows = [p.rows for p in found.points]
    beyond = [rows[0] * (2 * rows[-1] / rows[0]) ** (i / 40) for i in range(41)]
    return LineChart(
        [
            Series(f"training {found.metric}", rows, [p.train.value for p in found.points],
                   [p.train.low for p in found.points], [p.train.high for p in found.points]),
            Series(f"validation {found.metric}", rows, [p.valid.value for p in found.points],
                   [p.valid.low for p in found.points], [p.valid.high for p in found.points]),
            Series("power law", beyond, [found.law(n) for n in beyond]),
        ],
        height=14, x_label="rows", log_x=True,
    )  # fmt: skip


def learning_table(found: LearningCurve) -> Grid:
    rows = [
        (str(p.rows), number(p.train.value), number(p.valid.value), f"{p.valid.low:.4g} to {p.valid.high:.4g}",
         number(found.law(p.rows)), f"{p.seconds:.1f}")
        for p in found.points
    ]  # fmt: skip
    columns = ["rows", f"training {found.metric}", "validation", "(95 %)", "power law", "seconds"]
    return Grid(columns, rows, texts=())


ADVICE = {
    "more rows": "more rows are the next step; more regularisation is not seen to help as much",
    "regularisation": "more regularisation is the next step; more rows are not expected to help as much",
    "both": "both remedies help about as much: regularisation is the cheaper one",
    "neither": "neither is seen to help: try other settings (mlpcli tune) or columns that tell more about the target",
}


def learning_lines(found: LearningCurve) -> list[str]:
    """The law, what each remedy buys, and the advice, in sentences."""
    n, last, law = found.points[-1].rows, found.points[-1].valid.value, found.law
    gap = found.gap

    def bought(gain: Interval) -> str:
        sign, word = (1, "lower") if gain.value >= 0 else (-1, "higher")
        low, high = sorted((sign * gain.low, sign * gain.high))
        share = abs(gain.value) / last if last else 0
        return f"{word} by {number(abs(gain.value))} ({share:.1%} of the loss; 95 %: {low:.3g} to {high:.3g})"

    lines = [
        f"power law: {found.metric} = {number(law.a)} + {number(law.b)} n^-{law.c:.2g}",
        f"with twice the rows ({2 * n}) the validation {found.metric} is expected {bought(found.doubling)}",
    ]
    if found.regularising is not None:
        lines.append(
            f"with more regularisation ({found.flags}), on the same {n} rows, it is {bought(found.regularising)}"
        )
    lines.append(
        f"gap between validation and training {found.metric}: {number(gap.value)} "
        f"(95 %: {gap.low:.3g} to {gap.high:.3g}), {gap.value / last if last else 0:.0%} of the validation loss"
    )
    return [*lines, f"advice: {ADVICE[found.advice]}"]

"""What the studies of many trainings show: a line before they run, then charts, tables and sentences."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from mlpcli.data import splits
from mlpcli.errors import plural
from mlpcli.metrics.intervals import Interval
from mlpcli.metrics.scoring import METRICS
from mlpcli.reporter.chart import LineChart, Series
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.progress import shown_metrics
from mlpcli.reporter.tables import interval_text, metrics_table, number
from mlpcli.reporter.text import safe
from mlpcli.studies.comparison import Comparison, ComparisonPlan
from mlpcli.studies.cross_validation import CrossValidation, CrossValidationPlan
from mlpcli.studies.learning_curve import LearningCurve, LearningCurvePlan
from mlpcli.studies.search import GIVEN
from mlpcli.studies.tuning import FinalEvaluation, Tuner, Tuning

MAX_PAIRS = 5  # values whose training losses are drawn too: as many as there are colours

# --- before they run --------------------------------------------------------------------------------------


def cross_validation_note(study: CrossValidationPlan) -> str:
    sets = study.table.sets
    n_test = int((sets == splits.TEST).sum())
    times = f", drawn {plural(study.n_repeats, 'time')}" if study.n_repeats > 1 else ""
    return (
        f"{study.n_folds} {study.kind} folds{times}; {plural(len(sets) - n_test, 'row')} take part, "
        f"{n_test:,} test rows do not (--test 0 to use all rows); seed {study.seed} (--seed)"
    )


def comparison_note(study: ComparisonPlan) -> str:
    many = "one network" if study.are_single else "an ensemble"
    rows = "on the same rows" if study.same_rows else "each on other rows, so small differences mean nothing"
    if study.n_repeats > 1:
        rows += f", each {study.n_repeats} times, from other seeds"
    return (
        f"{plural(len(study.tasks), 'training')} of {many} each, {rows}, identical except for --vary; "
        f"the test rows are not used; seed {study.seed} (--seed)"
    )


def learning_curve_note(study: LearningCurvePlan) -> str:
    return (
        f"{plural(len(study.tasks), 'training')} on {study.sizes[0]:,} to {study.sizes[-1]:,} rows; "
        f"the test rows are not used; seed {study.seed} (--seed)"
    )


def duration_note(seconds: float | None, jobs: int) -> Iterator[str]:
    """How long a study will take, as far as that is known before it starts."""
    if seconds is not None:
        each, unit = (seconds / jobs, "s") if seconds / jobs < 120 else (seconds / jobs / 60, "min")
        at_once = f", {jobs} trainings at a time (--jobs)" if jobs > 1 else ""
        yield f"about {max(each, 1):.0f} {unit}{at_once}, estimated from one epoch on a sample of the rows"


def tuning_notes(tuner: Tuner, n_known: int) -> Iterator[str]:
    shown = "; ".join(f"{d.setting.replace('_', '-')} {d}" for d in tuner.space)
    yield (
        f"{tuner.search.name}, {plural(len(tuner.folds), 'fold')} of {plural(len(tuner.table.sets), 'row')}; "
        f"the test rows are kept for the end; seed {tuner.seed} (--seed)"
    )
    yield f"space: {shown} (--space)"
    if tuner.hint:
        yield tuner.hint
    if n_known:
        yield f"goes on after {plural(n_known, 'trial')} in {tuner.search.path}"


# --- what they found --------------------------------------------------------------------------------------


def cross_validation_view(found: CrossValidation) -> Iterator[RenderableType]:
    yield cross_validation_table(found)
    yield "interval: corrected resampled t, as folds share training rows (Nadeau & Bengio 2003)"


def comparison_view(found: Comparison) -> Iterator[RenderableType]:
    yield comparison_chart(found)
    yield "lines: validation losses; dashed, in the same colour or sign: training losses"
    yield comparison_table(found)
    if not found.same_loss:
        yield "the losses differ in kind here; compare the metrics"
    yield from repeats_view(found)
    yield best_line(found)


def learning_curve_view(found: LearningCurve) -> Iterator[RenderableType]:
    yield learning_chart(found)
    yield learning_table(found)
    yield from learning_lines(found)


def tuning_view(found: Tuning, final: FinalEvaluation | None) -> Iterator[RenderableType]:
    """`final` is None when the search was interrupted."""
    if found.top:
        yield best_chart(found)
        yield best_table(found)
    yield importance_table(found)
    yield "importance: share of the variation in loss due to this setting, corrected for chance"
    if final is not None:
        yield metrics_table(final.evaluation.metrics, final.evaluation.baselines)
        gap = final.optimism(found)
        if final.test_loss is not None and gap is not None:
            yield (
                f"one network: {found.loss_name} {number(found.best.loss)} on validation rows, as the best of "
                f"{plural(len(found.trials), 'trial')}, and {number(final.test_loss)} on test rows: "
                f"optimism {number(gap)}"
            )
        yield f"verdict: {verdict(found, final)}"


def verdict(found: Tuning, final: FinalEvaluation) -> str:
    """Whether the best settings are better than those given, on test rows that neither model was chosen on."""
    if found.best.number == GIVEN:
        return "nothing that was tried is better than the settings as given, which were kept"
    if final.test_loss is None:
        return "without test rows nothing shows whether the best settings are better than those given (--test 0.15)"
    if (gain := final.gain) is None:
        return "there is no model of the settings as given to compare with: it diverged"
    word = "better" if gain.low > 0 else "worse" if gain.high < 0 else "not shown to be better"
    more = "" if gain.low > 0 else "; more trials or more test rows may show more"
    return (
        f"{word} than the settings as given: on the same test rows the loss changes by {-gain.value:+.1%} "
        f"(95 %: {-gain.high:+.1%} to {-gain.low:+.1%}){more}"
    )


def cross_validation_table(found: CrossValidation) -> Grid:
    """Each metric: mean over folds, interval, standard deviation over folds."""
    rows = []
    for name, interval in found.metrics.items():
        scores = [f.metrics["test"][name] for f in found.folds]
        spread = (sum((s - interval.value) ** 2 for s in scores) / (len(scores) - 1)) ** 0.5
        rows.append((name, number(interval.value), interval_text(name, interval, ".4g"), number(spread)))
    return Grid(["metric", "mean", "interval (95 %)", "std over folds"], rows)


def comparison_chart(found: Comparison) -> LineChart:
    """The validation loss of each value against the epoch, and its training loss where there are few values."""
    series: list[Series] = []
    for o in found.outcomes:
        h, partner = o.history, len(series)
        series.append(Series(safe(o.name, 40), range(1, len(h.valid_loss) + 1), h.valid_loss))
        if len(found.outcomes) <= MAX_PAIRS:
            series.append(Series("training", range(1, len(h.train_loss) + 1), h.train_loss, partner=partner))
    return LineChart(series)


def repeats_view(found: Comparison) -> Iterator[Grid | str]:
    """What the repeats say of each value, and which differences they do not show."""
    if not found.repeated:
        return
    yield repeats_table(found)
    worse = "lower" if METRICS[found.metric].higher_is_better else "higher"
    yield (
        f"behind: by how much the {found.metric} is {worse} than that of the best, in pairs of trainings with the same "
        "rows and seed; the intervals hold for all values together"
    )
    same = [r.name for r in found.repeated if r.behind is not None and not r.is_worse]
    if same:
        yield f"not shown to differ from {found.best.name}: {', '.join(same)} (more --repeats show smaller differences)"


def repeats_table(found: Comparison) -> Grid:
    """A line for each value that no repeat saw diverge."""
    rows = []
    for r in found.repeated:
        behind = ("", "", "best")
        if (d := r.behind) is not None:
            verdict = "worse" if r.is_worse else "not shown to differ"
            behind = (number(d.value), f"{d.low:.3g} to {d.high:.3g}", verdict)
        rows.append((r.name, number(r.metric.value), interval_text(found.metric, r.metric, ".3g"), *behind))
    title = f"{found.metric} on validation rows: mean of {found.n_repeats} repeats"
    return Grid(["setting", "mean", "interval (95 %)", "behind", "interval", ""], rows, texts=(0, 5), title=title)


def best_line(found: Comparison) -> str:
    """The best value; without repeats nothing tells whether that is more than chance."""
    extreme = "highest" if METRICS[found.metric].higher_is_better else "lowest"
    if found.repeated:
        return f"best on validation rows: {found.best.name} (mean {found.metric} of {found.n_repeats} repeats)"
    return (
        f"best on validation rows: {found.best.name} ({extreme} {found.metric}); once is no proof: --repeats 5 says "
        "which differences are"
    )


def comparison_table(found: Comparison) -> Grid:
    """A line for each value: what its training reached and the time it took."""
    metrics = shown_metrics(found.metric)
    rows = []
    for o in found.outcomes:
        h, validation = o.history, o.metrics.get("validation", {})
        at = h.best_epoch - 1
        losses = [number(h.train_loss[at]), number(h.valid_loss[at])] if h.train_loss else ["", ""]
        reached = [number(validation[m]) for m in metrics] if validation else ["diverged", *[""] * (len(metrics) - 1)]
        mark = "best" if o is found.best else ""
        epochs = f"{h.best_epoch} of {len(h.train_loss)}"
        rows.append((o.name, *losses, epochs, *reached, f"{o.seconds:.1f}", mark))
    title = "losses at the best epoch, metrics on validation rows"
    columns = ["setting", "train loss", "valid. loss", "best epoch", *metrics, "seconds", ""]
    return Grid(columns, rows, texts=(0, len(columns) - 1), title=title)


def best_chart(found: Tuning) -> LineChart:
    """The best loss so far against the trials on all folds."""
    full = [t for t in found.trials if len(t.losses) == found.n_folds]
    best = [min(t.loss for t in full[: n + 1]) for n in range(len(full))]
    line = Series(f"best {found.loss_name} so far", [t.number for t in full], best)
    return LineChart([line], height=8, x_label="trial")


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
    title = f"validation {found.loss_name}: mean over {found.n_folds} folds, standard error"
    return Grid(["trial", "loss", "±", *(n.replace("_", " ") for n in names)], rows, title=title)


def importance_table(found: Tuning) -> Grid:
    """The share of the losses' variance that each setting explains alone, as `search.importance` defines it."""
    rows = [
        (n.replace("_", "-"), f"{100 * share:.0f} %", "#" * round(20 * share)) for n, share in found.importance.items()
    ]
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
    columns = ["rows", f"training {found.metric}", "validation", "interval (95 %)", "power law", "seconds"]
    return Grid(columns, rows, texts=())


ADVICE = {
    "more rows": "more rows are the next step; more regularisation is not seen to help as much",
    "regularisation": "more regularisation is the next step; more rows are not expected to help as much",
    "both": "more rows and more regularisation help about as much: regularisation is the cheaper one",
    "neither": (
        "neither more rows nor more regularisation is seen to help: try other settings (mlpcli tune) or more "
        "informative columns"
    ),
}


def learning_lines(found: LearningCurve) -> list[str]:
    """The law, what each remedy buys, and the advice, in sentences."""
    n, last, law = found.points[-1].rows, found.points[-1].valid.value, found.law
    gap = found.gap

    def bought(gain: Interval) -> str:
        sign, word = (1, "lower") if gain.value >= 0 else (-1, "higher")
        low, high = sorted((sign * gain.low, sign * gain.high))
        share = abs(gain.value) / last if last else 0
        return f"{word} by {number(abs(gain.value))} ({100 * share:.1f} % of the loss; 95 %: {low:.3g} to {high:.3g})"

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
        f"(95 %: {gap.low:.3g} to {gap.high:.3g}), {100 * gap.value / last if last else 0:.0f} % of the validation loss"
    )
    return [*lines, f"advice: {ADVICE[found.advice]}"]

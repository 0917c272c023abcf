"""What a report shows of a classifier: which class is taken for which, how well ranked, how honest, at what cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlpcli.evaluation.details import ClassDetails, ClassScores, Points
from mlpcli.reporter.chart import Series
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.html.document import Block, Chart, Picture, line_picture, percent
from mlpcli.reporter.tables import MAX_CLASSES, confusion_table, number

UNIT = (0.0, 1.0)


def class_blocks(details: ClassDetails, labels: Sequence[str]) -> Iterator[Block]:
    """Tables and pictures of the evaluated rows."""
    yield confusion_shares(details, labels)
    yield Grid(
        ["class", "rows", "precision", "recall", "f1", "auc", "average precision"],
        [(c.label, str(c.rows), *map(number, (c.precision, c.recall, c.f1, c.auc, c.average_precision)))
         for c in details.classes],
        title="Each class against the others",
    )  # fmt: skip
    yield from ranking_pictures([c for c in details.classes if c.roc])
    yield reliability_picture(details)
    yield threshold_picture(details, labels[1]) if details.thresholds else confidence_picture(details)


def confusion_shares(details: ClassDetails, labels: Sequence[str]) -> Grid:
    """Counts and shares of the row; of many classes the most frequent mistakes."""
    counts = details.confusion
    if len(labels) > MAX_CLASSES:
        return confusion_table(labels, counts)
    rows = [
        (label, *(f"{n} ({percent(n / max(sum(line), 1), 0)})" for n in line), str(sum(line)))
        for label, line in zip(labels, counts, strict=True)
    ]
    title = "Rows of each true class by the answer they get, with the share of the row"
    return Grid(["true class", *labels, "rows"], rows, title=title)


def ranking_pictures(classes: Sequence[ClassScores]) -> Iterator[Picture]:
    """ROC curves, and precision over recall."""
    if not classes:
        return
    roc = [curve(c.label, c.roc) for c in classes]
    best = ", ".join(f"{c.label} {c.auc:.3f}" for c in classes)
    yield line_picture(
        "ROC curve", f"Share found over share falsely said, at every threshold; the diagonal is chance. Area: {best}.",
        Chart("false positive rate", "true positive rate", roc, guide=((0, 0), (1, 1)), x_range=UNIT, y_range=UNIT),
    )  # fmt: skip
    found = [curve(c.label, c.precision_recall) for c in classes]
    best = ", ".join(f"{c.label} {c.average_precision:.3f}" for c in classes)
    yield line_picture(
        "Precision and recall",
        f"How many of those said are right, over how many are found. Average precision: {best}.",
        Chart("recall", "precision", found, x_range=UNIT, y_range=UNIT),
    )  # fmt: skip


def curve(name: str, points: Points) -> Series:
    return Series(name, [x for x, _ in points], [y for _, y in points])


def reliability_picture(details: ClassDetails) -> Picture:
    """How often an answer is right, over how probable the model says it is."""
    bins = details.reliability
    line = Series(
        "share of rows right", [b.confidence for b in bins], [b.accuracy.value for b in bins],
        [b.accuracy.low for b in bins], [b.accuracy.high for b in bins],
    )  # fmt: skip
    rows = [
        (f"{b.low:.3g} to {b.high:.3g}", str(b.rows), number(b.confidence), number(b.accuracy.value),
         f"{b.accuracy.low:.3g} to {b.accuracy.high:.3g}")
        for b in bins
    ]  # fmt: skip
    columns = ["probability of the answer", "rows", "mean probability", "share right", "interval (95 %)"]
    return Picture(
        "Reliability",
        f"On the diagonal a probability is what it says; the lines are 95 % intervals. Expected calibration error "
        f"{details.calibration_error:.3g}.",
        Chart("probability of the answer", "share right", [line], guide=((0, 0), (1, 1)), x_range=UNIT,
              y_range=UNIT, are_points=True),
        Grid(columns, rows),
    )  # fmt: skip


def threshold_picture(details: ClassDetails, label: str) -> Picture:
    """What is won and lost by saying the second class from another probability on."""
    costs = details.thresholds
    cuts = [c.threshold for c in costs]
    lines = [
        Series("precision", cuts, [c.precision for c in costs]), Series("recall", cuts, [c.recall for c in costs]),
        Series("accuracy", cuts, [c.accuracy for c in costs]),
    ]  # fmt: skip
    rows = [
        (number(c.threshold) + (" (the model's)" if c.threshold == details.threshold else ""),
         *map(str, (c.hits, c.misses, c.false_alarms, c.correct_rejections)),
         *map(number, (c.precision, c.recall, c.accuracy)))
        for c in costs
    ]  # fmt: skip
    columns = ["threshold", "found", "missed", "false alarms", "rightly left", "precision", "recall", "accuracy"]
    return Picture(
        "What each threshold costs",
        f"Saying {label} from this probability on: how many of those said are right, how many are found. The dotted "
        f"line is the model's threshold, {number(details.threshold or 0)}; predict --threshold takes another.",
        Chart(f"probability of {label} from which on it is said", "share", lines, mark=details.threshold,
              x_range=UNIT, y_range=UNIT),
        Grid(columns, rows),
    )  # fmt: skip


def confidence_picture(details: ClassDetails) -> Picture:
    """What is won and lost by answering only from some probability on."""
    costs = details.confidences
    cuts = [c.confidence for c in costs]
    lines = [
        Series("share of rows answered", cuts, [c.share for c in costs]),
        Series(
            "accuracy of the answers",
            [c.confidence for c in costs if c.answered],
            [c.accuracy for c in costs if c.answered],
        ),
    ]
    rows = [
        (number(c.confidence), str(c.answered), number(c.share), number(c.accuracy) if c.answered else "")
        for c in costs
    ]
    return Picture(
        "What each threshold costs",
        "Answering only where the most probable class has at least this probability: how many rows get an answer, and "
        "how many of the answers are right.",
        Chart("least probability of an answer", "share", lines, x_range=UNIT, y_range=UNIT),
        Grid(["threshold", "rows answered", "share answered", "accuracy of the answers"], rows),
    )  # fmt: skip

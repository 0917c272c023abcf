"""Tables and lines for the terminal, from plain data. Foreign text goes through `Grid` and `safe`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlpcli.config.settings import THE_LOSS, Settings
from mlpcli.data.kinds import Column
from mlpcli.diagnosis.findings import Finding
from mlpcli.metrics.intervals import Interval
from mlpcli.metrics.scoring import METRICS
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.text import safe

MAX_CLASSES = 12  # a wider confusion table helps nobody; the worst pairs are listed instead
PAIRS = 10


def columns_table(columns: Sequence[Column]) -> Grid:
    """What training does with each column."""
    rows = [(c.name, c.kind, str(c.n_missing) if c.is_input else "", c.becomes(), c.reads()) for c in columns]
    return Grid(["column", "kind", "missing", "becomes", "written"], rows, texts=(0, 1, 3, 4))


def number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e6 else f"{value:.3e}"


def interval_text(metric: str, found: Interval, form: str) -> str:
    return f"{found.low:{form}} to {found.high:{form}}" if METRICS[metric].has_interval else "none that holds"


def chosen_by(config: Settings) -> str:
    """What follows the best epoch: by which metric it was chosen, where that is not the loss."""
    return "" if config.stop_on == THE_LOSS else f" by validation {config.stop_on}"


def metrics_table(
    metrics: Mapping[str, Mapping[str, Interval]], baselines: Mapping[str, Mapping[str, float]], verbose: bool = False
) -> Grid:
    """Metrics by set, with the 95 % interval on the test rows, beside the baselines on the same rows."""
    names = [name for name in next(iter(metrics.values())) if verbose or not METRICS[name].is_detail]
    columns = ["", *metrics, *(["test interval (95 %)"] if "test" in metrics else []), *baselines]
    rows = []
    for name in names:
        row = [name, *(number(found[name].value) if name in found else "" for found in metrics.values())]
        if "test" in metrics:
            row.append(interval_text(name, metrics["test"][name], ".3g"))
        rows.append((*row, *(number(found[name]) if name in found else "" for found in baselines.values())))
    return Grid(columns, rows)


def confusion_table(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Grid:
    """Rows a true class, columns a predicted one; with many classes the most frequent mistakes."""
    if len(labels) <= MAX_CLASSES:
        rows = [(label, *(str(n) for n in line)) for label, line in zip(labels, counts, strict=True)]
        return Grid(["", *labels], rows, title="true class (rows) and prediction (columns)")
    pairs = [(n, i, j) for i, line in enumerate(counts) for j, n in enumerate(line) if i != j and n]
    worst = [(labels[i], labels[j], str(n)) for n, i, j in sorted(pairs, reverse=True)[:PAIRS]]
    return Grid(["true class", "prediction", "rows"], worst, texts=(0, 1), title="most frequent mistakes")


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    lines = []
    for f in findings:
        *others, last = f.remedies or ("",)
        advice = f"; try {', '.join(others)}{' or ' if others else ''}{last}" if last else ""
        lines.append(safe(f"{f.code}: {f.message}{advice}", 500))
    return lines

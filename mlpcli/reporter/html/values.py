"""What a report shows of a regression: predictions against the truth, residuals, errors by size."""

from __future__ import annotations

from collections.abc import Iterator

from mlpcli.errors import plural
from mlpcli.evaluation.details import ValueDetails
from mlpcli.reporter.chart import Series
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.html.document import Block, Chart, Picture
from mlpcli.reporter.tables import number


def value_blocks(details: ValueDetails, target: str) -> Iterator[Block]:
    """Tables and pictures of the evaluated rows."""
    yield Grid(
        ["quantile", *details.quantiles], [("residual", *map(number, details.quantiles.values()))],
        title="Quantiles of the residuals (prediction minus truth)",
    )  # fmt: skip
    yield truth_picture(details, target)
    yield residual_picture(details)
    yield size_picture(details, target)


def truth_picture(details: ValueDetails, target: str) -> Picture:
    ends = [v for point in details.sample for v in point]
    line = ((min(ends), min(ends)), (max(ends), max(ends)))
    return Picture(
        "Predicted against true",
        f"{plural(len(details.sample), 'row')} drawn at random; on the dashed line a prediction is right, above it "
        "too large.",
        Chart(f"true {target}", f"predicted {target}", dots=details.sample, guide=line),
        Grid(["true", "predicted"], [tuple(map(number, point)) for point in sorted(details.sample)], texts=()),
    )  # fmt: skip


def residual_picture(details: ValueDetails) -> Picture:
    bins = details.residuals
    beyond = ""
    if details.below or details.above:
        beyond = f" {plural(details.below, 'row')} below and {details.above:,} above are not drawn."
    return Picture(
        "Residuals", f"How many rows have which prediction minus truth; 0 is right.{beyond}",
        Chart("prediction minus truth", "rows", bars=[(b.low, b.high, b.rows) for b in bins],
              mark=0.0 if bins[0].low <= 0 <= bins[-1].high else None),
        Grid(["from", "to", "rows"], [(number(b.low), number(b.high), str(b.rows)) for b in bins], texts=()),
    )  # fmt: skip


def size_picture(details: ValueDetails, target: str) -> Picture:
    bins = details.by_size
    middles = [(b.low + b.high) / 2 for b in bins]
    lines = [
        Series("rmse", middles, [b.rmse for b in bins]), Series("mae", middles, [b.mae for b in bins]),
        Series("bias", middles, [b.bias for b in bins]),
    ]  # fmt: skip
    rows = [(number(b.low), number(b.high), str(b.rows), *map(number, (b.bias, b.mae, b.rmse))) for b in bins]
    return Picture(
        "Errors by size",
        "Errors of as many rows each, from the smallest predictions to the largest: by prediction, which is known when "
        "the error matters. The bias is the mean of prediction minus truth.",
        Chart(f"predicted {target}", "error", lines, guide=((middles[0], 0), (middles[-1], 0))),
        Grid(["predicted from", "to", "rows", "bias", "mae", "rmse"], rows, texts=()),
    )  # fmt: skip

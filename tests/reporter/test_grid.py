"""Every table at every width: no cell is cut, no word broken that fits, Hangul stands in line."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from screens import drawn

from mlpcli.data.kinds.category import CategoryColumn
from mlpcli.data.kinds.left_out import LeftOut
from mlpcli.metrics.intervals import Interval
from mlpcli.reporter.findings import remedies_table
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.studies import (
    best_table,
    comparison_table,
    cross_validation_table,
    importance_table,
    learning_table,
)
from mlpcli.reporter.tables import columns_table, confusion_table, metrics_table
from mlpcli.reporter.text import safe
from mlpcli.studies.comparison import Comparison
from mlpcli.studies.cross_validation import CrossValidation
from mlpcli.studies.learning_curve import LearningCurve, Point, PowerLaw
from mlpcli.studies.remedies import RemedyOutcome as Remedied
from mlpcli.studies.search import Trial
from mlpcli.studies.tasks import TaskOutcome as Outcome
from mlpcli.studies.tuning import Tuning
from mlpcli.training.events import History

KOREAN = ["수도권과 강원", "충청", "전라도와 제주도", "경상"]
NAMES = ["accuracy", "balanced_accuracy", "f1", "auc", "log_loss"]
METRICS = {name: Interval(0.123456 / (i + 1), 0.00241, 0.01237) for i, name in enumerate(NAMES)}
SCORES = {name: found.value for name, found in METRICS.items()}
HISTORY = History(train_loss=[1.0, 0.5], valid_loss=[1.25, 0.75], best_epoch=2)
OUTCOMES = tuple(
    Outcome(i, name, HISTORY, {"validation": SCORES, "test": {k: v * i for k, v in SCORES.items()}}, {}, 1234.56)
    for i, name in enumerate(["hidden=''", "hidden=128x128x128", "hidden=8"])
)
TRIALS = tuple(
    Trial(i, 0, {"hidden": "128x128x128", "weight_decay": "0.000123", "batch_size": "256"}, {0: 1.5, 1: 2.5})
    for i in range(3)
)
SHARES = {"hidden": 0.5, "weight_decay": 0.25, "batch_size": 0.05}
COLUMNS = [
    CategoryColumn("category", "지역 이름", 12, 3, ("a", None), (0.0,), (1.0,), False),
    LeftOut("left out", "patient_id", "a different value in every row: an identifier, it seems", "--category id"),
    LeftOut("left out", "x" * 79, "constant", ""),
]
GRIDS: dict[str, Grid] = {
    "metrics": metrics_table(
        {"train": METRICS, "validation": METRICS, "test": METRICS}, {"majority class": SCORES, "linear": SCORES}
    ),
    "confusion of 4": confusion_table(KOREAN, [[1000 * i + j for j in range(4)] for i in range(4)]),
    "confusion of 12": confusion_table([f"class number {i}" for i in range(12)], [[i * 7] * 12 for i in range(12)]),
    "confusion of 30": confusion_table([f"label_{i}" for i in range(30)], [[i * 31] * 30 for i in range(30)]),
    "columns": columns_table(COLUMNS),
    "cross-validation": cross_validation_table(CrossValidation("stratified", 3, 1, 99, METRICS, OUTCOMES)),
    "comparison": comparison_table(Comparison(("hidden",), "log_loss", OUTCOMES, OUTCOMES[1], True)),
    "best trials": best_table(Tuning("log_loss", TRIALS, TRIALS[0], None, {}, TRIALS, SHARES, 2)),
    "importance": importance_table(Tuning("log_loss", TRIALS, TRIALS[0], None, {}, TRIALS, SHARES, 2)),
    "learning curve": learning_table(
        LearningCurve(
            "log_loss", (Point(32, METRICS["f1"], METRICS["auc"], 1.5), Point(6400, METRICS["f1"], METRICS["f1"], 60)),
            PowerLaw(0.1, 1.0, 0.5), METRICS["f1"], None, "--dropout 0.2", METRICS["f1"], "both", 2,
        )
    ),
    "remedies": remedies_table([
        Remedied("larger", "--hidden 256,256 --weight-decay 0.05", 0.1234, Interval(0.01, -0.2, 0.2), "no difference"),
        Remedied("lower", "--lr 0.001", None, None, "diverged"),
    ]),
}  # fmt: skip


def lines_of(grid: Grid, width: int, encoding: str = "utf-8") -> list[str]:
    return drawn([grid], width, encoding).splitlines()


@pytest.mark.parametrize("width", [200, 80, 60, 40, 20])
@pytest.mark.parametrize("name", GRIDS)
def test_no_cell_is_cut_at_any_width(name, width):
    grid, lines = GRIDS[name], lines_of(GRIDS[name], width)
    assert all(cell_len(line) <= width for line in lines)
    words, joined = " ".join(lines).split(), "".join("".join(line.split()) for line in lines)
    for cell in [grid.title, *(name for name in grid.columns[1:]), *(cell for row in grid.rows for cell in row)]:
        for word in safe(cell).split():
            assert word in (words if cell_len(word) <= width - 2 else joined)


SIDE_BY_SIDE = [
    *((name, 200) for name in GRIDS),
    *((name, 80) for name in ("metrics", "cross-validation", "comparison", "best trials", "learning curve")),
]


@pytest.mark.parametrize(("name", "width"), SIDE_BY_SIDE)
def test_a_row_is_a_line_where_there_is_room(name, width):
    rows = GRIDS[name].rows
    for row, line in zip(rows, lines_of(GRIDS[name], width)[-len(rows) :], strict=True):
        assert line.split() == " ".join(safe(cell) for cell in row).split()


SMALL = Grid(["", "서울", "rows of it"], [("부산", "1", "22"), ("Ulsan", "333", "4")], title="지역")
SHAPES = [
    (30, "       서울  rows of it|───────────────────────|부산      1          22|Ulsan   333           4"),
    (18, "              rows|       서울  of it|──────────────────|부산      1     22|Ulsan   333      4"),
    (16, "            rows|      서울 of it|────────────────|부산     1    22|Ulsan  333     4"),
    (12, "부산|  서울 1|  rows of it|22|Ulsan|  서울 333|  rows of it|4"),
]


@pytest.mark.parametrize(("width", "shape"), SHAPES)
def test_a_small_table_with_less_and_less_room(width, shape):
    assert [line.rstrip() for line in lines_of(SMALL, width)] == ["", "지역", *shape.split("|")]


def test_columns_that_do_not_fit_stand_below_with_the_names_of_the_rows():
    grid = Grid(["", *"abcdef"], [("x", *["12345678"] * 6), ("y", *["12345678"] * 6)])
    lines = [line.rstrip() for line in lines_of(grid, 31)]
    assert lines == [
        "", "          a         b         c", "───────────────────────────────",
        "x  12345678  12345678  12345678", "y  12345678  12345678  12345678",
        "", "          d         e         f", "───────────────────────────────",
        "x  12345678  12345678  12345678", "y  12345678  12345678  12345678",
    ]  # fmt: skip


def test_a_table_in_ascii_is_all_ascii():
    assert [line.rstrip() for line in lines_of(Grid(["", "b"], [("a", "1")]), 80, "ascii")] == [
        "",
        "   b",
        "----",
        "a  1",
    ]

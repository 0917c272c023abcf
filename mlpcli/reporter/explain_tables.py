"""What `explain --format csv` writes: one table, a line for each column, position or contribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlpcli.evaluation.explain.axes import written
from mlpcli.evaluation.explain.effects import Effect
from mlpcli.evaluation.explain.explanation import Explanation
from mlpcli.evaluation.explain.importance import Importance
from mlpcli.evaluation.explain.row import RowExplanation
from mlpcli.model.trained import TrainedModel
from mlpcli.model.writing import Format

Cell = str | float | None


@dataclass(frozen=True)
class Table:
    """Rows under names."""

    names: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def lines(self, form: Format) -> list[str]:
        """The header, where the format has one, and a line for each row."""
        cells = np.empty((len(self.rows), len(self.names)), object)
        for i, row in enumerate(self.rows):
            cells[i] = [cell_text(cell, form) for cell in row]
        return [*form.header(self.names).splitlines(), *form.lines(self.names, list(cells.T))]


def cell_text(cell: Cell, form: Format) -> str:
    """Numbers to nine digits."""
    if cell is None:
        return form.nothing()
    return form.text(cell) if isinstance(cell, str) else f"{cell:.9g}"


def explanation_table(model: TrainedModel, found: Explanation) -> Table:
    """Contributions to an answer, or the importance of columns, or positions of effects."""
    if found.explained:
        return contribution_table(found.explained)
    if found.importance is not None:
        return importance_table(found.importance)
    return effect_table(model, found.effects)


def importance_table(found: Importance) -> Table:
    rows = [(one.column, one.value, one.low, one.high) for one in found.columns]
    return Table(("column", "value", "low", "high"), rows)


def effect_table(model: TrainedModel, effects: Sequence[Effect]) -> Table:
    rows = [
        (one.column, written(place, model.schema.formats()[one.column]), output, value)
        for one in effects
        for output, values in zip(one.outputs, one.values, strict=True)
        for place, value in zip(one.at, values, strict=True)
    ]
    return Table(("column", "at", "output", "effect"), rows)


def contribution_table(explained: Sequence[RowExplanation]) -> Table:
    rows = [
        (float(one.row), part.column, part.cell, part.value, part.error)
        for one in explained
        for part in one.contributions
    ]
    return Table(("row", "column", "cell", "contribution", "error"), rows)

"""What `explain` was asked about a model: importance of all columns, effects of some, or what made one answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from mlpcli.config.settings import ReadOptions
from mlpcli.errors import UsageError
from mlpcli.evaluation.explain import GROUP_CORRELATED
from mlpcli.evaluation.explain.answers import Spread, Watch, unwatched
from mlpcli.evaluation.explain.effects import Effect, JointEffect, effects, joint_effect, main_effects
from mlpcli.evaluation.explain.importance import ColumnImportance, Importance, importance
from mlpcli.evaluation.explain.row import RowExplanation, explain_row
from mlpcli.evaluation.explain.rows import ExplainedRows, background_rows, check_columns, explained_rows, one_row
from mlpcli.metrics.scoring import check_metric
from mlpcli.model.trained import TrainedModel
from mlpcli.training.networks import build_loss


@dataclass(frozen=True)
class Question:
    """What to explain; without columns and a row the importance of all columns, and the effects of the first."""

    columns: tuple[str, ...] = ()  # whose effects are shown; of two also the map of both
    row: int | None = None  # its number, from 1
    metric: str | None = None  # by which importance is measured; None: the loss
    group_correlated: float = GROUP_CORRELATED

    @property
    def is_of_all(self) -> bool:
        """Whether it is about all columns."""
        return not self.columns and self.row is None

    @property
    def pair(self) -> tuple[str, str] | None:
        """Both columns where there are two."""
        return (self.columns[0], self.columns[1]) if len(self.columns) == 2 else None

    def check(self, model: TrainedModel) -> None:
        """Raises UsageError for what does not suit the model."""
        if len(self.columns) > 2:
            raise UsageError(f"--column: {len(self.columns)} columns", "name one, or two for the map of both")
        check_columns(model, self.columns)
        check_metric(build_loss(model.config), model.record.rule, self.metric)


@dataclass(frozen=True)
class Explanation:
    """What was asked for; what was not is None or empty."""

    rows: ExplainedRows | None = None
    importance: Importance | None = None
    effects: tuple[Effect, ...] = ()
    joint: JointEffect | None = None
    explained: tuple[RowExplanation, ...] = ()


def explain(
    model: TrainedModel, data: str | pd.DataFrame | None, options: ReadOptions, question: Question,
    jobs: int | Spread = 1, watch: Watch[ColumnImportance] = unwatched,
) -> Explanation:  # fmt: skip
    """Answers the question on the test rows of the training data, or on other rows. Raises DataError or UsageError."""
    question.check(model)
    if not question.is_of_all:
        along = Explanation()
        if question.columns:
            rows = explained_rows(model, data, options, need_target=False)
            joint = joint_effect(model, rows, question.pair) if question.pair else None
            along = Explanation(rows, None, effects(model, rows, question.columns), joint)
        if question.row is None:
            return along
        row = one_row(model, data, options, question.row)
        return replace(along, explained=(explain_row(model, row, background_rows(model, data, options)),))
    rows = explained_rows(model, data, options)
    found = importance(
        model, rows, metric=question.metric, group_correlated=question.group_correlated, jobs=jobs, watch=watch
    )  # fmt: skip
    return Explanation(rows, found, main_effects(model, rows, found))

"""The JSON answer of each command: one function a command, versioned and strict (no NaN), for `--json`.

Nothing heavy is imported here, so that an error can be answered when little memory is left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlpcli.files.jsonable import to_json

if TYPE_CHECKING:
    from mlpcli.diagnosis.findings import Finding
    from mlpcli.errors import MlpcliError
    from mlpcli.evaluation.comparison import ModelComparison
    from mlpcli.evaluation.drift import Drift
    from mlpcli.evaluation.evaluate import Evaluation
    from mlpcli.evaluation.explain.effects import Effect, JointEffect
    from mlpcli.evaluation.explain.importance import Importance
    from mlpcli.evaluation.explain.row import RowExplanation
    from mlpcli.evaluation.explain.rows import ExplainedRows
    from mlpcli.export.check import Export
    from mlpcli.metrics.intervals import Interval
    from mlpcli.model.trained import TrainedModel
    from mlpcli.studies.comparison import Comparison, ComparisonPlan
    from mlpcli.studies.cross_validation import CrossValidation, CrossValidationPlan
    from mlpcli.studies.distill import Distilled
    from mlpcli.studies.learning_curve import LearningCurve, LearningCurvePlan
    from mlpcli.studies.remedies import RemedyOutcome
    from mlpcli.studies.reproduce import Reproduction
    from mlpcli.studies.tuning import FinalEvaluation, Tuner, Tuning
    from mlpcli.training.events import History
    from mlpcli.training.prepare import PreparedTraining

SCHEMA = 1  # version of every answer

Answer = dict[str, Any]


def print_answer(answer: Mapping[str, Any]) -> None:
    """One line of JSON on standard output."""
    print(json.dumps({"schema": SCHEMA, **answer}, allow_nan=False))


def error_answer(error: MlpcliError) -> Answer:
    names = ("kind", "message", "hint", "file", "line", "column")
    first, *others = ({name: getattr(one, name) for name in names} for one in (error, *error.others))
    return {"error": first | {"others": others}}


def model_answer(
    model: TrainedModel, evaluation: Evaluation, findings: Sequence[Finding], path: str, history: History
) -> Answer:
    """Of `train` and `evaluate`: how good a model is."""
    return {
        "model": path, "data": evaluation.data, "target": model.schema.target.name,
        "task": model.task, "seed": model.config.seed, "rows": evaluation.rows, "epochs": len(history.train_loss),
        "best_epoch": history.best_epoch, "kinds": {part.kind: part.weight for part in model.record.components},
        "metrics": {name: intervals(found) for name, found in evaluation.metrics.items()},
        "baselines": evaluation.baselines, "coverage": to_json(evaluation.coverage),
        "answered": to_json(evaluation.answered), "findings": to_json(findings), "seconds": history.seconds,
    }  # fmt: skip


def model_comparison_answer(found: ModelComparison, new: str, old: str) -> Answer:
    """Of `evaluate --against`: two models on the same rows."""
    from mlpcli.metrics.scoring import METRICS

    differing = found.disagreements
    metrics = {
        name: {
            "new": m.new, "old": m.old, "difference": intervals({name: m.difference})[name], "verdict": m.verdict,
            "higher_is_better": METRICS[name].higher_is_better,
        }
        for name, m in found.metrics.items()
    }  # fmt: skip
    return {
        "model": new, "against": old, "data": found.data, "rows": found.n_rows, "left_out": found.left_out,
        "group": found.group, "notes": found.notes, "metrics": metrics,
        "disagreements": {
            "rows": len(differing.rows), "new_better": differing.n_new_better, "old_better": differing.n_old_better
        },
    }  # fmt: skip


def drift_answer(found: Drift, model: str) -> Answer:
    """Of `drift`: how far each thing moved, the surest first."""
    shifts = [to_json(shift) | {"drift": shift.is_drift()} for shift in found.shifts]
    metrics = {
        name: intervals({name: here})[name] | {"promised": found.promised.get(name), "worse": name in found.worse}
        for name, here in found.metrics.items()
    }
    return {
        "model": model, "data": found.data, "rows": found.n_rows, "drift": bool(found.drifted), "shifts": shifts,
        "metrics": metrics, "notes": found.notes,
    }  # fmt: skip


def distillation_answer(found: Distilled, small: str, large: str) -> Answer:
    """Of `distill`: both models on the same rows, and what each takes; `not_evaluated` says why they could not be."""
    answer = {
        "model": small,
        "distilled_from": large,
        "speed": to_json(found.speed),
        "before": to_json(found.speed_before),
    }
    if isinstance(found.comparison, str):
        return answer | {"not_evaluated": found.comparison}
    return answer | {"evaluated": model_comparison_answer(found.comparison, small, large)}


def export_answer(found: Export, path: str, language: str) -> Answer:
    """Of `export`: the file, and how it stands to the model; `not_checked` says why it could not be run."""
    answer: Answer = {"file": path, "language": language, "bytes": len(found.content)}
    if isinstance(found.checked, str):
        return answer | {"not_checked": found.checked}
    return answer | {"checked": to_json(found.checked)}


def record_answer(model: TrainedModel, findings: Sequence[Finding]) -> Answer:
    """Of `inspect` with a model: its whole header."""
    return {"record": to_json(model.record), "findings": to_json(findings)}


def table_answer(prepared: PreparedTraining, findings: Sequence[Finding]) -> Answer:
    """Of `inspect` with a CSV: how it would be read."""
    return {
        "columns": to_json(prepared.schema.columns), "notes": prepared.notes, "findings": to_json(findings),
        "target": to_json(prepared.schema.target),
    }  # fmt: skip


def diagnosis_answer(path: str, findings: Sequence[Finding], outcomes: Sequence[RemedyOutcome] | None) -> Answer:
    """Of `diagnose`; outcomes are there with `--try`."""
    remedies = {} if outcomes is None else {"remedies": to_json(outcomes)}
    return {"model": path, "findings": to_json(findings), **remedies}


def explain_answer(
    model: TrainedModel, rows: ExplainedRows | None, importance: Importance | None,
    effects: Sequence[Effect | JointEffect], explained: Sequence[RowExplanation],
) -> Answer:  # fmt: skip
    """Of `explain`: what was not asked for is null or empty."""
    columns = () if importance is None else importance.columns
    return {
        "model": model.path, "data": None if rows is None else rows.name, "target": model.schema.target.name,
        "task": model.task, "seed": model.config.seed, "explained_on": None if rows is None else rows.description,
        "metric": None if importance is None else importance.metric,
        "value": None if importance is None else importance.value,
        "importance": [to_json(one) | {"sure": one.is_sure} for one in columns],
        "effects": [effect_answer(model, one) for one in effects], "rows": to_json(explained),
    }  # fmt: skip


def effect_answer(model: TrainedModel, found: Effect | JointEffect) -> Answer:
    """An effect, its times as text."""
    from mlpcli.evaluation.explain.axes import written
    from mlpcli.evaluation.explain.effects import Effect

    formats = model.schema.formats()
    answer: Answer = to_json(found)
    if isinstance(found, Effect):
        return answer | {"at": [written(place, formats[found.column]) for place in found.at]}
    sides = zip(found.columns, found.at, strict=True)
    return answer | {"at": [[written(place, formats[name]) for place in side] for name, side in sides]}


def reproduction_answer(found: Reproduction, model: str) -> Answer:
    """Of `reproduce`."""
    return {
        "model": model, "data": found.data, "same": found.is_same, "differences": found.differences,
        "rows": found.n_rows, "largest_difference": found.largest, "answers_agree": found.agrees,
    }  # fmt: skip


# --- studies ----------------------------------------------------------------------------------------------


def about(study: CrossValidationPlan | ComparisonPlan | LearningCurvePlan | Tuner) -> Answer:
    """What every study answers: the data it is about."""
    table = study.table
    return {"data": table.name, "target": table.target, "task": table.task, "seed": study.seed}


def cross_validation_answer(study: CrossValidationPlan, found: CrossValidation) -> Answer:
    return {
        **about(study), "split": found.kind, "folds": found.n_folds, "repeats": found.n_repeats, "rows": found.n_rows,
        "interval": "corrected resampled t, 95 %", "metrics": intervals(found.metrics),
        "scores": [to_json({"name": f.name, "rows": f.rows, "metrics": f.metrics["test"]}) for f in found.folds],
        "seconds": sum(f.seconds for f in found.folds),
    }  # fmt: skip


def comparison_answer(study: ComparisonPlan, found: Comparison) -> Answer:
    runs = [
        to_json({
            "name": o.name, "metrics": o.metrics, "train_loss": o.history.train_loss,
            "valid_loss": o.history.valid_loss, "best_epoch": o.history.best_epoch, "error": o.error,
            "seconds": o.seconds,
        })
        for o in found.outcomes
    ]  # fmt: skip
    repeated = [
        {
            "name": r.name, found.metric: interval(r.metric), "behind": interval(r.behind),
            "differs": None if r.behind is None else r.is_worse,
        }
        for r in found.repeated
    ]  # fmt: skip
    return {
        **about(study), "vary": ",".join(found.settings), "best": found.best.name, "runs": runs,
        "metric": found.metric, "repeats": found.n_repeats, "repeated": repeated,
    }  # fmt: skip


def learning_curve_answer(study: LearningCurvePlan, found: LearningCurve) -> Answer:
    points = [
        {"rows": p.rows, "seconds": p.seconds, "train": interval(p.train), "validation": interval(p.valid)}
        for p in found.points
    ]
    return {
        **about(study), "metric": found.metric, "repeats": found.n_repeats, "points": points,
        "power_law": to_json(found.law), "doubling": interval(found.doubling),
        "regularising": interval(found.regularising), "flags": found.flags, "gap": interval(found.gap),
        "advice": found.advice,
    }  # fmt: skip


def tuning_answer(
    study: Tuner, found: Tuning, path: str | None, toml: str, final: FinalEvaluation | None
) -> Answer:  # fmt: skip
    """Of `tune`; `path` and `final`, the best model and its evaluation, are None when it was interrupted."""
    test = None if final is None else final.evaluation.metrics.get("test", {}).get(found.metric)
    return {
        "model": path, "config": toml, **about(study), "metric": found.loss_name, "folds": found.n_folds,
        "trials": len(found.trials), "pruned": sum(t.state == "pruned" for t in found.trials),
        "best": {"trial": found.best.number, "settings": found.best.values, "validation": found.best.loss},
        "given": None if found.given is None else found.given.loss,
        "top": [{"trial": t.number, "settings": t.values, "validation": t.loss} for t in found.top],
        "importance": found.importance, "test_of_one_network": None if final is None else final.test_loss,
        "optimism": None if final is None else final.optimism(found), "test": interval(test),
        "gain_over_given": None if final is None else interval(final.gain),
    }  # fmt: skip


def interval(found: Interval | None) -> Answer | None:
    return None if found is None else {"value": found.value, "low": found.low, "high": found.high}


def intervals(metrics: Mapping[str, Interval]) -> Answer:
    """A metric that has no interval has null for both of its ends."""
    from mlpcli.metrics.scoring import METRICS

    return {
        name: interval(found) if METRICS[name].has_interval else {"value": found.value, "low": None, "high": None}
        for name, found in metrics.items()
    }
